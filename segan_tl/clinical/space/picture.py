"""quality.png of a prepared patient: its sequences in three planes, the edges of one over all of them."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from segan_tl.disk.atomic import atomic_path

PLANES = ("axial", "coronal", "sagittal")
EDGES, OTHER = "#E69F00", "#56B4E9"  # Okabe and Ito's orange and sky blue


def draw_quality(
    path: Path, images: Mapping[str, np.ndarray], reference: str, *, brain: np.ndarray | None, title: str
) -> None:
    """Draw a column a sequence, a row a plane, through the middle of the head.

    Args:
        images: sequence → (H, W, D); an image of another kind, such as the mean of the cohort, may be among them.
        reference: the sequence whose edges are drawn over all, orange.
        brain: (H, W, D) bool, whose outline is drawn, blue; None without one.
    """
    from matplotlib.figure import Figure

    middle = _middle(images[reference] if brain is None else brain)
    figure = Figure(figsize=(2.4 * len(images), 7.4), facecolor="#111111", layout="constrained")
    axes = figure.subplots(3, len(images), squeeze=False)
    for row, plane in enumerate(PLANES):
        edges = _edges(cut_plane(images[reference], plane, middle))
        outline = None if brain is None else cut_plane(brain, plane, middle)
        for axis, (name, image) in zip(axes[row], images.items()):
            cut = cut_plane(image, plane, middle)
            axis.imshow(cut, cmap="gray", vmin=0, vmax=max(float(np.percentile(cut, 99.5)), 1e-6))
            axis.contour(edges, [0.5], colors=EDGES, linewidths=0.5)
            if outline is not None and outline.any():
                axis.contour(outline, [0.5], colors=OTHER, linewidths=0.6)
            axis.set_axis_off()
            if not row:
                axis.set_title(f"{name} (edges)" if name == reference else name, color="#EEEEEE", fontsize=9)
    figure.suptitle(title, color="#EEEEEE", fontsize=9)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=100)


def _middle(image: np.ndarray) -> tuple[int, ...]:
    shown = image if image.dtype == bool else image > image.mean()
    return tuple(int(np.median(np.flatnonzero(shown.any(axis=tuple({0, 1, 2} - {axis}))))) if shown.any() else size // 2
                 for axis, size in enumerate(image.shape))  # fmt: skip


def cut_plane(image: np.ndarray, plane: str, at: tuple[int, ...]) -> np.ndarray:
    """Return one slice as it is looked at: front or head up, the patient's right on the left."""
    if plane == "axial":
        return np.asarray(image[:, :, at[2]], np.float32).T
    cut = image[:, at[1], :] if plane == "coronal" else image[at[0], :, :]
    return np.asarray(cut, np.float32).T[::-1]


def _edges(cut: np.ndarray) -> np.ndarray:
    from skimage.feature import canny

    high = max(float(np.percentile(cut, 99)), 1e-6)
    return canny(np.clip(cut / high, 0, 1), sigma=2.0, low_threshold=0.05, high_threshold=0.12).astype(np.float32)
