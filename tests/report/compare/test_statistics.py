"""Intervals of means: by hand, from all resamples, against scipy, and how often they hold the truth."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from segan_tl.report.compare.statistics import (
    RESAMPLES,
    Estimate,
    average_scans,
    compare_pairs,
    estimate_mean,
    summarise,
)
from segan_tl.report.record import metric_columns

SKEWED = np.random.default_rng(0).beta(8, 2, 25)


def test_what_few_or_equal_values_give():
    assert estimate_mean([]) == Estimate(None, None, None, 0)
    assert estimate_mean([0.5]) == Estimate(0.5, None, None, 1)
    assert estimate_mean([0.7, 0.7, 0.7]) == Estimate(0.7, 0.7, 0.7, 3)
    # Of two values the resamples are both low, both high or mixed: a quarter of them at each end.
    assert estimate_mean([0.25, 0.75]) == Estimate(0.5, 0.25, 0.75, 2)


def test_undefined_scores_are_left_out_and_infinite_ones_refused():
    assert estimate_mean([0.25, math.nan, 0.75]) == estimate_mean([0.25, 0.75])
    with pytest.raises(ValueError, match="infinite"):
        estimate_mean([1.0, math.inf])


def test_interval_is_that_of_scipy():
    interval = stats.bootstrap(
        (SKEWED,), np.mean, n_resamples=RESAMPLES, method="BCa", random_state=np.random.default_rng(0)
    ).confidence_interval
    found = estimate_mean(SKEWED)
    assert (found.low, found.high) == pytest.approx(tuple(interval), abs=1e-12)
    assert found == estimate_mean(SKEWED) != estimate_mean(SKEWED, seed=1)


def test_interval_is_near_that_of_all_resamples():
    # All 5^5 resamples of five values, and the BCa percentiles worked out from them [Efron 1987].
    values = np.array([0.2, 0.8, 0.85, 0.9, 0.95])
    means = np.sort([np.mean(chosen) for chosen in itertools.product(values, repeat=5)])
    bias = stats.norm.ppf(((means < values.mean() - 1e-9).sum() + (means <= values.mean() + 1e-9).sum()) / 2 / 5**5)
    without_one = np.array([np.delete(values, place).mean() for place in range(5)])
    apart = without_one.mean() - without_one
    acceleration = (apart**3).sum() / (6 * (apart**2).sum() ** 1.5)
    ends = []
    for quantile in stats.norm.ppf([0.025, 0.975]):
        shifted = bias + (bias + quantile) / (1 - acceleration * (bias + quantile))
        ends.append(np.quantile(means, stats.norm.cdf(shifted)))
    found = estimate_mean(values)
    assert (found.low, found.high) == pytest.approx(ends, abs=0.02)
    percentile = np.quantile(means, [0.025, 0.975])
    assert found.low < percentile[0] and found.high < percentile[1]  # towards the tail of failures


def test_interval_holds_the_true_mean_about_as_often_as_it_says():
    generator = np.random.default_rng(0)
    held = 0
    for _ in range(300):
        found = estimate_mean(generator.beta(8, 2, 30))  # mean 8 / (8 + 2)
        held += found.low <= 0.8 <= found.high
    assert 0.90 <= held / 300 <= 0.98


def test_interval_of_a_large_cohort_does_not_need_much_memory():
    found = estimate_mean(np.random.default_rng(0).normal(0.8, 0.1, 2000))
    assert found.high - found.low == pytest.approx(2 * 1.96 * 0.1 / math.sqrt(2000), rel=0.1)


def test_comparison_by_hand():
    # differences 0.1, 0.3, -0.1: mean 0.1; deviations 0, 0.2, -0.2, so t = 0.1 / (0.2 / √3) with 2 degrees of freedom,
    # for which p = 1 - t / √(2 + t²). Ranks 1.5, 3, 1.5: of 8 choices of signs, sums up to 1.5 have 3: 2 · 3/8.
    found = compare_pairs([0.5, 0.4, 0.9], [0.6, 0.7, 0.8])
    t = 0.1 * math.sqrt(3) / 0.2
    assert found.difference.mean == pytest.approx(0.1) and found.difference.n == 3
    assert (found.first_mean, found.second_mean) == pytest.approx((0.6, 0.7))
    assert found.t_p == pytest.approx(1 - t / math.sqrt(2 + t**2))
    assert found.wilcoxon_p == pytest.approx(0.75)


def test_turning_a_comparison_round_turns_its_signs():
    other = SKEWED - np.random.default_rng(1).normal(0.02, 0.05, len(SKEWED))
    there, back = compare_pairs(SKEWED, other), compare_pairs(other, SKEWED)
    assert back.difference == pytest.approx((-there.difference.mean, -there.difference.high, -there.difference.low, 25))
    assert (back.t_p, back.wilcoxon_p) == pytest.approx((there.t_p, there.wilcoxon_p))


def test_comparison_leaves_out_pairs_not_values():
    found = compare_pairs([0.5, math.nan, 0.9], [0.75, 0.1, math.nan])
    assert (found.difference, found.first_mean, found.second_mean) == (Estimate(0.25, None, None, 1), 0.5, 0.75)
    assert (found.t_p, found.wilcoxon_p) == (None, 1.0)
    nothing = compare_pairs([math.nan], [1.0])
    assert nothing.difference.n == 0 and nothing.first_mean is nothing.t_p is nothing.wilcoxon_p is None


def test_summary_of_a_run():
    rows = [
        {"case": "a", "region": "wt", "dice": "0.5", "hd95_mm": "3", "grade": "HGG", "seconds": "1"},
        {"case": "a", "region": "et", "dice": "0.9", "hd95_mm": "", "grade": "HGG", "seconds": "1"},
        {"case": "b", "region": "wt", "dice": "1", "hd95_mm": "5", "grade": "LGG", "seconds": "1"},
        {"case": "b", "region": "et", "dice": "nan", "hd95_mm": "2", "grade": "LGG", "seconds": "1"},
    ]
    assert summarise(rows) == {
        "wt": {"dice": Estimate(0.75, 0.5, 1.0, 2), "hd95_mm": Estimate(4.0, 3.0, 5.0, 2)},
        "et": {"dice": Estimate(0.9, None, None, 1), "hd95_mm": Estimate(2.0, None, None, 1)},
    }
    assert metric_columns(rows) == ["dice", "hd95_mm"]
    assert summarise([]) == {}


# === Several scans of a patient ===


def test_scans_of_a_patient_are_one_value():
    nan = math.nan
    assert average_scans([0.5, 0.7, 0.9], ["a", "b", "a"]) == [0.7, 0.7]
    assert average_scans([0.5, nan, 0.9], ["a", "b", "a"]) == pytest.approx([0.7, nan], nan_ok=True)
    assert average_scans([nan, 0.7, 0.9], ["a", "b", "a"]) == [0.9, 0.7]
    assert average_scans([], []) == []


def test_patients_are_compared_not_scans():
    first, second = [4, 6, 7, 2, 8, 6], [6, 8, 7, 4, 8, 9]
    patients = ["a", "a", "b", "c", "c", "d"]
    # differences 2 2 | 0 | 2 0 | 3: means 2, 0, 1, 3
    found = compare_pairs(first, second, patients)
    assert found == compare_pairs([5, 7, 5, 6], [7, 7, 6, 9])
    assert found.difference.n == 4 and found.difference.mean == 1.5
    assert compare_pairs(first, second, list("abcdef")) == compare_pairs(first, second)
    # A pair of which one is not defined is left out before the mean is taken.
    found = compare_pairs([0.5, 0.1, 0.7], [0.6, math.nan, 0.9], ["a", "a", "b"])
    assert (found.difference.n, found.first_mean) == (2, pytest.approx(0.6))


def test_copies_of_one_patient_prove_nothing():
    first, second = [0.5, 0.6], [0.6, 0.71]
    many = compare_pairs(first * 10, second * 10, ["a", "b"] * 10)
    assert many == compare_pairs(first, second) and many.wilcoxon_p == 0.5  # 2 / 2²


def test_summary_counts_patients():
    rows = [
        {"case": case, "patient": patient, "region": "wt", "dice": dice}
        for case, patient, dice in (("1", "a", "0.5"), ("2", "a", "0.7"), ("3", "", "0.9"))
    ]
    assert summarise(rows)["wt"]["dice"][::3] == (pytest.approx(0.75), 2)
    assert metric_columns([{"case": "1", "patient": "100001", "dice": "0.5"}]) == ["dice"]
    for row in rows:
        del row["patient"]
    assert summarise(rows)["wt"]["dice"].n == 3
    named = [row | {"case": f"sub-1_ses-{i}"} for i, row in enumerate(rows)]  # of before: the name tells
    assert summarise(named)["wt"]["dice"][::3] == (pytest.approx(0.7), 1)
