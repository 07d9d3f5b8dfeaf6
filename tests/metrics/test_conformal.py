"""Promises from patients' losses: by hand, and kept on average over many divisions of a large table."""

import math

import numpy as np
import pytest

from segan_tl.metrics.conformal import (
    differences,
    patients_needed,
    reach,
    risk_bound,
    safest,
    share_of_strangers,
)

TIMES = 1000


def test_how_many_patients_it_takes():
    # One of n + 1 may lose all: 1 / (n + 1) ≤ α.
    assert [patients_needed(alpha) for alpha in (0.5, 0.3, 0.2, 0.1, 0.05, 0.01)] == [1, 3, 4, 9, 19, 99]
    for alpha in (0.3, 0.2, 0.1, 0.05):
        n = patients_needed(alpha)
        nothing_lost = np.zeros((n, 1))
        assert safest(risk_bound(nothing_lost), alpha, rising=True) == 0
        assert safest(risk_bound(nothing_lost[:-1]), alpha, rising=True) is None
        assert reach([0.0] * n, alpha) == 0 and reach([0.0] * (n - 1), alpha) == math.inf


def test_a_bound_by_hand():
    # Three patients at three thresholds; the fourth may lose 1: (0 + 0.2 + 0.1 + 1) / 4 and so on.
    losses = np.array([[0, 0.1, 0.5], [0.2, 0.3, 0.9], [0.1, 0.2, 1]])
    assert risk_bound(losses) == pytest.approx([0.325, 0.4, 0.85])
    assert safest(risk_bound(losses), 0.4, rising=True) == 1 and safest(risk_bound(losses), 0.3, rising=True) is None
    assert safest(risk_bound(losses[:, ::-1]), 0.4, rising=False) == 1
    assert risk_bound(np.zeros((0, 2))).tolist() == [1, 1]
    # The third weighs 2, and so does the fourth: (0 + 0.2 + 0.2 + 2) / 6.
    assert risk_bound(losses, weights=[1, 1, 2], own=2)[0] == pytest.approx(0.4)


def test_a_reach_by_hand():
    scores = [0.3, 0.1, 0.9, 0.5]
    # ⌈5 · 0.8⌉ = 4: the largest. ⌈5 · 0.6⌉ = 3. ⌈5 · 0.9⌉ = 5 of 4.
    assert (reach(scores, 0.2), reach(scores, 0.4), reach(scores, 0.1)) == (0.9, 0.5, math.inf)
    assert reach([], 0.5) == math.inf
    # Weights 3, 1, 1, 1 and 1 of the next, 7 in all: 0.6 · 7 = 4.2; sorted 0.1 (1), 0.3 (4), 0.5 (5).
    assert reach(scores, 0.4, weights=[3, 1, 1, 1]) == 0.5
    assert reach(scores, 0.4, weights=[2, 2, 2, 2], own=2) == 0.5  # all alike is no weight


def test_strangers_by_hand():
    # Two strangers of weight 1, three of weight 2, and the next: 2 / (2 + 6 + 2).
    assert share_of_strangers([1, 1, 2, 2, 2], [True, True, False, False, False], own=2) == pytest.approx(0.2)


def slow_choice(losses, alpha, *, rising):
    """Return the same place by a search from the safe end: go on while the bound holds."""
    n, places = len(losses), range(losses.shape[1])
    chosen = None
    for place in places if rising else reversed(places):
        if (sum(losses[:, place]) + 1) / (n + 1) > alpha + 1e-12:
            break
        chosen = place
    return chosen


@pytest.mark.parametrize("rising", [True, False])
def test_the_threshold_like_a_search(rising):
    draw = np.random.default_rng(4)
    for _ in range(50):
        losses = np.sort(draw.random((draw.integers(5, 40), 20)) ** 3, axis=1)
        losses = losses if rising else losses[:, ::-1]
        alpha = draw.uniform(0.05, 0.6)
        assert safest(risk_bound(losses), alpha, rising=rising) == slow_choice(losses, alpha, rising=rising)


# === Kept on average ===


def divisions(table: np.ndarray, *, calibrating: int, seed: int):
    """Yield a table's rows divided by chance into those that calibrate and all others, TIMES times."""
    draw = np.random.default_rng(seed)
    for _ in range(TIMES):
        order = draw.permutation(len(table))
        yield table[order[:calibrating]], table[order[calibrating:]]


@pytest.mark.parametrize(("calibrating", "alpha"), [(19, 0.1), (50, 0.1), (50, 0.2), (99, 0.05)])
def test_volumes_are_covered_as_often_as_promised(calibrating, alpha):
    scores = np.abs(np.random.default_rng(0).standard_t(3, 4000))
    covered = [np.mean(test <= reach(own, alpha)) for own, test in divisions(scores, calibrating=calibrating, seed=1)]
    # At least 1 − α, and by continuous scores less than 1 / (n + 1) above it; within four standard errors of the mean.
    error = 4 * np.std(covered) / math.sqrt(TIMES)
    assert 1 - alpha - error <= np.mean(covered) <= 1 - alpha + 1 / (calibrating + 1) + error
    # Each of TIMES divisions judged by one other patient alone: a binomial number of hits.
    hits = sum(others[0] <= reach(own, alpha) for own, others in divisions(scores, calibrating=calibrating, seed=2))
    rank = math.ceil((calibrating + 1) * (1 - alpha) - 1e-9)
    wanted = rank / (calibrating + 1)
    assert abs(hits / TIMES - wanted) < 4 * math.sqrt(wanted * (1 - wanted) / TIMES)


@pytest.mark.parametrize(("calibrating", "alpha"), [(19, 0.1), (50, 0.1), (99, 0.05)])
def test_no_more_is_lost_than_promised(calibrating, alpha):
    # Losses of patients who differ: missed is threshold ^ power, another power each.
    draw = np.random.default_rng(2)
    losses = np.linspace(0, 1, 51) ** draw.lognormal(1, 1, (4000, 1))
    lost, none = [], 0
    for own, others in divisions(losses, calibrating=calibrating, seed=3):
        place = safest(risk_bound(own), alpha, rising=True)
        none += place is None
        lost.append(0.0 if place is None else others[:, place].mean())
    error = 4 * np.std(lost) / math.sqrt(TIMES)
    assert np.mean(lost) <= alpha + error and none == 0
    # Nor much less, so that the promise is not kept by promising nothing: the bound's slack is below 2 / (n + 1) and
    # a step of the thresholds.
    step = np.diff(losses.mean(axis=0)).max()
    assert np.mean(lost) >= alpha - 2 / (calibrating + 1) - step - error


def test_a_promise_of_another_cohort_is_broken_and_the_weights_say_how_far():
    draw = np.random.default_rng(5)
    source, target = np.abs(draw.normal(0, 1, 4000)), np.abs(draw.normal(0, 3, 4000))
    alpha, own_cases, covered, mended, plain = 0.1, 15, [], [], []
    for _ in range(TIMES):
        own, few = draw.choice(source, 60, replace=False), draw.choice(target, own_cases, replace=False)
        others = draw.choice(target, 50)
        covered.append(np.mean(others <= reach(own, alpha)))
        weights = [1] * 60 + [10] * own_cases
        mended.append(np.mean(others <= reach([*own, *few], alpha, weights=weights, own=10)))
        plain.append(np.mean(others <= reach(few, alpha)))
    strange = share_of_strangers(weights, [True] * 60 + [False] * own_cases, own=10)
    assert strange == pytest.approx(60 / 220)
    assert np.mean(covered) < 0.6  # of 0.9
    assert np.mean(plain) >= 1 - alpha - 0.01
    assert np.mean(covered) < np.mean(mended) and np.mean(mended) >= 1 - alpha - strange


# === Another cohort? ===


def test_differences_by_hand():
    # All three of one side above all three of the other: 2 of 20 orders, p = 0.1; the other kind ties throughout.
    found = differences({"a": [1, 2, 3], "b": [1, 1, 1]}, {"a": [4, 5, 6], "b": [1, 1, 1]})
    assert found == {"a": pytest.approx(0.2), "b": 1.0}


def test_exchangeable_cohorts_seldom_differ():
    draw = np.random.default_rng(6)
    alarms = 0
    for _ in range(400):
        table = draw.normal(size=(3, 40))
        kinds = ({str(kind): row[part] for kind, row in enumerate(table)} for part in (slice(25), slice(25, None)))
        alarms += min(differences(*kinds).values()) < 0.05
    assert alarms / 400 < 0.05 + 4 * math.sqrt(0.05 * 0.95 / 400)
    one, other = {"a": draw.normal(size=30)}, {"a": draw.normal(2, size=30)}
    assert differences(one, other)["a"] < 1e-4
