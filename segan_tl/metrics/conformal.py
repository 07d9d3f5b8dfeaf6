"""What the losses of some patients promise for the next one: risk control, split conformal intervals, and their limits.

All promises are of averages: over the patients that calibrate and the next one, where these could as well have come in
any other order (they are exchangeable). None is of a single patient.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from segan_tl.metrics.corrections import holm

ROUNDING = 1e-9  # 0.9 · 10 is not always 9


def patients_needed(alpha: float) -> int:
    """Return how many patients it takes before anything can be promised at `alpha`: ⌈1 / α⌉ − 1.

    Of fewer the bound of `risk_bound` is above alpha even where nobody loses anything, and `reach` is infinite.

    >>> patients_needed(0.1), patients_needed(0.05)
    (9, 19)
    """
    return math.ceil(1 / alpha - ROUNDING) - 1


def risk_bound(losses: np.ndarray, *, weights: Sequence[float] | None = None, own: float = 1.0) -> np.ndarray:
    """Return what the loss of the next patient is expected to be at most, at every threshold.

    n / (n + 1) · mean loss + 1 / (n + 1): the next patient may lose all, which is 1 [Angelopoulos 2024, eq. 4]. With
    weights (Σ w · loss + own) / (Σ w + own) [Farinhas 2024].

    Args:
        losses: (N, G) of the patients that calibrate, from 0 to 1; N may be 0, and all is 1.
        weights: of these patients; None for 1 each.
        own: weight of the next patient.

    Returns:
        (G,).
    """
    losses = np.asarray(losses, np.float64)
    weights = np.ones(len(losses)) if weights is None else np.asarray(weights, np.float64)
    return (weights @ losses + own) / (weights.sum() + own)


def safest(bound: np.ndarray, alpha: float, *, rising: bool) -> int | None:
    """Return the place of the threshold that is just safe, None where none is.

    Args:
        bound: (G,) of `risk_bound`, at ascending thresholds.
        rising: whether losses rise with the threshold (what is missed) or fall (what is false): the largest safe
            threshold is returned or the smallest, from which all on the other side are safe as well.
    """
    safe = np.flatnonzero(np.asarray(bound) <= alpha + ROUNDING)
    if not len(safe):
        return None
    return int(safe[-1] if rising else safe[0])


def reach(
    scores: Sequence[float], alpha: float, *, weights: Sequence[float] | None = None, own: float = 1.0
) -> float:
    """Return how large the score of the next patient is at most with a probability of 1 − α or more.

    The ⌈(n + 1)(1 − α)⌉-th smallest [Vovk 2005; Lei 2018]; with weights the smallest that together with all smaller
    ones weighs (1 − α) of everything, the next patient included [Barber 2023].

    Args:
        scores: of the patients that calibrate, the larger the worse.
        weights, own: as of `risk_bound`.

    Returns:
        The score; infinite where there are too few patients.
    """
    scores = np.asarray(scores, np.float64)
    weights = np.ones(len(scores)) if weights is None else np.asarray(weights, np.float64)
    order = np.argsort(scores, kind="stable")
    enough = np.cumsum(weights[order]) >= (1 - alpha) * (weights.sum() + own) - ROUNDING
    return float(scores[order][enough.argmax()]) if enough.any() else math.inf


def share_of_strangers(weights: Sequence[float], strange: Sequence[bool], *, own: float) -> float:
    """Return the share of the weight that patients of another cohort have: how far a promise may be off.

    The risk is at most α + Σ over strangers of their share · how far their distribution is from the target's (total
    variation, from 0 to 1) [Barber 2023, Theorem 2; Farinhas 2024]; this is the sum where that is 1.
    """
    weights = np.asarray(weights, np.float64)
    return float(weights[np.asarray(strange, bool)].sum() / (weights.sum() + own))


def differences(
    calibration: Mapping[str, Sequence[float]], other: Mapping[str, Sequence[float]]
) -> dict[str, float]:
    """Return the probability that scores of two cohorts differ that much by chance, for each kind of score.

    Mann-Whitney's test on both sides, corrected for the number of kinds [Holm 1979]. Patients that could as well have
    changed places differ below 0.05 in one of twenty cohorts. That nothing is found says little where few are.

    Args:
        calibration, other: kind → the scores of the patients.
    """
    from scipy.stats import mannwhitneyu  # takes a second to import, and predict has no use for it

    raw = {name: float(mannwhitneyu(calibration[name], other[name]).pvalue) for name in calibration}
    raw = {name: 1.0 if math.isnan(p) else p for name, p in raw.items()}  # all scores are the same
    return dict(zip(raw, holm(list(raw.values())), strict=True))
