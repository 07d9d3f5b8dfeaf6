"""`import` and `export`: files, runs that predict segments with, detection, refusals."""

import json
import shlex

import keras
import nibabel
import numpy as np
import pytest

from segan_tl.__main__ import main
from segan_tl.commands import imports
from segan_tl.config.load import load_config
from segan_tl.data.find.cases import find_cases, load_case
from segan_tl.data.prepare import prepare_volume
from segan_tl.disk.manifest import sha256
from segan_tl.models import build_model, publish
from segan_tl.models.foreign import find as known
from segan_tl.models.foreign.torch_files import read_weights
from segan_tl.models.foreign.torch_written import write_torch
from segan_tl.models.provenance import read_provenance
from segan_tl.predict.sliding import segment_volume
from tests.models.battery import noise
from tests.models.foreign.test_convert_mednext import state_of
from tests.models.foreign.test_convert_resnet import random_state
from tests.small_checkpoints import LABELS, REGIONS, small_plans, write_nnunet


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Return a results folder of nnU-Net and its network, with nnU-Net's order of axes."""
    folder = tmp_path_factory.mktemp("results") / "nnUNetTrainer__nnUNetPlans__3d_fullres"
    return folder, write_nnunet(folder, dataset=REGIONS)


def words(capsys) -> str:
    """Return what was printed, its lines joined."""
    captured = capsys.readouterr()
    return " ".join((captured.out + captured.err).split())


def test_a_results_folder_becomes_a_file(results, tmp_path, capsys):
    folder, theirs = results
    out = tmp_path / "theirs.keras"
    assert main(["import", str(folder), str(out)]) == 0
    digest = sha256(folder / "fold_1" / "checkpoint_final.pth")
    printed = words(capsys)
    for expected in (
        f"nnU-Net v2, 3d_fullres, epoch 1000: {folder}/fold_1/checkpoint_final.pth sha256 {digest}",
        "4 channels (T1, T1ce, T2, FLAIR) → whole tumor, tumor core, enhancing tumor, sigmoid",
        "patch 16 × 8 × 24; kernels turned to our order of axes",
        f"left out: logits_2 wrote {out}",
        f"next: python -m segan_tl train --config nnunet --set model.pretrained={out}",
    ):
        assert expected in printed
    about = read_provenance(out)
    assert about["source_sha256"] == digest and about["network"] == "segmentor"
    assert about["modalities"] == ["t1", "t1c", "t2", "flair"] and about["regions"] == ["wt", "tc", "et"]
    image = noise(1, 16, 24, 8, 4)  # (z, y, x)
    expected = np.swapaxes(keras.ops.sigmoid(theirs(image)[0]), 2, 3)
    model = keras.models.load_model(out)
    assert np.abs(np.asarray(model(np.swapaxes(image, 2, 3))) - expected).max() < 1e-5

    assert main(["import", str(folder), str(out)]) == 2
    assert "exists already; add --overwrite" in words(capsys)
    assert main(["import", str(folder), str(out), "--all-heads", "--keep-axes", "--overwrite"]) == 0
    assert all(map(np.array_equal, keras.models.load_model(out)(image), theirs(image)))


@pytest.mark.parametrize("dataset", [REGIONS, LABELS], ids=["regions", "labels"])
def test_an_imported_run_predicts(dataset, tiny_cohort, tmp_path, capsys):
    voxels = small_plans(spacing=[5.0, 5.0, 5.0])  # the cohort's own: nothing is resampled
    theirs = write_nnunet(tmp_path / "source", dataset=dataset, plans=voxels)
    run, out = tmp_path / "theirs", tmp_path / "out"
    assert main(["import", str(tmp_path / "source"), "--run", str(run)]) == 0
    assert f"next: python -m segan_tl predict {run} PATIENT OUT" in words(capsys)
    case = find_cases(tiny_cohort).cases[0]
    folder = str(case.images["t1"].path.parent)
    assert main(["predict", str(run), folder, str(out), "--probabilities"]) == 0

    # the same by hand, from the network as nnU-Net has it: arrays (z, y, x), its patch, all flips averaged
    image = load_case(case, ("t1", "t1c", "t2", "flair"), with_mask=False).image
    prepared, box = prepare_volume(image)
    softmax = dataset is LABELS
    activation = keras.ops.softmax if softmax else keras.ops.sigmoid
    probability = keras.Model(theirs.input, activation(theirs.outputs[0]))
    output = segment_volume(probability, np.swapaxes(prepared, 1, 2), patch=(16, 24, 8), mirror_axes=(0, 1, 2))
    expected = box.paste(np.swapaxes(output, 1, 2))
    volume = nibabel.load(next(out.glob("*_probability.nii.gz")))
    found = np.asarray(volume.dataobj)
    assert nibabel.aff2axcodes(volume.affine) == ("L", "P", "S")  # BraTS' order: no axis was turned on reading
    inside = np.any(image != 0, axis=-1)
    assert np.abs(found - expected)[inside].max() < 1e-4
    config = json.loads((run / "config.json").read_text())
    assert config["data"]["spacing_mm"] == 5
    assert config["data"]["regions"] == (["ed", "ncr", "et"] if softmax else ["wt", "tc", "et"])
    assert config["data"]["patch"] == [16, 8, 24] and config["model"]["strides"][1] == [2, 1, 2]
    assert config["predict"]["decision"] == ("largest" if softmax else "threshold")
    assert main(["inspect", str(run)]) == 0


def test_voxels_that_are_not_cubes_are_a_remark(tmp_path, capsys):
    write_nnunet(tmp_path / "source", dataset=REGIONS, plans=small_plans(spacing=[3.0, 1.0, 1.0]))
    assert main(["import", str(tmp_path / "source"), "--run", str(tmp_path / "run")]) == 0
    assert "note: trained on voxels of 3 × 1 × 1 mm; predict resamples to cubes only" in words(capsys)
    assert json.loads((tmp_path / "run" / "config.json").read_text())["data"]["spacing_mm"] is None


def test_runs_that_cannot_be_written(results, tmp_path, capsys):
    folder, _ = results

    def fails(reason, *more, source=folder, run=tmp_path / "run"):
        assert main(["import", str(source), "--run", str(run), *more]) == 2
        assert reason in words(capsys)

    fails("state them in order, such as --regions wt,tc,et", "--regions", "wt,tc")
    fails("found wt, tc, x: state them in order", "--regions", "wt,tc,x")
    fails("such as --modalities t1,t1c,t2,flair", "--modalities", "t1,t1,t2,flair")
    fails("leave --keep-axes out", "--keep-axes")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a").touch()
    fails("holds other files already", run=tmp_path / "full")
    unnamed = {"channel_names": {"0": "adc", "1": "T1", "2": "T2", "3": "PD"}, "labels": {"background": 0, "bone": 1}}
    write_nnunet(tmp_path / "unnamed", dataset=unnamed)
    fails("found adc, T1, T2, PD: state them", source=tmp_path / "unnamed")
    fails("found background, bone: state", "--modalities", "t1,t1c,t2,flair", source=tmp_path / "unnamed")
    named = ["--modalities", "t1,t1c,t2,flair", "--regions", "wt"]
    assert main(["import", str(tmp_path / "unnamed"), "--run", str(tmp_path / "run"), *named]) == 0
    fails("holds a run already; add --overwrite", *named, source=tmp_path / "unnamed")
    for changed, reason in (
        ({"normalization_schemes": ["CTNormalization"]}, "the plan normalises by CTNormalization"),
        ({"use_mask_for_norm": [True, False]}, "z-scores over the whole image"),
        ({"spacing": ["a", 1, 1]}, "the checkpoint's plan is not understood"),
    ):
        name = f"plan{len(list(tmp_path.iterdir()))}"
        write_nnunet(tmp_path / name, dataset=REGIONS, plans=small_plans(**changed))
        fails(reason, source=tmp_path / name, run=tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_kinds_are_told_by_their_tensors(tmp_path, capsys):
    write_torch(tmp_path / "mednext.model", {"state_dict": state_of()[1], "epoch": 5})
    write_torch(tmp_path / "resnet.pth", random_state())
    for source, expected in (
        ("mednext.model", "MedNeXt, nnU-Net v1, MedNeXt S, kernel 3, epoch 5"),
        ("resnet.pth", "torchvision, ResNet34"),
    ):
        out = tmp_path / f"{source}.keras"
        assert main(["import", str(tmp_path / source), str(out)]) == 0
        printed = words(capsys)
        assert expected in printed
        config = "mednext_s" if "mednext" in source else "albunet2d"
        assert f"train --config {config} --set model.pretrained={out}" in printed
    assert len(keras.models.load_model(tmp_path / "resnet.pth.keras").outputs) == 4
    assert main(["import", str(tmp_path / "resnet.pth"), "--run", str(tmp_path / "run")]) == 2
    assert "a ResNet34 segments nothing" in words(capsys)
    assert main(["import", str(tmp_path / "resnet.pth"), str(tmp_path / "a.keras"), "--from", "mednext"]) == 2
    assert "no whole checkpoint of MedNeXt" in words(capsys)


def test_files_that_are_something_else(results, tmp_path, capsys):
    out = str(tmp_path / "a.keras")

    def fails(reason, source, *more):
        assert main(["import", str(source), *(more or [out])]) == 2
        assert reason in words(capsys)

    fails("there is no", tmp_path / "missing.pth")
    fails("holds no fold_<k>/checkpoint_final.pth", tmp_path)
    fails("holds no fold_0/checkpoint_final.pth", results[0], out, "--fold", "0")
    fails("has to end in .keras", results[0], str(tmp_path / "a.h5"))
    fails("say where the network goes", results[0], "--overwrite")
    fails("no configuration 2d", results[0], out, "--configuration", "2d")
    write_torch(tmp_path / "other.pth", {"a.weight": np.zeros(3, "float32")})
    fails("holds 1 tensors (a.weight, …) of no network known here", tmp_path / "other.pth")
    state = random_state()
    state["bn1.bias"][3] = np.nan
    write_torch(tmp_path / "broken.pth", state)
    fails("bn1.bias holds values that are no numbers", tmp_path / "broken.pth")
    whole = (results[0] / "fold_1" / "checkpoint_final.pth").read_bytes()
    (tmp_path / "cut.pth").write_bytes(whole[: len(whole) // 2])
    fails("cut.pth", tmp_path / "cut.pth")
    (tmp_path / "evil.pth").write_bytes(b"cos\nsystem\n(S'touch " + str(tmp_path / "ran").encode() + b"'\ntR.")
    fails("evil.pth", tmp_path / "evil.pth")
    assert not (tmp_path / "ran").exists() and not (tmp_path / "a.keras").exists()


def test_export(results, tmp_path, capsys):
    folder, _ = results
    run = tmp_path / "runs" / "theirs"
    assert main(["import", str(folder), str(tmp_path / "a.keras"), "--run", str(run), "--all-heads"]) == 0
    plans = ["--plans", str(folder / "plans.json"), "--runs", str(tmp_path / "runs")]
    assert main(["export", "theirs", str(tmp_path / "back"), *plans, "--fold", "2"]) == 0
    assert f"next: nnUNetv2_predict_from_modelfolder -i IMAGES -o OUT -m {tmp_path / 'back'} -f 2" in words(capsys)
    back = read_weights(tmp_path / "back" / "fold_2" / "checkpoint_final.pth")
    first = read_weights(folder / "fold_1" / "checkpoint_final.pth")
    for name, values in first.tensors.items():
        lost = name.startswith("decoder.seg_layers.0")  # the head at low resolution, which a run has not
        assert np.array_equal(back.tensors[name], np.zeros_like(values) if lost else values)
    dataset = json.loads((tmp_path / "back" / "dataset.json").read_text())
    assert dataset["labels"] == {"background": 0, "wt": [1, 2, 3], "tc": [2, 3], "et": 3}
    assert dataset["regions_class_order"] == [1, 2, 3] and dataset["channel_names"]["3"] == "flair"

    assert main(["export", str(tmp_path / "a.keras"), str(tmp_path / "b.pth"), *plans]) == 0
    again = read_weights(tmp_path / "b.pth").tensors
    assert all(np.array_equal(again[name], values) for name, values in first.tensors.items())
    capsys.readouterr()

    def fails(reason, source, *more):
        assert main(["export", str(source), str(tmp_path / "c.pth"), *(more or plans)]) == 2
        assert reason in words(capsys)

    fails("no run at nobody", "nobody")
    fails("nobody.keras: no such file", tmp_path / "nobody.keras")
    fails("no.json is missing", "theirs", "--plans", str(tmp_path / "no.json"), "--runs", str(tmp_path / "runs"))
    (tmp_path / "d.json").write_text(json.dumps(LABELS))
    fails("has 3 outputs, the dataset names 4", "theirs", *plans, "--dataset", str(tmp_path / "d.json"))
    write_torch(tmp_path / "resnet.pth", random_state())
    assert main(["import", str(tmp_path / "resnet.pth"), str(tmp_path / "resnet.keras")]) == 0
    capsys.readouterr()
    fails("does not say which modalities", tmp_path / "resnet.keras")
    fails("expected a network of nnU-Net", tmp_path / "resnet.keras", *plans, "--dataset", str(tmp_path / "d.json"))


def test_help_is_instant_and_shows_examples(capsys):
    for command in ("import", "export"):
        with pytest.raises(SystemExit):
            main([command, "--help"])
        assert f"python -m segan_tl {command}" in capsys.readouterr().out


def test_the_next_command_builds_the_same_network(results, tmp_path, capsys):
    out = tmp_path / "a.keras"
    assert main(["import", str(results[0]), str(out)]) == 0
    command = shlex.split(capsys.readouterr().out.split("next: ")[1].replace("\n", " "))
    assert command[:6] == ["python", "-m", "segan_tl", "train", "--config", "nnunet"]
    config = load_config("nnunet", command[7::2])
    assert config.model.pretrained == str(out) and config.model.variant == "plain"
    network = publish(build_model(config.model, channels=4, classes=3), activation="sigmoid")
    expected = keras.models.load_model(out)
    assert [weight.shape for weight in network.weights] == [weight.shape for weight in expected.weights]
    assert network.get_layer("enc2_conv1").strides == (2, 1, 2)
    assert main(["inspect", str(out)]) == 0
    assert "imported from nnU-Net v2, 3d_fullres: checkpoint_final.pth, sha256" in words(capsys)


def test_every_kind_that_is_recognised_can_be_stated():
    assert tuple(known.KINDS) == imports.KINDS
