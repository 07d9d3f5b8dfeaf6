"""The tables of the reproduction of Heras Rivera 2024: every number beside the published one."""

from pathlib import Path

from segan_tl.papers.findings import Finding, Side, compare
from segan_tl.papers.heras.study import (
    ADVERSARIAL,
    APPROACHES,
    BASELINE,
    COLUMNS,
    DICE,
    FINETUNING,
    HD95,
    LEARNING,
    OURS,
    Study,
    own_scores,
    scores_of,
)
from segan_tl.papers.published import read_published
from segan_tl.papers.runs import AVERAGE, mean, read_curve
from segan_tl.papers.tables import ABSENT, Cell, Table, beside_published, embolden, number, share

NUMBERS = Path(__file__).with_name("published.toml")
SCORES = {DICE: ("Dice", 3), HD95: ("HD95 in mm", 2)}
TABLES = {DICE: "table2_dice", HD95: "table2_hd95"}
# What the text compares, with a t-test or in words: first, second, score.
TESTS = (
    ("dann", "combined", DICE),
    ("dann", "combined", HD95),
    ("dann-no-reversal", "combined", DICE),
    *((approach, BASELINE, DICE) for approach in LEARNING),
    (OURS, "all", DICE),  # not in the paper
)


# === Table 2 ===


def table_2(study: Study, score: str) -> Table:
    """Return half of Table 2: the mean over the target patients of all folds, the best of a column in bold."""
    def ours(approach: str, column: str) -> Cell:
        value = mean(scores_of(study, approach, score)[column])
        return Cell(value, note=_note(study, approach), digits=SCORES[score][1])

    published = read_published(NUMBERS)[TABLES[score]]
    table = beside_published("method", APPROACHES, COLUMNS, ours=ours, published=published)
    lowest = range(1, len(COLUMNS) + 1) if score == HD95 else ()
    return table._replace(rows=embolden(table.rows, lowest=tuple(lowest)))


def _note(study: Study, approach: str) -> str:
    if approach == BASELINE:
        return share(bool(scores_of(study, approach, DICE)[AVERAGE]), 1, "tests")
    return share(len(study.scored(approach)), study.folds, "folds")


def source_table(study: Study) -> Table:
    """Return what the baseline scores where it comes from, and on the target."""
    rows = []
    for score, (heading, digits) in SCORES.items():
        for where, found in (("source", own_scores(study, score)), ("target", scores_of(study, BASELINE, score))):
            values = [mean(found[column]) for column in COLUMNS]
            texts = [ABSENT if value is None else f"{value:.{digits}f}" for value in values]
            rows.append((f"{heading}, {where}", str(len(found[AVERAGE])), *texts))
    return Table(("baseline's", "test patients", *COLUMNS.values()), rows)


def patients_table(study: Study) -> Table:
    """Return the scores of every patient: what Table 2 and the tests are made of."""
    rows = []
    for approach, name in APPROACHES.items():
        dice, hd95 = (scores_of(study, approach, score) for score in (DICE, HD95))
        for case in sorted(dice[AVERAGE]):
            values = [found[column][case] for found in (dice, hd95) for column in COLUMNS]
            rows.append((name, case, *(f"{value:.6g}" for value in values)))
    headings = [f"{heading} {column}" for heading, _ in SCORES.values() for column in COLUMNS.values()]
    return Table(("method", "patient", *headings), rows)


# === Tests ===


def compare_approaches(study: Study) -> list:
    """Return the comparisons of TESTS, second against first, over the patients that both have; None without any."""
    from segan_tl.data.find.patients import patient_of
    from segan_tl.report.compare.statistics import compare_pairs

    found = []
    for first, second, score in TESTS:
        ours, theirs = (scores_of(study, approach, score)[AVERAGE] for approach in (first, second))
        cases = sorted(set(ours) & set(theirs))
        pairs = ([scores[case] for case in cases] for scores in (theirs, ours))
        found.append(compare_pairs(*pairs, [patient_of(case) for case in cases]) if cases else None)
    return found


def p_table(study: Study) -> Table:
    """Return the paired t-tests of the paper's text, with Holm's correction over all that are listed."""
    from segan_tl.metrics.corrections import holm

    found = compare_approaches(study)
    corrected = holm([one.t_p if one else None for one in found])
    published = read_published(NUMBERS)["tests"].rows
    rows = []
    for (first, second, score), one, p_holm in zip(TESTS, found, corrected):
        theirs = published.get(f"{first} against {second}", {}).get(score)
        about = (f"{APPROACHES[first]} against {APPROACHES[second]}", SCORES[score][0])
        p_published = _p(theirs and theirs.value)
        if one is None:
            rows.append((*about, ABSENT, "0", ABSENT, ABSENT, p_published))
            continue
        gain = one.difference
        interval = "" if gain.low is None else f" [{gain.low:.3f}, {gain.high:.3f}]"
        rows.append((*about, f"{gain.mean:+.3f}{interval}", str(gain.n), _p(one.t_p), _p(p_holm), p_published))
    headings = ("comparison", "score", "difference here [95 %]", "patients", "p here", "p, Holm", "p in the paper")
    return Table(headings, rows)


def count_tests(study: Study) -> str:
    """Return how many comparisons can be made."""
    return str(sum(one is not None for one in compare_approaches(study)))


def _p(p: float | None) -> str:
    return ABSENT if p is None else "<0.0001" if p < 0.0001 else f"{p:.4f}"


# === Direction ===


def find_directions(study: Study) -> list[Finding]:
    """Compare what the paper's text compares: with the baseline, DANN with the others, what stands still."""
    theirs = [approach for approach in LEARNING if approach != OURS]
    whole, frozen = (approach for approach in FINETUNING if approach != OURS)
    rivals = [approach for approach in theirs if approach != "dann"]
    asked = [
        *((approach, [BASELINE], DICE, AVERAGE) for approach in theirs),
        *(("dann", ["combined"], score, AVERAGE) for score in SCORES),
        ("dann-no-reversal", ["combined"], DICE, AVERAGE),
        *((frozen, [whole], score, AVERAGE) for score in SCORES),
        *(("dann", rivals, score, column) for column in ("ncr", "et") for score in SCORES),
    ]
    return [_compare(study, first, others, score=score, column=column) for first, others, score, column in asked]


def _compare(study: Study, first: str, others: list[str], *, score: str, column: str) -> Finding:
    def side(approach: str) -> Side:
        published = read_published(NUMBERS)[TABLES[score]].rows[approach][column]
        return Side(APPROACHES[approach], published, scores_of(study, approach, score)[column])

    rival = APPROACHES[others[0]] if len(others) == 1 else "the best other transfer"
    where = "" if column == AVERAGE else f", {COLUMNS[column]}"
    statement = f"{APPROACHES[first]} against {rival}: {SCORES[score][0]}{where}"
    return compare(statement, side(first), [side(other) for other in others], lowest=score == HD95)


# === Domain classifier ===


def domain_accuracy(study: Study) -> dict[str, dict[int, dict[int, float]]]:
    """Return approach → fold → epoch → share of the examples that the classifier tells, balanced over the domains."""
    return {
        approach: {fold: read_curve(run, "domain_accuracy") for fold, run in study.scored(approach).items()}
        for approach in ADVERSARIAL
    }


def domain_table(study: Study) -> Table:
    """Return the accuracy of the classifier of the domains: one row an approach, fold and epoch."""
    rows = [
        (APPROACHES[approach], str(fold), str(epoch), number(value))
        for approach, folds in domain_accuracy(study).items()
        for fold, curve in folds.items()
        for epoch, value in curve.items()
    ]
    return Table(("method", "fold", "epoch", "domain accuracy"), rows)
