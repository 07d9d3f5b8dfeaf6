"""Reliability, calibration error, Brier score, temperature: by hand, by a slow search, and where nothing is wrong."""

import itertools

import numpy as np
import pytest

from segan_tl.metrics.calibration import FLATTEST, SHARPEST, Reliability, fit_temperature, near_border


def slow_calibration_error(cases, *, bins: int) -> float:
    """Return Σ over bins |Σ probability − truth|, of voxels that weigh 1 / those of their case, / cases."""
    gaps = [0.0] * bins
    for truth, probability in cases:
        for inside, value in zip(truth, probability):
            place = next((b for b in range(bins) if value < (b + 1) / bins), bins - 1)
            gaps[place] += (value - inside) / len(truth)
    return sum(abs(gap) for gap in gaps) / len(cases)


def slow_near_border(truth: np.ndarray, spacing_mm, *, reach_mm: float) -> np.ndarray:
    """Return the voxels within reach of one on the other side."""
    places = list(itertools.product(*map(range, truth.shape)))
    near = np.zeros(truth.shape, bool)
    for one, other in itertools.product(places, repeat=2):
        if truth[one] != truth[other]:
            steps_mm = (np.array(one) - other) * spacing_mm
            near[one] |= bool((steps_mm @ steps_mm) <= reach_mm**2)
    return near


def test_by_hand():
    # Two bins. First case, four voxels: 0.1 and 0.3 below (none inside), 0.6 and 0.8 above (one inside).
    # Second case, one voxel of 0.9 that is inside. Sums of shares: below 0.4/4 = 0.1 against 0; above 1.4/4 + 0.9 =
    # 1.25 against 1/4 + 1 = 1.25. Error (0.1 + 0) / 2 cases.
    found = Reliability(bins=2)
    found.add(np.array([0, 0, 1, 0]), np.array([0.1, 0.3, 0.6, 0.8]))
    found.add(np.array([1]), np.array([0.9]))
    assert found.calibration_error == pytest.approx(0.05)
    # Squares: (0.01 + 0.09 + 0.16 + 0.64) / 4 = 0.225 and 0.01; their mean.
    assert found.brier == pytest.approx(0.1175)
    said, true = found.points()
    assert said == pytest.approx([0.2, 1.25 / 1.5]) and true == pytest.approx([0, 1.25 / 1.5])


def test_like_a_loop_over_voxels():
    draw = np.random.default_rng(3)
    cases = [(draw.random(size) < 0.3, draw.random(size)) for size in (1, 7, 200)]
    cases[1][1][:2] = 0, 1  # both ends have a bin
    found = Reliability()
    for case in cases:
        found.add(*case)
    assert found.calibration_error == pytest.approx(slow_calibration_error(cases, bins=15))
    assert found.weight.sum() == pytest.approx(3)


def test_the_order_of_cases_and_cases_without_voxels_change_nothing():
    found = Reliability()
    assert np.isnan(found.calibration_error) and np.isnan(found.brier)
    found.add(np.zeros(0, bool), np.zeros(0))
    assert found.cases == 0
    found.add(np.array([True]), np.array([0.75]))
    assert (found.calibration_error, found.brier) == (0.25, 0.0625)


@pytest.mark.parametrize(
    ("truth", "probability", "said"),
    [([1, 0], [0.5], "N,"), ([1], [1.2], "from 0 to 1"), ([1], [np.nan], "from 0 to 1"), ([[1]], [[0.5]], "N,")],
)
def test_what_is_no_probability_is_refused(truth, probability, said):
    with pytest.raises(ValueError, match=said):
        Reliability().add(np.array(truth), np.array(probability))


# === Border ===


def test_a_band_on_both_sides_by_hand():
    truth = np.zeros((9, 1, 1), bool)
    truth[3:6] = True
    # Voxels of 2 mm along the first axis. Within 2 mm of the other side: 2 and 6 outside, 3 and 5 inside; 4 is 4 mm
    # off.
    assert np.flatnonzero(near_border(truth, (2, 1, 1), reach_mm=2)).tolist() == [2, 3, 5, 6]
    assert np.flatnonzero(near_border(truth, (2, 1, 1), reach_mm=4)).tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert not near_border(np.zeros((3, 3, 3), bool), (1, 1, 1), reach_mm=5).any()
    assert not near_border(np.ones((3, 3, 3), bool), (1, 1, 1), reach_mm=5).any()


@pytest.mark.parametrize("seed", range(4))
def test_a_band_like_a_search_over_all_pairs(seed):
    draw = np.random.default_rng(seed)
    truth = draw.random((6, 7, 5)) < (0.02, 0.1, 0.5, 0.95)[seed]
    spacing_mm = (1.0, 2.5, 1.5)
    found = near_border(truth, spacing_mm, reach_mm=3)
    np.testing.assert_array_equal(found, slow_near_border(truth, spacing_mm, reach_mm=3))


# === Temperature ===


def drawn(size: int, *, spread: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return truth and logits of a predictor that is calibrated."""
    draw = np.random.default_rng(seed)
    logits = draw.normal(-1, spread, size)
    return draw.random(size) < 1 / (1 + np.exp(-logits)), logits


def test_who_is_calibrated_stays_so():
    cases = [drawn(100_000, spread=2, seed=seed) for seed in range(5)]
    assert fit_temperature(cases) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("wrong", [0.4, 2.5])
def test_a_wrong_temperature_is_found(wrong):
    cases = [drawn(100_000, spread=2, seed=seed) for seed in range(5)]
    assert fit_temperature([(truth, wrong * logits) for truth, logits in cases]) == pytest.approx(wrong, rel=0.02)


def test_of_labels_that_exclude_each_other():
    draw = np.random.default_rng(1)
    logits = draw.normal(0, 2, (300_000, 4))
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = (draw.random((len(logits), 1)) > chances.cumsum(axis=1)).sum(axis=1)
    assert fit_temperature([(truth, logits + 7)]) == pytest.approx(1, abs=0.02)  # up to a constant
    assert fit_temperature([(truth, 3 * logits)]) == pytest.approx(3, rel=0.02)


def test_two_labels_are_a_region():
    truth, logits = drawn(5000, spread=3, seed=2)
    pair = np.stack([np.zeros_like(logits), 2 * logits], axis=1)
    assert fit_temperature([(truth.astype(int), pair)]) == pytest.approx(fit_temperature([(truth, 2 * logits)]))


def test_the_smallest_likelihood_by_a_grid():
    cases = [drawn(size, spread=4, seed=size) for size in (50, 500)]
    values = np.geomspace(SHARPEST, FLATTEST, 20_001)
    # Every case alike, whatever its size.
    loss = sum(
        np.array([np.mean(np.logaddexp(0, np.where(truth, -1, 1) * logits / value)) for value in values])
        for truth, logits in cases
    )
    assert fit_temperature(cases) == pytest.approx(values[loss.argmin()], rel=1e-3)


def test_the_ends():
    # No mistake asks for ever sharper probabilities, nothing but mistakes for flat ones; no voxel for nothing.
    truth, logits = np.array([True, False]), np.array([2.0, -2.0])
    assert fit_temperature([(truth, logits)]) == SHARPEST
    assert fit_temperature([(~truth, logits)]) == FLATTEST
    assert fit_temperature([]) == 1 and fit_temperature([(truth[:0], logits[:0])]) == 1
