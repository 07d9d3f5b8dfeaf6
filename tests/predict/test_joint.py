"""Runs of regions and of labels brought together, on arrays of a few voxels."""

from pathlib import Path

import numpy as np
import pytest

from segan_tl.errors import UserError
from segan_tl.predict.joint import (
    Ensemble,
    blend,
    choose_target,
    joint_masks,
    joint_probability,
    places_of,
    settings_of,
    thresholds_of,
)
from segan_tl.predict.members import Member
from segan_tl.predict.temperature import Temperatures
from segan_tl.runs import Run
from tests.small_ensembles import label_config
from tests.small_runs import small_config


REGIONS, LABELS = small_config(regions=("wt", "tc", "et")), label_config("ncr", "ed", "et")


def members(*configs):
    return [Member(Run(Path(f"run{number}")), f"run{number}", config, {}) for number, config in enumerate(configs)]


def test_the_regions_are_those_of_the_first_run_of_regions():
    target = choose_target(members(LABELS, REGIONS))
    assert (target.regions, target.decision, target.lead) == (("wt", "tc", "et"), "threshold", 1)
    target = choose_target(members(LABELS, label_config("et", "ncr", "ed")))
    assert (target.regions, target.decision, target.lead) == (("ncr", "ed", "et"), "largest", 0)


def test_labels_add_up_to_regions():
    target = choose_target(members(REGIONS, LABELS))
    assert places_of(LABELS, target) == ((0, 1, 2), (0, 2), (2,))  # wt = ncr + ed + et, tc = ncr + et
    labels = np.array([[0.5, 0.25, 0.125, 0.125], [0, 0.5, 0.25, 0.25]], np.float32)  # background, ncr, ed, et
    found = joint_probability(labels, LABELS, target)
    np.testing.assert_array_equal(found, np.array([[0.5, 0.375, 0.125], [1, 0.75, 0.25]], np.float32))
    masks = np.array([[True, False, False], [False, True, False]])  # ncr, ed, et
    np.testing.assert_array_equal(joint_masks(masks, LABELS, target), [[True, True, False], [True, False, False]])


def test_what_a_run_says_in_the_same_regions_stays_as_it_is():
    probability = np.random.default_rng(0).random((2, 3), np.float32)
    assert joint_probability(probability, REGIONS, choose_target(members(REGIONS, LABELS))) is probability


def test_labels_in_another_order():
    target = choose_target(members(LABELS, label_config("et", "ncr", "ed")))
    found = joint_probability(np.array([0.4, 0.3, 0.2, 0.1], np.float32), label_config("et", "ncr", "ed"), target)
    np.testing.assert_array_equal(found, np.array([0.4, 0.2, 0.1, 0.3], np.float32))  # ncr, ed, et after the background


def test_a_sum_of_rounded_labels_is_no_more_than_1():
    labels = np.array([0, np.float32(0.1), np.float32(0.2), np.float32(0.7000001)], np.float32)
    assert joint_probability(labels, LABELS, choose_target(members(REGIONS, LABELS))).max() <= 1


@pytest.mark.parametrize(
    "configs",
    [
        (REGIONS, small_config(regions=("wt",))),
        (REGIONS, label_config("wt")),
        (small_config(regions=("ncr", "ed")), REGIONS),  # of regions: their probabilities do not exclude each other
        (LABELS, label_config("ncr", "ed")),
    ],
)
def test_regions_that_do_not_come_together_are_refused(configs):
    with pytest.raises(UserError, match="expected runs whose regions come together; run0 .* of run1 .*leave one out"):
        choose_target(members(*configs))


def test_settings_are_shared_as_probabilities_are():
    found = members(
        small_config(threshold=0.4, smallest_component=0.1), small_config(threshold=0.6, smallest_component=0.3)
    )
    ensemble = Ensemble(tuple(found), (0.25, 0.75), "weighted", choose_target(found), ("a", "b"))
    settings = settings_of(ensemble)
    assert settings.threshold == pytest.approx(0.25 * 0.4 + 0.75 * 0.6) and settings.smallest_component == 0.3


def test_equal_thresholds_stay_what_they_are_to_the_bit():
    found = members(*[small_config(threshold=0.3)] * 10)
    ensemble = Ensemble(tuple(found), (0.1,) * 10, "mean", choose_target(found), ("a",) * 10)
    assert settings_of(ensemble).threshold == 0.3 and thresholds_of(ensemble) == (0.3,)


def test_thresholds_move_as_calibrated_probabilities_do():
    # T = 2 takes the root of the odds: 0.9 becomes 3 / 4. The labels' member has 0.5, which stays.
    found = members(small_config(regions=("wt", "tc", "et"), threshold=0.9), LABELS)
    ensemble = Ensemble(tuple(found), (0.25, 0.75), "weighted", choose_target(found), ("a", "b"))
    assert thresholds_of(ensemble) == pytest.approx((0.6,) * 3)
    found[0].__dict__["temperatures"] = Temperatures((2.0, 1.0, 2.0), False)
    found[1].__dict__["temperatures"] = Temperatures((3.0,) * 3, True)
    assert thresholds_of(ensemble) == pytest.approx((0.25 * 0.75 + 0.375, 0.25 * 0.9 + 0.375, 0.25 * 0.75 + 0.375))


def mean_of(answers, weights):
    mean, total = None, 0.0
    for answer, weight in zip(answers, weights):
        total += weight
        mean = blend(mean, answer.copy(), weight / total)
    return mean


@pytest.mark.parametrize("weights", [(1, 1), (1, 1, 1), (0.4722, 0.5278), (0.1,) * 10])
def test_equal_answers_give_the_very_same_mean(weights):
    answer = np.random.default_rng(1).random((50, 40), np.float32) ** 9
    found = mean_of([answer] * len(weights), weights)
    assert found.dtype == np.float32 and np.array_equal(found, answer)


def test_a_weighted_mean():
    rows = [np.array([0.0, 0.4], np.float32), np.array([1.0, 0.8], np.float32), np.array([0.5, 0.0], np.float32)]
    np.testing.assert_allclose(mean_of(rows[:2], (0.2, 0.6)), [0.75, 0.7], rtol=1e-6)  # 1/4 and 3/4
    np.testing.assert_allclose(mean_of(rows, (1, 1, 2)), [0.5, 0.3], rtol=1e-6)
