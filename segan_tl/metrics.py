"""Overlap of two boolean volumes: Dice, precision, sensitivity and specificity, with one rule for empty volumes.

The rule [BraTS]: both empty, the score is 1.0 (nothing to find, nothing found); one of them empty, it is 0.0. Distances
(HD95, surface Dice) follow the same rule in `distances`, lesions in `lesions`.
"""

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


def counts(truth: np.ndarray, prediction: np.ndarray) -> Counts:
    """Count the voxels two volumes agree and disagree on.

    Args:
        truth: any shape, bool.
        prediction: same shape, bool.

    Raises:
        ValueError: the shapes differ, or one is not boolean (a probability needs its threshold first).
    """
    if truth.shape != prediction.shape:
        raise ValueError(f"expected truth and prediction of one shape; got {truth.shape} and {prediction.shape}")
    if truth.dtype != bool or prediction.dtype != bool:
        raise ValueError(f"expected boolean volumes; got {truth.dtype} and {prediction.dtype}")
    both = int(np.count_nonzero(truth & prediction))
    truth_voxels, prediction_voxels = int(np.count_nonzero(truth)), int(np.count_nonzero(prediction))
    neither = truth.size - truth_voxels - prediction_voxels + both
    return Counts(both, prediction_voxels - both, truth_voxels - both, neither)


def dice(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Return 2 |T and P| / (|T| + |P|) of two boolean volumes; both empty gives 1.0, one empty 0.0."""
    return counts(truth, prediction).dice


def precision(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Return |T and P| / |P| of two boolean volumes; both empty gives 1.0, one empty 0.0."""
    return counts(truth, prediction).precision


def sensitivity(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Return |T and P| / |T| of two boolean volumes; both empty gives 1.0, one empty 0.0."""
    return counts(truth, prediction).sensitivity


def specificity(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Return the share of the background that stayed background; 1.0 where the truth leaves none."""
    return counts(truth, prediction).specificity
