"""Several rule sets side by side, and how the ranking of several systems changes between them.

Ranking as BraTS does it [Bakas 2018]: in every case, region and score the systems are ranked, ties share their mean
rank; a system's place is that of its mean rank. Each rule set ranks by the scores that it has of lesions. A score is
undefined where there was nothing to find and nothing was found: that ranks with the best.
"""

import itertools
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from rich.table import Table

from segan_tl.console import console, print_table
from segan_tl.disk.atomic import write_csv
from segan_tl.disk.paths import safe_name
from segan_tl.metrics.column import Column, Plan
from segan_tl.metrics.columns import columns_of
from segan_tl.report.score.scores import defined, spread_text, write_scores

SIDE_BY_SIDE = (
    "system", "region", "score", "rules", "column", "cases", "undefined", "mean", "std", "median",
)  # fmt: skip
RANKING = ("rules", "system", "mean_rank", "place")

Scored = Mapping[tuple[str, str], Sequence[Mapping]]  # (system, rules) → rows


def report_rules(scored: Scored, plans: Mapping[str, Sequence[Plan]], out: Path) -> None:
    """Write and print everything about several rule sets.

    Args:
        scored: the rows of every system by every rule set.
        plans: system → what was computed, one plan a rule set, in one order.
        out: CSV file of the scores side by side; the others are named after it.
    """
    for system, found in plans.items():
        for plan in found:
            write_scores(_beside(out, system, plan.challenge), scored[system, plan.challenge], plan)
        lines = list(side_by_side(system, scored, found))
        print_table(_side_by_side_table(system, lines, [plan.challenge for plan in found]))
    write_csv(out, SIDE_BY_SIDE, itertools.chain(*(side_by_side(name, scored, found) for name, found in plans.items())))
    if len(plans) > 1:
        _report_ranking(scored, plans, out)
    for line in _notes(next(iter(plans.values()))):
        console.print(line, soft_wrap=True)


def tables_of(plans: Mapping[str, Sequence[Plan]], out: Path) -> list[Path]:
    """Return the files that `report_rules` writes, OUT first."""
    of_each = [_beside(out, system, plan.challenge) for system, found in plans.items() for plan in found]
    return [out, *of_each, *(_ranking_files(out) if len(plans) > 1 else ())]


def _notes(plans: Sequence[Plan]) -> list[str]:
    """Return what the rules differ in, a line each, and where the columns that they share are explained."""
    lines = [f"{plan.challenge}: {plan.rules.rule_in_words}" for plan in plans]
    return [*lines, "what each column means: docs/scores.md, or evaluate --challenge NAME, which prints it"]


def _beside(out: Path, *words: str) -> Path:
    return out.with_name(f"{out.stem}-{'-'.join(safe_name(word, 'the system') for word in words)}.csv")


# === Side by side ===


def side_by_side(system: str, scored: Scored, plans: Sequence[Plan]) -> Iterable[dict]:
    """Yield what each rule set says of one system: a line a region, concept and rule set."""
    regions = list(dict.fromkeys(region for plan in plans for region in plan.regions))
    by_plan = [(plan, concepts_of(plan)) for plan in plans]
    concepts = list(dict.fromkeys(concept for _, found in by_plan for concept in found))
    for region, concept, (plan, found) in itertools.product(regions, concepts, by_plan):
        if region in plan.regions and concept in found:
            column = found[concept]
            values = [row[column.name] for row in scored[system, plan.challenge] if row["region"] == region]
            there = defined(values)
            yield {
                "system": system, "region": region, "score": concept, "rules": plan.challenge, "column": column.name,
                "cases": len(values), "undefined": len(values) - len(there),
                "mean": statistics.fmean(there) if there else None,
                "std": statistics.stdev(there) if len(there) > 1 and all(map(math.isfinite, there)) else None,
                "median": statistics.median(there) if there else None,
                "shown": spread_text(values, column.digits_of_mean),
            }  # fmt: skip


def concepts_of(plan: Plan) -> dict[str, Column]:
    """Return what a plan's rules have a score of; where two columns have it, that of the rules stands."""
    return {column.concept: column for column in columns_of(plan) if column.concept}


def _side_by_side_table(system: str, lines: Sequence[Mapping], rules: Sequence[str]) -> Table:
    table = Table(title=f"{system}: mean ± standard deviation (median)", title_justify="left")
    for heading in ("region", "score"):
        table.add_column(heading)
    for name in rules:
        table.add_column(name, justify="right")
    for (region, concept), found in itertools.groupby(lines, lambda line: (line["region"], line["score"])):
        shown = {line["rules"]: line["shown"] for line in found}
        table.add_row(region, concept, *(shown.get(name, "–") for name in rules))
    return table


# === Ranking ===


def _report_ranking(scored: Scored, plans: Mapping[str, Sequence[Plan]], out: Path) -> None:
    from segan_tl.report.score.slope_chart import plot_slopes

    systems, rules = list(plans), [plan.challenge for plan in next(iter(plans.values()))]
    ranks = {}
    for place, name in enumerate(rules):
        shared = [plans[system][place] for system in systems]
        ranks[name] = mean_ranks({system: scored[system, name] for system in systems}, shared)
    table_path, picture = _ranking_files(out)
    lines = [
        {"rules": name, "system": system, "mean_rank": rank, "place": sum(other < rank for other in found.values()) + 1}
        for name, found in ranks.items()
        for system, rank in found.items()
    ]
    write_csv(table_path, RANKING, lines)
    plot_slopes(ranks, picture)
    table = Table("system", title="place (mean rank)", title_justify="left")
    for name in rules:
        table.add_column(name, justify="right")
    for system in systems:
        found = [line for line in lines if line["system"] == system]
        table.add_row(system, *(f"{line['place']} ({line['mean_rank']:.2f})" for line in found))
    print_table(table)
    console.print(common_text(plans), soft_wrap=True)
    for first, second in itertools.combinations(rules, 2):
        console.print(tau_text(ranks, first, second), soft_wrap=True)
    console.print(f"ranking: {table_path}, {picture}", soft_wrap=True)


def _ranking_files(out: Path) -> tuple[Path, Path]:
    return out.with_name(f"{out.stem}-ranking.csv"), out.with_name(f"{out.stem}-ranking.png")


def mean_ranks(rows: Mapping[str, Sequence[Mapping]], plans: Sequence[Plan]) -> dict[str, float]:
    """Return system → mean rank over the cases, regions and ranking scores that all of them have; 1 is the best.

    Args:
        rows: system → its rows, by one rule set.
        plans: of each system; they may differ in regions.
    """
    import numpy as np
    from scipy.stats import rankdata

    columns = [column for column in columns_of(plans[0]) if column.ranks]
    by_key = [{(row["case"], row["region"]): row for row in found} for found in rows.values()]
    shared = [key for key in by_key[0] if all(key in found for found in by_key)]
    ranks = [
        rankdata([_badness(found[key][column.name], column) for found in by_key])
        for key in shared
        for column in columns
    ]
    means = np.mean(ranks, axis=0) if ranks else [math.nan] * len(rows)
    return dict(zip(rows, map(float, means)))


def common_text(plans: Mapping[str, Sequence[Plan]]) -> str:
    """Say by which regions systems are ranked: those that all of them have, and which that leaves out."""
    told = []
    for found in zip(*plans.values()):
        common = [region for region in found[0].regions if all(region in plan.regions for plan in found)]
        others = sorted({region for plan in found for region in plan.regions} - set(common))
        left = f" (not {', '.join(others)}, which not every system has)" if others else ""
        told.append(f"{found[0].challenge} {', '.join(common) or 'none'}{left}")
    return f"ranked by the cases and regions that all {len(plans)} systems have: {'; '.join(told)}"


def _badness(value: float, column: Column) -> float:
    """Return a number that is larger where a score is worse; nothing to find and nothing found is the best there is."""
    return -math.inf if math.isnan(value) else -value * column.better


def tau_text(ranks: Mapping[str, Mapping[str, float]], first: str, second: str) -> str:
    """Return how far two rankings agree, in words."""
    from scipy.stats import kendalltau

    one, other = ranks[first], ranks[second]
    tau = float(kendalltau(list(one.values()), [other[system] for system in one]).statistic)
    value = "not defined, all are alike" if math.isnan(tau) else f"{tau:.3f}"
    return f"Kendall's tau of {first} and {second}: {value} ({len(one)} systems; 1: one order, -1: the reverse)"
