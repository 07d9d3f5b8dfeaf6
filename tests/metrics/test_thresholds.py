"""AUC and the operating point: by hand, and against one mask for every threshold."""

import math

import numpy as np
import pytest

from segan_tl.metrics.overlap import dice, sensitivity, specificity
from segan_tl.metrics.thresholds import CANDIDATES, area_under_roc, best_threshold


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
