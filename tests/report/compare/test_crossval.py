"""Folds gathered: hand-computed tables, what is missing, and what does not belong together."""

import csv
import json

import pytest

from segan_tl.errors import UserError
from segan_tl.report.compare.crossval import Missing, find_crossval, open_crossval, require_complete
from segan_tl.report.compare.crossval_figures import plot_folds
from segan_tl.report.compare.crossval_tables import print_folds, spread, summarise_folds, write_tables
from segan_tl.report.compare.score_tables import open_tables, require_same_cases
from tests.small_folds import CONFIG, SCORES, write, write_fold, write_folds

# === Numbers ===


def test_dice_by_hand(tmp_path):
    found = summarise_folds(open_crossval(write_folds(tmp_path)))["wt"]["dice"]
    # 0.8 0.6 | 0.9 0.7 | 0.5 0.7 0.3: sum 4.5, squared deviations from 4.5 / 7 add up to 0.237143, over 6.
    assert found.patients == pytest.approx((7, 0.642857, 0.198806), abs=1e-6)
    assert [found.folds[k].mean for k in range(3)] == pytest.approx([0.7, 0.8, 0.5])
    assert [found.folds[k].n for k in range(3)] == [2, 2, 3]
    # 0.7, 0.8, 0.5: mean 2 / 3, squared deviations 1/900 + 16/900 + 25/900 = 42/900, over 2.
    assert found.of_folds == pytest.approx((3, 0.666667, 0.152753), abs=1e-6)


def name_patients(path, patients):
    """Add the column to a metrics.csv."""
    lines = [line.split(",") for line in path.read_text().splitlines()]
    names = patients | {"case": "patient"}
    path.write_text("".join(",".join([line[0], names[line[0]], *line[1:]]) + "\n" for line in lines))


def test_patients_that_folds_of_before_divided_are_named(tmp_path):
    write_folds(tmp_path)
    name_patients(tmp_path / "fold0" / "metrics.csv", {"p0": "x", "p3": "y"})
    name_patients(tmp_path / "fold2" / "metrics.csv", {"p2": "x", "p5": "x", "p6": "z"})
    assert open_crossval(tmp_path).divided_patients == ["x"]


def test_scans_of_one_patient_are_one(tmp_path, capsys):
    write_folds(tmp_path)
    name_patients(tmp_path / "fold2" / "metrics.csv", {"p2": "x", "p5": "x", "p6": "y"})  # the others are of before
    crossval = open_crossval(tmp_path)
    assert crossval.divided_patients == []
    found = summarise_folds(crossval)["wt"]["dice"]
    # 0.8 0.6 | 0.9 0.7 | (0.5 + 0.7) / 2 and 0.3: sum 3.9 of 6
    assert found.patients[:2] == (6, pytest.approx(0.65)) and found.folds[2][:2] == (2, pytest.approx(0.45))
    cases, summary = write_tables(crossval)
    assert json.loads(summary.read_text())["patients"] == 6 and json.loads(summary.read_text())["cases"] == 7
    with cases.open() as file:
        assert {row["case"]: row["patient"] for row in csv.DictReader(file)}["p5"] == "x"
    capsys.readouterr()
    print_folds(crossval)
    assert "all patients 6" in " ".join(capsys.readouterr().out.replace("│", " ").split())


def test_a_score_that_is_not_defined_is_left_out(tmp_path):
    found = summarise_folds(open_crossval(write_folds(tmp_path)))["wt"]["hd95_mm"]
    # 2 4 | 6 | 1 3 5: mean 21 / 6; the folds' means 3, 6, 3.
    assert found.patients[:2] == (6, 3.5)
    assert found.folds[1] == (1, 6.0, None)
    assert found.of_folds == pytest.approx((3, 4.0, 3**0.5))


def test_spread_of_nothing():
    assert spread([]) == (0, None, None) and spread([float("nan"), 2.0]) == (1, 2.0, None)


def test_the_table(tmp_path, capsys):
    print_folds(open_crossval(write_folds(tmp_path)))
    text = capsys.readouterr().out
    lines = [" ".join(line.replace("│", " ").split()) for line in text.splitlines()]
    assert "Dice of patients, mean ± standard deviation" in lines
    assert "fold 2 3 0.500 ± 0.200 0.500 ± 0.000" in lines
    assert "all patients 7 0.643 ± 0.199 0.500 ± 0.000" in lines
    assert "means of folds 0.667 ± 0.153 0.500 ± 0.000" in lines
    assert "fold 1 2 6.0 1.0 ± 0.0" in lines and "lesion" not in text


def test_files(tmp_path):
    crossval = open_crossval(write_folds(tmp_path))
    write_tables(crossval)
    plot_folds(crossval, tmp_path / "crossval.png")
    with (tmp_path / "crossval.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["case", "patient", "fold", "region", "dice", "hd95_mm", "truth_ml"]
    assert {row["case"]: row["fold"] for row in rows} == dict(p0="0", p3="0", p1="1", p4="1", p2="2", p5="2", p6="2")
    summary = json.loads((tmp_path / "crossval.json").read_text())
    assert summary["missing"] == [] and summary["seed"] == 3 and summary["patients"] == 7
    assert summary["regions"]["wt"]["dice"]["means_of_folds"]["mean"] == pytest.approx(2 / 3)
    assert "truth_ml" not in summary["regions"]["wt"]
    assert (tmp_path / "crossval.png").read_bytes().startswith(b"\x89PNG")
    folds = {"fold0", "fold1", "fold2", "folds.json"}
    assert {path.name for path in tmp_path.iterdir()} == folds | {"crossval.csv", "crossval.json", "crossval.png"}


# === A fold is missing ===


def test_a_fold_that_is_not_there(tmp_path):
    crossval = open_crossval(write_folds(tmp_path, leave_out=[1]))
    assert crossval.missing[1].why == "not begun"
    assert crossval.missing[1].command == "python -m segan_tl train --config net --data 'my data' --fold 1 --folds 3"
    with pytest.raises(UserError, match="expected 3 finished folds .* missing: 1; run fold 1 with: python -m segan_tl"):
        require_complete(crossval)
    assert summarise_folds(crossval)["wt"]["dice"].patients.n == 5
    plot_folds(crossval, tmp_path / "crossval.png")


def test_a_fold_in_the_middle_of_its_training(tmp_path):
    write_fold(write_folds(tmp_path, leave_out=[2]), 2, state="training")
    crossval = open_crossval(tmp_path, command=lambda k: f"train {k}")
    assert crossval.missing == {2: Missing("not trained to the end", "train 2")}


def test_a_fold_without_scores(tmp_path):
    (write_folds(tmp_path) / "fold0" / "summary.json").unlink()
    assert open_crossval(tmp_path).missing[0].why == "trained but not scored"


def test_no_fold_at_all(tmp_path):
    with pytest.raises(UserError, match="found none; begin with: its training command with --fold 0"):
        open_crossval(write_folds(tmp_path, leave_out=[0, 1, 2]))


# === What does not belong together ===


def test_overlapping_test_sets(tmp_path):
    write_folds(tmp_path, saved=False)
    write_fold(tmp_path, 1, scores=(("p1", 0.9, 6), ("p3", 0.7, 1)))
    with pytest.raises(UserError, match="in the test set of one fold; found p3 in fold 0 and fold 1"):
        open_crossval(tmp_path, folds=3)


def test_a_case_that_no_fold_tests(tmp_path):
    write_folds(tmp_path, saved=False)
    write_fold(tmp_path, 2, scores=SCORES[2][:2])
    with pytest.raises(UserError, match="p6 of .* is in none"):
        open_crossval(tmp_path, folds=3)
    (tmp_path / "fold1" / "summary.json").unlink()
    assert open_crossval(tmp_path, folds=3).missing  # it could still be in fold 1


def test_a_case_without_a_mask_trains_in_every_fold_and_is_tested_in_none(tmp_path):
    config = CONFIG | {"adversary": {"target_labels": False}}
    for number in SCORES:
        write_fold(tmp_path, number, config=config)
        splits = tmp_path / f"fold{number}" / "splits.json"
        split = json.loads(splits.read_text())
        write(splits, split | {"train": [*split["train"], "bare"]})
    assert not open_crossval(tmp_path, folds=3).missing
    for number in SCORES:
        write(tmp_path / f"fold{number}" / "config.json", config | {"adversary": {"target_labels": True}})
    with pytest.raises(UserError, match="bare of .* is in none"):
        open_crossval(tmp_path, folds=3)


def test_other_folds_than_the_saved_ones(tmp_path):
    write_fold(write_folds(tmp_path), 2, scores=SCORES[2][:2])
    with pytest.raises(UserError, match=r"the test cases of fold 2 that .*folds.json names; found others \(p6\)"):
        open_crossval(tmp_path)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (CONFIG | {"seed": 4}, r"fold 0 and fold 1 of .* differ \(seed 3 → 4\)"),
        (CONFIG | {"train": {"epochs": 20}}, r"differ \(train.epochs 10 → 20\)"),
        (CONFIG | {"train": {"epochs": 10, "power": 1}}, r"differ \(train.power 0.9 → 1.0\)"),
    ],
)
def test_different_configurations(tmp_path, config, expected):
    write_fold(write_folds(tmp_path), 1, config=config)
    with pytest.raises(UserError, match=expected):
        open_crossval(tmp_path)


def test_a_source_may_be_spelt_in_two_ways_and_is_one(tmp_path):
    one = {"source": "runs/brats", "source_sha256": "ab12", "strategy": "all"}
    write_folds(tmp_path)
    for number, transfer in enumerate((one, one | {"source": "/data/runs/brats"}, one)):
        write_fold(tmp_path, number, config=CONFIG | {"transfer": transfer})
    config = CONFIG | {"transfer": one | {"source": "../runs/brats"}}
    assert len(open_crossval(tmp_path, config=config).folds) == 3
    write_fold(tmp_path, 1, config=CONFIG | {"transfer": one | {"source_sha256": "cd34"}})
    with pytest.raises(UserError, match=r"differ \(transfer.source_sha256 ab12 → cd34\)"):
        open_crossval(tmp_path)


def test_another_configuration_than_the_command_says(tmp_path):
    with pytest.raises(UserError, match=r"this command and fold 0 of .* differ \(seed 5 → 3\)"):
        open_crossval(write_folds(tmp_path), config=CONFIG | {"seed": 5})


def test_scores_of_another_version(tmp_path):
    metrics = write_folds(tmp_path) / "fold1" / "metrics.csv"
    metrics.write_text(metrics.read_text().replace("hd95_mm", "hd95"))
    with pytest.raises(UserError, match="same scores of every fold; those of fold 0 and fold 1"):
        open_crossval(tmp_path)


def test_scores_of_a_stranger(tmp_path):
    metrics = write_folds(tmp_path) / "fold1" / "metrics.csv"
    metrics.write_text(metrics.read_text().replace("p1", "x1"))
    with pytest.raises(UserError, match="scores x1, which is no test case of that run"):
        open_crossval(tmp_path)


def test_the_number_of_folds(tmp_path):
    write_folds(tmp_path)
    with pytest.raises(UserError, match="holds 3 folds; --folds says 4"):
        open_crossval(tmp_path, folds=4)
    (tmp_path / "folds.json").unlink()
    with pytest.raises(UserError, match="it is missing; add --folds N"):
        open_crossval(tmp_path)
    with pytest.raises(UserError, match="expected 2 folds; .* holds fold2 too"):
        open_crossval(tmp_path, folds=2)
    assert len(open_crossval(tmp_path, folds=3).folds) == 3


# === As a model among others ===


def test_patients_of_all_folds_are_compared(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        write_folds(tmp_path / "runs" / name / "cohort")
    first, second = open_tables(["a/cohort", "runs/b/cohort"])
    assert first.name == "a/cohort" and first.metrics == ["dice", "hd95_mm", "truth_ml"]
    assert sorted(first.cases) == [f"p{i}" for i in range(7)]
    assert first.scores("dice", "wt")["p6"] == 0.3
    require_same_cases([first, second], ["wt", "et"])
    (tmp_path / "runs" / "b" / "cohort" / "fold2" / "summary.json").unlink()
    with pytest.raises(UserError, match="missing: 2; run fold 2 with"):
        open_tables(["a/cohort", "b/cohort"])


def test_a_run_in_the_same_folder_goes_first(tmp_path):
    write(write_folds(tmp_path) / "config.json", CONFIG)
    with pytest.raises(UserError, match="is not finished"):
        open_tables([tmp_path])
    assert find_crossval(tmp_path) == tmp_path and find_crossval(tmp_path / "fold0") is None
