"""What a learning curve says: gains by hand, patients as the unit, and the words."""

import csv

import pytest

from segan_tl.report import axes
from segan_tl.report.compare.curve import Answers, Score, gather, verdicts, write_gains, write_scores
from segan_tl.report.compare.curve_page import plot_curve, table_of, write_verdicts
from segan_tl.runs import Run
from segan_tl.workflow.curve import Cell
from segan_tl.workflow.starts import Start
from tests import small_labels


def answers(dice, *, cases=(2,), regions=("wt",)):
    """Return answers from {(start, cases, seed, case): Dice}; case "b2" is another scan of patient "b"."""
    scores = [
        Score(start, number, seed, 0, case, case[0], regions[0], value)
        for (start, number, seed, case), value in dice.items()
    ]
    return Answers(tuple(scores), tuple(dict.fromkeys(start for start, *_ in dice)), cases, regions)


def two_seeds(scratch, flair):
    return {
        (start, 2, seed, case): value
        for start, values in (("scratch", scratch), ("flair", flair))
        for case, pair in values.items()
        for seed, value in enumerate(pair)
    }


def test_a_gain_is_the_mean_of_each_patients_difference_over_seeds():
    found = answers(two_seeds({"a": (0.2, 0.4), "b": (0.5, 0.5)}, {"a": (0.5, 0.5), "b": (0.5, 0.7)}))
    (gain,) = found.gains("wt")
    # Patient a: 0.5 − 0.3 = 0.2; b: 0.6 − 0.5 = 0.1; mean 0.15 of two patients, not of four trainings.
    assert gain.found.difference.mean == pytest.approx(0.15) and gain.found.difference.n == 2
    assert (gain.found.first_mean, gain.found.second_mean) == pytest.approx((0.4, 0.55))
    assert gain.seeds == 2 and found.means_of_seeds("scratch", 2, "wt") == pytest.approx({0: 0.35, 1: 0.45})


def test_scans_of_one_patient_count_once():
    found = answers(two_seeds({"a": (0.2,), "b": (0.4,), "b2": (0.6,)}, {"a": (0.4,), "b": (0.6,), "b2": (0.8,)}))
    assert found.mean("scratch", 2, "wt").mean == pytest.approx((0.2 + 0.5) / 2)
    assert found.gains("wt")[0].found.difference.n == 2


def test_only_what_both_have_is_compared():
    dice = two_seeds({"a": (0.2, 0.4)}, {"a": (0.5, 0.5)})
    del dice["flair", 2, 1, "a"]  # not run yet
    (gain,) = answers(dice).gains("wt")
    assert gain.seeds == 1 and gain.found.difference.mean == pytest.approx(0.3)
    assert answers({("scratch", 2, 0, "a"): 0.5, ("flair", 4, 0, "a"): 0.5}).gains("wt")[0].found.difference.n == 0


def test_the_words():
    sure = answers(two_seeds({"a": (0.2,), "b": (0.3,), "c": (0.4,)}, {"a": (0.3,), "b": (0.4,), "c": (0.52,)}))
    assert verdicts(sure, "wt")[0].startswith("with 2 cases start from flair: +0.11, +0.10 to +0.1")
    assert "chance" not in verdicts(sure, "wt")[0]
    unsure = answers(two_seeds({"a": (0.2,), "b": (0.6,)}, {"a": (0.5,), "b": (0.4,)}))
    assert verdicts(unsure, "wt")[0].endswith("(2 patients, 1 seed); the interval holds 0: chance could explain it")
    worse = answers(two_seeds({"a": (0.5,), "b": (0.6,)}, {"a": (0.4,), "b": (0.4,)}))
    assert verdicts(worse, "wt") == [
        "with 2 cases start from scratch: the nearest, flair, is at -0.15, -0.20 to -0.10 (2 patients, 1 seed)"
    ]


def test_one_patient_has_no_interval_to_hold_0():
    better = answers(two_seeds({"a": (0.2, 0.4)}, {"a": (0.5, 0.5)}))
    assert verdicts(better, "wt") == [
        "with 2 cases start from flair: +0.20 (1 patient, 2 seeds); one patient: no interval, too few for a claim"
    ]
    worse = answers(two_seeds({"a": (0.5,)}, {"a": (0.4,)}))
    assert verdicts(worse, "wt") == [
        "with 2 cases start from scratch: the nearest, flair, is at -0.10 (1 patient, 1 seed); one patient: no "
        "interval, too few for a claim"
    ]


def test_a_source_that_no_training_reaches_is_used_as_it_is():
    # With 2 cases scratch has 0.30, flair 0.25; with 4 flair has 0.55: the untouched 0.495 lies between.
    dice = two_seeds({"a": (0.2,), "b": (0.4,)}, {"a": (0.1,), "b": (0.4,)})
    dice |= {("scratch", 4, 0, "a"): 0.3, ("scratch", 4, 0, "b"): 0.4}
    dice |= {("flair", 4, 0, "a"): 0.5, ("flair", 4, 0, "b"): 0.6}
    found = answers(dice, cases=(2, 4))
    few, more = verdicts(found, "wt", {"flair": 0.495})
    assert few == (
        "with 2 cases no training reaches the untouched flair (0.495; the best, scratch, is at 0.300): use it as it is "
        "(means of 2 patients, no interval)"
    )
    assert more.startswith("with 4 cases start from flair: +0.20")
    assert write_verdicts(found, {"wt": {"flair": 0.495}, "tc": {"flair": 1.0}}) == f"- {few}\n- {more}"
    assert verdicts(found, "wt", {"flair": 0.3})[0].startswith("with 2 cases start from scratch")  # a tie is reached
    alone = answers(two_seeds({"a": (0.2,)}, {"a": (0.3,)}))
    assert verdicts(alone, "wt", {"flair": 0.4})[0].endswith("use it as it is (one patient: too few for a claim)")


def test_the_untouched_source_is_a_dashed_line_in_the_colour_of_its_start(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(axes, "save", lambda figure, path, **_: drawn.append(figure))
    found = answers(two_seeds({"a": (0.2,), "b": (0.4,)}, {"a": (0.5,), "b": (0.7,)}))
    plot_curve(found, tmp_path / "curve.png", untouched={"wt": {"flair": 0.495}}, title="t2", synthetic=False)
    lines = drawn[0].axes[0].lines
    (across,) = [line for line in lines if list(line.get_ydata()) == [0.495] * 2]
    (mean,) = [line for line in lines if line.get_label() == "flair"]
    assert across.get_color() == mean.get_color() and across.get_linestyle() == "--"
    assert [text.get_text() for text in drawn[0].legends[0].texts] == ["scratch", "flair", "untouched source"]


def test_files_table_and_picture(tmp_path):
    found = answers(two_seeds({"a": (0.2, 0.4), "b": (0.5, 0.5)}, {"a": (0.5, 0.5), "b": (0.5, 0.7)}))
    write_scores(tmp_path / "scores.csv", found)
    write_gains(tmp_path / "gains.csv", found)
    with (tmp_path / "gains.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert (row["start"], row["cases"], row["patients"], row["seeds"]) == ("flair", "2", "2", "2")
    assert float(row["difference"]) == pytest.approx(0.15)
    assert len((tmp_path / "scores.csv").read_text().splitlines()) == 1 + 8
    headings, rows = table_of(found, "wt", {"flair": 0.25})
    assert headings == ["start", "untouched", "2 cases"]
    assert table_of(answers({("scratch", 1, 0, "a"): 0.2}, cases=(1,)), "wt", {})[0][-1] == "1 case"
    assert rows[0] == ["scratch", "–", "0.400"] and rows[1] == ["flair", "0.250", "0.550"]
    assert rows[2][2].startswith("+0.150 [")
    plot_curve(found, tmp_path / "curve.png", untouched={}, title="t2", synthetic=True)
    assert (tmp_path / "curve.png").stat().st_size > 5000


def test_scores_of_a_retest_are_those_in_its_folder(tmp_path):
    scores = {"a": {"ncr": (0.2, 1.0), "ed": (0.4, 1.0), "et": (0.6, 1.0)}}
    start = Start("scratch", "scratch")
    cells = [Cell(start, 2, seed, 0, Run(tmp_path / f"run{seed}")) for seed in (0, 1)]
    for cell in cells:
        small_labels.write_labels(cell.run, scores)
    again = {"a": {"ncr": (0.5, 1.0), "ed": (0.5, 1.0), "et": (0.8, 1.0)}}
    small_labels.write_scores(cells[0].run.root / "again", again)

    def mean(folder):
        found = gather(cells, starts=["scratch"], cases=(2,), folder=folder)
        assert found.regions == ("mean", "ncr", "ed", "et")
        return found.of("scratch", 2, "mean")

    assert mean("") == pytest.approx({("a", 0, 0): 0.4, ("a", 1, 0): 0.4})
    assert mean("again") == pytest.approx({("a", 0, 0): 0.6})  # the other one is not tested again yet
