"""Models side by side on the same cases: who is better at what, by how much, and whether chance would explain it."""

import math
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from rich.table import Table

from segan_tl.disk.atomic import write_csv
from segan_tl.errors import UserError, nearest
from segan_tl.metrics.columns import column_of, columns_of, plan_of_run
from segan_tl.metrics.corrections import holm
from segan_tl.report.compare.paired_tests import fewest_pairs
from segan_tl.report.compare.score_tables import ScoreTable, whose_cases
from segan_tl.report.compare.statistics import Comparison, compare_pairs

LEVEL = 0.05
# Below about so many patients a bootstrap interval is too narrow.
ENOUGH_PATIENTS = 20
COLUMNS = (
    "metric", "region", "first", "second", "patients", "first_mean", "second_mean", "difference", "low", "high",
    "better", "t_p", "t_p_holm", "wilcoxon_p", "wilcoxon_p_holm",
)  # fmt: skip


class Row(NamedTuple):
    """Two models, one metric, one region.

    Attributes:
        first: place of the model that is compared with.
        second: place of the other; differences are second - first.
        better: place of the one with the better mean; None where they are equal, or nothing tells which way is better.
        t_p_holm: t_p, corrected for all rows.
        wilcoxon_p_holm: wilcoxon_p, corrected for all rows.
    """

    metric: str
    region: str
    first: int
    second: int
    found: Comparison
    better: int | None
    t_p_holm: float | None = None
    wilcoxon_p_holm: float | None = None

    @property
    def is_shown(self) -> bool:
        """Return whether chance alone would rarely give such a difference."""
        return self.wilcoxon_p_holm is not None and self.wilcoxon_p_holm < LEVEL


# === Compute ===


def require_metrics(tables: Sequence[ScoreTable], metrics: Sequence[str]) -> None:
    """Refuse metrics that not all tables have.

    Raises:
        UserError: it names those that they have.
    """
    shared = [name for name in tables[0].metrics if all(name in table.metrics for table in tables)]
    if unknown := [name for name in metrics if name not in shared]:
        computed = {column.name for column in columns_of(plan_of_run((), None))}  # from predictions, afterwards too
        old = [table for table in tables if table.data and computed.intersection(unknown) - set(table.metrics)]
        near = nearest(unknown[0], shared)
        remedy = f"did you mean {near}?" if near else "correct --metric"
        remedy = f"{old[0].name} is of a version without it; {_rescore(old[0])}" if old else remedy
        shared, unknown = (", ".join(names) or "none" for names in (shared, unknown))
        raise UserError(f"expected metrics that all runs have ({shared}); found {unknown}; {remedy}")


def _rescore(table: ScoreTable) -> str:
    run, cohort = (shlex.quote(str(place)) for place in (table.path.parent, table.data.get("folder", "COHORT")))
    file = shlex.quote(f"{table.path.parent.name}.csv")
    return f"compare {file} instead, after: python -m segan_tl evaluate {run} {cohort} --out {file}"


def compare_tables(
    tables: Sequence[ScoreTable],
    metrics: Sequence[str],
    regions: Sequence[str],
    *,
    baseline: int | None = None,
    better: int | None = None,
    allow_missing: bool = False,
    patients: Mapping[str, str] | None = None,
) -> list[Row]:
    """Compare every pair of models, or all with one, in every metric and region.

    Args:
        tables: of the same cases (`score_tables.require_same_cases`).
        baseline: place of the model to compare the others with; None for every pair.
        better: 1 where higher is better, -1 where lower is; None to go by the name of the metric.
        allow_missing: leave out a case of a comparison where a model has no score, instead of refusing.
        patients: case → patient; None for what the tables say (`score_tables.whose_cases`).

    Returns:
        One row a comparison; Holm's correction counts all of them.

    Raises:
        UserError: a score is missing or infinite.
    """
    places = range(len(tables))
    if baseline is None:
        pairs = [(first, second) for first in places for second in places if first < second]
    else:
        pairs = [(baseline, second) for second in places if second != baseline]
    patients = patients or whose_cases(tables)
    rows = []
    for metric in metrics:
        way = better or column_of(metric).better
        for region in regions:
            scores = [_scores(table, metric, region, allow_missing=allow_missing) for table in tables]
            for first, second in pairs:
                cases = list(scores[first])
                one, other = ([scores[place][case] for case in cases] for place in (first, second))
                found = compare_pairs(one, other, [patients[case] for case in cases])
                rows.append(Row(metric, region, first, second, found, _better(found, first, second, way=way)))
    corrected = zip(holm([row.found.t_p for row in rows]), holm([row.found.wilcoxon_p for row in rows]))
    return [row._replace(t_p_holm=t, wilcoxon_p_holm=w) for row, (t, w) in zip(rows, corrected)]


def _scores(table: ScoreTable, metric: str, region: str, *, allow_missing: bool) -> dict[str, float]:
    scores = table.scores(metric, region)
    missing = [case for case, score in scores.items() if math.isnan(score)]
    if missing and not allow_missing:
        raise UserError(
            f"expected {metric} of every case in {table.path}; found none of {missing[0]}, {region}"
            f"{f' and {len(missing) - 1} more' * (len(missing) > 1)}; write what such a case counts, or leave it out "
            "with --allow-missing"
        )
    return scores


def _better(found: Comparison, first: int, second: int, *, way: int | None) -> int | None:
    gain = found.difference.mean
    return None if way is None or not gain else second if gain * way > 0 else first


# === Write and print ===


def write_comparison(path: Path, rows: Sequence[Row], names: Sequence[str]) -> None:
    """Write one line a comparison; numbers have all their digits, what has no answer is empty."""
    lines = []
    for row in rows:
        mean, low, high, number = row.found.difference
        better = "" if row.better is None else names[row.better]
        values = (row.found.first_mean, row.found.second_mean, mean, low, high, better)
        tests = (row.found.t_p, row.t_p_holm, row.found.wilcoxon_p, row.wilcoxon_p_holm)
        line = (row.metric, row.region, names[row.first], names[row.second], number, *values, *tests)
        lines.append(dict(zip(COLUMNS, line)))
    write_csv(path, COLUMNS, lines)


def letter(place: int) -> str:
    """Return the letter by which a model goes in the printed table: A, B, …, Z, A1, …"""
    return chr(ord("A") + place % 26) + (str(place // 26) if place >= 26 else "")


def comparison_table(rows: Sequence[Row], metric: str, *, kind: str, way: int | None) -> Table:
    """Return the comparisons of one metric, at most 100 columns wide.

    Args:
        kind: what the cases are, "12 SYNTHETIC test cases".
        way: 1 where higher is better, -1 where lower is, None where nothing tells.
    """
    which = {1: "higher is better", -1: "lower is better", None: "add --better to say which way is better"}[way]
    table = Table(title=f"{metric} of {kind}, {which}", title_justify="left")
    table.add_column("region")
    for heading in ("n", "pair", "1st", "2nd", "2nd - 1st [95 %]", "best", "t-test", "Wilcoxon", "Holm"):
        table.add_column(heading, justify="right", no_wrap=True)
    for cells in _cells(rows, metric):
        table.add_row(*cells)
    return table


def comparison_lines(rows: Sequence[Row], metric: str) -> list[str]:
    """Return the same as lines below 80 columns, three a comparison, for terminals where the table does not fit."""
    lines = []
    for region, number, pair, first, second, gain, best, t_test, wilcoxon, holm_p in _cells(rows, metric):
        lines.append(f"  {region}, n {number}, pair {pair}: 1st {first}, 2nd {second}, best {best}")
        lines.append(f"    2nd - 1st [95 %]  {gain}")
        lines.append(f"    t-test {t_test}, Wilcoxon {wilcoxon}, Holm {holm_p}")
    return lines


def _cells(rows: Sequence[Row], metric: str) -> list[tuple[str, ...]]:
    rows = [row for row in rows if row.metric == metric]
    largest = max(abs(mean or 0) for row in rows for mean in (row.found.first_mean, row.found.second_mean))
    digits = 3 if largest < 2 else 2 if largest < 20 else 1
    lines = []
    for row in rows:
        found, better = row.found, "–" if row.better is None else letter(row.better)
        means = ("–" if mean is None else f"{mean:.{digits}f}" for mean in (found.first_mean, found.second_mean))
        best = better if row.is_shown or row.better is None else f"({better})"
        tests = (_p(p) for p in (found.t_p, found.wilcoxon_p, row.wilcoxon_p_holm))
        pair = f"{letter(row.first)}, {letter(row.second)}"
        lines.append((row.region, str(found.difference.n), pair, *means, _interval(found, digits), best, *tests))
    return lines


def notes(rows: Sequence[Row]) -> list[str]:
    """Say how to read the table, and what so few cases cannot show."""
    lines = [
        "means over the n patients, of the pair and of its difference, the latter with its 95 % bootstrap interval",
        "t-test, Wilcoxon: two-sided p of the paired tests; Holm: that of Wilcoxon, corrected for "
        f"{len(rows)} comparison{'s' * (len(rows) > 1)}",
    ]
    if any(row.better is not None and not row.is_shown for row in rows):
        lines.append("in brackets: better on these, but chance could explain it (Holm of 0.05 or more, or none)")
    fewest, needed = min(row.found.difference.n for row in rows), fewest_pairs(len(rows), level=LEVEL)
    too_few = f"{fewest} patient{'s' * (fewest != 1)}: too few for a claim"
    if fewest < fewest_pairs(level=LEVEL):
        lines.append(
            f"{too_few}; below {fewest_pairs(level=LEVEL)} the Wilcoxon test cannot reach {LEVEL}, whatever the scores"
        )
    elif fewest < needed:
        lines.append(
            f"{too_few} from {len(rows)} comparisons at once; below {needed} none of them can reach {LEVEL} after "
            "Holm's correction; compare fewer runs, metrics or regions, chosen beforehand"
        )
    if 2 <= fewest < ENOUGH_PATIENTS:
        lines.append(
            f"from fewer than about {ENOUGH_PATIENTS} patients intervals come out too narrow: think of wider ones"
        )
    return lines


def _interval(found: Comparison, digits: int) -> str:
    mean, low, high, _ = found.difference
    if mean is None:
        return "–"
    return f"{mean:+.{digits}f}" + (f" [{low:.{digits}f}, {high:.{digits}f}]" if low is not None else "")


def _p(p: float | None) -> str:
    return "–" if p is None else "<0.001" if p < 0.001 else f"{p:.3f}"
