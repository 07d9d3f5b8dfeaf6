"""Several scans of a patient, from the folder to the refusal: BIDS sessions in a training, and what starts from it."""

import csv
import json

import nibabel
import numpy as np
import pytest

from segan_tl.__main__ import main
from segan_tl.data.learnt import learnt_by
from segan_tl.runs import Run, read_json
from tests.commands.test_imports import words

CONFIG = """
name = "tiny"
[data]
modalities = ["flair"]
regions = ["lesion"]
patch = [8, 16, 16]
split = [0.5, 0.25, 0.25]
[model]
family = "cicek"
filters = [2, 4]
[train]
epochs = 1
steps_per_epoch = 1
[predict]
overlap = 0.0
mirror = false
"""


def write_scan(folder, case_id, *, seed):
    """Write one scan as BIDS does: FLAIR with a bright lesion, and its mask."""
    generator = np.random.default_rng(seed)
    image, mask = generator.integers(80, 120, (20, 18, 10)).astype(np.int16), np.zeros((20, 18, 10), np.uint8)
    mask[6:12, 5:11, 3:7] = 1
    image[mask > 0] = 900
    image[:2] = 0
    place = folder.joinpath(*case_id.split("_"), "anat")
    place.mkdir(parents=True)
    for array, what in ((image, "FLAIR"), (mask, "mask")):
        nibabel.save(nibabel.Nifti1Image(array, np.diag([-2, -2, 3, 1])), place / f"{case_id}_{what}.nii.gz")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return a folder with a run on two sessions of five patients, first/, and a cohort of their third, later/."""
    folder = tmp_path_factory.mktemp("patients")
    for patient in range(1, 6):
        for session in (1, 2, 3):
            cohort = folder / ("first" if session < 3 else "later")
            write_scan(cohort, f"sub-0{patient}_ses-{session}", seed=10 * patient + session)
    (folder / "tiny.toml").write_text(CONFIG)
    assert command(folder, "train", "--config", str(folder / "tiny.toml"), "--data", str(folder / "first")) == 0
    return folder


def command(place, name, *more):
    options = () if name == "retest" else ("--cache", str(place / "cache"), "--devices", "cpu", "--no-report")
    return main([name, *more, "--runs", str(place / "runs"), *options])


def run_of(place):
    return Run(place / "runs" / "tiny" / "first-flair")


def test_a_training_never_divides_a_patient_and_writes_down_who_is_who(place):
    run = run_of(place)
    split, patients = read_json(run.splits), read_json(run.patients)
    owners = {part: {case.split("_")[0] for case in cases} for part, cases in split.items()}
    assert sum(map(len, owners.values())) == 5 and sum(map(len, split.values())) == 10
    assert patients == {part: {case: case.split("_")[0] for case in cases} for part, cases in split.items()}
    learnt = learnt_by(run)
    assert learnt.patients == owners["train"] | owners["validation"]
    assert learnt.cases == {*split["train"], *split["validation"]}
    with run.metrics.open() as file:
        assert {row["case"]: row["patient"] for row in csv.DictReader(file)} == patients["test"]


def test_another_session_of_a_patient_learnt_from_is_no_test(place, capsys):
    run = run_of(place)
    tested = {case.split("_")[0] for case in read_json(run.splits)["test"]}
    later, network = str(place / "later"), run.best / "segmentor.keras"
    seen = [f"sub-0{i}_ses-3" for i in range(1, 6) if f"sub-0{i}" not in tested]
    assert command(place, "retest", "tiny/first-flair", "--data", later) == 2
    assert f"{run.root} was trained or tuned on the patients of {len(seen)} of the cases" in (said := words(capsys))
    assert ", ".join(seen[:3]) in said
    for number, case in enumerate(seen[:3]):  # three cases: one trains, one validates, one tests
        write_scan(place / "fourth", case.replace("ses-3", "ses-4"), seed=200 + number)
    for what in (
        ("finetune", "--from", "tiny/first-flair", "--strategy", "all"),
        ("finetune", "--from", str(network), "--strategy", "all", "--config", str(place / "tiny.toml")),
        ("train", "--config", str(place / "tiny.toml"), "--set", f"model.pretrained={network}"),
    ):
        assert command(place, *what, "--data", str(place / "fourth")) == 2
        said = words(capsys)
        assert f"{network} was trained or tuned on the patients of 1 of the test cases (sub-0" in said, what
        assert "_ses-4): their Dice would be no test" in said


def test_a_table_says_that_they_are_others(place, capsys):
    path = place / "who.csv"
    path.write_text("case,patient\n" + "".join(f"sub-0{i}_ses-3,clinic-{i}\n" for i in range(1, 6)))
    arguments = ("retest", "tiny/first-flair", "--out", str(place / "out"))
    assert command(place, *arguments, "--data", str(place / "later"), "--patients", str(path)) == 0
    path.write_text("case,patient\nsub-09,x\n")
    capsys.readouterr()
    assert command(place, *arguments, "--data", str(place / "later"), "--patients", str(path)) == 2
    assert "names 1 case not in" in words(capsys)
    assert command(place, *arguments, "--patients", str(path)) == 2
    assert "add --data DIR, or leave it out" in words(capsys)
    options = ("--config", str(place / "tiny.toml"), "--set", "name=missing", "--patients", str(place / "nowhere.csv"))
    assert command(place, "train", *options, "--data", str(place / "later")) == 2
    assert "nowhere.csv is missing; give a table with a line case,patient" in words(capsys)
    assert not list((place / "runs").glob("missing/*"))


@pytest.mark.slow
def test_a_training_goes_by_the_table_and_the_folds_do(place, capsys):
    path = place / "pairs.csv"
    path.write_text("case\tpatient\n" + "".join(f"sub-0{i}_ses-3\tpair{i // 2}\n" for i in range(1, 6)))
    arguments = ("train", "--config", str(place / "tiny.toml"), "--data", str(place / "later"), "--patients", str(path))
    assert command(place, *arguments, "--set", "name=table", "--fold", "0", "--folds", "3") == 0
    assert "cases, of 3 patients; run" in words(capsys)
    tests = json.loads((place / "runs" / "table" / "later-flair" / "folds.json").read_text())["test"]
    pairs = [["sub-01_ses-3"], ["sub-02_ses-3", "sub-03_ses-3"], ["sub-04_ses-3", "sub-05_ses-3"]]
    assert sorted(tests.values()) == pairs


def test_check_counts_patients_and_names_those_that_may_be_one(place, tmp_path, capsys):
    assert main(["check", str(place / "first")]) == 0
    said = words(capsys)
    assert "10 good, 0 bad, of 5 patients" in said and "look like" not in said
    for case in ("sub-01", "sub-02"):
        write_scan(tmp_path / "twins", case, seed=1)
    assert main(["check", str(tmp_path / "twins")]) == 0
    assert "note: sub-01, sub-02 hold the same scan and count as several patients" in words(capsys)
