"""The figure of the reproduction of Heras Rivera 2024: how often the classifier tells the domains."""

import statistics
from pathlib import Path

from segan_tl.papers.heras.study import APPROACHES, Study
from segan_tl.papers.heras.tables import domain_accuracy

COLOURS = {"dann": "#0072B2", "dann-no-reversal": "#D55E00"}  # Okabe and Ito


def plot_domain_accuracy(study: Study, path: Path, *, synthetic: bool) -> bool:
    """Draw the accuracy over epochs: every fold as a thin line, their mean as a thick one; return whether any is."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    from segan_tl.report.axes import finish, save

    figure = Figure(figsize=(7.2, 4.6), layout="constrained")
    axis = figure.subplots()
    for approach, folds in domain_accuracy(study).items():
        drawn = [curve for curve in folds.values() if curve]
        for curve in drawn:
            axis.plot(list(curve), list(curve.values()), color=COLOURS[approach], linewidth=0.9, alpha=0.4)
        common = sorted(set.intersection(*map(set, drawn))) if drawn else []
        means = [statistics.fmean(curve[epoch] for curve in drawn) for epoch in common]
        if common:
            axis.plot(common, means, color=COLOURS[approach], linewidth=2.2, label=APPROACHES[approach])
    if not axis.lines:
        return False
    axis.axhline(0.5, color="#999999", linestyle="--", linewidth=1.2, label="chance")
    finish(axis, xlabel="epoch", ylabel="domain accuracy in training")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    save(figure, path, title="How often the classifier tells the scanner: folds, and their mean", synthetic=synthetic)
    return True
