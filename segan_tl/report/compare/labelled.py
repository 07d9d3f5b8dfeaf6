"""Truth and prediction of a case as labels of NCR, ED and ET, whatever their files call them."""

import math
from typing import NamedTuple

import numpy as np

from segan_tl.predict.components import TISSUES, tissue_values
from segan_tl.report.score.mask_pairs import read_label_maps
from segan_tl.report.score.masks import Mask


class LabelledCase(NamedTuple):
    """A case in memory, and whose it is.

    Attributes:
        fold: that tests it.
        cluster: None where there are no clusters.
        truth: (h, w, d) uint8, canonical labels, cut to the box that holds truth and prediction.
        prediction: the same.
        grid_voxels: of the whole grid.
    """

    case_id: str
    patient: str
    fold: int
    cluster: str | None
    truth: np.ndarray
    prediction: np.ndarray
    spacing_mm: tuple[float, float, float]
    grid_voxels: int

    @property
    def voxel_mm3(self) -> float:
        """Return the volume of a voxel."""
        return math.prod(self.spacing_mm)


def read_labelled(truth: Mask, prediction: Mask, *, fold: int, cluster: str | None = None) -> LabelledCase:
    """Read both masks of a case; labels of no tissue of the tumour, such as RC, become background.

    Raises:
        UserError: a file is damaged, the grids differ, or the labels do not tell NCR, ED and ET apart.
    """
    maps = read_label_maps(truth, prediction)
    sides = (to_tissues(maps.truth, truth.meaning), to_tissues(maps.prediction, prediction.meaning))
    return LabelledCase(
        truth.case_id, truth.patient, fold, cluster, *sides, spacing_mm=maps.spacing_mm, grid_voxels=maps.grid_voxels
    )


def to_tissues(labels: np.ndarray, meaning: str) -> np.ndarray:
    """Return the canonical labels of NCR, ED and ET, uint8, of numbers that mean something else."""
    found = np.zeros(labels.shape, np.uint8)
    for tissue, values in tissue_values(meaning).items():
        found[np.isin(labels, values)] = TISSUES[tissue]
    return found
