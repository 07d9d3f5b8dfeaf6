"""A picture of synthetic cases: four modalities of one slice, with the outlines of the labels."""

from pathlib import Path

import numpy as np

from segan_tl.data.phantom.cohorts import COHORTS
from segan_tl.data.phantom.subject import simulate_case
from segan_tl.disk.atomic import atomic_path

TITLES = {"t1": "T1", "t1c": "T1 + gadolinium", "t2": "T2", "flair": "FLAIR"}
OUTLINES = ((0, "#ffd54a"), (1, "#ff5c7a"))  # whole lesion; core (labels 1 and 4)
MARGIN_MM = (34.0, 22.0)


def widest_slice(labels: np.ndarray) -> int:
    """Return the axial slice with the largest lesion."""
    return int(np.argmax((labels > 0).sum((0, 1))))


def draw_cases(
    chosen: list[tuple[str, int]], *, path: Path | str, shape: tuple[int, int, int], seed: int, variety: str = "plain"
) -> Path:
    """Simulate cases and draw them, one a row.

    Args:
        chosen: (cohort, case index from 0) of each row.
        path: the picture; its ending decides the format.
        shape: grid of the simulation.
        seed, variety: of the cohorts.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, rows = pyplot.subplots(len(chosen), 4, figsize=(10.4, 3.15 * len(chosen) + 0.55), squeeze=False)
    figure.patch.set_facecolor("black")
    for row, (cohort, index) in zip(rows, chosen, strict=True):
        case = simulate_case(cohort, case_index=index, shape=shape, seed=seed, variety=variety)
        draw_row(row, case, glioma=COHORTS[cohort].disease == "glioma")
        grade = {"HGG": "high grade", "LGG": "low grade"}.get(case.grade, "MS")
        row[0].set_ylabel(f"{grade}, {case.site.field_tesla:g} T", color="white", fontsize=11)
    for axis, title in zip(rows[0], TITLES.values(), strict=True):
        axis.set_title(title, color="white", fontsize=11)
    title = "SYNTHETIC: simulated MRI of the segan_tl phantom, no patients"
    figure.suptitle(title, color="white", fontsize=13, y=0.995)
    figure.subplots_adjust(0.03, 0.005, 0.998, 1.0 - 0.62 / (3.15 * len(chosen) + 0.55), 0.01, 0.01)
    with atomic_path(Path(path)) as temporary:
        figure.savefig(temporary, dpi=110, facecolor="black")
    pyplot.close(figure)
    return Path(path)


def draw_row(row, case, *, glioma: bool) -> None:
    """Draw one case into four axes."""
    voxel_mm = 240.0 / case.labels.shape[0]
    cut_x, cut_y = (round(margin / voxel_mm) for margin in MARGIN_MM)
    inside = np.s_[cut_x : case.labels.shape[0] - cut_x, cut_y : case.labels.shape[1] - cut_y // 2]
    level = widest_slice(case.labels)
    labels = case.labels[:, :, level][inside].T
    for axis, modality in zip(row, TITLES, strict=True):
        volume = case.images[modality]
        top = np.percentile(volume[volume > 0], 99.7)
        axis.imshow(volume[:, :, level][inside].T, cmap="gray", vmin=0, vmax=top, interpolation="bilinear")
        axis.set_xticks([])
        axis.set_yticks([])
    masks = (labels > 0, (labels == 1) | (labels == 4)) if glioma else (labels > 0,)
    for mask, (_, colour) in zip(masks, OUTLINES, strict=False):
        if mask.any():
            row[3].contour(mask, levels=[0.5], colors=colour, linewidths=0.8)
