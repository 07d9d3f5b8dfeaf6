"""What the figures of all pages have in common."""

from pathlib import Path

from matplotlib.figure import Figure

from segan_tl.report.figures import SYNTHETIC, save_figure


def finish(axis, *, xlabel: str, ylabel: str) -> None:
    """Label the only axes of a figure, Dice upwards; the legend stands below: a curve may run anywhere in them."""
    axis.set(xlabel=xlabel, ylabel=ylabel, ylim=(0, 1))
    lighten(axis)
    axis.figure.legend(frameon=False, fontsize=9, loc="outside lower center", ncols=2 if len(axis.lines) > 3 else 3)


def lighten(axis) -> None:
    """Draw a faint grid and no frame above and on the right."""
    axis.grid(alpha=0.25)
    axis.spines[["top", "right"]].set_visible(False)


def save(figure: Figure, path: Path, *, title: str, synthetic: bool) -> None:
    """Write a figure under a title that says when no patient is in it."""
    figure.suptitle(f"{title}\n{SYNTHETIC}" if synthetic else title, fontsize=11)
    save_figure(figure, path)
