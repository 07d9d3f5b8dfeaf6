"""Overlap of two boolean volumes: Dice, precision, sensitivity and specificity, with one rule for empty volumes.

The rule [BraTS]: both empty, the score is 1.0 (nothing to find, nothing found); one of them empty, it is 0.0. Distances
(HD95, surface Dice) follow the same rule in `distances`, lesions in `lesions`.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Counts(NamedTuple):
    """Voxels two boolean volumes agree and disagree on; the scores are read from here, so counting happens once."""

    true_positive: int
    false_positive: int
    false_negative: int
    true_negative: int

    @property
    def truth_voxels(self) -> int:
        """Return the number of voxels of the truth."""
        return self.true_positive + self.false_negative

    @property
    def prediction_voxels(self) -> int:
        """Return the number of voxels of the prediction."""
        return self.true_positive + self.false_positive

    @property
    def dice(self) -> float:
        """Return 2 TP / (2 TP + FP + FN); 1.0 when both volumes are empty, 0.0 when one is."""
        return self._ratio(2 * self.true_positive, self.truth_voxels + self.prediction_voxels)

    @property
    def precision(self) -> float:
        """Return TP / (TP + FP); 1.0 when both volumes are empty, 0.0 when one is."""
        return self._ratio(self.true_positive, self.prediction_voxels)

    @property
    def sensitivity(self) -> float:
        """Return TP / (TP + FN); 1.0 when both volumes are empty, 0.0 when one is."""
        return self._ratio(self.true_positive, self.truth_voxels)

    @property
    def specificity(self) -> float:
        """Return TN / (TN + FP); 1.0 where the truth leaves no background."""
        background = self.true_negative + self.false_positive
        return self.true_negative / background if background else 1.0

    def _ratio(self, part: int, whole: int) -> float:
        if not self.truth_voxels and not self.prediction_voxels:
            return 1.0
        return part / whole if whole else 0.0


# === What a mask is ===


def as_mask(mask: np.ndarray, *, axes: int | None = None) -> np.ndarray:
    """Return the mask of one region as booleans; whole numbers are masks where they are 0 and one other number.

    Args:
        mask: bool or whole numbers.
        axes: how many it must have; None allows any number.

    Raises:
        ValueError: it holds several labels, fractions, or has other axes.
    """
    mask = np.asarray(mask)
    if axes is not None and mask.ndim != axes:
        raise ValueError(f"expected a mask with {axes} axes; got shape {mask.shape}")
    if mask.dtype == bool:
        return mask
    if mask.dtype.kind not in "iu":
        raise ValueError(f"expected a mask of booleans; got {mask.dtype}; a probability needs its threshold first")
    inside = mask != 0
    if (mask[inside] != mask.max(initial=0)).any():
        found = ", ".join(map(str, np.unique(mask)[:8]))
        raise ValueError(f"expected the mask of one region (0 and 1); got {found}; compare one label at a time")
    return inside


def as_masks(truth: np.ndarray, prediction: np.ndarray, *, axes: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return two masks as booleans of one shape.

    Raises:
        ValueError: the shapes differ, or as `as_mask`.
    """
    truth, prediction = as_mask(truth, axes=axes), as_mask(prediction, axes=axes)
    if truth.shape != prediction.shape:
        raise ValueError(f"expected truth and prediction of one shape; got {truth.shape} and {prediction.shape}")
    return truth, prediction


def as_spacing(spacing_mm: Sequence[float], *, axes: int) -> tuple[float, ...]:
    """Return a voxel size along each axis, in mm.

    Raises:
        ValueError: another number of lengths, or one that is none.
    """
    lengths = tuple(float(length) for length in spacing_mm)
    if len(lengths) != axes or not all(0 < length < np.inf for length in lengths):
        raise ValueError(f"expected {axes} voxel edges above 0 in mm; got {lengths}")
    return lengths


# === Scores ===


def counts(truth: np.ndarray, prediction: np.ndarray) -> Counts:
    """Count the voxels two volumes agree and disagree on.

    Args:
        truth: any shape, a mask as in `as_mask`.
        prediction: same shape.

    Raises:
        ValueError: the shapes differ, or one is no mask (a probability needs its threshold first).
    """
    truth, prediction = as_masks(truth, prediction)
    both = int(np.count_nonzero(truth & prediction))
    truth_voxels, prediction_voxels = int(np.count_nonzero(truth)), int(np.count_nonzero(prediction))
    neither = truth.size - truth_voxels - prediction_voxels + both
    return Counts(both, prediction_voxels - both, truth_voxels - both, neither)


def dice(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Return 2 |T and P| / (|T| + |P|) of two boolean volumes; both empty gives 1.0, one empty 0.0.

    Example:
        >>> truth, prediction = np.array([1, 1, 1, 0, 0, 0]), np.array([1, 0, 0, 1, 0, 0])
        >>> segan_tl.metrics.dice(truth, prediction)  # 2 · 1 / (3 + 2)
        0.4
    """
    return counts(truth, prediction).dice


def precision(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Return |T and P| / |P| of two boolean volumes; both empty gives 1.0, one empty 0.0.

    Example:
        >>> truth, prediction = np.array([1, 1, 1, 0, 0, 0]), np.array([1, 0, 0, 1, 0, 0])
        >>> segan_tl.metrics.precision(truth, prediction)  # 1 of 2 found is right
        0.5
    """
    return counts(truth, prediction).precision


def sensitivity(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Return |T and P| / |T| of two boolean volumes; both empty gives 1.0, one empty 0.0.

    Example:
        >>> truth, prediction = np.array([1, 1, 1, 1, 0, 0]), np.array([1, 0, 0, 0, 1, 0])
        >>> segan_tl.metrics.sensitivity(truth, prediction)  # 1 of 4 is found
        0.25
    """
    return counts(truth, prediction).sensitivity


def specificity(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Return the share of the background that stayed background; 1.0 where the truth leaves none.

    Example:
        >>> truth, prediction = np.array([1, 1, 0, 0, 0, 0]), np.array([1, 0, 1, 0, 0, 0])
        >>> segan_tl.metrics.specificity(truth, prediction)  # 3 of 4
        0.75
    """
    return counts(truth, prediction).specificity
