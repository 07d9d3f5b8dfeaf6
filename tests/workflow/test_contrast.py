"""Random contrast in a training: whom it is for, and that scores are of the images as they were scanned."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from segan_tl.__main__ import main
from segan_tl.config.base import PhantomConfig
from segan_tl.config.load import load_config
from segan_tl.data.find.cases import find_cases
from segan_tl.errors import UserError
from segan_tl.workflow.contrast import give_tissues, refuse_without_tissues
from segan_tl.workflow.moving import _base
from tests.data.find.test_case import touch


def test_patients_have_no_tissue_map(tmp_path):
    touch(tmp_path / "P1", "P1_flair.nii.gz", "P1_seg.nii.gz")
    cohort = find_cases(tmp_path)
    with pytest.raises(UserError) as refused:
        refuse_without_tissues("--data", PhantomConfig(contrast="random"), cohort)
    assert str(refused.value) == (
        "phantom.contrast 'random' paints synthetic patients, whose tissues are known; found other cases in "
        f"{tmp_path}: add --set phantom.contrast=physics, or leave --data out"
    )
    with pytest.raises(UserError, match="source.phantom.contrast 'both' .* --set source.phantom.contrast=physics"):
        refuse_without_tissues("--source-data", PhantomConfig(contrast="both"), cohort)
    refuse_without_tissues("--data", PhantomConfig(), cohort)


def test_a_synthetic_cohort_in_a_folder_has_one(tiny_cohort):
    refuse_without_tissues("--data", PhantomConfig(contrast="random"), find_cases(tiny_cohort))


def test_physics_asks_for_no_map():
    cases = [object()]
    assert give_tissues(None, PhantomConfig(), None, cases) is cases


def test_the_same_people_in_another_contrast_are_the_same_people():
    assert PhantomConfig().same_people(PhantomConfig(contrast="both"))
    assert not PhantomConfig().same_people(PhantomConfig(contrast="both", seed=1))


def test_a_transfer_learns_from_its_target_as_it_was_scanned():
    config = load_config("zoo_segan", ["phantom.contrast=random"])
    found = _base(SimpleNamespace(config=config, path="segan"), "combined", {})
    assert config.phantom.contrast == "random" and found.phantom.contrast == "physics"
    assert found.source.phantom.contrast == "random"  # of a second cohort, which is learnt from beside it


def test_a_training_is_painted_and_judged_by_scans(tiny_cohort, tiny_config, tmp_path, capsys):
    words = [
        "train", "--config", str(tiny_config), "--data", str(tiny_cohort), "--devices", "cpu", "--no-report",
        "--runs", str(tmp_path / "runs"), "--cache", str(tmp_path / "cache"),
    ]  # fmt: skip
    settings = ["name=painted", "phantom.contrast=random", "train.steps_per_epoch=1", "train.epochs=1"]
    arguments = [*words, *(word for value in settings for word in ("--set", value))]
    assert main(arguments) == 0
    run = next((tmp_path / "runs").glob("**/config.json")).parent
    assert json.loads((run / "config.json").read_text())["phantom"]["contrast"] == "random"
    split = json.loads((run / "splits.json").read_text())
    painted = {path.parent.name for path in tmp_path.glob("cache/*/tissues-*.npy")}
    assert painted == set(split["train"])  # who validates and tests is not painted, and has no map
    assert not list(tiny_cohort.glob("**/*tissue*"))  # the cohort's folder is as it was
    history = np.genfromtxt(run / "history.csv", delimiter=",", names=True)
    assert np.isfinite(history["loss_segmentor"]).all()
    capsys.readouterr()
    assert main(arguments) == 0 and "is trained and scored already" in capsys.readouterr().out.replace("\n", " ")
