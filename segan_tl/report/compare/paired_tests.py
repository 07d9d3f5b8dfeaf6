"""Tests of two models on the same cases: paired t, Wilcoxon signed-rank, and Holm's correction for several of them.

A test that the pairs cannot answer returns None, never a guess. A pair with a NaN is left out; infinite scores are
refused.
"""

import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

# Up to so many pairs the Wilcoxon test is exact; beyond, its normal approximation is as good.
EXACT_PAIRS = 50
# Differences closer than this share of the largest score are equal: 0.9 - 0.8 and 0.8 - 0.7 are, to a reader.
EQUAL_DECIMALS = 12


def paired_t(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Return the two-sided p of the paired t-test, the test of Heras Rivera 2024, Table 2.

    It takes the differences for normal, or the cases for many. Pairs that are all equal differ in nothing: 1.0. None
    where fewer than two pairs are there, or all differ by the same amount: without spread nothing measures it.
    """
    differences = _scaled_differences(first, second)
    if len(differences) < 2:
        return None
    if not differences.any():
        return 1.0
    if np.ptp(differences) <= 10**-EQUAL_DECIMALS:
        return None
    return float(stats.ttest_1samp(differences, 0.0).pvalue)


def wilcoxon(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Return the two-sided p of the Wilcoxon signed-rank test; it needs no normal differences.

    Equal pairs are left out [Wilcoxon 1945], ties share their mean rank. Up to 50 pairs the p is exact, ties included:
    the share of all choices of signs that are at least as uneven; beyond, the normal approximation with the correction
    for ties. Pairs that are all equal give 1.0, no pair at all None. n unequal pairs cannot give less than 2 / 2ⁿ
    (`fewest_pairs`).
    """
    differences = _scaled_differences(first, second)
    if not len(differences):
        return None
    differences = differences[differences != 0]
    if not len(differences):
        return 1.0
    if len(differences) > EXACT_PAIRS:
        return float(stats.wilcoxon(differences, method="approx").pvalue)
    # Doubled, ranks are whole numbers even where ties share them.
    ranks = np.rint(2 * stats.rankdata(np.abs(differences))).astype(int)
    less = min(ranks[differences > 0].sum(), ranks[differences < 0].sum())
    return min(1.0, 2 * float(_share_of_sums(ranks)[: less + 1].sum()))


def _share_of_sums(ranks: np.ndarray) -> np.ndarray:
    """Return, for every number, the share of all choices of ranks that add up to it."""
    shares = np.zeros(ranks.sum() + 1)
    shares[0] = 1.0
    for rank in ranks:
        chosen = np.zeros_like(shares)
        chosen[rank:] = shares[: len(shares) - rank]
        shares = (shares + chosen) / 2
    return shares


def fewest_pairs(comparisons: int = 1, *, level: float = 0.05) -> int:
    """Return how many pairs the Wilcoxon test needs before any of several comparisons can fall below the level."""
    return math.ceil(math.log2(2 * comparisons / level))


# === Pairs ===


def pair_up(first: Sequence[float], second: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """Return the pairs of which both values are defined."""
    first, second = np.asarray(first, float), np.asarray(second, float)
    if first.shape != second.shape or first.ndim != 1:
        raise ValueError(f"expected as many scores of the one as of the other; found {first.shape} and {second.shape}")
    if np.isinf(first).any() or np.isinf(second).any():
        raise ValueError("expected finite scores; found an infinite one, which has no mean")
    both = ~(np.isnan(first) | np.isnan(second))
    return first[both], second[both]


def _scaled_differences(first: Sequence[float], second: Sequence[float]) -> np.ndarray:
    """Return second - first of the defined pairs as shares of the largest score, without the noise of rounding."""
    first, second = pair_up(first, second)
    if not len(first):
        return first
    largest = max(np.abs(first).max(), np.abs(second).max()) or 1.0
    return np.round((second - first) / largest, EQUAL_DECIMALS)
