"""Where the reproduction points the same way as Giacomello 2020, and where it does not: computed, never typed."""

from typing import NamedTuple

from segan_tl.report.giacomello_paper import (
    FIGURE_3,
    TABLE_1,
    TABLE_2,
    TABLE_3,
    TRANSFER_FILES,
    VARIANT_FILES,
    Published,
)
from segan_tl.report.giacomello_study import SINGLE, TARGETS, Study, mean, read_matrix, read_scores
from segan_tl.report.giacomello_tables import (
    ABSENT,
    MODALITY_NAMES,
    VARIANT_NAMES,
    Difference,
    Table,
    number,
    paired_difference,
)


class Side(NamedTuple):
    """One side of a comparison: what it is, its published number, its scores by test case."""

    label: str
    published: Published
    scores: dict[str, float]


class Finding(NamedTuple):
    """A published comparison and ours.

    Attributes:
        statement: what is compared, in words.
        published: the published sides, as "A 0.9 > B 0.8".
        ours: ours likewise, "–" where runs are missing.
        difference: ours, first side minus second; None where runs are missing.
        direction: "same", "differs", "equal" where ours are the same number, "–".
    """

    statement: str
    published: str
    ours: str
    difference: Difference | None
    direction: str

    @property
    def is_within_error(self) -> bool:
        """Return whether our difference is smaller than its standard error."""
        error = self.difference and self.difference.standard_error
        return error is not None and abs(self.difference.mean) < error


def find_directions(study: Study) -> list[Finding]:
    """Compare every finding of the paper with the runs that are there."""
    scores = {name: read_scores(run) for name, run in study.variants.items()}
    cat, segan = (Side(VARIANT_NAMES[name], TABLE_1[name]["dice"], scores[name]) for name in ("segan-cat", "segan"))
    with_dice, without = (
        Side(label, VARIANT_FILES[name], scores[name])
        for label, name in (("with", "segan"), ("without", "segan-no-dice"))
    )
    single = {
        modality: Side(MODALITY_NAMES[modality], published, read_scores(study.single(modality)))
        for modality, published in TABLE_2.items()
    }
    others = {name: [side for other, side in single.items() if other != name] for name in ("flair", "t1")}
    findings = [
        compare("Four modalities: SegAN-CAT against SegAN", cat, [segan]),
        compare("SegAN: with Dice loss against without", with_dice, [without]),
        compare("FLAIR against the best other modality", single["flair"], others["flair"]),
        compare("T1 against the worst other modality", single["t1"], others["t1"], lowest=True),
    ]
    return [*findings, *_transfers(study, single), *_diagonal(study)]


def _transfers(study: Study, single: dict[str, Side]) -> list[Finding]:
    findings = []
    for target in TARGETS:
        full, frozen = (read_scores(study.transfer(target, strategy)) for strategy in ("full", "frozen"))
        findings.append(
            compare(
                f"FLAIR to {MODALITY_NAMES[target]}: segmentor only against full",
                Side("segmentor only", TABLE_3[target, "frozen"]["dice"], frozen),
                [Side("full", TABLE_3[target, "full"]["dice"], full)],
            )
        )
    for target in TARGETS:
        frozen = read_scores(study.transfer(target, "frozen"))
        findings.append(
            compare(
                f"FLAIR to {MODALITY_NAMES[target]}: segmentor only against from scratch",
                Side("segmentor only", TRANSFER_FILES[target, "frozen"], frozen),
                [single[target]._replace(label="from scratch")],
            )
        )
    return findings


def _diagonal(study: Study) -> list[Finding]:
    cells, findings = read_matrix(study), []
    for trained_on in SINGLE:
        sides = {
            seen: Side(f"on {MODALITY_NAMES[seen]}", FIGURE_3[trained_on][seen], cells.get((trained_on, seen), {}))
            for seen in SINGLE
        }
        own = sides.pop(trained_on)
        statement = f"{MODALITY_NAMES[trained_on]}'s model: its own modality against the best other"
        findings.append(compare(statement, own, list(sides.values())))
    return findings


def compare(statement: str, first: Side, others: list[Side], *, lowest: bool = False) -> Finding:
    """Set a side against the best of others (the lowest where `lowest`), as published and in our runs."""
    choose = min if lowest else max
    rival = choose(others, key=lambda side: side.published.value)
    published = _versus(first, first.published.value, rival, rival.published.value) + first.published.mark
    if not first.scores or not all(side.scores for side in others):
        return Finding(statement, published, ABSENT, None, ABSENT)
    our_rival = choose(others, key=lambda side: mean(side.scores))
    difference = paired_difference(first.scores, our_rival.scores)
    ours = _versus(first, mean(first.scores), our_rival, mean(our_rival.scores))
    # From the means, not from the paired difference: the direction is that of the numbers in the tables.
    ahead = mean(first.scores) - mean(our_rival.scores)
    same = (first.published.value > rival.published.value) == (ahead > 0)
    direction = "equal" if ahead == 0 else "same" if same else "differs"
    return Finding(statement, published, ours, difference, direction)


def _versus(first: Side, value: float, second: Side, other: float) -> str:
    sign = ">" if value > other else "<" if value < other else "="
    return f"{first.label} {number(value)} {sign} {second.label} {number(other)}"


def findings_table(findings: list[Finding]) -> Table:
    """Return the findings as a table."""
    rows = []
    for found in findings:
        direction = found.direction + (", within the error" if found.is_within_error else "")
        difference = str(found.difference) if found.difference else ABSENT
        rows.append((found.statement, found.published, found.ours, difference, direction))
    return Table(("finding", "paper", "here", "difference here ± standard error", "direction"), rows)


def summarise_findings(findings: list[Finding]) -> str:
    """Return one sentence that counts them."""
    known = [found for found in findings if found.direction != ABSENT]
    if not known:
        return "No comparison can be made yet: the runs are missing."
    same, differs = ([found for found in known if found.direction == name] for name in ("same", "differs"))
    clear = [found for found in differs if not found.is_within_error]
    missing = f"; {len(findings) - len(known)} cannot be told yet" if len(known) < len(findings) else ""
    return (
        f"{len(same)} of {len(known)} comparisons point the same way as published, {len(differs)} differ, "
        f"{len(clear)} of these by more than the standard error{missing}."
    )
