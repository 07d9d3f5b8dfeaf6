"""Tables of a page: what was trained, the scores with their intervals, every case."""

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from segan_tl.metrics.columns import column_of
from segan_tl.report.compare.models import compare_tables
from segan_tl.report.compare.score_tables import table_of
from segan_tl.report.compare.statistics import Estimate, summarise
from segan_tl.report.record import FinishedRun, compared, number, shared_metrics, shared_regions


def show(value: float | None, metric: str = "dice", *, signed: bool = False) -> str:
    """Return a number with the digits of its score, a dash for none."""
    if value is None or not math.isfinite(value):
        return "–" if value is None or math.isnan(value) else "∞"
    digits = column_of(metric).digits
    value = round(value, digits) + 0.0  # no −0.000
    return (f"{value:+.{digits}f}" if signed and value else f"{value:.{digits}f}").replace("-", "−")


def show_interval(estimate: Estimate, metric: str, *, signed: bool = False) -> str:
    """Return mean and interval as HTML."""
    if estimate.low is None:
        return f"<b>{show(estimate.mean, metric, signed=signed)}</b>"
    low, high = (show(value, metric, signed=signed) for value in (estimate.low, estimate.high))
    return f'<b>{show(estimate.mean, metric, signed=signed)}</b> <span class="interval">{low} … {high}</span>'


# === Scores ===


def score_table(runs: Sequence[FinishedRun]) -> str:
    """Return the means over cases with their 95 % intervals: a row a region and score, a column a run."""
    metrics = [metric for metric in shared_metrics(runs) if column_of(metric).is_score]
    found = [summarise(one.rows) for one in runs]
    regions = shared_regions(runs)
    body = []
    for region in regions:
        for metric in metrics:
            words = [*([region.upper()] if len(regions) > 1 else []), column_of(metric).heading]
            estimates = [summary.get(region, {}).get(metric, Estimate(None, None, None, 0)) for summary in found]
            cells = [show_interval(estimate, metric) for estimate in estimates]
            body.append((words, [*cells, "/".join(dict.fromkeys(str(estimate.n) for estimate in estimates))]))
    cases, patients = len(runs[0].cases), len(set(runs[0].patients.values()))
    several = f", of {patients} patient{'s' * (patients > 1)}" if patients < cases else ""
    heads = [*(["region"] if len(regions) > 1 else []), f"mean over {cases} test case{'s' * (cases != 1)}{several}"]
    names = [one.name for one in runs] if len(runs) > 1 else ["with 95 % interval"]
    return table(heads, [*names, "n"], body)


def difference_table(runs: Sequence[FinishedRun]) -> str:
    """Return the paired differences to the first run: mean with interval, who is higher how often, corrected p."""
    regions, tables = shared_regions(runs), [table_of(one) for one in runs]
    metrics = [metric for metric in shared_metrics(runs) if column_of(metric).main]
    rows = compare_tables(tables, metrics, regions, baseline=0, allow_missing=True)
    body = []
    for row in sorted(rows, key=lambda row: regions.index(row.region)):
        one, two = (tables[place].scores(row.metric, row.region) for place in (0, row.second))
        words = [row.region.upper()] if len(regions) > 1 else []
        words += [column_of(row.metric).heading, f"{runs[row.second].name} − {runs[0].name}"]
        mean = show_interval(row.found.difference, row.metric, signed=True)
        higher = f"{sum(two[case] > one[case] for case in one)} of {len(one)}"
        body.append((words, [mean, higher, _p(row.t_p_holm), _p(row.wilcoxon_p_holm)]))
    heads = [*(["region"] if len(regions) > 1 else []), "score", "difference"]
    return table(heads, ["mean", "higher in", "p (paired t), Holm", "p (Wilcoxon), Holm"], body)


def _p(value: float | None) -> str:
    return "–" if value is None else "< 0.001" if value < 0.001 else f"{value:.3f}"


def transfer_table(one: FinishedRun) -> str:
    """Return what the transfer was worth, "" where that was not measured."""
    if not one.comparison:
        return ""
    regions = one.comparison.get("regions", {})
    columns = compared(regions)
    body = [
        ([region.upper()], [show(scores.get(name)) for name in columns]) for region, scores in regions.items()
    ]
    strategy = escape(str(one.comparison.get("strategy", "")))
    return "<h3>What the transfer was worth</h3>" + table(
        ["mean test Dice"], list(columns.values()), body
    ) + f'<p class="note">Strategy {strategy}, the same test cases in every column.</p>'  # fmt: skip


# === Cases ===


def case_table(runs: Sequence[FinishedRun], *, shown: Iterable[str]) -> str:
    """Return one row a case and region, to be sorted in the browser; cases in the viewer open there.

    Args:
        shown: cases that the viewer has.
    """
    shown, regions = set(shown), shared_regions(runs)
    heads = ["case", *(["region"] if len(regions) > 1 else [])]
    if len(runs) == 1:
        metrics = shared_metrics(runs)
        predicted = runs[0].predicted_dice
        names = ["predicted Dice"] * bool(predicted) + [column_of(metric).heading for metric in metrics]
    else:
        names = [f"Dice, {one.name}" for one in runs] + [f"{one.name} − {runs[0].name}" for one in runs[1:]]
    body = []
    for region in regions:
        rows = [{row["case"]: row for row in one.rows if row["region"] == region} for one in runs]
        for case, row in rows[0].items():
            if len(runs) == 1:
                values = [(predicted.get(case, math.nan), "dice")] * bool(predicted)
                values += [(number(row.get(metric)), metric) for metric in metrics]
                cells = [(value, show(value, metric)) for value, metric in values]
            else:
                cells = _dice_and_differences([other[case] for other in rows if case in other])
            words = [(case, _case(case, shown)), *([(region, region.upper())] if len(regions) > 1 else [])]
            body.append(_sortable_row(words, cells, region=region))
    head = "".join(_sortable_head(name, word=True) for name in heads) + "".join(map(_sortable_head, names))
    rows = "".join(body)
    return _region_filter(regions) + (
        f'<div class="scroll"><table class="sortable"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
    )


def _dice_and_differences(rows: Sequence[Mapping]) -> list[tuple[float, str]]:
    dice = [number(row["dice"]) for row in rows]
    differences = [value - dice[0] for value in dice[1:]]
    return [(value, show(value)) for value in dice] + [(value, show(value, signed=True)) for value in differences]


def _case(case: str, shown: set[str]) -> str:
    name = escape(case)
    return f'<button type="button" class="case" data-case="{name}">{name}</button>' if case in shown else name


def _sortable_head(name: str, *, word: bool = False) -> str:
    return f'<th{" class=word" if word else ""}><button type="button">{escape(name)}</button></th>'


def _region_filter(regions: Sequence[str]) -> str:
    """Return what chooses the region of the rows, for the script to show; without a script all rows are there."""
    if len(regions) < 2:
        return ""
    options = "".join(f'<option value="{escape(name)}">{escape(name.upper())}</option>' for name in regions)
    return (
        '<label class="filter screen-only" hidden>region <select id="case-region">'
        f'{options}<option value="">all</option></select></label>'
    )


def _sortable_row(words: Sequence[tuple[str, str]], cells: Sequence[tuple[float, str]], *, region: str) -> str:
    line = [f'<td class="word" data-value="{escape(value)}">{text}</td>' for value, text in words]
    line += [f'<td data-value="{value:.6g}">{text}</td>' if math.isfinite(value) else f'<td data-value="">{text}</td>'
             for value, text in cells]  # fmt: skip
    return f'<tr data-region="{escape(region)}">{"".join(line)}</tr>'


def table(words: Sequence[str], numbers: Sequence[str], body: Iterable[tuple[Sequence[str], Sequence[str]]]) -> str:
    """Return a plain table.

    Args:
        words: headings of the columns of words.
        numbers: headings of the others.
        body: (words, cells) a row; words are escaped here, cells are HTML already.
    """
    head = "".join(f'<th class="word">{escape(name)}</th>' for name in words)
    head += "".join(f"<th>{escape(name)}</th>" for name in numbers)
    rows = "".join(
        "<tr>"
        + "".join(f'<td class="word">{escape(word)}</td>' for word in line)
        + "".join(f"<td>{cell}</td>" for cell in cells)
        + "</tr>"
        for line, cells in body
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
