"""The results page of Parida 2024: its numbers by hand, findings both ways, and what is not run."""

import csv
import json

import pytest

from segan_tl.papers.page import write_page
from segan_tl.papers.parida.findings import answer_questions, count_answers, find_directions, questions_table
from segan_tl.papers.parida.paper import PAPER
from segan_tl.papers.parida.study import (
    DICE,
    ENSEMBLE,
    FAMILIES,
    FINAL,
    FINETUNED,
    HD95,
    ROWS,
    SCRATCH,
    Study,
    scores_of,
)
from segan_tl.papers.parida.tables import patients_table, table_2, table_3, weights_table
from tests.small_labels import write_labels

COMMAND = "python -m segan_tl reproduce parida-2024 --scale quick"
# Lesion-wise Dice of ET; TC is 0.1 above, WT 0.2 above. HD95 is 10 mm · (1 - Dice). Two patients a fold, 0.02 apart.
RISING = dict(zip(ROWS, (0.3, 0.4, 0.2, 0.25, 0.5, 0.55, 0.6, 0.65), strict=True))
FALLING = dict(zip(ROWS, (0.6, 0.65, 0.5, 0.5, 0.45, 0.4, 0.35, 0.3), strict=True))
CASES = {fold: [f"t{2 * fold}", f"t{2 * fold + 1}"] for fold in range(3)}


def make_study(folder):
    return Study(folder / "runs", "quick", folder / "out", "glioma-1.5t", "glioma-3t")


def write_scores(path, dice, cases):
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [("case", "region", "dice", DICE, HD95)]
    for case in cases:
        for region, shift in (("et", 0), ("tc", 0.1), ("wt", 0.2)):
            value = dice + shift + 0.02 * (int(case[1:]) % 2)
            rows.append((case, region, 0.9, value, 10 * (1 - value)))
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)


def write_rows(study, values, *, but=None):
    for row, dice in values.items():
        tables = study.tables(row)
        for fold, path in enumerate(tables):
            cases = CASES[fold] if len(tables) > 1 else [case for cases in CASES.values() for case in cases]
            if (row, fold) != but:
                write_scores(path, dice, cases)


def write_rest(study):
    """Write the runs, the weights of two folds, clusters and thresholds."""
    config = {"train": {"epochs": 6, "steps_per_epoch": 50}}
    for family in FAMILIES:
        write_labels(study.pretraining(family), {"s0": {"wt": (0.7, 1)}}, config=config)
        for start in (SCRATCH, FINETUNED):
            for fold in study.folds:
                write_labels(study.fold(start, family, fold), {"t0": {"wt": (0.7, 1)}}, config=config)
    for fold, weight in ((0, 0.4), (1, 0.5)):
        study.answers(fold).mkdir(parents=True)
        runs = [{"run": "a", "share": weight}, {"run": "b", "share": 1 - weight}]
        (study.answers(fold) / "predictions.json").write_text(json.dumps({"runs": runs, "cases": {}}))
    clusters = {"columns": ["x"], "scaling": "l2", "explained": [0.9, 0.09], "cases": {"t0": 0, "t1": 0, "t2": 1}}
    study.file("truth.json").write_text(json.dumps(clusters))
    one = {"sizes_voxels": {"NCR": 0, "ED": 6, "ET": 3}, "et_wt_ratio": 0.05}
    thresholds = {"all": one, "clusters": {"0": one | {"et_wt_ratio": 0.1}}}
    study.file("postprocess.json").write_text(json.dumps({"thresholds": thresholds}))


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """All of it, but for the last fold of MedNeXt from scratch."""
    study = make_study(tmp_path_factory.mktemp("study"))
    write_rows(study, RISING, but=("scratch-mednext", 2))
    write_rest(study)
    return study


def texts(table):
    return {row[0]: [str(cell) for cell in row[1:]] for row in table.rows}


def test_table_3_is_the_mean_over_the_patients_of_all_folds(study):
    rows = texts(table_3(study, DICE))
    # ET 0.65 + 0.01 (two patients, 0.02 apart), TC 0.76, WT 0.86; their mean 0.76. The best of each column.
    assert rows[ROWS[FINAL]] == [
        "**0.660** (paper 0.870)", "**0.760** (paper 0.865)", "**0.860** (paper 0.926)", "**0.760** (paper –)",
    ]  # fmt: skip
    assert rows["nnU-Net, from scratch"][0] == "0.310 (paper –)"
    assert rows["MedNeXt, from scratch"][0] == "0.410, 2 of 3 folds (paper –)"
    # HD95 of ET: 10 · (1 - 0.66); lower is better; nothing of it is published in the text.
    assert texts(table_3(study, HD95))[ROWS[FINAL]][0] == "**3.4** (paper –)"


def test_every_patient_has_a_line(study):
    rows = patients_table(study).rows
    assert len(rows) == 8 * 6 - 2
    last = next(row for row in rows if row[:2] == (ROWS[ENSEMBLE], "t3"))
    assert last[2:6] == ("0.62", "0.72", "0.82", "0.72") and last[6] == "3.8"


def test_what_each_step_is_worth(study):
    answers = {(one.first, one.second, one.score): one for one in answer_questions(study)}
    assert len(answers) == 2 * (2 + 2 + 2 + 2 + 1)
    tuned = answers["finetuned-nnunet", "scratch-nnunet", DICE]
    assert tuned.gain.mean == pytest.approx(0.2) and tuned.gain.n == 6 and tuned.word == "yes"
    # Less than from scratch in Dice, more millimetres: no, twice.
    assert answers["pretrained-nnunet", "scratch-nnunet", DICE].word == "no"
    assert answers["pretrained-nnunet", "scratch-nnunet", HD95].word == "no"
    assert answers["pretrained-mednext", "scratch-mednext", DICE].gain.n == 4  # a fold is missing
    nearer = answers[FINAL, ENSEMBLE, HD95]
    assert nearer.gain.mean == pytest.approx(-0.5) and nearer.word == "yes"
    assert count_answers(study) == "by lesion-wise Dice 7 yes, 2 no; by lesion-wise HD95 7 yes, 2 no"
    row = next(row for row in questions_table(study).rows if row[0].startswith("Does post-processing"))
    assert row[3].startswith("+0.050 [+0.050, +0.050]") and row[4:] == ("6", "yes")


def test_an_interval_with_0_in_it_tells_nothing(tmp_path):
    study = make_study(tmp_path)
    write_rows(study, {ENSEMBLE: 0.5})
    write_scores(study.scores(FINAL), 0.51, ["t0", "t2"])
    with study.scores(FINAL).open("a") as file:
        file.writelines(f"t4,{region},0.9,{value},1\n" for region, value in (("et", 0.48), ("tc", 0.58), ("wt", 0.68)))
    one = next(one for one in answer_questions(study) if (one.first, one.score) == (FINAL, DICE))
    assert one.gain.n == 3 and one.gain.low < 0 < one.gain.high and one.word == "not told"
    assert questions_table(study).rows[0][3:] == ("–", "0", "–")  # not run


@pytest.mark.parametrize(("values", "direction"), [(RISING, "same"), (FALLING, "differs")])
def test_directions_are_told_either_way(tmp_path, values, direction):
    study = make_study(tmp_path)
    write_rows(study, values)
    found = find_directions(study)
    assert len(found) == 7
    assert {finding.direction for finding in found} == {direction}
    first = found[0]
    assert first.published == f"{ROWS[FINAL]} > nnU-Net, from scratch and MedNeXt, from scratch"
    assert found[3].statement.endswith("lesion-wise Dice") and found[0].statement.endswith("lesion-wise Dice, ET")


def test_weights_and_thresholds(study):
    rows = texts(weights_table(study))
    assert rows["fold 0"] == ["0.4000 (paper –)", "0.6000 (paper –)"]
    assert rows["mean"] == ["0.4500, 2 of 3 folds (paper 0.4722)", "0.5500, 2 of 3 folds (paper 0.5278)"]
    assert texts(table_2(study)) == {"all cases": ["0", "6", "3", "0.05"], "0": ["0", "6", "3", "0.1"]}


def test_the_page(study):
    page = write_page(PAPER, study, command=COMMAND).read_text()
    assert "Incomplete" not in page and "14 of 14 runs trained and scored" in page and COMMAND in page
    assert "of the truth, for the folds: 2 clusters of 2, 1 cases, by 2 components" in page
    assert "for the post-processing: not run" in page and "7 yes, 2 no" in page
    assert "- 7 of 8 rows of Table 3 scored in full" in page
    assert "7 of 7 comparisons point the same way as published" in page
    names = {"table3_dice", "table3_hd95", "questions", "weights", "table2", "patients"}
    assert {path.stem for path in study.out.glob("*.csv")} == names


def test_a_page_of_nothing(tmp_path):
    study = make_study(tmp_path)
    page = write_page(PAPER, study, command=COMMAND).read_text()
    assert "not run yet are nnU-Net on the source, MedNeXt on the source, nnU-Net, from scratch (3 of 3 folds)" in page
    assert "not run (paper 0.870)" in page and "No comparison can be made yet" in page
    assert scores_of(study, FINAL, DICE)["wt"] == {}
