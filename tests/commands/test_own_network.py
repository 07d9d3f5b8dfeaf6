"""A network of one's own from a folder of images to masks: trained, moved, applied."""

import json

import keras
import nibabel
import numpy as np
import pytest

from segan_tl.__main__ import main
from segan_tl.config.model import ModelConfig
from segan_tl.models import build_model
from segan_tl.models.weights import load_network
from segan_tl.runs import Run
from tests.models.test_from_file import write_unet

TINY = """
name = "own"
[data]
modalities = ["flair", "t2"]
regions = ["wt", "tc", "et"]
patch = {patch}
split = [0.5, 0.25, 0.25]
[model]
family = "file"
file = "{file}"
deep_supervision = false
[train]
epochs = 1
steps_per_epoch = 2
learning_rate = 1e-2
[predict]
overlap = 0.0
mirror = false
"""


def places(folder):
    return ["--runs", str(folder / "runs"), "--cache", str(folder / "cache"), "--devices", "cpu", "--no-report"]


@pytest.mark.parametrize(("rank", "patch"), [pytest.param(3, [16, 16, 16], marks=pytest.mark.slow), (2, [1, 32, 32])])
def test_from_patients_to_masks(rank, patch, tiny_cohort, tmp_path, capsys):
    write_unet(tmp_path / "own.keras", rank=rank)
    (tmp_path / "own.toml").write_text(TINY.format(patch=patch, file=tmp_path / "own.keras"))
    train = ["train", "--config", str(tmp_path / "own.toml"), "--data", str(tiny_cohort), *places(tmp_path)]
    assert main(train) == 0
    run = Run(tmp_path / "runs" / "own" / "tiny")
    assert set(json.loads(run.summary.read_text())["regions"]) == {"wt", "tc", "et"}

    # To another modality and other regions, although the file was for two and three channels, and has gone.
    (tmp_path / "own.keras").rename(tmp_path / "elsewhere.keras")
    transfer = ["transfer", "--source", str(run.root), "--target", "t1", "--map", "t1=flair", "--no-scratch"]
    transfer += ["--strategy", "freeze-encoder", "--set", "data.regions=[tc,lesion]", "--set", "name=target"]
    if rank == 3:
        assert main([*transfer, *places(tmp_path)]) == 2  # no lesion in gliomas
        transfer[-3] = "data.regions=[tc,ncr]"
        assert main([*transfer, *places(tmp_path)]) == 0
        printed = " ".join(capsys.readouterr().out.split())
        assert "input t1 ← flair" in printed and "new in part: own_head" in printed
        assert "strategy freeze-encoder: mean Dice" in printed
    finetune = ["finetune", "--from", str(run.root), "--strategy", "last-three-decoder", "--set", "name=moved"]
    assert main([*finetune, *places(tmp_path)]) == 0
    moved = Run(tmp_path / "runs" / "moved" / "tiny-to-tiny-last-three-decoder")
    before, after = (keras.models.load_model(one.best / "segmentor.keras") for one in (run, moved))
    same = {
        layer.name: all((a == b).numpy().all() for a, b in zip(layer.weights, before.get_layer(layer.name).weights))
        for layer in after.layers
        if layer.weights
    }
    assert same == {
        "first": True, "first_bn": True, "deep": True, "late": False, "late_bn": False, "own_head": False,
    }  # fmt: skip

    # From scratch is from scratch: no layer is near to what the file holds.
    theirs = load_network(tmp_path / "elsewhere.keras")
    scratch = json.loads(moved.config.read_text())["model"]
    assert scratch["file_weights"] is False
    keras.utils.set_random_seed(5)
    fresh = build_model(ModelConfig.model_validate(scratch), channels=2, classes=3)
    for layer in theirs.layers:
        if hasattr(layer, "kernel") and layer.name != "own_head":  # of 15 numbers, which are alike by chance
            ours, others = (np.ravel(one.kernel) for one in (fresh.get_layer(layer.name), layer))
            assert abs(np.corrcoef(ours, others)[0, 1]) < 0.5, layer.name

    case = sorted(path for path in tiny_cohort.iterdir() if path.is_dir())[0]
    assert main(["predict", str(moved.root), str(case), str(tmp_path / "out")]) == 0
    written = list((tmp_path / "out").glob("*.nii.gz"))
    assert len(written) == 1 and nibabel.load(written[0]).ndim == 3


@pytest.mark.parametrize(
    ("patch", "words"),
    [([16, 16, 15], "expected the grid of the patch"), ([1, 16, 16], "1 along D for a network of slices")],
)
def test_a_patch_that_does_not_fit_is_one_sentence(patch, words, tiny_cohort, tmp_path, capsys):
    write_unet(tmp_path / "own.keras")
    (tmp_path / "own.toml").write_text(TINY.format(patch=patch, file=tmp_path / "own.keras"))
    train = ["train", "--config", str(tmp_path / "own.toml"), "--data", str(tiny_cohort), *places(tmp_path)]
    assert main(train) == 2
    error = capsys.readouterr().err.strip()
    assert words in error and len(error.splitlines()) == 1, error
    assert not (tmp_path / "runs").exists()
