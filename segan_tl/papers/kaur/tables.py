"""The tables of the reproduction of Kaur 2019; its numbers are in figures only, its directions in words."""

import statistics

from segan_tl.papers.findings import Finding, Side, compare_stated
from segan_tl.papers.kaur.study import (
    AUC_PUBLISHED,
    CHOSEN,
    COLUMNS,
    MEAN,
    PLAIN,
    STARTS,
    Study,
    read_areas,
    read_point,
    scores_of,
    scores_of_run,
)
from segan_tl.papers.runs import mean, read_scores
from segan_tl.papers.tables import ABSENT, Cell, Table, number, paired_difference

SCRATCH, ALL, LAST_THREE = "scratch", "last-three-all", "last-three"
AREAS = {"auc_brain": "AUC, voxels of the brain", "auc_volume": "AUC, voxels of the whole volume"}


# === Phase 1 ===


def pretraining_table(study: Study) -> Table:
    """Return what the network of the source scores on its own test patients: mean ± standard deviation."""
    rows = []
    for column, heading in AREAS.items():
        found = read_areas(study, column)
        rows.append((heading, str(len(found)), Cell(mean(found), AUC_PUBLISHED, _deviation(found))))
    dice = read_scores(study.pretraining, region="lesion")
    rows.append(("Dice at 0.5", str(len(dice)), Cell(mean(dice), None, _deviation(dice))))
    return Table(("score", "test patients", "lesion"), rows)


def _deviation(scores: dict[str, float]) -> float | None:
    return statistics.stdev(scores.values()) if len(scores) > 1 else None


# === Phase 2 ===


def curve_table(study: Study, *, point: str = CHOSEN, column: str = MEAN) -> Table:
    """Return Dice over training cases: mean ± standard deviation over test patients, and the gain over scratch."""
    rows = []
    for cases in study.cases:
        found = {start: scores_of(study, cases, start, point=point, column=column) for start in STARTS}
        texts = [_spread(study, cases, start, found[start]) for start in STARTS]
        gains = [paired_difference(found[start], found[SCRATCH]) for start in STARTS if start != SCRATCH]
        rows.append((str(cases), *texts, *(str(gain) if gain else ABSENT for gain in gains)))
    names = list(STARTS.values())
    return Table(("training cases", *names, *(f"{name} − scratch" for name in names[1:])), rows)


def _spread(study: Study, cases: int, start: str, scores: dict[str, float]) -> str:
    if not scores:
        return "not run"
    deviation, folds = _deviation(scores), len(study.scored(cases, start))
    few = "" if folds == len(study.folds) else f" ({folds} of {len(study.folds)} folds)"
    return f"{mean(scores):.3f}" + ("" if deviation is None else f" ± {deviation:.3f}") + few


def points_table(study: Study) -> Table:
    """Return the thresholds that were chosen, fold by fold, and what they brought on the test patients."""
    rows = []
    for cases in study.cases:
        texts = []
        for start in STARTS:
            runs = study.scored(cases, start).values()
            gain = paired_difference(
                scores_of(study, cases, start, point=CHOSEN), scores_of(study, cases, start, point=PLAIN)
            )
            points = ", ".join(f"{read_point(run)['threshold']:g}" for run in runs)
            texts.append(f"{gain} (at {points})" if gain else ABSENT)
        rows.append((str(cases), *texts))
    return Table(("training cases", *STARTS.values()), rows)


def runs_table(study: Study) -> Table:
    """Return one row a run: the operating point, and mean Dice at it and at the plain decision."""
    rows = []
    for cases in study.cases:
        for start, name in STARTS.items():
            for fold, run in study.scored(cases, start).items():
                point = read_point(run)
                values = [
                    number(mean(scores_of_run(run, which)[column])) for which in (PLAIN, CHOSEN) for column in COLUMNS
                ]
                patients = str(len(scores_of_run(run, PLAIN)[MEAN]))
                about = (f"{point['threshold']:g}", number(point["validation_dice"]), str(len(point["cases"])))
                rows.append((str(cases), name, str(fold), patients, *about, *values))
    scores = [f"dice {column}, {which}" for which in ("largest", "chosen") for column in COLUMNS.values()]
    about = ("threshold", "validation dice", "validation cases")
    return Table(("training cases", "start", "fold", "test cases", *about, *scores), rows)


# === Direction ===


def find_directions(study: Study) -> list[Finding]:
    """Compare what the slides state in words, at the operating point."""
    findings = [
        _compare(study, cases, ALL, [SCRATCH], higher=True, what="against scratch") for cases in study.cases
    ]
    findings += _gains(study)
    findings += [
        _compare(study, cases, LAST_THREE, [ALL], higher=False, what="against FT_All") for cases in study.cases
    ]
    rivals = [LAST_THREE, "last-three-decoder"]
    findings += [
        _compare(study, cases, ALL, rivals, higher=True, what="against the best other transfer")
        for cases in study.cases
    ]
    return findings


def gain_of(study: Study, cases: int) -> dict[str, float]:
    """Return test patient → Dice of FT_All minus Dice from scratch."""
    whole, scratch = (scores_of(study, cases, start) for start in (ALL, SCRATCH))
    return {case: whole[case] - scratch[case] for case in whole if case in scratch}


def _gains(study: Study) -> list[Finding]:
    """Compare the gain with the fewest cases with the other ones: it is the largest, and it shrinks."""
    sides = [Side(f"gain with {cases}", None, gain_of(study, cases)) for cases in study.cases]
    return [
        compare_stated(
            "Gain of FT_All over scratch: the fewest cases against the best other number", sides[0], sides[1:],
            higher=True,
        ),
        compare_stated(
            "Gain of FT_All over scratch: the fewest cases against the most", sides[0], sides[-1:], higher=True
        ),
    ]  # fmt: skip


def _compare(study: Study, cases: int, first: str, others: list[str], *, higher: bool, what: str) -> Finding:
    sides = [Side(STARTS[start], None, scores_of(study, cases, start)) for start in (first, *others)]
    return compare_stated(f"{cases} cases: {STARTS[first]} {what}", sides[0], sides[1:], higher=higher)
