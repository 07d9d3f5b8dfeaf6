"""The figure of a cross-validation: a box for each fold and region."""

import math
from pathlib import Path

from matplotlib.figure import Figure

from segan_tl.report.axes import lighten, save
from segan_tl.report.compare.crossval import CrossValidation
from segan_tl.report.record import number

COLOUR, MEAN_COLOUR = "#0072B2", "#D55E00"  # Okabe and Ito


def plot_folds(crossval: CrossValidation, path: Path) -> None:
    """Draw the patients of every fold as dots over a box (quartiles, median), and the mean over all as a line."""
    scores = crossval.main_scores
    regions, rows = crossval.regions, crossval.rows
    size = (max(1.2 + 0.45 * len(crossval.folds), 2.4) * len(regions) + 0.8, 2.9 * len(scores) + 0.6)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(len(scores), len(regions), sharex=True, sharey="row", squeeze=False)
    for line, score in zip(axes, scores):
        for axis, region in zip(line, regions):
            _draw(axis, [row for row in rows if row["region"] == region], score.name)
            axis.set_title(region, fontsize=10)
        line[0].set_ylabel(score.in_words)
        line[0].set_ylim(*((0, 1.02) if score.unit == "share" else (0, None)))
    for axis in axes[-1]:
        axis.set_xlabel("fold")
    missing = f", folds {', '.join(map(str, crossval.missing))} MISSING" if crossval.missing else ""
    title = f"{crossval.name}: {crossval.number} folds{missing}; line: mean over all patients"
    save(figure, path, title=title, synthetic=crossval.synthetic)


def _draw(axis, rows: list[dict], metric: str) -> None:
    scores: dict[int, list[float]] = {}
    for row in rows:
        if not math.isnan(score := number(row[metric])):
            scores.setdefault(row["fold"], []).append(score)
    everything = sum(scores.values(), [])
    if everything:
        axis.axhline(sum(everything) / len(everything), color=MEAN_COLOUR, linewidth=1)
        axis.boxplot(
            list(scores.values()), positions=list(scores), widths=0.6, showfliers=False,
            medianprops={"color": COLOUR}, boxprops={"color": COLOUR}, whiskerprops={"color": COLOUR},
            capprops={"color": COLOUR},
        )  # fmt: skip
    for fold, values in scores.items():
        axis.plot([fold] * len(values), values, ".", color=COLOUR, alpha=0.5, markersize=4)
    axis.set_xticks(list(scores), labels=[str(fold) for fold in scores])
    lighten(axis)
