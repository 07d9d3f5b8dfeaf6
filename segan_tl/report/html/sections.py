"""The sections of a page: title, summary, learning curves, distributions, cases."""

from collections.abc import Sequence
from html import escape

from segan_tl.metrics.columns import Column, column_of
from segan_tl.report.compare.statistics import average_scans, estimate_mean
from segan_tl.report.curves import divide_history
from segan_tl.report.figures import SYNTHETIC
from segan_tl.report.html.charts import box_chart, line_chart, scatter_chart, share_range
from segan_tl.report.html.facts import facts
from segan_tl.report.html.tables import (
    case_table,
    difference_table,
    score_table,
    show,
    transfer_table,
)
from segan_tl.report.record import FinishedRun, shared_metrics, shared_regions

DISCLAIMER = "For research only: not a medical device, not for diagnosis or treatment."
RULES = {"empty": "Empty masks", "lesions": "Lesion-wise scores"}  # of several scores


def header_section(runs: Sequence[FinishedRun], title: str, *, warnings: Sequence[str]) -> str:
    """Return the title, whether patients are simulated, what is amiss, and what the page is not for."""
    badge = f'<div class="badge">{SYNTHETIC}</div>' if any(one.synthetic for one in runs) else ""
    banner = "".join(f'<p class="banner">{escape(warning)}</p>' for warning in warnings)
    return f'<h1>{escape(title)}</h1>\n{badge}\n{banner}<p class="note">{DISCLAIMER}</p>'


def summary_section(runs: Sequence[FinishedRun]) -> str:
    """Return what was trained on what and how good it is; of several runs, how they differ."""
    lead = "".join(f'<p class="lead">{_lead(one)}</p>' for one in runs)
    notes = ["Interval: bootstrap over cases (BCa); below about 20 cases it is too narrow."]
    meanings = {RULES.get(name) or column_of(name).title: text for name, text in runs[0].definitions.items() if text}
    notes += [" ".join(f"{name[0].upper()}{name[1:]}: {text}." for name, text in meanings.items())] * bool(meanings)
    scores = [score_table(runs), *(f'<p class="note">{escape(note)}</p>' for note in notes)] if runs[0].rows else [
        "<p>There were no test cases: nothing was scored.</p>"]  # fmt: skip
    if len(runs) > 1 and runs[0].rows:
        against = f", each against {escape(runs[0].name)}" if len(runs) > 2 else ""
        scores.append(f"<h3>Paired differences{against}</h3>" + difference_table(runs))
        scores.append('<p class="note">Over the same cases; p values are two-sided and corrected after Holm for as '
                      "many tests as the table has lines.</p>")  # fmt: skip
    elif len(runs) == 1:
        scores.append(transfer_table(runs[0]))
        scores = [f'<div class="columns"><div>{"".join(scores)}</div>{facts(runs[0])}</div>']
    if len(runs) > 1:
        columns = "".join(f"<div><h3>{escape(one.name)}</h3>{facts(one)}</div>" for one in runs)
        scores.append(f'<div class="columns">{columns}</div>')
    return f"<section>{lead}{''.join(scores)}</section>"


def _lead(one: FinishedRun) -> str:
    """Say in one sentence what the run is and how good."""
    sees = " + ".join(name.upper() for name in one.modalities)
    transfer = one.state.get("transfer")
    how = f", transferred from {escape(str(transfer.get('source')))} ({escape(str(transfer.get('strategy')))})" if (
        transfer) else ""  # fmt: skip
    results = []
    for region in one.regions:
        scores = one.scores("dice", region)
        found = estimate_mean(average_scans(list(scores.values()), [one.patients[case] for case in scores]))
        if found.mean is not None:
            interval = f" ({show(found.low)} to {show(found.high)})" if found.low is not None else ""
            results.append(f"{escape(region.upper())} Dice <b>{show(found.mean)}</b>{interval}")
    trained = one.state.get("data", {}).get("cases", {}).get("train", len(one.split.get("train", [])))
    kind = f"{'synthetic ' if one.synthetic else ''}case{'s' * (trained != 1)}"
    patients = f", trained on {trained} {kind}" if trained else ""
    return (
        f"<b>{escape(one.name)}</b>: {escape(sees)}{how}{patients}: "
        f"{'; '.join(results) or 'no score'} on {len(one.cases)} test case{'s' * (len(one.cases) != 1)}."
    )


def curves_section(runs: Sequence[FinishedRun]) -> str:
    """Draw losses and validation Dice over epochs."""
    if not any("epoch" in one.history for one in runs):
        return '<section><h2>Learning curves</h2><p class="note">There is no history.csv.</p></section>'
    marks = [
        (one.state["best_epoch"], f"{one.name + ': ' if len(runs) > 1 else ''}best epoch {one.state['best_epoch']}")
        for one in runs
        if one.state.get("best_epoch")
    ]
    if len(runs) == 1:
        epochs = runs[0].history["epoch"]
        losses, scores = (
            {name: (epochs, values) for name, values in part.items()} for part in divide_history(runs[0].history)
        )
        charts = [line_chart(losses, title="training losses")]
        charts.append(line_chart(scores, title="validation Dice", y_range=_share_range(scores), marks=marks))
    else:
        losses, scores = _column(runs, "loss_segmentor"), _column(runs, "dice")
        charts = [line_chart(losses, title="training loss of the segmentor")]
        charts.append(line_chart(scores, title="validation Dice", y_range=_share_range(scores), marks=marks))
    return f'<section><h2>Learning curves</h2><div class="charts">{"".join(charts)}</div></section>'


def _share_range(series: dict) -> tuple[float, float]:
    return share_range(value for _, values in series.values() for value in values)


def _column(runs: Sequence[FinishedRun], name: str) -> dict:
    return {one.name: (one.history["epoch"], one.history[name]) if name in one.history else ([], []) for one in runs}


def boxes_section(runs: Sequence[FinishedRun]) -> str:
    """Draw the scores of the cases: one chart a region (one run), or a region and score (several)."""
    drawn = [column for name in shared_metrics(runs) if (column := column_of(name)).is_score and column.short]
    draw = _own_boxes if len(runs) == 1 else _paired_boxes
    charts = [chart for region in shared_regions(runs) for chart in draw(runs, region, drawn)]
    note = "A dot is a case; the box holds the middle half of them, the thick line is the median."
    link = " A line joins the same case." if len(runs) > 1 else ""
    width = " three" if len(charts) % 3 == 0 else ""
    return (f'<section><h2>Distribution over cases</h2><div class="charts{width}">{"".join(charts)}</div>'
            f'<p class="note">{note}{link}</p></section>')  # fmt: skip


def _own_boxes(runs: Sequence[FinishedRun], region: str, drawn: list[Column]) -> list[str]:
    one, of = runs[0], f"{region.upper()}: "
    groups = {column.title: one.scores(column.name, region) for column in drawn if column.unit == "share"}
    limits = share_range(value for values in groups.values() for value in values.values())
    charts = [box_chart(groups, title=f"{of}scores of the test cases", y_range=limits)]
    if {"truth_ml", "prediction_ml"} <= set(shared_metrics(runs)):
        truth, found = one.scores("truth_ml", region), one.scores("prediction_ml", region)
        points = {case: (truth[case], found[case]) for case in truth}
        charts.append(scatter_chart(
            points, title=f"{of}volumes", x_label="truth, ml", y_label="found, against truth, in ml"))  # fmt: skip
    return charts + [
        box_chart({column.heading: one.scores(column.name, region)}, title=of + column.heading)
        for column in drawn if column.unit != "share"
    ]  # fmt: skip


def _paired_boxes(runs: Sequence[FinishedRun], region: str, drawn: list[Column]) -> list[str]:
    charts = []
    for column in drawn:
        groups = {one.name: one.scores(column.name, region) for one in runs}
        limits = share_range(value for values in groups.values() for value in values.values())
        title = f"{region.upper()}: {column.heading}"
        charts.append(box_chart(groups, title=title, y_range=limits if column.unit == "share" else None, linked=True))
    return charts


def cases_section(runs: Sequence[FinishedRun], shown: list[str]) -> str:
    """Return the table of cases; those in `shown` open in the viewer."""
    hint = "Click a heading to sort" + (", a case in colour to see it." if shown else ".")
    second = (
        '<p class="note">Predicted Dice: the mean over the regions that a second look expects of the answer, learnt '
        "from the other patients.</p>"
    ) * (len(runs) == 1 and bool(runs[0].predicted_dice))
    return (f'<section><h2>Cases</h2>{case_table(runs, shown=shown)}{second}<p class="note screen-only">{hint}</p>'
            "</section>")  # fmt: skip
