"""Pictures of the matrix and of the votes."""

import itertools
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from segan_tl.report.axes import lighten, save
from segan_tl.report.compare.matrix import Available

RULE_COLOURS = {"majority": "#0072B2", "weighted": "#D55E00"}
RUN_COLOURS = ("#009E73", "#CC79A7", "#000000")  # of networks for any subset, in turn
APART = 0.2  # between the dots of two rules


def plot_matrix(cells: Sequence[dict], path: Path, *, title: str, synthetic: bool) -> None:
    """Draw the mean Dice as a heat map, one a region: trained on down, applied to across, own modality framed."""
    regions = list(dict.fromkeys(cell["region"] for cell in cells))
    modalities = list(dict.fromkeys(cell["modality"] for cell in cells))
    rows = list(dict.fromkeys((cell["trained_on"], cell["run"]) for cell in cells))
    repeated = len({trained_on for trained_on, _ in rows}) < len(rows)
    width = 1.6 + (1.3 if repeated else 0) + 1.05 * len(modalities)
    figure = Figure(figsize=(max(width * len(regions) + 1, 5), 0.8 * len(rows) + 2), layout="constrained")
    axes = figure.subplots(1, len(regions), squeeze=False)[0]
    labels = [f"{trained_on}\n({run})" if repeated else trained_on for trained_on, run in rows]
    for axis, region in zip(axes, regions):
        found = {
            (cell["trained_on"], cell["run"], cell["modality"]): cell["dice"]
            for cell in cells
            if cell["region"] == region
        }
        values = [[found[*row, modality] for modality in modalities] for row in rows]
        own = [[row[0] == modality for modality in modalities] for row in rows]
        image = _draw_cells(axis, values, own)
        axis.set_xticks(range(len(modalities)), modalities)
        axis.set_yticks(range(len(rows)), labels if axis is axes[0] else [""] * len(rows))
        axis.set(xlabel="applied to", title=region if len(regions) > 1 else "")
    axes[0].set_ylabel("trained on")
    figure.colorbar(image, ax=list(axes), label=_label("mean Dice", regions), shrink=0.9)
    save(figure, path, title=title, synthetic=synthetic)


def _draw_cells(axis, values: list[list[float]], framed: list[list[bool]]):
    """Draw colours, numbers and frames; return the image, for its colour bar."""
    image = axis.imshow(values, cmap="viridis", vmin=0, vmax=1)
    for y, row in enumerate(values):
        for x, value in enumerate(row):
            ink, weight = "black" if value > 0.55 else "white", "bold" if framed[y][x] else "normal"
            axis.text(x, y, f"{value:.2f}", ha="center", va="center", color=ink, fontsize=12, fontweight=weight)
            if framed[y][x]:
                axis.add_patch(Rectangle((x - 0.47, y - 0.47), 0.94, 0.94, fill=False, edgecolor=ink, linewidth=2))
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    return image


def plot_votes(
    votes: Sequence[dict], available: Sequence[Available], path: Path, *, title: str, synthetic: bool
) -> None:
    """Draw the Dice of every subset of modalities over their number, and the mean over the subsets of each number.

    Of votes by either rule, and of runs that take any subset, whose name is the rule then.
    """
    regions = list(dict.fromkeys(row.region for row in available))
    rules = list(dict.fromkeys(row.rule for row in available))
    runs = itertools.cycle(RUN_COLOURS)
    colours = {rule: RULE_COLOURS.get(rule) or next(runs) for rule in rules}
    figure = Figure(figsize=(max(6.4 * len(regions), 7), 5.2), layout="constrained")
    axes = figure.subplots(1, len(regions), squeeze=False, sharey=True)[0]
    for axis, region in zip(axes, regions):
        for place, (rule, colour) in enumerate(colours.items()):
            shift = APART * (place - (len(rules) - 1) / 2)
            dots = [row for row in votes if row["region"] == region and row["rule"] == rule]
            places = [row["number"] + shift for row in dots]
            axis.scatter(places, [row["dice"] for row in dots], color=colour, s=24, alpha=0.5, linewidths=0)
            line = [row for row in available if row.region == region and row.rule == rule]
            axis.plot(
                [row.number for row in line], [row.mean for row in line], color=colour, marker="o", linewidth=2,
                label=f"{rule}{' vote' if rule in RULE_COLOURS else ''}, mean over subsets",
            )  # fmt: skip
        axis.scatter([], [], color="#777777", s=24, alpha=0.5, linewidths=0, label="one subset")
        _name_ends(axis, [row for row in available if row.region == region])
        axis.set(xlabel="modalities available", ylim=(0, 1), title=region if len(regions) > 1 else "")
        axis.set_xlim(0.5, max(row.number for row in available) + 0.5)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        lighten(axis)
    axes[0].set_ylabel(_label("Dice", regions) + ", mean over cases")
    axes[0].legend(frameon=False, fontsize=9, loc="lower right")
    save(figure, path, title=title, synthetic=synthetic)


def _name_ends(axis, available: Sequence[Available]) -> None:
    """Write the names of the best and the worst subset of each number beside their dots."""
    for number in sorted({row.number for row in available}):
        rows = [row for row in available if row.number == number]
        best = max((row.best for row in rows), key=lambda end: end["dice"])
        worst = min((row.worst for row in rows), key=lambda end: end["dice"])
        named = [(best, 8)] if best["modalities"] == worst["modalities"] else [(best, 8), (worst, -15)]
        for end, shift in named:
            place = {"xytext": (0, shift), "textcoords": "offset points", "ha": "center"}
            axis.annotate(end["modalities"], (number, end["dice"]), fontsize=8, **place)


def _label(score: str, regions: Sequence[str]) -> str:
    return f"{score} of {regions[0]}" if len(regions) == 1 else score
