"""The table of scores: every row by the module that it comes from, and a new row wherever scores are shown."""

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest

from segan_tl.__main__ import main
from segan_tl.data.find.cases import find_cases
from segan_tl.disk.atomic import write_json
from segan_tl.metrics import columns
from segan_tl.metrics.columns import Column, Plan, column_of, columns_of, definitions, own_name, plan_of_run, score_pair
from segan_tl.metrics.distances import HD95_DEFINITIONS, hd95_mm
from segan_tl.metrics.challenges import CHALLENGES
from segan_tl.metrics.lesions import score_lesions
from segan_tl.metrics.overlap import counts
from segan_tl.metrics.pair import MaskPair
from segan_tl.report.html.page import write_report
from segan_tl.report.score.evaluate import evaluate_run
from tests.small_runs import make_run, small_config, small_labels, write_case

SPACING_MM = (1.0, 0.5, 2.0)
OVERLAP = ["dice", "precision", "sensitivity", "specificity"]
LESIONS = ["lesion_dice", "lesion_hd95_mm", "lesions_found", "lesions_missed", "lesions_invented"]
VOLUMES = ["truth_ml", "prediction_ml"]


def test_scores_are_those_of_the_modules_they_come_from():
    pair = np.random.default_rng(0).random((2, 9, 8, 7)) < 0.1
    row = score_pair(MaskPair(*pair, SPACING_MM), plan_of_run(["wt"], "brats-met"))
    assert list(row) == [*OVERLAP, "hd95_mm", *LESIONS, *VOLUMES]
    assert [row[name] for name in OVERLAP] == [getattr(counts(*pair), name) for name in OVERLAP]
    assert row["hd95_mm"] == hd95_mm(*pair, SPACING_MM)
    lesions = score_lesions(MaskPair(*pair, SPACING_MM), CHALLENGES["brats-met"])
    assert [row[name] for name in LESIONS[:2]] == [lesions.dice, lesions.hd95_mm]
    assert [row[name] for name in LESIONS[2:]] == [lesions.found, lesions.missed, lesions.invented]
    assert [row[name] for name in VOLUMES] == pytest.approx([mask.sum() / 1000 for mask in pair])  # 1 mm3 a voxel


def test_the_row_of_a_pair_by_hand():
    # Truth 2 × 4 × 4 = 32 voxels of 2 mm³, the prediction half of it; both on a grid of 6 × 4 × 4 = 96.
    truth = np.zeros((6, 4, 4), bool)
    truth[1:3] = True
    prediction = truth.copy()
    prediction[2] = False
    plan = Plan(("wt",), tuple(HD95_DEFINITIONS), challenge="brats-met")
    row = score_pair(MaskPair(truth, prediction, (1, 1, 2)), plan)
    assert row["dice"] == row["lesion_dice"] == pytest.approx(2 * 16 / 48)
    assert (row["precision"], row["sensitivity"], row["specificity"]) == (1, 0.5, 1)
    assert (row["truth_ml"], row["prediction_ml"]) == (0.064, 0.032)
    assert (row["lesions_found"], row["lesions_missed"], row["lesions_invented"]) == (1, 0, 0)
    for definition in HD95_DEFINITIONS:
        expected = hd95_mm(truth, prediction, (1, 1, 2), definition=definition)
        assert row[f"hd95_{definition.replace('-', '_')}_mm"] == expected > 0
    assert row["surface_dice_1mm"] == 1


@pytest.mark.parametrize("filled", [(0, 0), (0, 1), (1, 0)])
def test_empty_masks_give_numbers_by_the_rule(filled):
    pair = MaskPair(*(np.full((4, 4, 4), bool(value)) for value in filled), SPACING_MM)
    row = score_pair(pair, plan_of_run(["wt"], "brats-gli"))
    assert all(math.isfinite(value) for value in row.values())
    assert (row["dice"], row["hd95_mm"]) == ((1, 0) if filled == (0, 0) else (0, 374))


def test_columns_follow_the_plan():
    names = [column.name for column in columns_of(Plan(("wt",), tolerances_mm=(2.5,)))]
    assert names == [*OVERLAP, "hd95_surface_weighted_mm", "surface_dice_2.5mm", *VOLUMES]
    assert [column.name for column in columns_of(plan_of_run(["wt"], None))] == [*OVERLAP, "hd95_mm", *VOLUMES]


def test_what_a_plan_computes_is_defined():
    found = definitions(Plan(("wt",), tolerances_mm=(2.5,), challenge="brats-met"))
    assert found["surface_dice_2.5mm"].startswith("share of both surfaces that lies within 2.5 mm")
    assert found["hd95_surface_weighted_mm"] == HD95_DEFINITIONS["surface-weighted"]
    assert found["lesions"].startswith("brats2023-met: joined by 1 dilation, up to 2 mm3")
    assert "lesions" not in definitions(plan_of_run(["wt"], None)) and "374 mm" in found["empty"]


@pytest.mark.parametrize(
    "name, way",
    [
        ("dice", 1),
        ("lesion_dice", 1),
        ("surface_dice_1mm", 1),
        ("lesions_found", 1),
        ("hd95_mm", -1),
        ("lesion_hd95_mm", -1),
        ("hd95_maximum_of_directed_mm", -1),
        ("lesions_missed", -1),
        ("dice_loss", -1),
        ("truth_ml", None),
        ("prediction_ml", None),
        ("kappa", None),
    ],
)
def test_which_way_is_better(name, way):
    assert column_of(name).better == way


def test_the_row_of_a_column_in_a_file():
    assert [column_of(column.name).title for column in columns.COLUMNS] == [each.title for each in columns.COLUMNS]
    found = column_of("surface_dice_2.5mm")
    assert (found.name, found.title, found.digits) == ("surface_dice_2.5mm", "surface Dice at 2.5 mm", 3)
    assert own_name("hd95_surface_weighted_mm") == "hd95_mm" and own_name("hd95_pooled_mm") == "hd95_pooled_mm"
    assert [column_of(name).heading for name in ("hd95_mm", "truth_ml", "kappa_of_raters")] == [
        "HD95, mm", "truth, ml", "kappa of raters",
    ]  # fmt: skip
    assert [column_of(name).is_score for name in ("kappa", "tumour_ml", "lesions_split", "assd_mm")] == [
        True, False, False, True,
    ]  # fmt: skip


def test_names_are_there_once():
    names = [column.name for column in columns.COLUMNS]
    assert len(set(names)) == len(names) and {column.same_as for column in columns.COLUMNS} <= {"", *names}


def test_the_documentation_has_the_table():
    page = (Path(__file__).parents[2] / "docs" / "scores.md").read_text(encoding="utf-8")
    ways = {1: "higher", -1: "lower", None: "–"}
    shown = [column_of("surface_dice_1mm") if "{" in each.name else each for each in columns.COLUMNS]
    rows = [(f"`{each.name}`", each.title, each.unit, ways[each.better], each.definition) for each in shown]
    escaped = [" | ".join(cell.replace("|", r"\|") for cell in row) for row in rows]
    assert [line for line in page.splitlines() if line.startswith("| `")] == [f"| {row} |" for row in escaped]


@pytest.fixture
def new_row(monkeypatch):
    """A score that nothing else has heard of."""
    row = Column(
        "iou", "Jaccard index", "share", 3, 1, lambda one: one.pair.counts.dice / (2 - one.pair.counts.dice),
        "TP / (TP + FP + FN)", short="IoU", main=True,
    )  # fmt: skip
    monkeypatch.setattr(columns, "COLUMNS", (row, *columns.COLUMNS))
    return row


def test_a_new_row_is_computed_written_printed_drawn_and_compared(new_row, tmp_path, capsys):
    for case in ("BraTS2021_00001", "BraTS2021_00002"):
        write_case(tmp_path / "cohort", case, small_labels(4 + int(case[-1])))
    runs = []
    for name, threshold in (("a", 0.5), ("b", 0.6)):
        config = small_config(threshold=threshold)
        run = make_run(tmp_path / "runs" / name / "flair", config)
        write_json(run.splits, {"train": ["x"], "validation": ["y"], "test": ["BraTS2021_00001", "BraTS2021_00002"]})
        summary = evaluate_run(run, cases=find_cases(tmp_path / "cohort").cases, config=config)
        assert summary["regions"]["wt"]["iou"]["n"] == 2 and summary["definitions"]["iou"] == new_row.definition
        with run.metrics.open() as file:
            assert all(float(row["iou"]) > 0 for row in csv.DictReader(file))
        runs.append(run)
    assert "IoU" in capsys.readouterr().out, "the terminal"
    write_report(runs[:1], runs[0].report)
    page = runs[0].report.read_text()
    assert "Jaccard index: TP / (TP + FP + FN)." in page and page.count("Jaccard index") > 2
    assert main(["compare", *(str(run.root) for run in runs), "--metric", "iou"]) == 0
    assert "iou of 2 SYNTHETIC test cases, higher is better" in capsys.readouterr().out
    out = tmp_path / "m.csv"
    assert main(["evaluate", str(runs[0].root), str(tmp_path / "cohort"), "--out", str(out)]) == 0
    assert "Jaccard index: TP / (TP + FP + FN)" in " ".join(capsys.readouterr().out.split())
    assert "iou" in out.read_text().splitlines()[0].split(",")


def test_a_new_row_stands_in_the_tables_of_folds(new_row, tmp_path, capsys):
    from segan_tl.report.compare.crossval import open_crossval
    from segan_tl.report.compare.crossval_figures import plot_folds
    from segan_tl.report.compare.crossval_tables import print_folds, write_tables
    from tests.small_folds import write_folds

    for metrics in write_folds(tmp_path).glob("fold*/metrics.csv"):
        metrics.write_text(metrics.read_text().replace("hd95_mm", "iou"))
    crossval = open_crossval(tmp_path)
    print_folds(crossval)
    assert "Jaccard index of patients, mean ± standard deviation" in capsys.readouterr().out
    write_tables(crossval)
    assert "iou" in json.loads((tmp_path / "crossval.json").read_text())["regions"]["wt"]
    plot_folds(crossval, tmp_path / "crossval.png")
