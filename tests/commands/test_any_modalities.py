"""One network for any set of modalities, from cases that lack some to the mask of a patient with one image."""

import contextlib
import csv
import io
import shutil

import numpy as np
import pytest

import segan_tl
from segan_tl.__main__ import main
from segan_tl.runs import read_json

LACKING = {"t1c": 3, "t2": 1}  # of the eight cases, by their place


@pytest.fixture(scope="module")
def cohort(tiny_cohort, tmp_path_factory):
    """Return the synthetic patients, of whom three lack T1c and one of these T2 as well; the first has FLAIR alone."""
    folder = tmp_path_factory.mktemp("lacking") / "cohort"
    shutil.copytree(tiny_cohort, folder)
    cases = sorted(path for path in folder.iterdir() if path.is_dir())
    for modality, count in LACKING.items():
        for case in cases[:count]:
            next(case.glob(f"*_{_word(folder, modality)}.nii.gz")).unlink()
    next(cases[0].glob("*_t1.nii.gz")).unlink()
    return folder


def _word(folder, modality):
    return "t1ce" if modality == "t1c" and next(folder.glob("*/*_t1ce.nii.gz"), None) else modality


@pytest.fixture(scope="module")
def trained(cohort, tiny_config, tmp_path_factory):
    """Return what was printed and the folder of a finished run of one epoch."""
    folder = tmp_path_factory.mktemp("trained")
    arguments = [
        "train-segan", "--modality", "any", "--data", str(cohort), "--config", str(tiny_config), "--devices", "cpu",
        "--runs", str(folder / "runs"), "--cache", str(folder / "cache"), "--set", "train.epochs=1",
    ]  # fmt: skip
    with contextlib.redirect_stdout(io.StringIO()) as said:
        assert main(arguments) == 0
    return " ".join(said.getvalue().split()), folder / "runs" / "segan" / "any"


def test_cases_that_lack_modalities_train_validate_and_test(trained, cohort):
    run = trained[1]
    config, split = read_json(run / "config.json"), read_json(run / "splits.json")
    assert config["data"]["subsets"] == "any" and len(config["data"]["modalities"]) == 4
    used = {case for part in ("train", "validation", "test") for case in split[part]}
    assert used == {path.name for path in cohort.iterdir() if path.is_dir()}
    assert (run / "report.html").is_file() and read_json(run / "summary.json")["failed"] == {}


def test_the_network_sees_planes_and_the_critic_does_not(trained):
    assert segan_tl.load_network(trained[1] / "best" / "segmentor.keras").input_shape[-1] == 8
    critic = segan_tl.load_network(trained[1] / "best" / "critic.keras")
    assert critic.get_layer("enc1_conv").kernel.shape[-2] == 4 + 1  # images and the mask


def test_what_is_lacking_is_said_once_for_a_cohort(trained):
    sentence = "3 of 8 cases lack modalities (t1 in 1, t1c in 3, t2 in 1); they are used with what they have"
    assert trained[0].count(sentence) == 1


def test_a_patient_is_segmented_from_what_is_there(trained, cohort, tmp_path, capsys):
    assert main(["predict", str(trained[1]), str(cohort), str(tmp_path / "out")]) == 0
    with (tmp_path / "out" / "volumes.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["remarks"].startswith("segmented from flair")
    assert rows[1]["remarks"].startswith("segmented from t1, t2, flair")
    assert "4 modalities available: mean Dice" in capsys.readouterr().out
    assert read_json(tmp_path / "out" / "predictions.json")["cases"][rows[0]["case"]]["used"] == ["flair"]


def test_one_file_is_enough(trained, cohort, tmp_path, capsys):
    file = next(cohort.glob("*/*_t2.nii.gz"))
    assert main(["predict", str(trained[1]), str(file), str(tmp_path / "mask.nii.gz")]) == 0
    assert "t2  wt" in capsys.readouterr().out
    run = segan_tl.open_run(trained[1])
    scan = run.read(file)
    assert scan.image.shape[-1] == 4 and np.flatnonzero(scan.image.any(axis=(0, 1, 2))).tolist() == [2]
    assert run.segment(scan.image, spacing_mm=scan.spacing_mm).shape == (*scan.image.shape[:3], 1)


def test_a_case_without_any_of_them_is_named(trained, cohort, tmp_path, capsys):
    case = next(path for path in sorted(cohort.iterdir()) if path.is_dir())
    (tmp_path / "empty" / case.name).mkdir(parents=True)
    shutil.copy(next(case.glob("*_seg.nii.gz")), tmp_path / "empty" / case.name)
    assert main(["predict", str(trained[1]), str(tmp_path / "empty"), str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err


def test_the_table_of_every_subset(trained, tiny_cohort, tiny_config, tmp_path, capsys):
    arguments = ["--data", str(tiny_cohort), "--runs", str(trained[1].parents[1]), "--out", str(tmp_path)]
    assert main(["matrix", "segan/any", *arguments]) == 0
    with (tmp_path / "subsets.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["modalities", "number", "rule", "region", "dice", "std", "cases"]
    assert [row["number"] for row in rows] == ["1"] * 4 + ["2"] * 6 + ["3"] * 4 + ["4", ""]
    assert (rows[0]["modalities"], rows[14]["modalities"]) == ("t1", "t1+t1c+t2+flair")
    mean = np.mean([float(row["dice"]) for row in rows[:15]])
    assert rows[15]["modalities"] == "mean" and float(rows[15]["dice"]) == pytest.approx(mean, abs=1e-5)
    assert {row["rule"] for row in rows} == {"segan/any"}
    assert (tmp_path / "subsets.png").is_file() and not (tmp_path / "matrix.csv").exists()
    assert "t1+t1c+t2+flair" in capsys.readouterr().out
