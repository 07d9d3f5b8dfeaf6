"""What starts a training is found, written down, and refused."""

import json

import keras
import numpy as np
import pytest

from segan_tl.__main__ import main
from segan_tl.config.load import validate
from segan_tl.disk.manifest import sha256
from segan_tl.errors import UserError
from segan_tl.models import build_model
from segan_tl.models.foreign.torch_written import write_torch
from segan_tl.models.resnet import encoder_names
from segan_tl.runs import Run
from segan_tl.train.start.begin import begin
from segan_tl.train.start.weights import Start, find_start, refuse_seen
from tests.commands.test_imports import words
from tests.models.foreign.test_convert_resnet import random_state
from tests.small_checkpoints import REGIONS, write_nnunet

TINY = """
name = "{name}"
[data]
modalities = ["t1", "t1c", "t2", "flair"]
regions = ["wt", "tc", "et"]
patch = [16, 16, 16]
split = [0.5, 0.25, 0.25]
[model]
family = "nnunet"
filters = [4, 6, 8]
strides = [1, [2, 1, 2], 2]
kernel_sizes = [[3, 1, 3], 3, 3]
blocks = [2, 1, 1]
decoder_blocks = [1, 1]
pretrained = "{pretrained}"
[train]
epochs = {epochs}
steps_per_epoch = 1
learning_rate = 1e-9
[predict]
overlap = 0.0
mirror = false
"""


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    """Return a .keras file of a small nnU-Net."""
    folder = tmp_path_factory.mktemp("imported")
    write_nnunet(folder / "source", dataset=REGIONS)
    assert main(["import", str(folder / "source"), str(folder / "a.keras")]) == 0
    return folder / "a.keras"


def train(folder, cohort, pretrained, *more, epochs=1, name="tiny"):
    path = folder / f"{name}.toml"
    path.write_text(TINY.format(pretrained=pretrained, epochs=epochs, name=name))
    return main(
        ["train", "--config", str(path), "--data", str(cohort), "--devices", "cpu", "--runs", str(folder / "runs"),
         "--cache", str(cohort.parent / "cache"), *more]
    )  # fmt: skip


def test_a_training_starts_from_an_imported_file(imported, tiny_cohort, tmp_path, capsys):
    again = tmp_path / "a.keras"
    again.write_bytes(imported.read_bytes())
    assert train(tmp_path, tiny_cohort, again) == 0
    printed = words(capsys)
    # the layers: 2 + 1 + 1 encoder units, 2 decoder units and 2 upsamplings, the head; the coarse head is not in a file
    assert f"start from {again} (sha256 {sha256(again)[:12]}…) segmentor: 15 of 16 layers" in printed
    assert "new: logits_2 (for training only, not in published networks)" in printed
    run = Run(tmp_path / "runs" / "tiny" / "tiny")
    recorded = json.loads(run.state.read_text())["pretrained"]
    assert recorded["sha256"] == sha256(again) and recorded["software"] == "nnU-Net v2"
    source, trained = keras.models.load_model(again), keras.models.load_model(run.best / "segmentor.keras")
    for ours, theirs in zip(trained.weights, source.weights, strict=True):  # the rate is 1e-9
        assert np.abs(np.asarray(ours) - theirs).max() < 1e-5

    # a run that goes on needs the file no more, and still says what it started from
    state = json.loads(run.state.read_text()) | {"state": "interrupted"}
    run.state.write_text(json.dumps(state))
    run.summary.unlink()
    again.unlink()
    assert train(tmp_path, tiny_cohort, again) == 0
    assert "start from" not in words(capsys)
    assert json.loads(run.state.read_text())["pretrained"] == recorded

    # a run as the start of another one: it must not have learnt from the other one's test patients
    assert train(tmp_path, tiny_cohort, run.root, "--seed", "1", name="other") == 2
    assert "Dice would be no test; take over its split with --split RUN" in words(capsys)
    config = config_of("nnunet", run.root, ("t1", "t1c", "t2", "flair"))
    found = find_start(config, Run(tmp_path / "other"), resuming=False)
    assert found.record["sha256"] == sha256(run.best / "segmentor.keras")
    split = json.loads(run.splits.read_text())
    assert found.learnt_from.cases == {*split["train"], *split["validation"]}

    assert train(tmp_path, tiny_cohort, run.root, "--overwrite") == 2
    assert "lies in the run that is to be trained; copy it elsewhere" in words(capsys)
    assert (run.best / "segmentor.keras").is_file()


def test_another_time_point_of_a_patient_is_no_test(tmp_path):
    pretrained = Start(tmp_path / "a.keras", {"learnt_from": ["BraTS-GLI-00008-000"]})
    refuse_seen(pretrained, {"BraTS-GLI-00009-000": "BraTS-GLI-00009"})
    with pytest.raises(UserError, match=r"the patients of 1 of the test cases \(BraTS-GLI-00008-001\)"):
        refuse_seen(pretrained, {"BraTS-GLI-00008-001": "BraTS-GLI-00008", "BraTS-GLI-00009-000": "BraTS-GLI-00009"})


def test_refusals_come_before_anything_is_written(imported, tiny_cohort, tmp_path, capsys):
    (tmp_path / "a.pth").touch()
    (tmp_path / "damaged.keras").write_bytes(imported.read_bytes()[:500])
    (tmp_path / "folder").mkdir()
    for pretrained, reason in (
        (tmp_path / "missing.keras", "there is no"),
        (tmp_path / "a.pth", f"type python -m segan_tl import {tmp_path / 'a.pth'} OUT.keras first"),
        (tmp_path / "damaged.keras", "is not a readable .keras file"),
        (tmp_path / "folder", "holds no complete checkpoint"),
    ):
        assert train(tmp_path, tiny_cohort, pretrained) == 2
        assert reason in words(capsys)
        assert not (tmp_path / "runs" / "tiny" / "tiny").exists()


def config_of(family, pretrained, modalities):
    data = {"modalities": modalities, "patch": (1, 64, 64) if family == "albunet2d" else (32, 64, 64)}
    model = {"family": family, "pretrained": str(pretrained), "deep_supervision": False}
    return validate({"name": "a", "data": data, "model": model}, source="test")


def test_an_encoder(tmp_path):
    write_torch(tmp_path / "resnet.pth", random_state())
    out = tmp_path / "resnet.keras"
    assert main(["import", str(tmp_path / "resnet.pth"), str(out)]) == 0
    encoder = keras.models.load_model(out)
    config = config_of("albunet3d", out, ("flair",))
    network = build_model(config.model, channels=1, classes=3)
    pretrained = find_start(config, Run(tmp_path / "run"), resuming=False)
    lines = begin(network, None, pretrained, config)
    names = list(encoder_names(network))
    weighted = {layer.name for layer in network.layers if layer.weights}
    assert set(pretrained.record["new"]) == weighted - set(names) and "logits" in pretrained.record["new"]
    assert "  stem_conv: 3 colours summed for 1 inputs" in lines
    for name in names[1:]:
        for ours, theirs in zip(network.get_layer(name).weights, encoder.get_layer(name).weights, strict=True):
            assert np.array_equal(np.reshape(ours, theirs.shape), theirs)
    with pytest.raises(UserError, match="which albunet2d and albunet3d have; found cicek"):
        begin(network, None, pretrained, config_of("cicek", out, ("t1",)))
    keras.utils.clear_session()


def test_nothing_fits(imported, tmp_path):
    config = config_of("albunet3d", imported, ("t1",))
    pretrained = find_start(config, Run(tmp_path / "run"), resuming=False)
    network = build_model(config.model, channels=1, classes=3)
    with pytest.raises(UserError, match="no layer of .* fits albunet3d .enc1_conv1, .* and .* more there"):
        begin(network, None, pretrained, config)
    assert find_start(config, Run(tmp_path / "run"), resuming=True).path is None
