"""The results page of Kaur 2019: its numbers by hand, and what is not run."""

import csv
import json

import pytest

from segan_tl.papers.kaur.paper import PAPER
from segan_tl.papers.kaur.study import AUC, CHOSEN, Study
from segan_tl.papers.kaur.tables import find_directions, points_table, pretraining_table
from segan_tl.papers.page import write_page
from tests.small_labels import write_labels, write_scores

COMMAND = "python -m segan_tl reproduce kaur-2019 --scale quick"
# Plain Dice of NCR with the fewest cases; ED is 0.1 above, ET 0.2 above; chosen is 0.05 above plain.
DICE = {"scratch": 0.3, "FT_LastThree": 0.2, "FT_Decoder": 0.35, "FT_All": 0.4, "FT_All, new recipe": 0.5}
# With every step.
GROWTH = {"scratch": 0.1, "FT_LastThree": 0.0, "FT_Decoder": 0.08, "FT_All": 0.07, "FT_All, new recipe": 0.05}


def make_study(folder):
    return Study(folder / "runs", "quick", folder / "out", "glioma-3t", "ms")


def scores(dice, cases):
    found = {}
    for place, case in enumerate(cases):
        values = {region: dice + shift + 0.02 * place for region, shift in (("ncr", 0), ("ed", 0.1), ("et", 0.2))}
        values["wt"] = 0.9  # scored, and no part of the average
        found[case] = {region: (value, 1.0) for region, value in values.items()}
    return found


def write_pretraining(study):
    lesions = {"m0": {"lesion": (0.5, 1.0)}, "m1": {"lesion": (0.7, 1.0)}}
    write_labels(study.pretraining, lesions, config={"train": {"epochs": 12, "steps_per_epoch": 40}})
    folder = study.pretraining.root / AUC
    write_scores(folder, lesions)
    rows = [("case", "region", "auc_brain", "auc_volume"), ("m0", "lesion", 0.7, 0.9), ("m1", "lesion", 0.8, 1.0),
            ("m2", "lesion", "", "")]  # fmt: skip
    with (folder / "auc.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)


def write_cell(study, cell):
    dice = DICE[cell.start.label] + GROWTH[cell.start.label] * study.curve.cases.index(cell.cases)
    patients = [f"p{2 * cell.division}", f"p{2 * cell.division + 1}"]
    write_labels(cell.run, scores(dice, patients))
    write_scores(cell.run.root / CHOSEN, scores(dice + 0.05, patients))
    point = {"threshold": 0.6 + 0.1 * cell.division, "validation_dice": 0.5, "cases": ["v0", "v1"]}
    (cell.run.root / CHOSEN / "operating_point.json").write_text(json.dumps(point | {"decision": "largest"}))


def write_all(study, *, but):
    write_pretraining(study)
    for cell in study.curve.cells():
        if (cell.cases, cell.start.label, cell.division) != but:
            write_cell(study, cell)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """All of it, but for a fold from scratch on 32 cases."""
    study = make_study(tmp_path_factory.mktemp("study"))
    write_all(study, but=(32, "scratch", 1))
    return study


def test_pretraining_is_the_mean_over_patients_that_have_lesions(study):
    rows = {row[0]: [str(cell) for cell in row[1:]] for row in pretraining_table(study).rows}
    # 0.7 and 0.8: mean 0.75, standard deviation 0.1 / √2
    assert rows["AUC, voxels of the brain"] == ["2", "0.750 ± 0.071 (paper 0.770)"]
    assert rows["AUC, voxels of the whole volume"] == ["2", "0.950 ± 0.071 (paper 0.770)"]
    assert rows["Dice at 0.5"] == ["2", "0.600 ± 0.141 (paper –)"]


def rows_of(page, title):
    """Return start → texts of the table below a title."""
    lines = page.split(f"### {title}\n")[1].split("\n### ")[0].splitlines()
    rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("| ")]
    return {row[0]: row[1:] for row in rows if row[0] != "− scratch"}


def test_the_curve_is_over_the_patients_of_all_folds(study):
    page = write_page(PAPER, study, command=COMMAND).read_text()
    chosen, plain = (rows_of(page, title) for title in ("At the operating point", "At the plain decision: the most "
                                                        "probable class"))  # fmt: skip
    assert chosen["start"] == ["untouched", "4 cases", "8 cases", "16 cases", "32 cases"]
    # Mean of the regions, 4 cases from scratch: 0.3 + 0.1 + (0, 0.02, 0, 0.02), and 0.05 at the operating point.
    assert chosen["scratch"] == ["–", "0.460", "0.560", "0.660", "0.760"] and plain["scratch"][1] == "0.410"
    assert [chosen[label][1] for label in DICE] == ["0.460", "0.360", "0.510", "0.560", "0.660"]
    with (study.out / "operating-point_gains.csv").open() as file:
        gains = {(row["region"], row["cases"], row["start"]): row for row in csv.DictReader(file)}
    found = gains["mean", "4", "FT_All"]
    assert float(found["difference"]) == pytest.approx(0.1) and found["patients"] == "4"
    assert {region for region, *_ in gains} == {"mean", "ncr", "ed", "et"}
    assert gains["et", "32", "FT_All"]["patients"] == "2"  # a fold from scratch is not run
    for name in ("operating-point_curve.png", "plain_curve.png"):
        assert f"({name})" in page and (study.out / name).stat().st_size > 10_000


def test_what_the_operating_point_changed_stands_with_its_thresholds(study):
    assert points_table(study).headings[1:] == tuple(DICE)
    assert points_table(study).rows[0][1] == "+0.050 ± 0.000 (at 0.6, 0.7)"
    assert points_table(study).rows[-1][1] == "+0.050 ± 0.000 (at 0.6)"


def test_directions_are_those_of_the_slides(study):
    found = {finding.statement: finding for finding in find_directions(study)}
    assert len(found) == 14
    assert found["4 cases: FT_All against scratch"].direction == "same"
    # 0.4 + 3 · 0.07 = 0.61 against 0.3 + 3 · 0.1 = 0.6
    assert found["32 cases: FT_All against scratch"].direction == "same"
    shrinking = found["Gain of FT_All over scratch: the fewest cases against the most"]
    assert shrinking.direction == "same" and shrinking.difference.mean == pytest.approx(0.09)
    assert shrinking.published == "gain with 4 > gain with 32"
    best = found["Gain of FT_All over scratch: the fewest cases against the best other number"]
    # 0.1 with 4 cases, 0.07 with 8
    assert best.ours == "gain with 4 0.100 > gain with 8 0.070" and best.direction == "same"
    poor = found["16 cases: FT_LastThree against FT_All"]
    assert poor.published == "FT_LastThree < FT_All" and poor.direction == "same"
    # 0.35 + 3 · 0.08 = 0.59 of the decoder against 0.61
    assert found["32 cases: FT_All against the best other transfer"].direction == "same"


def test_the_page_says_what_is_missing_and_where_it_comes_from(study):
    page = write_page(PAPER, study, command=COMMAND).read_text()
    top = page.split("## First phase")[0]
    assert "**Incomplete: not run yet are scratch (1 of 8 runs).**" in top
    assert "SYNTHETIC DATA" in top and "40 of 41 runs" in top and COMMAND in top and "2 of 4 folds" in top
    assert "target `glioma-3t`: 4, 8, 16 or 32 train, of a fold 1 validation, 2 test" in top
    assert "pretraining 12 epochs of 40, every training on the target 4 epochs of 5" in top
    with (study.out / "pretraining.csv").open() as file:
        assert next(csv.DictReader(file))["lesion, paper"] == "0.77"


def test_a_page_that_has_everything_does_not_say_incomplete(tmp_path):
    study = make_study(tmp_path)
    write_all(study, but=())
    note = study.out / "findings.md"
    note.parent.mkdir(exist_ok=True)
    note.write_text("It was the disease.\n")
    page = write_page(PAPER, study, command=COMMAND).read_text()
    assert "Incomplete" not in page and "41 of 41 runs" in page and "It was the disease." in page
    assert "not run" not in page


def test_without_any_run_there_is_a_page_and_no_figure(tmp_path):
    study = make_study(tmp_path)
    page = write_page(PAPER, study, command=COMMAND).read_text()
    assert "0 of 41 runs" in page and "the pretraining, scratch (8 of 8 runs)" in page
    assert "### At the operating point\n\n–\n" in page and not list(study.out.glob("*.png"))
