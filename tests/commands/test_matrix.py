"""The matrix command, through the front door, with segmentors that see the tumour."""

import csv
import json

import pytest

from segan_tl.__main__ import main
from segan_tl.disk.atomic import write_json
from segan_tl.disk.manifest import sha256
from segan_tl.report.figures import SYNTHETIC
from tests.small_runs import make_run, small_config, small_labels, write_case

SPLIT = {"train": ["a"], "validation": ["b"], "test": ["BraTS2021_00001", "BraTS2021_00002"]}


def place_run(root, folder, modality, *, split=None, **state):
    run = make_run(root / "runs" / "small" / folder, small_config((modality,)), **state)
    write_json(run.splits, split or SPLIT)
    return run


@pytest.fixture
def places(tmp_path):
    """Runs for T2 and FLAIR, and two cases."""
    for number in (1, 2):
        write_case(tmp_path / "cohort", f"BraTS2021_0000{number}", small_labels())
    data = {"folder": str(tmp_path / "cohort"), "layout": "brats2021", "synthetic": True}
    for modality, weight in (("t2", 0.4), ("flair", 0.8)):
        place_run(tmp_path, modality, modality, data=data, best_dice=weight)
    return tmp_path


def matrix(places, *words):
    return main(["matrix", *words, "--runs", str(places / "runs")])


def rows_of(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def test_files_tables_and_pictures(places, capsys):
    assert matrix(places, "small/t2", "small/flair") == 0
    out = places / "runs" / "small" / "matrix"
    assert sorted(path.name for path in out.iterdir()) == [
        ".segan_tl", "matrix.csv", "matrix.json", "matrix.png", "matrix_cases.csv", "votes.csv", "votes.png",
    ]  # fmt: skip
    rows = rows_of(out / "matrix.csv")
    assert list(rows[0]) == ["run", "trained_on", "modality", "region", "dice", "std", "cases"]
    # FLAIR shows the whole tumour to a threshold, whatever it was trained on
    assert {(row["trained_on"], float(row["dice"])) for row in rows if row["modality"] == "flair"} == {
        ("t2", 1.0), ("flair", 1.0),
    }  # fmt: skip
    assert [row["modality"] for row in rows] == ["t1", "t1c", "t2", "flair"] * 2  # all that the cases have
    assert list(rows_of(out / "matrix_cases.csv")[0]) == ["run", "trained_on", "modality", "case", "region", "dice"]
    votes = rows_of(out / "votes.csv")
    assert list(votes[0]) == ["modalities", "number", "rule", "region", "dice", "std", "cases"]
    assert {row["modalities"] for row in votes} == {"t2", "flair", "t2+flair"} and len(votes) == 6
    printed = capsys.readouterr().out
    assert "[1.000]" in printed and SYNTHETIC in printed and "weights of the votes" in printed
    assert "Dice of wt by number of modalities available" in printed and str(out) in printed
    for name in ("matrix.png", "votes.png"):
        assert (out / name).read_bytes().startswith(b"\x89PNG")


def test_the_record_says_what_was_compared(places):
    assert matrix(places, "small/t2", "small/flair", "--out", str(places / "out")) == 0
    record = json.loads((places / "out" / "matrix.json").read_text())
    first, second = record["runs"]
    assert first["segmentor_sha256"] == sha256(places / "runs" / "small" / "t2" / "best" / "segmentor.keras")
    assert (second["trained_on"], second["best_validation_dice"]) == ("flair", 0.8)
    assert record["cases"] == SPLIT["test"] and record["synthetic"] and record["part"] == "test"
    assert record["votes_left_out"] is None and "tensorflow" in record["versions"]


def test_two_runs_on_one_modality_do_not_vote(places, capsys):
    assert matrix(places, "small/t2", "small/flair") == 0
    data = json.loads((places / "runs" / "small" / "t2" / "run.json").read_text())["data"]
    place_run(places, "flair-to-t2", "t2", data=data)
    capsys.readouterr()
    assert matrix(places, "small/t2", "small/flair", "small/flair-to-t2") == 0
    assert "no votes: small/t2 and small/flair-to-t2 were both trained on t2" in capsys.readouterr().out
    out = places / "runs" / "small" / "matrix"
    assert not (out / "votes.csv").exists() and not (out / "votes.png").exists()
    assert [row["run"] for row in rows_of(out / "matrix.csv")][::4] == ["small/t2", "small/flair", "small/flair-to-t2"]


def test_real_data_is_not_called_synthetic(places, capsys):
    for modality in ("t2", "flair"):
        data = {"folder": str(places / "cohort"), "synthetic": False}
        place_run(places, modality, modality, data=data, synthetic=False)
    assert matrix(places, "small/t2", "small/flair") == 0
    assert "SYNTHETIC" not in capsys.readouterr().out


def test_one_run_alone(places, capsys):
    assert matrix(places, "small/flair") == 0
    assert "alone" in capsys.readouterr().out


def test_validation_cases_are_marked_as_such(places, capsys):
    for modality in ("t2", "flair"):
        split = {"train": ["a"], "validation": ["BraTS2021_00001"], "test": ["c"]}
        write_json(places / "runs" / "small" / modality / "splits.json", split)
    assert matrix(places, "small/t2", "small/flair", "--part", "validation") == 0
    printed = capsys.readouterr().out
    assert "their Dice flatters" in printed and "1 validation case," in printed


def test_data_elsewhere(places, tmp_path, capsys):
    (places / "cohort").rename(places / "moved")
    assert matrix(places, "small/t2", "small/flair") == 2
    assert "--data" in capsys.readouterr().err
    assert matrix(places, "small/t2", "small/flair", "--data", str(places / "moved")) == 0


@pytest.mark.parametrize(
    ("state", "split", "message"),
    [
        ({"state": "interrupted"}, None, "is not finished"),
        ({}, {"train": ["a"], "validation": ["b"], "test": ["BraTS2021_00001"]}, "differ in BraTS2021_00002"),
        ({}, {**SPLIT, "train": ["BraTS2021_00002"]}, "found BraTS2021_00002 twice"),
        ({"best_dice": -0.1}, None, "no best validation Dice"),
        ({"best_dice": None}, None, "expected a number as best_dice"),
    ],
)
def test_what_is_refused_in_one_sentence(places, capsys, state, split, message):
    place_run(places, "t1", "t1", split=split, **state)
    assert matrix(places, "small/flair", "small/t1", "--data", str(places / "cohort")) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1 and "Traceback" not in error
    assert not (places / "runs" / "small" / "matrix").exists()


def test_what_a_transfers_source_has_learnt_is_no_test(places, capsys):
    from segan_tl.disk.manifest import atomic_checkpoint
    from segan_tl.models.weights import save_network
    from tests.small_runs import threshold_segmentor

    run = place_run(places, "t1-to-flair", "flair")
    with atomic_checkpoint(run.best) as folder:
        provenance = {"modalities": ["flair"], "learnt_from": ["BraTS2021_00001", "z"]}
        save_network(threshold_segmentor(1), folder / "segmentor.keras", provenance)
    assert matrix(places, "small/t1-to-flair", "--data", str(places / "cohort")) == 2
    assert "t1-to-flair was trained or tuned on the patients of BraTS2021_00001" in capsys.readouterr().err
