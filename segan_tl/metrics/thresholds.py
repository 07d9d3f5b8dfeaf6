"""Probabilities against the truth: area under the ROC curve, and the threshold that is best on a validation set.

Kaur 2019 selects the operating point of each model on 50 local validation cases, not on the test set. Which score it
maximises is not written there; here it is the mean Dice over cases, or Youden's index.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from segan_tl.metrics.overlap import as_mask

# Probabilities of float32 networks crowd at both ends: 0.5 and the usual steps of 0.05 are among these.
CANDIDATES = tuple(round(step / 100, 2) for step in range(1, 100))
CRITERIA = ("dice", "youden")


class OperatingPoint(NamedTuple):
    """A threshold (voxels at or above it count as found) and its mean score over the validation cases."""

    threshold: float
    score: float


def area_under_roc(truth: np.ndarray, probability: np.ndarray) -> float:
    """Return the share of pairs of a voxel inside and one outside that are ranked rightly, ties half.

    NaN where all voxels are inside, or all outside.

    Args:
        truth: any shape, a mask as in `metrics.as_mask`.
        probability: same shape.

    Raises:
        ValueError: the shapes differ, or one is something else.

    Example:
        >>> segan_tl.metrics.area_under_roc(np.array([1, 1, 0, 0]), np.array([0.9, 0.4, 0.6, 0.1]))  # 3 of 4 pairs
        0.75
    """
    from sklearn.metrics import roc_auc_score

    truth, probability = _checked(truth, probability)
    if truth.all() or not truth.any():
        return float("nan")
    return float(roc_auc_score(truth.ravel(), probability.ravel()))


def best_threshold(
    cases: Iterable[tuple[np.ndarray, np.ndarray]],
    *,
    criterion: str = "dice",
    candidates: tuple[float, ...] = CANDIDATES,
) -> OperatingPoint:
    """Choose the threshold with the best mean score over validation cases; of equals, the one nearest 0.5.

    Args:
        cases: pairs of truth (any shape, bool) and probability (same shape); one is looked at at a time.
        criterion: "dice" (both empty 1, one empty 0), or "youden" (sensitivity + specificity - 1, over all voxels).
        candidates: thresholds to choose from, ascending.

    Raises:
        ValueError: there are no cases, the criterion is unknown, or as `area_under_roc`.

    Example:
        >>> case = np.array([1, 1, 0, 0]), np.array([0.9, 0.35, 0.3, 0.1])
        >>> segan_tl.metrics.best_threshold([case])
        OperatingPoint(threshold=0.35, score=1.0)
    """
    if criterion not in CRITERIA:
        raise ValueError(f"expected a criterion out of {', '.join(CRITERIA)}; got {criterion!r}")
    scores = [_scores(truth, probability, candidates, criterion) for truth, probability in cases]
    if not scores:
        raise ValueError("expected at least one case to choose a threshold on")
    mean = np.mean(scores, axis=0)
    best = np.flatnonzero(np.isclose(mean, mean.max(), rtol=0, atol=1e-12))
    chosen = min(best, key=lambda place: abs(candidates[place] - 0.5))
    return OperatingPoint(candidates[chosen], float(mean[chosen]))


def volume_shares(
    truth: np.ndarray, probability: np.ndarray, thresholds: Sequence[float]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the share of the truth's volume that is missed at each threshold, and what is found outside of it.

    The latter as a share of the truth's volume, too, and never more than 1: so both are from 0 to 1, and by
    construction what is missed never falls with the threshold and what is false never rises. Of an empty truth nothing
    is missed, and anything that is found is 1.

    Args:
        truth: any shape, bool.
        probability: same shape; at or above a threshold it counts as found.
        thresholds: (G,) ascending.

    Returns:
        (G,) and (G,), float64.

    Raises:
        ValueError: as `area_under_roc`.

    Example:
        >>> volume_shares(np.array([1, 1, 0, 0]), np.array([0.9, 0.4, 0.6, 0.1]), (0.2, 0.5, 0.8))
        (array([0. , 0.5, 0.5]), array([0.5, 0.5, 0. ]))
    """
    truth, probability = _checked(truth, probability)
    edges = np.asarray(thresholds, probability.dtype)
    voxels = np.count_nonzero(truth)
    outside = _at_or_above(probability[~truth], edges)
    if not voxels:
        return np.zeros(len(edges)), (outside > 0).astype(np.float64)
    return 1 - _at_or_above(probability[truth], edges) / voxels, np.minimum(outside / voxels, 1)


def _scores(
    truth: np.ndarray, probability: np.ndarray, candidates: tuple[float, ...], criterion: str
) -> np.ndarray:
    """Return the score of one case at every candidate, from two histograms instead of one mask a candidate."""
    truth, probability = _checked(truth, probability)
    # The comparison must be that of the network's own type: 0.7 in float32 is a little less than 0.7.
    edges = np.asarray(candidates, probability.dtype)
    inside = _at_or_above(probability[truth], edges)
    outside = _at_or_above(probability[~truth], edges)
    truth_voxels, background = int(np.count_nonzero(truth)), int(truth.size - np.count_nonzero(truth))
    if criterion == "dice":
        total = truth_voxels + inside + outside
        return np.where(total > 0, 2 * inside / np.maximum(total, 1), 1.0)
    sensitivity = inside / truth_voxels if truth_voxels else np.where(outside > 0, 0.0, 1.0)
    specificity = 1 - outside / background if background else np.ones(len(edges))
    return sensitivity + specificity - 1


def _checked(truth: np.ndarray, probability: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    truth, probability = as_mask(truth), np.asarray(probability)
    if truth.shape != probability.shape:
        raise ValueError(f"expected truth and probability of one shape; got {truth.shape} and {probability.shape}")
    if not np.isfinite(probability).all():
        raise ValueError("expected finite probabilities; got NaN or infinity")
    return truth, probability if probability.dtype.kind == "f" else probability.astype(float)


def _at_or_above(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return how many values reach each of the ascending edges."""
    reached = np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1)
    return np.cumsum(reached[::-1])[::-1][1:]
