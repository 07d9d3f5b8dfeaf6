"""The figure of the reproduction of Giacomello 2020: validation Dice while learning."""

from pathlib import Path

from segan_tl.papers.giacomello.study import VARIANT_NAMES, Study
from segan_tl.papers.runs import read_curve

# Okabe and Ito; the paper's Fig. 2 has its own model in orange and SegAN with Dice loss in green, too.
VARIANT_COLOURS = {"segan-cat": "#E69F00", "segan": "#009E73", "segan-no-dice": "#0072B2"}


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
