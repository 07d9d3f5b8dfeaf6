"""Whether a comparison that a paper makes comes out the same way in our runs: computed, never typed."""

from typing import NamedTuple

from segan_tl.papers.published import PAPER, Origin, Published
from segan_tl.papers.runs import mean
from segan_tl.papers.tables import ABSENT, Difference, Table, number, paired_difference


class Side(NamedTuple):
    """One side of a comparison: what it is, its published number, its scores by test case, or by seed."""

    label: str
    published: Published | None
    scores: dict[str, float]


class Finding(NamedTuple):
    """A published comparison and ours.

    Attributes:
        statement: what is compared, in words.
        published: the published sides, as "A 0.9 > B 0.8".
        ours: ours likewise, "–" where runs are missing.
        difference: ours, first side minus second; None where runs are missing.
        direction: "same", "differs", "equal" where ours are the same number, "–".
        origin: where the published numbers stand.
    """

    statement: str
    published: str
    ours: str
    difference: Difference | None
    direction: str
    origin: Origin

    @property
    def is_within_error(self) -> bool:
        """Return whether our difference is smaller than its standard error."""
        error = self.difference and self.difference.standard_error
        return error is not None and abs(self.difference.mean) < error


def compare(statement: str, first: Side, others: list[Side], *, lowest: bool = False) -> Finding:
    """Set a side against the best of others (the lowest where `lowest`), as published and in our runs."""
    choose = min if lowest else max
    rival = choose(others, key=lambda side: side.published.value)
    published = _versus(first, first.published.value, rival, rival.published.value) + first.published.origin.mark
    higher = first.published.value > rival.published.value
    about = {"published": published, "higher": higher, "origin": first.published.origin}
    return _find(statement, first, others, choose=choose, **about)


def compare_stated(statement: str, first: Side, others: list[Side], *, higher: bool) -> Finding:
    """Set a side against others where a paper says without a number that it is higher than all, or lower than all."""
    rivals = " and ".join(side.label for side in others)
    published = f"{first.label} {'>' if higher else '<'} {rivals}"
    choose = max if higher else min
    return _find(statement, first, others, choose=choose, published=published, higher=higher, origin=PAPER)


def _find(statement: str, first: Side, others: list[Side], *, choose, published: str, higher: bool, origin) -> Finding:
    """Set our scores of a side against those of the best (or the lowest) of others."""
    if not first.scores or not all(side.scores for side in others):
        return Finding(statement, published, ABSENT, None, ABSENT, origin)
    rival = choose(others, key=lambda side: mean(side.scores))
    difference = paired_difference(first.scores, rival.scores)
    ours = _versus(first, mean(first.scores), rival, mean(rival.scores))
    # From the means, not from the paired difference: the direction is that of the numbers in the tables.
    ahead = mean(first.scores) - mean(rival.scores)
    direction = "equal" if ahead == 0 else "same" if higher == (ahead > 0) else "differs"
    return Finding(statement, published, ours, difference, direction, origin)


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
    headings = ("finding", "paper", "here", "difference here ± standard error", "direction")
    return Table(headings, rows, tuple({found.origin for found in findings}))


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
