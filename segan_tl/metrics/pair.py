"""Truth and prediction of one region, cut to where they are; what several scores need is computed once."""

import functools
import math

import numpy as np

from segan_tl.metrics.distances import SurfaceDistances, bounding_box, distances_between
from segan_tl.metrics.overlap import Counts, as_masks, as_spacing, counts
from segan_tl.metrics.surfaces import Surface, surface_voxels, surfels


class MaskPair:
    """Two boolean volumes to be compared.

    Attributes:
        truth: (h, w, d) bool, cut to the box that holds both volumes.
        prediction: (h, w, d) bool, cut to the same box.
        spacing_mm: voxel size along the three axes.
        grid_voxels: number of voxels of the whole grid.

    Example:
        >>> truth, prediction = np.zeros((2, 9, 9, 9), bool)
        >>> truth[2:6, 2:6, 2:6] = prediction[2:6, 2:6, 2:5] = True
        >>> pair = segan_tl.metrics.MaskPair(truth, prediction, (1, 1, 3))
        >>> pair.counts.sensitivity, pair.counts.truth_voxels * pair.voxel_mm3 / 1000  # ml
        (0.75, 0.192)
        >>> segan_tl.metrics.surface_dice(pair.surfel_distances, 3)
        1.0
    """

    def __init__(
        self,
        truth: np.ndarray,
        prediction: np.ndarray,
        spacing_mm: tuple[float, float, float],
        *,
        grid_voxels: int | None = None,
    ):
        """Cut both volumes to what they hold.

        Args:
            truth: (H, W, D), a mask as in `metrics.as_mask`.
            prediction: same shape.
            spacing_mm: voxel size along the three axes.
            grid_voxels: voxels of the whole grid where these volumes are already a part of it.

        Raises:
            ValueError: the shapes differ, one is no mask, or the voxel size is none.
        """
        truth, prediction = as_masks(truth, prediction, axes=3)
        box = bounding_box(truth | prediction)
        self.truth, self.prediction = np.ascontiguousarray(truth[box]), np.ascontiguousarray(prediction[box])
        self.spacing_mm = as_spacing(spacing_mm, axes=3)
        self.grid_voxels = truth.size if grid_voxels is None else grid_voxels

    @property
    def voxel_mm3(self) -> float:
        """Return the volume of one voxel."""
        return math.prod(self.spacing_mm)

    @functools.cached_property
    def counts(self) -> Counts:
        """Return the voxels of the whole grid that agree and disagree."""
        found = counts(self.truth, self.prediction)
        return found._replace(true_negative=found.true_negative + self.grid_voxels - self.truth.size)

    @functools.cached_property
    def surfels(self) -> tuple[Surface, Surface]:
        """Return the surfaces of truth and prediction as surfels."""
        return surfels(self.truth, self.spacing_mm), surfels(self.prediction, self.spacing_mm)

    @functools.cached_property
    def surfel_distances(self) -> SurfaceDistances:
        """Return the distances between the surfaces as surfels."""
        return distances_between(*self.surfels, self.spacing_mm)

    @functools.cached_property
    def surface_voxels(self) -> tuple[Surface, Surface]:
        """Return the surfaces of truth and prediction as surface voxels."""
        return surface_voxels(self.truth), surface_voxels(self.prediction)

    @functools.cached_property
    def voxel_distances(self) -> SurfaceDistances:
        """Return the distances between the surface voxels."""
        return distances_between(*self.surface_voxels, self.spacing_mm)
