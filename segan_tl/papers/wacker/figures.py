"""Fig. 3 of the reproduction of Wacker 2020."""

from pathlib import Path

from segan_tl.papers.wacker.study import NETWORKS, REGION_NAMES, STARTS, Study
from segan_tl.papers.wacker.tables import curves, mean_curve

COLOURS = {"imagenet": "#D55E00", "random": "#0072B2"}  # Okabe and Ito
LABELS = {"imagenet": "ImageNet weights", "random": "random weights"}


def plot_curves(study: Study, path: Path, *, synthetic: bool) -> bool:
    """Draw validation Dice over epochs: the mean over seeds as a line, ± one standard deviation as a band.

    Returns:
        Whether any run is there.
    """
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.ticker import MaxNLocator

    from segan_tl.report.axes import lighten, save

    figure = Figure(figsize=(9.6, 6.0), layout="constrained")
    axes = figure.subplots(len(NETWORKS), len(REGION_NAMES), sharex="row", sharey=True, squeeze=False)
    seeds = {start: 0 for start in STARTS}
    for row, network in zip(axes, NETWORKS):
        for axis, region in zip(row, REGION_NAMES):
            for start in STARTS:
                found = curves(study, network, start, region=region)
                seeds[start] = max(seeds[start], len(found))
                _draw(axis, mean_curve(found), colour=COLOURS[start])
            axis.set_title(f"{NETWORKS[network]}, {REGION_NAMES[region]}", fontsize=10)
            lighten(axis)
            axis.set_ylim(0, 1)
            axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        row[0].set_ylabel("validation Dice")
    if not any(axis.lines for axis in axes.flat):
        return False
    for axis in axes[-1]:
        axis.set_xlabel("epoch")
    lines = [Line2D([], [], color=COLOURS[start], marker="o", markersize=3) for start in STARTS]
    labels = [f"{LABELS[start]} ({_count(seeds[start])})" for start in STARTS]
    figure.legend(lines, labels, frameon=False, fontsize=9, loc="outside lower center", ncols=len(STARTS))
    title = "Validation Dice: mean over seeds, band ± one standard deviation (Fig. 3 of the paper)"
    save(figure, path, title=title, synthetic=synthetic)
    return True


def _draw(axis, rows: list[tuple], *, colour: str) -> None:
    if not rows:
        return
    epochs, means, spreads = zip(*((epoch, value, spread or 0.0) for epoch, value, spread in rows))
    low, high = ([value + sign * spread for value, spread in zip(means, spreads)] for sign in (-1, 1))
    axis.plot(epochs, means, color=colour, linewidth=1.8, marker="o" if len(rows) < 20 else None, markersize=3)
    axis.fill_between(epochs, low, high, color=colour, alpha=0.2, linewidth=0)


def _count(seeds: int) -> str:
    return "not run" if seeds == 0 else f"{seeds} seed{'s' if seeds > 1 else ''}"
