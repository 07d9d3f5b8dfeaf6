"""The tables of the reproduction of Kaur 2019; its numbers are in figures only, its directions in words."""

from pathlib import Path

from segan_tl.papers.findings import Finding, Side, compare_stated
from segan_tl.papers.kaur.study import (
    CHOSEN,
    COLUMNS,
    PLAIN,
    STARTS,
    Study,
    read_areas,
    read_point,
    read_runs,
    scores_of,
)
from segan_tl.papers.published import read_published
from segan_tl.papers.runs import AVERAGE, mean, read_scores
from segan_tl.papers.tables import ABSENT, Cell, Table, learning_curve, number, paired_difference, share, spread_of

NUMBERS = Path(__file__).with_name("published.toml")
SCRATCH, ALL, LAST_THREE, DECODER = "scratch", "last-three-all", "last-three", "last-three-decoder"
AREAS = {"auc_brain": "AUC, voxels of the brain", "auc_volume": "AUC, voxels of the whole volume"}


# === Phase 1 ===


def pretraining_table(study: Study) -> Table:
    """Return what the network of the source scores on its own test patients: mean ± standard deviation."""
    published = read_published(NUMBERS)["pretraining"].rows["lesion"]["auc"]
    rows = []
    for column, heading in AREAS.items():
        found = read_areas(study, column)
        rows.append((heading, str(len(found)), Cell(mean(found), published, spread_of(found.values()))))
    dice = read_scores(study.pretraining, region="lesion")
    rows.append(("Dice at 0.5", str(len(dice)), Cell(mean(dice), None, spread_of(dice.values()))))
    return Table(("score", "test patients", "lesion"), rows)


# === Phase 2 ===


def curve_table(study: Study, *, point: str = CHOSEN, column: str = AVERAGE) -> Table:
    """Return Dice over training cases: mean ± standard deviation over test patients, and the gain over scratch."""
    found = {
        str(cases): {start: scores_of(study, cases, start, point=point, column=column) for start in STARTS}
        for cases in study.cases
    }

    def text(cases: str, start: str) -> str:
        scores, note = found[cases][start], share(len(study.scored(int(cases), start)), len(study.folds), "folds")
        if not scores:
            return note
        spread = f" ± {spread_of(scores.values()):.3f}" if len(scores) > 1 else ""
        return f"{mean(scores):.3f}{spread}" + (note and f" ({note})")

    return learning_curve(STARTS, found, texts=text)


def points_table(study: Study) -> Table:
    """Return the thresholds that were chosen, fold by fold, and what they brought on the test patients."""
    def text(cases, start):
        gain = paired_difference(*(scores_of(study, cases, start, point=point) for point in (CHOSEN, PLAIN)))
        points = ", ".join(f"{read_point(run)['threshold']:g}" for run in study.scored(cases, start).values())
        return f"{gain} (at {points})" if gain else ABSENT

    rows = [(str(cases), *(text(cases, start) for start in STARTS)) for cases in study.cases]
    return Table(("training cases", *STARTS.values()), rows)


def runs_table(study: Study) -> Table:
    """Return one row a run: the operating point, and mean Dice at it and at the plain decision."""
    rows = []
    for cases in study.cases:
        for start, name in STARTS.items():
            for fold, run in study.scored(cases, start).items():
                point, scores = read_point(run), {which: read_runs([run], which) for which in (PLAIN, CHOSEN)}
                values = [number(mean(found[column])) for found in scores.values() for column in COLUMNS]
                patients = str(len(scores[PLAIN][AVERAGE]))
                about = (f"{point['threshold']:g}", number(point["validation_dice"]), str(len(point["cases"])))
                rows.append((str(cases), name, str(fold), patients, *about, *values))
    scores = [f"dice {column}, {which}" for which in ("largest", "chosen") for column in COLUMNS.values()]
    about = ("threshold", "validation dice", "validation cases")
    return Table(("training cases", "start", "fold", "test cases", *about, *scores), rows)


# === Direction ===


def find_directions(study: Study) -> list[Finding]:
    """Compare what the slides state in words, at the operating point."""
    def compare(first, others, *, higher, what):
        return [_compare(study, cases, first, others, higher=higher, what=what) for cases in study.cases]

    return [
        *compare(ALL, [SCRATCH], higher=True, what="against scratch"),
        *_gains(study),
        *compare(LAST_THREE, [ALL], higher=False, what="against FT_All"),
        *compare(ALL, [LAST_THREE, DECODER], higher=True, what="against the best other transfer"),
    ]


def _compare(study: Study, cases: int, first: str, others: list[str], *, higher: bool, what: str) -> Finding:
    sides = [Side(STARTS[start], None, scores_of(study, cases, start)) for start in (first, *others)]
    return compare_stated(f"{cases} cases: {STARTS[first]} {what}", sides[0], sides[1:], higher=higher)


def _gains(study: Study) -> list[Finding]:
    """Compare the gain with the fewest cases with the other ones: it is the largest, and it shrinks."""
    fewest, *others = (Side(f"gain with {cases}", None, gain_of(study, cases)) for cases in study.cases)
    what = "Gain of FT_All over scratch: the fewest cases against the"
    return [
        compare_stated(f"{what} best other number", fewest, others, higher=True),
        compare_stated(f"{what} most", fewest, others[-1:], higher=True),
    ]


def gain_of(study: Study, cases: int) -> dict[str, float]:
    """Return test patient → Dice of FT_All minus Dice from scratch."""
    whole, scratch = (scores_of(study, cases, start) for start in (ALL, SCRATCH))
    return {case: whole[case] - scratch[case] for case in whole if case in scratch}
