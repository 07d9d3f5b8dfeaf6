"""Paired tests: by hand, against scipy, against all choices of signs, and against published examples."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from segan_tl.report.compare.paired_tests import fewest_pairs, paired_t, wilcoxon


def against_zero(differences):
    """Return pairs that differ by so much."""
    return [0.0] * len(differences), list(differences)


# === Published examples ===


def test_students_sleep():
    # Student 1908, hours of sleep gained with two drugs, as documented of R's t.test: t = 4.0621, p = 0.002833
    first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
    second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
    assert paired_t(first, second) == pytest.approx(0.002833, abs=5e-7)


def test_darwins_maize():
    # Heights of cross- and self-fertilised plants, as in the documentation of scipy.stats.wilcoxon
    differences = [6, 8, 14, 16, 23, 24, 28, 29, 41, -48, 49, 56, 60, -67, 75]
    assert wilcoxon(*against_zero(differences)) == 0.041259765625


def test_depression_scale_of_hollander_and_wolfe():
    # 1973, p. 29, as in the documentation of R's wilcox.test: V = 40, one-sided p = 0.01953
    first = [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30]
    second = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29]
    assert wilcoxon(first, second) == pytest.approx(2 * 0.01953, abs=1e-5)


# === Against scipy ===


@pytest.mark.parametrize("number", [2, 3, 6, 11, 25, 50, 51, 200])
def test_tests_equal_scipy(number):
    first, second = np.random.default_rng(number).random((2, number))
    assert paired_t(first, second) == pytest.approx(stats.ttest_rel(first, second).pvalue, rel=1e-9)
    method = "exact" if number <= 50 else "approx"
    assert wilcoxon(first, second) == pytest.approx(stats.wilcoxon(first, second, method=method).pvalue, rel=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_ties_equal_all_choices_of_signs(seed):
    differences = np.random.default_rng(seed).choice([-3, -2, -1, 1, 1, 2, 2, 3], 9)
    ranks = stats.rankdata(np.abs(differences))
    unevenness = abs((ranks * np.sign(differences)).sum())
    signs = np.array(list(itertools.product((-1, 1), repeat=9)))
    share = (np.abs(signs @ ranks) >= unevenness - 1e-9).mean()
    assert wilcoxon(*against_zero(differences)) == pytest.approx(share)


def test_exact_and_approximate_meet():
    differences = np.random.default_rng(0).normal(0.2, 1, 50)
    approximate = stats.wilcoxon(differences, method="approx").pvalue
    assert wilcoxon(*against_zero(differences)) == pytest.approx(approximate, rel=0.05)


# === What has no answer ===


def test_few_pairs():
    assert (paired_t([], []), wilcoxon([], [])) == (None, None)
    assert (paired_t([0.5], [0.6]), wilcoxon([0.5], [0.6])) == (None, 1.0)
    assert (paired_t([0.5], [0.5]), wilcoxon([0.5], [0.5])) == (None, 1.0)


def test_equal_pairs_differ_in_nothing():
    assert (paired_t([0.5, 0.7], [0.5, 0.7]), wilcoxon([0.5, 0.7], [0.5, 0.7])) == (1.0, 1.0)


def test_equal_differences_have_no_spread_to_measure_by():
    # 0.1 each, but for the last digit: 0.8 - 0.7, 0.9 - 0.8, 1.0 - 0.9
    first, second = [0.7, 0.8, 0.9], [0.8, 0.9, 1.0]
    assert len(set(np.subtract(second, first))) > 1
    assert paired_t(first, second) is None
    assert wilcoxon(first, second) == 2 / 2**3


def test_equal_pairs_are_left_out_of_wilcoxon():
    assert wilcoxon([0.5, 0.5, 0.5, 0.9], [0.6, 0.7, 0.8, 0.9]) == 2 / 2**3


def test_undefined_pairs_are_left_out_and_infinite_ones_refused():
    assert wilcoxon([0.5, math.nan, 0.5, 0.5], [0.6, 0.7, 0.7, math.nan]) == 2 / 2**2
    with pytest.raises(ValueError, match="infinite"):
        paired_t([1.0, 2.0], [374.0, math.inf])
    with pytest.raises(ValueError, match="as many scores"):
        wilcoxon([1.0, 2.0], [1.0])


def test_how_many_pairs_a_claim_needs():
    # 2 / 2⁵ = 0.0625 and 2 / 2⁶ = 0.03125; three comparisons: 3 · 2 / 2⁷ = 0.047
    assert [fewest_pairs(number) for number in (1, 2, 3)] == [6, 7, 7]
    for pairs in (5, 6):
        assert (wilcoxon(*against_zero(range(1, pairs + 1))) < 0.05) == (pairs >= fewest_pairs())
