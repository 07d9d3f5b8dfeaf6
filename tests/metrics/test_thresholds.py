"""AUC and the operating point: by hand, and against one mask for every threshold."""

import math

import numpy as np
import pytest

from segan_tl.metrics.overlap import dice, sensitivity, specificity
from segan_tl.metrics.thresholds import CANDIDATES, area_under_roc, best_threshold, volume_shares


def test_area_under_roc_by_hand():
    # Pairs (inside, outside): .9 beats .1 and .6; .4 beats .1 and loses to .6; .6 beats .1 and ties with .6: 4.5 of 6.
    truth = np.array([True, True, True, False, False])
    assert area_under_roc(truth, np.array([0.9, 0.4, 0.6, 0.1, 0.6])) == pytest.approx(4.5 / 6)
    assert math.isnan(area_under_roc(np.zeros(3, bool), np.arange(3)))
    assert math.isnan(area_under_roc(np.ones(3, bool), np.arange(3)))


def test_the_best_threshold_by_hand():
    # Dice: at 0.05 all four are found, 4 / 6; at 0.2 three, 4 / 5; at 0.5 the right two, 1; at 0.65 one, 2 / 3.
    truth, probability = np.array([False, False, True, True]), np.array([0.1, 0.4, 0.6, 0.7])
    assert best_threshold([(truth, probability)]) == (0.5, 1.0)
    assert best_threshold([(truth, probability)], candidates=(0.2, 0.65)) == (0.2, pytest.approx(4 / 5))
    assert best_threshold([(truth, probability)], candidates=(0.05, 0.65)) == (0.65, pytest.approx(2 / 3))


def test_cases_count_alike_whatever_their_size():
    # The large case wants 0.9 (Dice 1 there, else 2 / 3); the two small ones want 0.3.
    large = np.repeat([True, False], [100, 100]), np.repeat([0.95, 0.85], [100, 100])
    small = np.array([True, False]), np.array([0.4, 0.1])
    assert best_threshold([large, small, small], candidates=(0.3, 0.9)).threshold == 0.3


def test_of_equal_thresholds_the_one_nearest_to_a_half():
    assert best_threshold([(np.array([True, False]), np.array([0.95, 0.05]))]).threshold == 0.5


@pytest.mark.parametrize("criterion", ["dice", "youden"])
@pytest.mark.parametrize("seed", range(4))
def test_equal_to_one_mask_a_threshold(criterion, seed):
    generator = np.random.default_rng(seed)
    cases = []
    for _ in range(3):
        truth = generator.random((5, 6, 7)) < generator.choice([0, 0.2, 0.6])
        probability = np.clip(0.3 * truth + generator.random(truth.shape).round(2) * 0.7, 0, 1).astype(np.float32)
        cases.append((truth, probability))
    means = []
    for threshold in CANDIDATES:
        masks = [(truth, probability >= np.float32(threshold)) for truth, probability in cases]
        youden = [sensitivity(*pair) + specificity(*pair) - 1 for pair in masks]
        means.append(np.mean([dice(*pair) for pair in masks] if criterion == "dice" else youden))
    found = best_threshold(cases, criterion=criterion)
    assert found.score == pytest.approx(max(means))
    assert means[CANDIDATES.index(found.threshold)] == pytest.approx(max(means))


def test_no_cases_and_unknown_criteria_are_refused():
    with pytest.raises(ValueError, match="at least one case"):
        best_threshold([])
    with pytest.raises(ValueError, match="criterion"):
        best_threshold([], criterion="accuracy")


# === Shares of volume ===


def test_shares_of_volume_by_hand():
    # Truth 4 voxels: 0.9, 0.7, 0.4, 0.1; outside 0.8, 0.3 and two of 0.
    truth = np.array([1, 1, 1, 1, 0, 0, 0, 0])
    probability = np.array([0.9, 0.7, 0.4, 0.1, 0.8, 0.3, 0, 0])
    missed, false = volume_shares(truth, probability, (0.05, 0.3, 0.5, 0.85))
    assert missed.tolist() == [0, 0.25, 0.5, 0.75]
    assert false.tolist() == [0.5, 0.5, 0.25, 0]


def test_no_truth_and_more_than_the_truth():
    missed, false = volume_shares(np.zeros(3, bool), np.array([0.6, 0.2, 0]), (0.1, 0.5, 0.9))
    assert missed.tolist() == [0, 0, 0] and false.tolist() == [1, 1, 0]
    _, false = volume_shares(np.array([1, 0, 0, 0]), np.ones(4), (0.5,))
    assert false.tolist() == [1]  # of three times the truth


@pytest.mark.parametrize("seed", range(3))
def test_shares_of_volume_like_a_mask_each_and_never_the_other_way(seed):
    draw = np.random.default_rng(seed)
    truth, probability = draw.random((6, 7)) < 0.3, draw.random((6, 7)).astype(np.float32)
    thresholds = np.sort(draw.random(9)).astype(np.float32)
    missed, false = volume_shares(truth, probability, thresholds)
    for place, threshold in enumerate(thresholds):
        mask = probability >= threshold
        assert missed[place] == pytest.approx((truth & ~mask).sum() / truth.sum())
        assert false[place] == pytest.approx(min(1, (mask & ~truth).sum() / truth.sum()))
    assert (np.diff(missed) >= 0).all() and (np.diff(false) <= 0).all()
