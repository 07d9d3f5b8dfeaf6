"""The figure of the reproduction of Kaur 2019: Dice over the number of training cases."""

from pathlib import Path

from segan_tl.papers.kaur.study import COLUMNS, STARTS, Study, scores_of
from segan_tl.papers.runs import mean

# Okabe and Ito.
COLOURS = {"scratch": "#555555", "last-three": "#E69F00", "last-three-decoder": "#009E73", "last-three-all": "#0072B2"}
MARKERS = {"scratch": "s", "last-three": "v", "last-three-decoder": "^", "last-three-all": "o"}
SHIFTS = {"scratch": -0.09, "last-three": -0.03, "last-three-decoder": 0.03, "last-three-all": 0.09}


def plot_curve(study: Study, path: Path, *, synthetic: bool) -> bool:
    """Draw mean Dice over training cases, ± its standard error over test patients; return whether any run is there."""
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    from segan_tl.report.axes import lighten, save

    figure = Figure(figsize=(9.6, 6.6), layout="constrained")
    axes = figure.subplots(2, 2, sharex=True, sharey=True)
    drawn = [
        _draw(axis, study, start, column=column) for axis, column in zip(axes.flat, COLUMNS) for start in STARTS
    ]
    if not any(drawn):
        return False
    for axis, heading in zip(axes.flat, COLUMNS.values()):
        axis.set_title("average of NCR, ED, ET" if heading == "average" else heading, fontsize=10)
        axis.set_xticks(range(len(study.cases)), [str(cases) for cases in study.cases])
        axis.set_xlim(-0.4, len(study.cases) - 0.6)
        axis.set_ylim(0, 1)
        lighten(axis)
    for axis in axes[-1]:
        axis.set_xlabel("training cases")
    for axis in axes[:, 0]:
        axis.set_ylabel("test Dice")
    lines = [Line2D([], [], color=COLOURS[start], marker=MARKERS[start]) for start in STARTS]
    figure.legend(lines, STARTS.values(), frameon=False, fontsize=9, loc="outside lower center", ncols=len(STARTS))
    save(figure, path, title="Dice at the operating point: mean ± standard error over patients", synthetic=synthetic)
    return True


def _draw(axis, study: Study, start: str, *, column: str) -> bool:
    from scipy.stats import sem

    places, means, errors = [], [], []
    for place, cases in enumerate(study.cases):
        if scores := scores_of(study, cases, start, column=column):
            places.append(place + SHIFTS[start])
            means.append(mean(scores))
            errors.append(float(sem(list(scores.values()))) if len(scores) > 1 else 0.0)
    if places:
        axis.errorbar(places, means, yerr=errors, color=COLOURS[start], marker=MARKERS[start], markersize=5,
                      linewidth=1.6, capsize=3)  # fmt: skip
    return bool(places)
