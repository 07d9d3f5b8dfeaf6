"""Is it told which answers are bad? By hand, and by trying every order."""

import itertools

import numpy as np
import pytest

from segan_tl.metrics.selective import (
    area_under_risk_coverage,
    failures_caught,
    mean_absolute_error,
    risk_coverage,
    spearman,
)


def test_the_curve_by_hand():
    # Kept by 0.9, 0.5, 0.4: risks 0.1, 0.6, 0.2; means 0.1, 0.7 / 2 = 0.35, 0.9 / 3 = 0.3.
    coverage, risk = risk_coverage([0.4, 0.9, 0.8], [0.5, 0.9, 0.4])
    assert coverage.tolist() == pytest.approx([1 / 3, 2 / 3, 1])
    assert risk.tolist() == pytest.approx([0.1, 0.35, 0.3])
    assert area_under_risk_coverage([0.4, 0.9, 0.8], [0.5, 0.9, 0.4]) == pytest.approx(0.25)


def test_nothing_told_is_the_mean_risk_whatever_is_kept():
    assert risk_coverage([0.2, 0.9, 0.4], [0.5] * 3)[1] == pytest.approx([0.5] * 3)


def orders(predicted):
    """Return every order of places that these predictions allow, most expected first."""
    return [
        order
        for order in itertools.permutations(range(len(predicted)))
        if all(predicted[a] >= predicted[b] for a, b in itertools.pairwise(order))
    ]


@pytest.mark.parametrize("seed", range(5))
def test_of_equals_all_orders_count(seed):
    random = np.random.default_rng(seed)
    dice, predicted = random.random(6), random.integers(0, 3, 6) / 2
    areas, caught = [], []
    for order in orders(predicted):
        risks = [1 - dice[place] for place in order]
        areas.append(np.mean([np.mean(risks[: kept + 1]) for kept in range(6)]))
        caught.append(sum(dice[place] < 0.6 for place in order[::-1][:2]))  # 20 % of 6 are 1.2: two
    assert area_under_risk_coverage(dice, predicted) == pytest.approx(np.mean(areas))
    assert failures_caught(dice, predicted)[0] == pytest.approx(np.mean(caught))


def test_failures_by_hand():
    # Of ten the two of which least is expected are looked at: 0.1 failed, 0.7 did not; three failed in all.
    dice = [0.1, 0.7, 0.5, 0.59, 0.6, 0.8, 0.8, 0.8, 0.9, 0.9]
    predicted = [0.2, 0.3, 0.4, 0.5, 0.5, 0.6, 0.6, 0.6, 0.6, 0.6]
    assert failures_caught(dice, predicted) == (1, 2, 3)
    assert failures_caught(dice, predicted, reviewed=0.3) == (2, 3, 3)
    assert failures_caught(dice, predicted, failure=0.05) == (0, 0, 0)


def test_errors_and_ranks():
    assert mean_absolute_error([0.5, 1], [0.6, 0.7]) == pytest.approx(0.2)  # (0.1 + 0.3) / 2
    assert spearman([0.1, 0.5, 0.9], [0.2, 0.3, 0.31]) == pytest.approx(1)
    # Ranks 1 2 3 against 2 1 3: 1 - 6 · (1 + 1 + 0) / (3 · 8) = 0.5.
    assert spearman([0.1, 0.5, 0.9], [0.3, 0.2, 0.4]) == pytest.approx(0.5)
    assert spearman([0.1, 0.5], [0.2, 0.3]) is None and spearman([0.1, 0.5, 0.7], [0.2] * 3) is None


@pytest.mark.parametrize(("dice", "predicted"), [([], []), ([0.5], [0.5, 0.6]), ([np.nan], [0.5]), ([0.5], [np.inf])])
def test_nonsense_is_refused(dice, predicted):
    for score in (risk_coverage, failures_caught, mean_absolute_error, spearman):
        with pytest.raises(ValueError, match="expected a finite predicted Dice"):
            score(dice, predicted)
