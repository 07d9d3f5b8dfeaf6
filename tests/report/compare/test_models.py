"""Models side by side: who is better, by how much, and what so few cases cannot show."""

import csv
import dataclasses
import math
from pathlib import Path

import pytest

from segan_tl.errors import UserError
from segan_tl.report.compare.models import (
    COLUMNS,
    compare_tables,
    comparison_table,
    letter,
    notes,
    require_metrics,
    write_comparison,
)
from segan_tl.report.compare.paired_tests import wilcoxon
from segan_tl.report.compare.score_tables import ScoreTable

CASES = [f"p{i}" for i in range(8)]
LOW = [0.50, 0.52, 0.61, 0.64, 0.55, 0.58, 0.70, 0.66]
HIGH = [0.60, 0.61, 0.73, 0.71, 0.70, 0.69, 0.82, 0.70]


def table(path, name, dice, *, hd95_mm=None, region="wt"):
    rows = {
        (case, region): {"case": case, "region": region, "dice": str(score), "hd95_mm": str(distance)}
        for case, score, distance in zip(CASES, dice, hd95_mm or [10 * (1 - score) for score in dice])
    }
    return ScoreTable(name, path / f"{name}.csv", rows)


@pytest.fixture
def tables(tmp_path):
    return [table(tmp_path, "low", LOW), table(tmp_path, "high", HIGH), table(tmp_path, "same", LOW)]


def test_every_pair_and_every_metric(tables):
    rows = compare_tables(tables, ["dice", "hd95_mm"], ["wt"])
    assert [(row.metric, row.first, row.second, row.better) for row in rows] == [
        ("dice", 0, 1, 1), ("dice", 0, 2, None), ("dice", 1, 2, 1),
        ("hd95_mm", 0, 1, 1), ("hd95_mm", 0, 2, None), ("hd95_mm", 1, 2, 1),
    ]  # fmt: skip
    gains = [high - low for low, high in zip(LOW, HIGH)]
    assert rows[0].found.difference.mean == pytest.approx(sum(gains) / 8)
    assert rows[2].found.difference.mean == pytest.approx(-sum(gains) / 8)
    # All eight pairs point one way: 2 / 2⁸. Of six p four are that small: the first of them counts 6 times.
    assert rows[0].found.wilcoxon_p == wilcoxon(LOW, HIGH) == 2 / 2**8
    assert [row.wilcoxon_p_holm for row in rows] == [6 * 2 / 2**8, 1, 6 * 2 / 2**8] * 2
    assert [row.is_shown for row in rows] == [True, False, True] * 2


def test_all_against_one(tables):
    rows = compare_tables(tables, ["dice"], ["wt"], baseline=1)
    assert [(row.first, row.second, row.better) for row in rows] == [(1, 0, 1), (1, 2, 1)]


def test_the_user_says_which_way_is_better(tables):
    assert [row.better for row in compare_tables(tables[:2], ["dice"], ["wt"], better=-1)] == [0]


def test_missing_scores_are_refused_unless_allowed(tmp_path):
    pair = [table(tmp_path, "a", LOW), table(tmp_path, "b", [math.nan, *HIGH[1:7], math.nan])]
    with pytest.raises(UserError, match="found none of p0, wt and 1 more.*--allow-missing"):
        compare_tables(pair, ["dice"], ["wt"])
    (row,) = compare_tables(pair, ["dice"], ["wt"], allow_missing=True)
    assert row.found.difference.n == 6 and row.found.first_mean == pytest.approx(sum(LOW[1:7]) / 6)


def test_a_metric_has_to_be_in_all_tables(tables):
    require_metrics(tables, ["dice", "hd95_mm"])
    del tables[2].rows["p0", "wt"]["hd95_mm"]
    with pytest.raises(UserError, match=r"\(dice\); found hd95_mm; correct --metric"):
        require_metrics(tables, ["hd95_mm"])


def test_a_mistyped_metric_is_told_the_one_that_was_meant(tables):
    with pytest.raises(UserError, match=r"found hd95; did you mean hd95_mm\?"):
        require_metrics(tables, ["dice", "hd95"])


def test_an_older_run_is_told_how_to_get_its_hd95(tables):
    old = dataclasses.replace(tables[0], path=Path("runs/segan/t 2/metrics.csv"), data={"folder": "phantom"})
    for row in old.rows.values():
        del row["hd95_mm"]
    with pytest.raises(UserError) as caught:
        require_metrics([old, tables[1]], ["hd95_mm"])
    assert "low is of a version without it; compare 't 2.csv' instead" in str(caught.value)
    assert "python -m segan_tl evaluate 'runs/segan/t 2' phantom --out 't 2.csv'" in str(caught.value)


def test_csv_holds_every_number_and_gaps_where_there_is_no_answer(tables, tmp_path):
    rows = compare_tables(tables[:2], ["dice"], ["wt"])
    alone = [ScoreTable(one.name, one.path, dict(list(one.rows.items())[:1])) for one in tables[:2]]
    write_comparison(tmp_path / "out.csv", rows + compare_tables(alone, ["dice"], ["wt"]), ["low", "high"])
    with (tmp_path / "out.csv").open(newline="") as file:
        first, single = csv.DictReader(file)
    assert tuple(first) == COLUMNS
    assert (first["first"], first["second"], first["better"], first["patients"]) == ("low", "high", "high", "8")
    assert float(first["low"]) == rows[0].found.difference.low and float(first["wilcoxon_p"]) == 2 / 2**8
    assert (single["patients"], single["low"], single["t_p"], single["t_p_holm"]) == ("1", "", "", "")


def test_printed_table_fits_and_marks_what_chance_could_explain(tables, capsys):
    from rich.console import Console

    mixed = [score + gain for score, gain in zip(LOW, [0.01, -0.02] * 4)]
    worse = table(tables[0].path.parent, "odd", mixed)
    rows = compare_tables([*tables, worse], ["dice"], ["wt"])
    far = compare_tables(tables[:2], ["hd95_mm"], ["wt"])
    Console(width=180).print(comparison_table(rows, "dice", kind="8 SYNTHETIC test cases", way=1))
    Console(width=180).print(comparison_table(far, "hd95_mm", kind="8 test cases", way=-1))
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= 100
    assert "dice of 8 SYNTHETIC test cases, higher is better" in printed and "lower is better" in printed
    marks = [line.split("│")[7].strip() for line in printed.splitlines() if line.startswith("│ wt")]
    assert marks == ["B", "–", "(A)", "B", "B", "(C)", "B"]


def test_notes_say_what_so_few_cases_cannot_show(tmp_path):
    def said(cases, number):
        found = [table(tmp_path, name, scores[:cases]) for name, scores in (("a", LOW), ("b", HIGH), ("c", HIGH))]
        return "\n".join(notes(compare_tables(found[:number], ["dice"], ["wt"])))

    assert "5 patients: too few for a claim; below 6 the Wilcoxon test cannot reach 0.05" in said(5, 2)
    assert "1 patient: too few" in said(1, 2) and "too narrow" not in said(1, 2)
    assert "too few" not in said(6, 2) and "fewer than about 20 patients" in said(6, 2)
    # three comparisons: 3 · 2 / 2⁶ = 0.094
    assert "6 patients: too few for a claim from 3 comparisons at once; below 7" in said(6, 3)


def test_letters():
    assert [letter(place) for place in (0, 1, 25, 26)] == ["A", "B", "Z", "A1"]
