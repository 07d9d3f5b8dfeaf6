"""Distances between the surfaces of two volumes in mm: HD95 in the definitions in use, and surface Dice.

Two stages: distances once (`surface_distances`), then any number of scores from them. One rule for empty volumes
[BraTS 2023]: both empty, there is no distance (0 mm, surface Dice 1); one of them empty, HD95 is 374 mm, a little more
than the diagonal of BraTS' grid, and surface Dice 0.
"""

from dataclasses import dataclass

import numpy as np

from segan_tl.metrics.nearest import nearest_mm
from segan_tl.metrics.overlap import as_masks, as_spacing
from segan_tl.metrics.surfaces import Surface, surface_voxels, surfels

MISSED_MM = 374.0

# Name → what it is. The first is the default, because BraTS ranks by it since 2023 and because it does not depend on
# how a slanted surface happens to fall on voxels.
HD95_DEFINITIONS = {
    "surface-weighted": "larger of the two directed 95th percentiles, surfels weighted by area [BraTS 2023; Nikolov]",
    "pooled": "95th percentile of both directions' distances between surface voxels together [MedPy]",
    "maximum-of-directed": "larger of the two directed 95th percentiles between surface voxels "
    "[MONAI; Metrics Reloaded]",
}
DEFAULT_HD95 = "surface-weighted"


@dataclass(frozen=True, eq=False)
class SurfaceDistances:
    """Distance of every element of each surface to the other surface, and what the element counts.

    Attributes:
        truth_mm: (N,) from the truth's surface to the prediction's; infinite where that is empty.
        prediction_mm: (M,) from the prediction's surface to the truth's.
        truth_weights: (N,) area of each surfel in mm2, or 1 for each voxel.
        prediction_weights: (M,) the same of the prediction.
    """

    truth_mm: np.ndarray
    prediction_mm: np.ndarray
    truth_weights: np.ndarray
    prediction_weights: np.ndarray

    @property
    def by_rule(self) -> tuple[float, float] | None:
        """Return (HD95 in mm, surface Dice) where a surface is empty, None where neither is."""
        if len(self.truth_mm) and len(self.prediction_mm):
            return None
        return (MISSED_MM, 0.0) if len(self.truth_mm) or len(self.prediction_mm) else (0.0, 1.0)


def surface_distances(
    truth: np.ndarray, prediction: np.ndarray, spacing_mm: tuple[float, ...], *, elements: str = "surfels"
) -> SurfaceDistances:
    """Measure the distances between two surfaces.

    Args:
        truth: (H, W, D), a mask as in `metrics.as_mask`; any number of axes for voxels.
        prediction: same shape.
        spacing_mm: voxel size along each axis.
        elements: "surfels" for surface-weighted scores, "voxels" for the scores that count surface voxels.

    Raises:
        ValueError: the shapes differ, one is no mask, the voxel size is none, or there are no such elements.

    Example:
        >>> truth, prediction = np.zeros((2, 9, 9, 9), bool)
        >>> truth[4, 4, 2] = prediction[4, 4, 6] = True  # four slices of 3 mm apart
        >>> distances = segan_tl.metrics.surface_distances(truth, prediction, (1, 1, 3), elements="voxels")
        >>> distances.truth_mm
        array([12.])
    """
    if elements not in ("surfels", "voxels"):
        raise ValueError(f"expected elements of surfels or voxels; got {elements!r}")
    truth, prediction = as_masks(truth, prediction, axes=3 if elements == "surfels" else None)
    spacing_mm = as_spacing(spacing_mm, axes=truth.ndim)
    box = bounding_box(truth | prediction)
    truth, prediction = truth[box], prediction[box]
    if elements == "surfels":
        return distances_between(surfels(truth, spacing_mm), surfels(prediction, spacing_mm), spacing_mm)
    return distances_between(surface_voxels(truth), surface_voxels(prediction), spacing_mm)


def distances_between(truth: Surface, prediction: Surface, spacing_mm: tuple[float, ...]) -> SurfaceDistances:
    """Measure the distances between two surfaces on grids of one shape."""
    return SurfaceDistances(
        nearest_mm(truth, prediction, spacing_mm),
        nearest_mm(prediction, truth, spacing_mm),
        truth.weights,
        prediction.weights,
    )


def bounding_box(mask: np.ndarray, *, margin_voxels: int = 0) -> tuple[slice, ...]:
    """Return the slices of the smallest box that holds every nonzero voxel, with a margin as far as the grid goes.

    Empty slices where there is none.
    """
    box, rest = [], mask
    for _ in range(mask.ndim):
        # The leading axis first: what is outside is not looked at again.
        found = np.flatnonzero(rest.any(axis=tuple(range(1, rest.ndim))))
        start, stop = (int(found[0]), int(found[-1]) + 1) if len(found) else (0, 0)
        margin = margin_voxels if len(found) else 0
        box.append(slice(max(start - margin, 0), min(stop + margin, len(rest))))
        rest = np.moveaxis(rest[start:stop], 0, -1)
    return tuple(box)


# === Scores ===


def hd95_mm(
    truth: np.ndarray, prediction: np.ndarray, spacing_mm: tuple[float, ...], *, definition: str = DEFAULT_HD95
) -> float:
    """Return the 95 % Hausdorff distance by one of HD95_DEFINITIONS; both empty gives 0, one empty 374.

    Raises:
        ValueError: the definition is unknown, or as `surface_distances`.

    Example:
        >>> truth, prediction = np.zeros((2, 12, 12, 12), bool)
        >>> truth[2:6, 2:6, 4:7] = prediction[2:6, 2:6, 4:8] = True  # one slice of 3 mm too many
        >>> prediction[9:11, 9:11, 5] = True  # and a speck
        >>> for definition in segan_tl.metrics.HD95_DEFINITIONS:
        ...     value_mm = segan_tl.metrics.hd95_mm(truth, prediction, (1, 1, 3), definition=definition)
        ...     print(f"{definition}: {value_mm:.2f} mm")
        surface-weighted: 5.66 mm
        pooled: 3.00 mm
        maximum-of-directed: 5.69 mm
    """
    if definition not in HD95_DEFINITIONS:
        raise ValueError(f"expected a definition out of {', '.join(HD95_DEFINITIONS)}; got {definition!r}")
    elements = "surfels" if definition == "surface-weighted" else "voxels"
    distances = surface_distances(truth, prediction, spacing_mm, elements=elements)
    return {
        "surface-weighted": weighted_hausdorff_mm,
        "pooled": pooled_hausdorff_mm,
        "maximum-of-directed": directed_hausdorff_mm,
    }[definition](distances)


def weighted_hausdorff_mm(distances: SurfaceDistances, *, percentile: float = 95) -> float:
    """Return the larger of the two distances within which `percentile` % of the area of a surface lies [Nikolov 2018].

    Args:
        distances: between surfels.
    """
    if distances.by_rule:
        return distances.by_rule[0]
    return max(
        _weighted_percentile(distances.truth_mm, distances.truth_weights, percentile),
        _weighted_percentile(distances.prediction_mm, distances.prediction_weights, percentile),
    )


def pooled_hausdorff_mm(distances: SurfaceDistances, *, percentile: float = 95) -> float:
    """Return the percentile of the distances of both directions together, linear between two of them [MedPy].

    Args:
        distances: between surface voxels.
    """
    if distances.by_rule:
        return distances.by_rule[0]
    return float(np.percentile(np.concatenate([distances.truth_mm, distances.prediction_mm]), percentile))


def directed_hausdorff_mm(distances: SurfaceDistances, *, percentile: float = 95) -> float:
    """Return the larger of the percentiles of the two directions, linear between two distances [MONAI].

    Args:
        distances: between surface voxels.
    """
    if distances.by_rule:
        return distances.by_rule[0]
    return float(max(np.percentile(side, percentile) for side in (distances.truth_mm, distances.prediction_mm)))


def surface_dice(distances: SurfaceDistances, tolerance_mm: float) -> float:
    """Return the share of both surfaces that lies within a tolerance of the other [Nikolov 2018].

    Args:
        distances: between surfels (shares of area), or surface voxels (shares of voxels, as MONAI by default).
        tolerance_mm: 0 or more.

    Raises:
        TypeError: these are no distances, but the two masks, say.
        ValueError: the tolerance is below 0.

    Example:
        >>> truth, prediction = np.zeros((2, 9, 9, 9), bool)
        >>> truth[4, 4, 4:6] = prediction[4, 4, 4:7] = True
        >>> distances = segan_tl.metrics.surface_distances(truth, prediction, (1, 1, 3), elements="voxels")
        >>> segan_tl.metrics.surface_dice(distances, 1), segan_tl.metrics.surface_dice(distances, 3)  # 4 of 5 voxels
        (0.8, 1.0)
    """
    if not isinstance(distances, SurfaceDistances):
        raise TypeError("expected surface_dice(surface_distances(truth, prediction, spacing_mm), tolerance_mm)")
    if not tolerance_mm >= 0:
        raise ValueError(f"expected a tolerance of 0 mm or more; got {tolerance_mm}")
    if distances.by_rule:
        return distances.by_rule[1]
    truth, prediction = distances.truth_weights, distances.prediction_weights
    near = truth[distances.truth_mm <= tolerance_mm].sum() + prediction[distances.prediction_mm <= tolerance_mm].sum()
    return float(near / (truth.sum() + prediction.sum()))


def _weighted_percentile(distances_mm: np.ndarray, weights: np.ndarray, percentile: float) -> float:
    """Return the smallest distance at which the elements up to it hold `percentile` % of the weight."""
    order = np.lexsort((weights, distances_mm))
    share = np.cumsum(weights[order]) / weights.sum()
    place = np.searchsorted(share, percentile / 100)
    return float(distances_mm[order[min(place, len(order) - 1)]])
