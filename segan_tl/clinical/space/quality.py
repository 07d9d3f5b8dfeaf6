"""Whether a registration can be believed: overlap of the heads, mutual information, likeness to the cohort's mean."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from segan_tl.clinical.space.bias import find_head

BINS = 32
APART_MM = 8.0  # a shift by which a good registration must become worse, along every axis and both ways
LEAST_OVERLAP = 0.80  # Dice of two heads, of two brains where nothing else is there
LEAST_LIKENESS = 0.30  # correlation with the mean image inside the brain
SCALES = (0.70, 1.40)  # of an affine transform, from one head to another
COARSE = 2  # every second voxel counts


class Fit(NamedTuple):
    """How one sequence lies over the reference.

    Attributes:
        overlap: Dice of the two heads where both were scanned.
        information: mutual information, nats.
        shifted: the largest after a shift of APART_MM along any axis.
    """

    overlap: float
    information: float
    shifted: float

    def fault(self, sequence: str, reference: str) -> str | None:
        """Say in one sentence why this registration cannot be believed; None where it can."""
        if self.overlap < LEAST_OVERLAP:
            return f"{sequence} does not lie over {reference}: their heads overlap by {self.overlap:.2f} (Dice)"
        if self.shifted >= self.information:
            return (
                f"{sequence} does not lie over {reference}: {APART_MM:.0f} mm away they tell more of each other "
                f"({self.shifted:.3f} nats) than here ({self.information:.3f})"
            )
        return None


def fit_of(
    image: np.ndarray, reference: np.ndarray, both: np.ndarray, *, edge_mm: float, stripped: bool
) -> Fit:
    """Measure how an image (H, W, D) lies over the reference.

    Args:
        both: (H, W, D) bool, where both were scanned.
        edge_mm: of a voxel.
        stripped: nothing but a brain is there.
    """
    image, reference, both = (array[::COARSE, ::COARSE, ::COARSE] for array in (image, reference, both))
    one, other = ((array != 0 if stripped else find_head(array)) & both for array in (image, reference))
    overlap = 2 * np.count_nonzero(one & other) / max(np.count_nonzero(one) + np.count_nonzero(other), 1)
    inside = other | one
    moved = [mutual_information(np.roll(image, by, axis)[inside], reference[inside]) for axis, by in _shifts(edge_mm)]
    return Fit(float(overlap), mutual_information(image[inside], reference[inside]), max(moved))


def mutual_information(one: np.ndarray, other: np.ndarray) -> float:
    """Return the mutual information of two sets of intensities in nats, of BINS bins each, 1st to 99th percentile.

    >>> mutual_information(np.array([0, 0, 1, 1]), np.array([5, 5, 9, 9])) == np.log(2)
    True
    """
    joint, _, _ = np.histogram2d(_binned(one), _binned(other), BINS, ((0, 1), (0, 1)))
    joint = joint / max(joint.sum(), 1)
    apart = joint.sum(axis=1, keepdims=True) @ joint.sum(axis=0, keepdims=True)
    present = joint > 0
    return float(np.sum(joint[present] * np.log(joint[present] / apart[present])))


def likeness(image: np.ndarray, mean: np.ndarray, brain: np.ndarray, *, edge_mm: float) -> dict[str, float]:
    """Return the correlation of a brain with the cohort's mean image where that has a brain: "here", and "shifted".

    The second is the largest after a shift of APART_MM along any axis. An image that is constant there has 0.

    Args:
        image: (H, W, D), the patient's brain with 0 around it where it was extracted.
        mean: (H, W, D).
        brain: (H, W, D) bool, of the cohort.
        edge_mm: of a voxel.
    """
    image, mean, brain = (array[::COARSE, ::COARSE, ::COARSE] for array in (image, mean, brain))
    inside = brain & (mean > 0)
    moved = [_correlation(np.roll(image, by, axis)[inside], mean[inside]) for axis, by in _shifts(edge_mm)]
    return {"here": _correlation(image[inside], mean[inside]), "shifted": max(moved)}


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    one = _binned(one)
    if one.size < 2 or one.std() == 0 or other.std() == 0:
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])


def _shifts(edge_mm: float) -> list[tuple[int, int]]:
    """Return axis and voxels of every shift that must be worse."""
    step = max(round(APART_MM / (edge_mm * COARSE)), 1)
    return [(axis, sign * step) for axis in range(3) for sign in (-1, 1)]


def fault_of_affine(matrix: np.ndarray) -> str | None:
    """Say in one sentence why no head is brought to another by such a transform; None where one can be."""
    scales = np.linalg.svd(matrix[:3, :3])[1]
    if not (SCALES[0] <= scales.min() and scales.max() <= SCALES[1]) or np.linalg.det(matrix[:3, :3]) < 0:
        span = f"{scales.min():.2f} to {scales.max():.2f}"
        return f"the head was not found in the cohort's space: it would be scaled by {span}"
    return None


def fault_of_likeness(found: Mapping[str, Mapping[str, float]]) -> str | None:
    """Say in one sentence why the brain does not lie where the mean image has it; None where it does.

    Args:
        found: sequence → as `likeness`.
    """
    if not found:
        return None
    here, shifted = (sum(like[key] for like in found.values()) / len(found) for key in ("here", "shifted"))
    told = f"it is like the mean image by {here:.2f} (correlation)"
    if here < LEAST_LIKENESS:
        return f"the brain does not lie in the cohort's space: {told}"
    if shifted >= here:
        return f"the brain does not lie in the cohort's space: {told}, {APART_MM:.0f} mm away by {shifted:.2f}"
    return None


def _binned(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, np.float64)
    if not values.size:
        return values
    low, high = np.percentile(values, (1, 99))
    return np.clip((values - low) / (high - low if high > low else 1.0), 0, 1)
