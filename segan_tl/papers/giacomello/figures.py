"""The figures of the reproduction of Giacomello 2020."""

import statistics
from pathlib import Path

from segan_tl.papers.giacomello.study import (
    CURVE_CASES,
    CURVE_STRATEGIES,
    CURVES,
    MODALITY_NAMES,
    STRATEGY_NAMES,
    VARIANT_NAMES,
    Study,
    read_matrix,
)
from segan_tl.papers.giacomello.tables import cases_name, curve_scores
from segan_tl.papers.runs import mean, read_curve

# Okabe and Ito; the paper's Fig. 2 has its own model in orange and SegAN with Dice loss in green, too.
VARIANT_COLOURS = {"segan-cat": "#E69F00", "segan": "#009E73", "segan-no-dice": "#0072B2"}
STRATEGY_COLOURS = {"scratch": "#555555", "full": "#0072B2", "frozen": "#D55E00"}
STRATEGY_SHIFTS = {"scratch": -0.09, "full": 0.0, "frozen": 0.09}
STRATEGY_MARKERS = {"scratch": "s", "full": "o", "frozen": "^"}


def plot_variants(study: Study, path: Path, *, synthetic: bool) -> bool:
    """Draw validation Dice over epochs for the networks of Table I; return whether any of them is there."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    from segan_tl.report.axes import finish, save

    figure = Figure(figsize=(7.2, 4.6), layout="constrained")
    axis = figure.subplots()
    for variant, colour in VARIANT_COLOURS.items():
        run = study.variants[variant]
        if not run.history.is_file():
            continue
        curve = read_curve(run, "dice")
        marker = "o" if len(curve) < 40 else None
        axis.plot(
            list(curve), list(curve.values()), color=colour, marker=marker, markersize=4, label=VARIANT_NAMES[variant]
        )
    if not axis.lines:
        return False
    finish(axis, xlabel="epoch", ylabel="validation Dice, whole tumour")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    save(figure, path, title="Three networks on four modalities (Fig. 2 of the paper)", synthetic=synthetic)
    return True


def plot_learning_curve(study: Study, path: Path, *, curve: str, synthetic: bool) -> bool:
    """Draw test Dice over training cases: the mean over seeds as a line, every seed as a point.

    A dashed line is the source's model on the target without training. Returns whether any run is there.
    """
    from matplotlib.figure import Figure

    from segan_tl.report.axes import finish, save

    figure = Figure(figsize=(7.2, 4.8), layout="constrained")
    axis = figure.subplots()
    source, target = (MODALITY_NAMES[modality] for modality in CURVES[curve])
    scores = curve_scores(study, curve)
    for strategy in CURVE_STRATEGIES:
        places, means = [], []
        for place, cases in enumerate(CURVE_CASES):
            values = [mean(found) for found in scores[cases, strategy].values()]
            if values:
                places.append(place + STRATEGY_SHIFTS[strategy])
                means.append(statistics.fmean(values))
                axis.scatter([places[-1]] * len(values), values, color=STRATEGY_COLOURS[strategy], s=16, alpha=0.55,
                             linewidths=0, zorder=3)  # fmt: skip
        if places:
            axis.plot(places, means, color=STRATEGY_COLOURS[strategy], marker=STRATEGY_MARKERS[strategy],
                      label=_label(strategy, source), linewidth=1.8)  # fmt: skip
    if not axis.lines:
        return False
    untouched = mean(read_matrix(study).get(CURVES[curve], {}))
    if untouched is not None:
        axis.axhline(untouched, color="#999999", linestyle="--", linewidth=1.2, label=f"{source}'s model untouched")
    axis.set_xticks(range(len(CURVE_CASES)), [cases_name(study, cases) for cases in CURVE_CASES])
    axis.set_xlim(-0.4, len(CURVE_CASES) - 0.6)
    finish(axis, xlabel=f"{target} training cases", ylabel="test Dice, whole tumour")
    title = f"{target} with few cases: mean of the seeds (line), every seed (point)"
    save(figure, path, title=title, synthetic=synthetic)
    return True


def _label(strategy: str, source: str) -> str:
    return STRATEGY_NAMES[strategy] if strategy == "scratch" else f"from {source}, {STRATEGY_NAMES[strategy]}"
