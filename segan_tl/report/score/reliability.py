"""The reliability diagram of a run: what its probabilities say, beside how often that came true."""

from pathlib import Path

from matplotlib.figure import Figure

from segan_tl.report.axes import lighten, save
from segan_tl.report.curves import COLOURS
from segan_tl.report.score.calibration import BAND_MM, PLACES, Held

TITLES = {"brain": "brain", "border": f"within {BAND_MM:g} mm of the border"}


def plot_reliability(held: Held, path: Path, *, title: str, synthetic: bool) -> None:
    """Draw a row a region and a column a place, before and after calibration; the diagonal is perfect.

    Args:
        held: of cases that fitted nothing.
        path: PNG to write.
        title: of the figure.
        synthetic: say in the title that the data is simulated.
    """
    regions = list(dict.fromkeys(region for region, _ in held.before))
    figure = Figure(figsize=(8, 0.8 + 3.6 * len(regions)), layout="constrained")
    axes = figure.subplots(len(regions), len(PLACES), squeeze=False)
    for row, region in zip(axes, regions):
        for axis, place in zip(row, PLACES):
            axis.plot([0, 1], [0, 1], color="#777777", linestyle=":", linewidth=1.2)
            for name, found, colour in zip(("before", "after"), held, COLOURS):
                one = found[region, place]
                label = f"{name}: error {one.calibration_error:.4f}"
                axis.plot(*one.points(), color=colour, marker="o", markersize=3, label=label)
            axis.set(xlim=(0, 1), ylim=(0, 1), xlabel="probability", ylabel="share that is truly inside")
            axis.set_title(f"{region}, {TITLES[place]}", fontsize=10)
            axis.legend(frameon=False, fontsize=9)
            lighten(axis)
    save(figure, path, title=title, synthetic=synthetic)
