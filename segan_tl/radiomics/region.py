"""The region whose features are computed: the largest piece of a tumour, cut out of its grid."""

from dataclasses import dataclass

import numpy as np

from segan_tl.errors import UserError
from segan_tl.metrics.distances import bounding_box
from segan_tl.metrics.components import NEIGHBOURS_26

LEAST_VOXELS = 4  # fewer have no three axes


@dataclass(frozen=True, eq=False)
class Region:
    """A region of interest.

    Attributes:
        mask: bool, the region's bounding box.
        box: where the box lies in the grid.
        spacing_mm: voxel size along the axes.
    """

    mask: np.ndarray
    box: tuple[slice, ...]
    spacing_mm: tuple[float, float, float]

    @property
    def voxels(self) -> int:
        """Return how many voxels are inside."""
        return int(self.mask.sum())

    @property
    def voxel_volume_mm3(self) -> float:
        """Return the volume of one voxel."""
        return float(np.prod(self.spacing_mm))


def largest_component(mask: np.ndarray) -> np.ndarray:
    """Return the largest 26-connected component, the first in the order of the grid where two are equal.

    Args:
        mask: (H, W, D) bool; nothing inside gives nothing back.
    """
    from scipy import ndimage

    pieces, number = ndimage.label(mask, NEIGHBOURS_26)
    if number < 2:
        return mask
    return pieces == 1 + np.bincount(pieces.ravel())[1:].argmax()


def cut_region(mask: np.ndarray, spacing_mm: tuple[float, float, float]) -> Region:
    """Cut the largest component of a mask (H, W, D) out of its grid.

    Raises:
        UserError: there is no tumour, or it has too few voxels to have a shape and neighbours in 3-D.
    """
    if not mask.any():
        raise UserError("there is no tumour")
    whole = largest_component(mask)
    box = bounding_box(whole)
    region = Region(whole[box], box, spacing_mm)
    if region.voxels < LEAST_VOXELS or min(region.mask.shape) < 2:
        extent = " × ".join(map(str, region.mask.shape))
        raise UserError(
            f"its largest piece has {region.voxels} voxel{'s' * (region.voxels > 1)} ({extent}), where features in 3-D "
            f"need {LEAST_VOXELS}, and 2 along each axis"
        )
    return region
