"""A slope chart: the places of systems under one rule set after another."""

from collections.abc import Mapping
from pathlib import Path

from matplotlib.figure import Figure

from segan_tl.report.figures import save_figure

# Okabe and Ito: told apart with every kind of colour vision.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")


def plot_slopes(ranks: Mapping[str, Mapping[str, float]], path: Path) -> None:
    """Draw the mean rank of every system, one column a rule set, the best on top.

    Args:
        ranks: rules → system → mean rank.
        path: PNG file.
    """
    rules = list(ranks)
    systems = sorted(ranks[rules[0]], key=ranks[rules[0]].get)
    figure = Figure(figsize=(2.5 + 2.2 * len(rules), 1.6 + 0.45 * len(systems)), layout="constrained")
    axis = figure.subplots()
    for place, system in enumerate(systems):
        heights = [ranks[name][system] for name in rules]
        colour = COLOURS[place % len(COLOURS)]
        axis.plot(range(len(rules)), heights, marker="o", color=colour, linewidth=2)
        for end, side, offset in ((0, "right", -8), (len(rules) - 1, "left", 8)):
            axis.annotate(
                f"{system}  {heights[end]:.2f}" if side == "right" else f"{heights[end]:.2f}  {system}",
                (end, heights[end]), (offset, 0), textcoords="offset points", ha=side, va="center", color=colour,
                fontsize=9,
            )  # fmt: skip
    axis.set_xticks(range(len(rules)), rules)
    axis.set(ylabel="mean rank, 1 is the best")
    axis.invert_yaxis()
    axis.margins(x=0.6 / len(rules))
    axis.spines[["top", "right", "bottom"]].set_visible(False)
    axis.tick_params(axis="x", length=0)
    figure.suptitle("Places under each rule set", fontsize=11)
    save_figure(figure, path)
