"""The tables of the reproduction of Heras Rivera 2024: every number beside the published one."""

from segan_tl.data.find.patients import patient_of
from segan_tl.papers.findings import Finding, Side, compare
from segan_tl.papers.heras.study import (
    APPROACHES,
    BASELINE,
    COLUMNS,
    DICE,
    FINETUNING,
    HD95,
    MEAN,
    PUBLISHED,
    TESTS,
    Study,
    own_scores,
    scores_of,
)
from segan_tl.papers.runs import mean
from segan_tl.papers.tables import ABSENT, Cell, Table, embolden, number
from segan_tl.report.compare.paired_tests import holm
from segan_tl.report.compare.statistics import Comparison, compare_pairs

NOT_RUN = "not run"
SCORES = {DICE: ("Dice", 3), HD95: ("HD95 in mm", 2)}


# === Table 2 ===


def table_2(study: Study, score: str) -> Table:
    """Return half of Table 2: the mean over the target patients of all folds, the best of a column in bold."""
    rows = []
    for approach, name in APPROACHES.items():
        found = scores_of(study, approach, score)
        note = _note(study, approach)
        cells = [
            Cell(mean(found[column]), PUBLISHED[score][approach][column], note=note, digits=SCORES[score][1])
            for column in COLUMNS
        ]
        rows.append((name, *cells))
    lowest = range(1, len(COLUMNS) + 1) if score == HD95 else ()
    return Table(("method", *COLUMNS.values()), embolden(rows, lowest=tuple(lowest)))


def _note(study: Study, approach: str) -> str:
    if approach == BASELINE:
        return "" if scores_of(study, approach, DICE)[MEAN] else NOT_RUN
    folds = len(study.scored(approach))
    return "" if folds == study.folds else f"{folds} of {study.folds} folds" if folds else NOT_RUN


def source_table(study: Study) -> Table:
    """Return what the baseline scores where it comes from, and on the target."""
    rows = []
    for score, (heading, digits) in SCORES.items():
        for where, found in (("source", own_scores(study, score)), ("target", scores_of(study, BASELINE, score))):
            values = [mean(found[column]) for column in COLUMNS]
            texts = [ABSENT if value is None else f"{value:.{digits}f}" for value in values]
            rows.append((f"{heading}, {where}", str(len(found[MEAN])), *texts))
    return Table(("baseline's", "test patients", *COLUMNS.values()), rows)


def patients_table(study: Study) -> Table:
    """Return the scores of every patient: what Table 2 and the tests are made of."""
    rows = []
    for approach, name in APPROACHES.items():
        dice, hd95 = (scores_of(study, approach, score) for score in (DICE, HD95))
        for case in sorted(dice[MEAN]):
            values = [found[column][case] for found in (dice, hd95) for column in COLUMNS]
            rows.append((name, case, *(f"{value:.6g}" for value in values)))
    headings = [f"{heading} {column}" for heading, _ in SCORES.values() for column in COLUMNS.values()]
    return Table(("method", "patient", *headings), rows)


# === Tests ===


def compare_approaches(study: Study) -> list[Comparison | None]:
    """Return the comparisons of TESTS, second against first, over the patients that both have."""
    found = []
    for first, second, score, _ in TESTS:
        ours, theirs = (scores_of(study, approach, score)[MEAN] for approach in (first, second))
        cases = sorted(set(ours) & set(theirs))
        pairs = ([scores[case] for case in cases] for scores in (theirs, ours))
        found.append(compare_pairs(*pairs, [patient_of(case) for case in cases]) if cases else None)
    return found


def p_table(study: Study) -> Table:
    """Return the paired t-tests of the paper's text, with Holm's correction over all that are listed."""
    found = compare_approaches(study)
    corrected = holm([one.t_p if one else None for one in found])
    rows = []
    for (first, second, score, published), one, p_holm in zip(TESTS, found, corrected):
        label = f"{APPROACHES[first]} against {APPROACHES[second]}"
        if one is None:
            rows.append((label, SCORES[score][0], ABSENT, "0", ABSENT, ABSENT, _p(published)))
            continue
        gain = one.difference
        interval = "" if gain.low is None else f" [{gain.low:.3f}, {gain.high:.3f}]"
        difference = f"{gain.mean:+.3f}{interval}"
        rows.append((label, SCORES[score][0], difference, str(gain.n), _p(one.t_p), _p(p_holm), _p(published)))
    headings = ("comparison", "score", "difference here [95 %]", "patients", "p here", "p, Holm", "p in the paper")
    return Table(headings, rows)


def _p(p: float | None) -> str:
    return ABSENT if p is None else "<0.0001" if p < 0.0001 else f"{p:.4f}"


# === Direction ===


def find_directions(study: Study) -> list[Finding]:
    """Compare what the paper's text compares: with the baseline, DANN with the others, what stands still."""
    findings = []
    for approach, name in APPROACHES.items():
        if approach != BASELINE:
            findings.append(_compare(study, approach, [BASELINE], score=DICE))
    findings += [_compare(study, "dann", ["combined"], score=score) for score in (DICE, HD95)]
    findings.append(_compare(study, "dann-no-reversal", ["combined"], score=DICE))
    frozen, whole = FINETUNING[1], FINETUNING[0]
    findings += [_compare(study, frozen, [whole], score=score) for score in (DICE, HD95)]
    rivals = [approach for approach in APPROACHES if approach not in (BASELINE, "dann")]
    for column in ("ncr", "et"):
        findings += [_compare(study, "dann", rivals, score=score, column=column) for score in (DICE, HD95)]
    return findings


def _compare(study: Study, first: str, others: list[str], *, score: str, column: str = MEAN) -> Finding:
    def side(approach: str) -> Side:
        published = PUBLISHED[score][approach][column]
        return Side(APPROACHES[approach], published, scores_of(study, approach, score)[column])

    rival = APPROACHES[others[0]] if len(others) == 1 else "the best other transfer"
    where = "" if column == MEAN else f", {COLUMNS[column]}"
    statement = f"{APPROACHES[first]} against {rival}: {SCORES[score][0]}{where}"
    return compare(statement, side(first), [side(other) for other in others], lowest=score == HD95)


# === Domain classifier ===


def domain_table(study: Study, curves: dict[str, dict[int, dict[int, float]]]) -> Table:
    """Return the accuracy of the classifier of the domains: one row an approach, fold and epoch."""
    rows = [
        (APPROACHES[approach], str(fold), str(epoch), number(value))
        for approach, folds in curves.items()
        for fold, curve in folds.items()
        for epoch, value in curve.items()
    ]
    return Table(("method", "fold", "epoch", "domain accuracy"), rows)
