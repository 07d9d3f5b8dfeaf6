"""The tables of the reproduction of Kaur 2019; its numbers are in figures only, its directions in words."""

from pathlib import Path

from segan_tl.papers.findings import Finding, Side, compare_stated
from segan_tl.papers.kaur.study import (
    ALL,
    CHOSEN,
    DECODER,
    LAST_THREE,
    PLAIN,
    Study,
    has_both_points,
    read_areas,
    read_scores_at,
)
from segan_tl.papers.published import read_published
from segan_tl.papers.runs import mean, read_scores
from segan_tl.papers.tables import ABSENT, Cell, Table, paired_difference, spread_of
from segan_tl.runs import read_json
from segan_tl.workflow.starts import SCRATCH

NUMBERS = Path(__file__).with_name("published.toml")
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


def points_table(study: Study) -> Table:
    """Return the thresholds that were chosen, fold by fold, and what they brought on the test patients."""
    chosen, plain = (read_scores_at(study, point) for point in (CHOSEN, PLAIN))
    points: dict[tuple[str, int], list[str]] = {}
    for cell in study.curve.cells():
        if has_both_points(cell.run):
            threshold = read_json(cell.run.root / CHOSEN / "operating_point.json")["threshold"]
            points.setdefault((cell.start.label, cell.cases), []).append(f"{threshold:g}")

    def text(place):
        gain = paired_difference(chosen[place], plain[place])
        return f"{gain} (at {', '.join(points[place])})" if gain else ABSENT

    labels = [start.label for start in study.curve.starts]
    rows = [(str(cases), *(text((label, cases)) for label in labels)) for cases in study.curve.cases]
    return Table(("training cases", *labels), rows)


# === Direction ===


def find_directions(study: Study) -> list[Finding]:
    """Compare what the slides state in words, at the operating point."""
    scores = read_scores_at(study, CHOSEN)

    def compare(first, others, *, higher, what):
        return [
            compare_stated(
                f"{cases} cases: {first} {what}", Side(first, None, scores[first, cases]),
                [Side(other, None, scores[other, cases]) for other in others], higher=higher,
            )
            for cases in study.curve.cases
        ]  # fmt: skip

    return [
        *compare(ALL, [SCRATCH], higher=True, what="against scratch"),
        *_gains({cases: (scores[ALL, cases], scores[SCRATCH, cases]) for cases in study.curve.cases}),
        *compare(LAST_THREE, [ALL], higher=False, what="against FT_All"),
        *compare(ALL, [LAST_THREE, DECODER], higher=True, what="against the best other transfer"),
    ]


def _gains(scores: dict[int, tuple[dict[str, float], dict[str, float]]]) -> list[Finding]:
    """Compare the gain with the fewest cases with the other ones: it is the largest, and it shrinks.

    Args:
        scores: training cases → test patient → Dice, of FT_All and from scratch.
    """
    fewest, *others = (
        Side(f"gain with {cases}", None, {case: whole[case] - scratch[case] for case in whole if case in scratch})
        for cases, (whole, scratch) in scores.items()
    )
    what = "Gain of FT_All over scratch: the fewest cases against the"
    return [
        compare_stated(f"{what} best other number", fewest, others, higher=True),
        compare_stated(f"{what} most", fewest, others[-1:], higher=True),
    ]
