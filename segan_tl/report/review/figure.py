"""How well a second look foresees the Dice: predicted beside true, and the risk that is left over what is kept."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from segan_tl.metrics.selective import FAILURE, risk_coverage
from segan_tl.report.figures import save_figure

TOLD, BEST, BLIND = "#0072B2", "#009E73", "#777777"


def plot_review(
    dice: Sequence[float], predicted: Sequence[float], told: Sequence[float], path: Path, *, title: str
) -> None:
    """Draw one point a case, and the risk–coverage curve.

    Args:
        dice: true, of each case.
        predicted: without its patient.
        told: what answers are ranked by.
        path: PNG file.
    """
    figure = Figure(figsize=(9.5, 4.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot([0, 1], [0, 1], color=BLIND, linewidth=1)
    left.axhline(FAILURE, color=BLIND, linestyle=":", linewidth=1)
    left.plot(predicted, dice, "o", color=TOLD, markersize=5, alpha=0.7, markeredgewidth=0)
    left.set(xlabel="predicted Dice, without that patient", ylabel="Dice", xlim=(0, 1.02), ylim=(-0.02, 1.02))
    left.set_aspect("equal")
    orders = {"by predicted Dice": (told, TOLD, "-"), "by Dice itself": (dice, BEST, "--")}
    for label, (order, colour, style) in orders.items():
        right.plot(*risk_coverage(dice, order), color=colour, linestyle=style, label=label)
    blind = 1 - float(np.mean(dice))
    right.axhline(blind, color=BLIND, linewidth=1, label="by chance")
    right.set(xlabel="share of answers kept", ylabel="1 - Dice, mean of those", xlim=(0, 1))
    right.set_ylim(bottom=0)
    right.legend(frameon=False, fontsize=9)
    for axis in (left, right):
        axis.grid(alpha=0.25)
        axis.spines[["top", "right"]].set_visible(False)
    figure.suptitle(title, fontsize=11)
    save_figure(figure, path)
