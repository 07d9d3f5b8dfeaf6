"""Is it told which answers are bad? Scores of a predicted Dice against the true one.

Whoever keeps the answers of which most is expected, and looks at the rest again, runs a risk: 1 - Dice, the mean of
what is kept. Over the share that is kept (coverage) it draws the risk–coverage curve [Geifman and El-Yaniv 2017].
Where the same is expected of several, each order of them is as likely, and the mean over all orders counts.
"""

import math
from collections.abc import Sequence

import numpy as np

FAILURE = 0.6  # Dice below which an answer counts as failed
REVIEWED = 0.2  # share that is looked at again


def risk_coverage(dice: Sequence[float], predicted: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """Return coverage (1/n, 2/n, …, 1) and the mean of 1 - Dice of what is kept, (n,) each."""
    risk = _by_rank(1 - _checked(dice, predicted), np.asarray(predicted, float))
    kept = np.arange(1, len(risk) + 1)
    return kept / len(risk), np.cumsum(risk) / kept


def area_under_risk_coverage(dice: Sequence[float], predicted: Sequence[float]) -> float:
    """Return the mean risk over all coverages; the mean of 1 - Dice where nothing is told, the less the better."""
    return float(risk_coverage(dice, predicted)[1].mean())


def failures_caught(
    dice: Sequence[float], predicted: Sequence[float], *, reviewed: float = REVIEWED, failure: float = FAILURE
) -> tuple[float, int, int]:
    """Return how many failures are among the answers of which least is expected, how many could be, and all of them.

    Args:
        reviewed: share of the answers that is looked at, rounded up to whole ones.
        failure: Dice below which an answer counts as failed.
    """
    failed = _by_rank((_checked(dice, predicted) < failure).astype(float), -np.asarray(predicted, float))
    looked = math.ceil(round(reviewed * len(failed), 9))
    total = int(round(failed.sum()))
    return float(failed[:looked].sum()), min(looked, total), total


def mean_absolute_error(dice: Sequence[float], predicted: Sequence[float]) -> float:
    """Return the mean of |predicted - true|."""
    return float(np.abs(_checked(dice, predicted) - np.asarray(predicted, float)).mean())


def spearman(dice: Sequence[float], predicted: Sequence[float]) -> float | None:
    """Return the rank correlation, −1 to 1; None where all of one side are equal or there are fewer than three."""
    from scipy import stats

    dice, predicted = _checked(dice, predicted), np.asarray(predicted, float)
    if len(dice) < 3 or np.ptp(dice) == 0 or np.ptp(predicted) == 0:
        return None
    return float(stats.spearmanr(dice, predicted).statistic)


def _by_rank(values: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Return values, those of the largest `order` first, each the mean of those whose order is the same."""
    _, group, counts = np.unique(-order, return_inverse=True, return_counts=True)
    means = np.bincount(group, weights=values) / counts
    return np.repeat(means, counts)


def _checked(dice: Sequence[float], predicted: Sequence[float]) -> np.ndarray:
    dice = np.asarray(dice, float)
    if not len(dice) or dice.shape != np.shape(predicted) or not np.isfinite([dice, predicted]).all():
        raise ValueError(f"expected a finite predicted Dice for each of {len(dice)} true ones, at least one")
    return dice
