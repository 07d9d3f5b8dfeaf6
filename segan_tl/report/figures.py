"""Pictures of a run: learning curves, and outlines of truth and prediction on the best, median and worst test case."""

import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator

from segan_tl.disk.atomic import atomic_path
from segan_tl.metrics.distances import bounding_box
from segan_tl.report.curves import COLOURS, divide_history
from segan_tl.report.record import read_history
from segan_tl.runs import Run, read_state, run_name

# Sky blue and orange of Okabe and Ito's palette: told apart with every kind of colour vision, and bright on black.
TRUTH_COLOUR, PREDICTION_COLOUR = "#56B4E9", "#E69F00"
DARK, LIGHT = "#111111", "#EEEEEE"
MARGIN_VOXELS = 4
SYNTHETIC = "SYNTHETIC DATA (simulated, no patients)"


class Panel(NamedTuple):
    """One slice of one case, ready to be drawn.

    Attributes:
        image: (H, W) uint8, LPS order, stretched from black to white, cut to what is not empty.
        truth: (H, W, R) bool, cut alike.
        prediction: (H, W, R) bool.
        scores: region to the Dice of the whole volume.
        has_truth: whether there is anything to be found in the volume.
        aspect: height of a voxel over its width as drawn (anterior up, the patient's right on the left).
        slice_index: which axial slice it is.
    """

    case_id: str
    image: np.ndarray
    truth: np.ndarray
    prediction: np.ndarray
    scores: dict[str, float]
    has_truth: bool
    aspect: float
    slice_index: int

    @property
    def dice(self) -> float:
        """Return the mean over regions."""
        return sum(self.scores.values()) / len(self.scores)


# === Overlays ===


def cut_panel(
    case_id: str,
    image: np.ndarray,
    truth: np.ndarray,
    *,
    prediction: np.ndarray,
    scores: dict[str, float],
    spacing_mm: tuple[float, float, float],
) -> Panel:
    """Cut the axial slice with the largest truth (largest prediction, then the middle, where there is none).

    Args:
        image: (H, W, D) of the modality to show, LPS order.
        truth: (H, W, D, R) bool.
        prediction: (H, W, D, R) bool.
        scores: region to Dice.
        spacing_mm: along H, W, D.
    """
    area = truth.any(axis=-1).sum(axis=(0, 1))
    shown = area if area.any() else prediction.any(axis=-1).sum(axis=(0, 1))
    index = int(shown.argmax()) if shown.any() else image.shape[2] // 2
    cut, truth_cut, prediction_cut = image[:, :, index].astype(np.float32), truth[:, :, index], prediction[:, :, index]
    low, high = cut.min(), np.percentile(cut, 99.5)
    grey = (np.clip((cut - low) / max(high - low, 1e-6), 0, 1) * 255).astype(np.uint8)
    shown = (cut > low) | truth_cut.any(axis=-1) | prediction_cut.any(axis=-1)
    box = bounding_box(shown, margin_voxels=MARGIN_VOXELS) if shown.any() else ...
    return Panel(
        case_id, grey[box].copy(), truth_cut[box].copy(), prediction_cut[box].copy(), scores,
        bool(area.any()), spacing_mm[1] / spacing_mm[0], index,
    )  # fmt: skip


def choose_panels(panels: Sequence[Panel]) -> list[tuple[str, Panel]]:
    """Return ("best" | "median" | "worst", panel) by Dice; fewer with fewer than three cases, "only" with one.

    Cases without anything to find come only where there are no others: their 1.0 shows nothing.
    """
    pool = [panel for panel in panels if panel.has_truth] or list(panels)
    ranked = sorted(pool, key=lambda panel: -panel.dice)
    if len(ranked) == 1:
        return [("only", ranked[0])]
    chosen = {"best": 0, "median": len(ranked) // 2, "worst": len(ranked) - 1}
    result = []
    for role, place in chosen.items():
        if ranked and not (role == "median" and place in (0, len(ranked) - 1)):
            result.append((role, ranked[place]))
    return result


def plot_overlays(
    chosen: Sequence[tuple[str, Panel]], path: Path, *, name: str, modality: str, synthetic: bool
) -> None:
    """Draw every chosen slice twice: plain above, with truth and prediction outlined below.

    Args:
        chosen: what `choose_panels` returned.
        path: PNG to write.
        name: of the run, for the title.
        modality: what the images are.
        synthetic: say in the title that the data is simulated.
    """
    columns = len(chosen)
    figure = Figure(figsize=(max(3.6 * columns, 6.4), 8.2), facecolor=DARK, layout="constrained")
    axes = figure.subplots(2, columns, squeeze=False)
    for column, (role, panel) in enumerate(chosen):
        for axis in axes[:, column]:
            _show(axis, panel.image, panel.aspect)
        _outline(axes[1, column], panel.truth, colour=TRUTH_COLOUR, width=2.0)
        _outline(axes[1, column], panel.prediction, colour=PREDICTION_COLOUR, width=1.4)
        scores = ", ".join(f"{region} {score:.3f}" for region, score in panel.scores.items())
        axes[0, column].set_title(f"{role}: {panel.case_id}\nDice {scores}", color=LIGHT, fontsize=10)
        axes[1, column].set_xlabel(f"{modality}, axial slice {panel.slice_index}", color=LIGHT, fontsize=8)
    handles = [
        Line2D([], [], color=TRUTH_COLOUR, linewidth=2, label="truth"),
        Line2D([], [], color=PREDICTION_COLOUR, linewidth=2, label="prediction"),
    ]
    regions = list(chosen[0][1].scores)
    if len(regions) > 1:
        handles += [Line2D([], [], color=LIGHT, linestyle=_style(i), label=name) for i, name in enumerate(regions)]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False, labelcolor=LIGHT)
    figure.suptitle(_title(f"{name}: test cases", synthetic), color=LIGHT, fontsize=11)
    save_figure(figure, path)


def _show(axis, image: np.ndarray, aspect: float) -> None:
    # LPS: the first index grows to the patient's left, the second to the back; transposed, anterior is up and the
    # patient's right on the viewer's left, as radiologists look at it.
    axis.imshow(image.T, cmap="gray", aspect=aspect, interpolation="nearest", vmin=0, vmax=255)
    axis.set(xticks=[], yticks=[], facecolor="black")
    for spine in axis.spines.values():
        spine.set_visible(False)


def _style(region: int) -> str:
    return ("-", "--", ":", "-.")[region % 4]


def _outline(axis, masks: np.ndarray, *, colour: str, width: float) -> None:
    for region in range(masks.shape[-1]):
        # Without a margin a mask that touches the edge of the image would be drawn open.
        mask = np.pad(masks[..., region].T, 1).astype(float)
        if mask.any():
            rows, columns = (np.arange(size) - 1 for size in mask.shape)
            axis.contour(columns, rows, mask, levels=[0.5], colors=colour, linewidths=width, linestyles=_style(region))


# === Learning curves ===


def plot_curves(run: Run) -> None:
    """Draw the losses and the validation Dice of history.csv into curves.png, the best epoch marked.

    Raises:
        UserError: history.csv is absent or empty.
    """
    history = read_history(run.history)
    state = read_state(run)
    epochs = history["epoch"]
    losses, scores = divide_history(history)
    figure = Figure(figsize=(8, 7), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    _lines(above, epochs, losses)
    above.set_ylabel("training loss")
    _lines(below, epochs, scores)
    below.set(xlabel="epoch", ylabel="validation Dice", ylim=(0, 1))
    below.xaxis.set_major_locator(MaxNLocator(integer=True))
    if state.get("best_epoch"):
        for axis in (above, below):
            axis.axvline(state["best_epoch"], color="#777777", linestyle=":", linewidth=1.2)
        label = f"best: epoch {state['best_epoch']}, Dice {state.get('best_dice', math.nan):.3f}"
        below.plot([], [], color="#777777", linestyle=":", label=label)
    for axis in (above, below):
        axis.grid(alpha=0.25)
        axis.spines[["top", "right"]].set_visible(False)
        if axis.get_legend_handles_labels()[0]:
            axis.legend(frameon=False, fontsize=9)
    synthetic = bool(state.get("data", {}).get("synthetic", False))
    figure.suptitle(_title(run_name(run.root), synthetic), fontsize=11)
    save_figure(figure, run.curves)


def _lines(axis, epochs: np.ndarray, series: dict[str, np.ndarray]) -> None:
    for (name, values), colour in zip(series.items(), itertools.cycle(COLOURS)):
        there = np.isfinite(values)
        marker = "o" if there.sum() < 30 else None
        axis.plot(epochs[there], values[there], color=colour, label=name, marker=marker, markersize=3)


def _title(text: str, synthetic: bool) -> str:
    return f"{text}\n{SYNTHETIC}" if synthetic else text


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure; a dollar in the name of a case or run is a dollar, not the begin of a formula."""
    for text in figure.findobj(Text):
        text.set_parse_math(False)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=130, facecolor=figure.get_facecolor())
