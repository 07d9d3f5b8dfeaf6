"""Rows, their columns, the table, and several cases at a time."""

import csv
import io

import numpy as np
import pytest
from rich.console import Console

from segan_tl.metrics.columns import Plan, score_pair
from segan_tl.metrics.pair import MaskPair
from segan_tl.report.score.masks import find_predictions, find_truths
from segan_tl.report.score.scores import score_cases, summary_table, write_scores
from tests.small_masks import small_truth, write_mask, write_truths


@pytest.fixture
def cohort(tmp_path):
    """Sixteen cases, each predicted a little worse than the one before."""
    truths, _ = find_truths(write_truths(tmp_path / "truths", cases=16), meaning=None, otherwise=None)
    for number, case_id in enumerate(truths):
        prediction = small_truth(3)
        prediction[1].flat[:number] = 0
        write_mask(tmp_path / "out" / f"{case_id}.nii.gz", prediction)
    return truths, find_predictions(tmp_path / "out", truths, meaning="brats2023", otherwise=None)[0]


def test_several_processes_give_the_same_rows_in_the_same_order(cohort):
    plan, lines = Plan(("wt", "et"), challenge="brats-gli"), []
    alone = score_cases(*cohort, plan=plan, jobs=1, progress=lines.append)
    together = score_cases(*cohort, plan=plan, jobs=2, progress=lines.append)
    assert alone == together
    alone, faults = alone
    assert faults == {}
    assert [(row["case"], row["region"]) for row in alone[:3]] == [
        ("BraTS2021_00000", "wt"), ("BraTS2021_00000", "et"), ("BraTS2021_00001", "wt"),
    ]  # fmt: skip
    assert len(lines) == 32 and lines[0] == "BraTS2021_00000  wt Dice 1.000  et Dice 1.000"


@pytest.mark.parametrize("jobs", [1, 2])
def test_bad_cases_are_named_and_the_others_scored(cohort, jobs):
    truths, predictions = cohort
    for case_id in ("BraTS2021_00009", "BraTS2021_00003"):
        path = predictions[case_id].source.path
        path.write_bytes(path.read_bytes()[:-9])
    lines = []
    rows, faults = score_cases(truths, predictions, plan=Plan(("wt",)), jobs=jobs, progress=lines.append)
    assert len(rows) == 14 and list(faults) == ["BraTS2021_00003", "BraTS2021_00009"]
    assert "BraTS2021_00003.nii.gz" in faults["BraTS2021_00003"] and "truncated" in faults["BraTS2021_00003"]
    assert "BraTS2021_00003  cannot be scored" in lines


def test_it_ends_at_so_many_bad_cases(cohort):
    truths, predictions = cohort
    for mask in predictions.values():
        mask.source.path.write_bytes(mask.source.path.read_bytes()[:-9])
    _, faults = score_cases(
        truths, predictions, plan=Plan(("wt",)), jobs=1, progress=lambda line: None, most_faults=5
    )
    assert len(faults) == 5


def test_cases_without_a_prediction_have_no_row(cohort):
    truths, predictions = cohort
    del predictions["BraTS2021_00000"]
    rows, _ = score_cases(truths, predictions, plan=Plan(("wt",)), jobs=1, progress=lambda line: None)
    assert len(rows) == 15


def test_the_file_has_every_digit(tmp_path):
    pair = MaskPair(np.ones((2, 2, 2), bool), np.ones((2, 2, 2), bool), (1, 1, 1))
    rows = [{"case": "a", "patient": "b", "region": "wt"} | score_pair(pair, Plan(("wt",))) | {"dice": 1 / 3}]
    write_scores(tmp_path / "metrics.csv", rows, Plan(("wt",)))
    with (tmp_path / "metrics.csv").open(newline="") as stream:
        (row,) = csv.DictReader(stream)
    assert float(row["dice"]) == 1 / 3 and list(row) == list(rows[0])


def test_the_table_by_hand():
    # 0.2, 0.4, 0.9: mean 0.5, deviation √((0.09 + 0.01 + 0.16) / 2) = 0.361, median 0.4
    plan = Plan(("wt",))
    pair = MaskPair(np.ones((2, 2, 2), bool), np.ones((2, 2, 2), bool), (1, 1, 1))
    rows = [{"case": "a", "region": "wt"} | score_pair(pair, plan) | {"dice": value} for value in (0.2, 0.4, 0.9)]
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(summary_table(rows, plan))
    text = console.export_text()
    assert "0.500 ± 0.361 (0.400)" in text and "wt, 3 cases" in text
    assert "HD95, surface-weighted, mm" in text
