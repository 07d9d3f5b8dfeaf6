"""A mask on the image it was found in, as the patient was scanned: some slices with the outlines, and without."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from segan_tl.clinical.space.picture import PLANES, cut_plane
from segan_tl.disk.atomic import atomic_path

AXES = (2, 1, 0)  # across which a plane of PLANES lies
COLUMNS = 6
COLOURS = {
    "wt": "#E69F00", "tc": "#56B4E9", "et": "#CC79A7", "ed": "#009E73", "ncr": "#F0E442", "rc": "#0072B2",
    "lesion": "#E69F00",
}  # fmt: skip


def draw_result(
    path: Path, image: np.ndarray, masks: Mapping[str, np.ndarray], *, spacing_mm: tuple[float, ...], title: str
) -> None:
    """Draw slices of the plane that was scanned, evenly through what was found: outlined above, plain below.

    Args:
        image: (H, W, D), axes in LPS order.
        masks: region → (H, W, D) bool; where nothing was found, slices through the middle are drawn.
        spacing_mm: along H, W, D; the slices lie across the largest.
    """
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    plane, axis = max(zip(PLANES, AXES), key=lambda one: round(spacing_mm[one[1]], 2))
    places = slices_through(np.any(list(masks.values()), axis=0), axis)
    down, across = (spacing_mm[other] for other in ((1, 0), (2, 0), (2, 1))[AXES.index(axis)])
    figure = Figure(figsize=(2.2 * len(places), 5.4), facecolor="#111111", layout="constrained")
    axes = figure.subplots(2, len(places), squeeze=False)
    bright = max(float(np.percentile(image, 99.5)), 1e-6)
    for column, place in enumerate(places):
        at = tuple(place if other == axis else 0 for other in range(3))
        cut = cut_plane(image, plane, at)
        for row in range(2):
            axes[row, column].imshow(cut, cmap="gray", vmin=0, vmax=bright, aspect=down / across)
            axes[row, column].set_axis_off()
        axes[0, column].set_title(f"slice {place + 1}", color="#EEEEEE", fontsize=8)
        for region, mask in masks.items():
            outline = cut_plane(mask, plane, at)
            if outline.any():
                axes[0, column].contour(outline, [0.5], colors=COLOURS.get(region, "#EEEEEE"), linewidths=0.9)
    handles = [Line2D([], [], color=COLOURS.get(region, "#EEEEEE"), label=region) for region in masks]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(masks), frameon=False, labelcolor="#EEEEEE")
    figure.suptitle(title, color="#EEEEEE", fontsize=9)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=100)


def slices_through(mask: np.ndarray, axis: int) -> list[int]:
    """Return at most COLUMNS slices across an axis, evenly from the first with a part of the mask to the last.

    Where the mask is empty they go through the middle half.

    >>> slices_through(np.array([[[0, 1, 1, 0]]]) > 0, 2)
    [1, 2]
    """
    size = mask.shape[axis]
    filled = np.flatnonzero(mask.any(axis=tuple({0, 1, 2} - {axis})))
    first, last = (filled[0], filled[-1]) if len(filled) else (size // 4, max(size - size // 4 - 1, size // 4))
    return sorted(set(np.linspace(first, last, COLUMNS).round().astype(int).tolist()))
