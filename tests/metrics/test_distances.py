"""Distances between surfaces: by hand, against all pairs of points, and against values published by other programs."""

import math

import numpy as np
import pytest

from segan_tl.metrics.distances import (
    HD95_DEFINITIONS,
    bounding_box,
    directed_hausdorff_mm,
    hd95_mm,
    pooled_hausdorff_mm,
    surface_dice,
    surface_distances,
    weighted_hausdorff_mm,
)
from segan_tl.metrics.overlap import dice
from segan_tl.metrics.surfaces import area_table_mm2, neighbour_codes

EMPTY = np.zeros((6, 5, 4), bool)
CUBE = (1.0, 1.0, 1.0)


def with_voxels(shape: tuple[int, ...], *places: tuple[int, ...]) -> np.ndarray:
    """Return a volume with single voxels."""
    mask = np.zeros(shape, bool)
    mask[tuple(np.transpose(places))] = True
    return mask


# === By hand ===


def test_pooled_and_directed_percentiles_by_hand():
    # A line of voxels 0 … 4, of which the prediction has 0 … 2: truth to prediction 0 0 0 1 2, back 0 0 0 (× 2 mm).
    truth, prediction = np.zeros((2, 5), bool)
    truth[:], prediction[:3] = True, True
    distances = surface_distances(truth[None], prediction[None], (1, 2), elements="voxels")
    assert distances.truth_mm.tolist() == [0, 0, 0, 2, 4] and distances.prediction_mm.tolist() == [0, 0, 0]
    # Of 5 numbers the 95th percentile lies at 0.95 · 4 = 3.8: between 2 and 4. Of 8, at 6.65: between 2 and 4.
    assert directed_hausdorff_mm(distances) == pytest.approx(2 + 0.8 * 2)
    assert pooled_hausdorff_mm(distances) == pytest.approx(2 + 0.65 * 2)
    assert surface_dice(distances, 2) == 7 / 8


def test_weighted_percentile_by_hand():
    # Two voxels 3 apart; surfels of the one at 1.5 - 0.5 = 2 and 3 from the other's, four each of equal area.
    pair = with_voxels((1, 1, 4), (0, 0, 0)), with_voxels((1, 1, 4), (0, 0, 3))
    distances = surface_distances(*pair, CUBE)
    assert sorted(distances.truth_mm) == [2] * 4 + [3] * 4
    assert weighted_hausdorff_mm(distances, percentile=50) == 2  # half of the area lies within 2 mm
    assert weighted_hausdorff_mm(distances, percentile=51) == 3
    assert surface_dice(distances, 2) == pytest.approx(0.5)


def test_area_counts_not_the_number_of_surfels():
    # 2 × 2 × 2 voxels of 10 × 1 × 1 mm, and the same a voxel further along the first axis: 9 of 26 surfels, those of
    # the face that was left, are 10 mm from the other surface. Their area: 1 in the middle, 4 bevels of
    # 1 × √(5² + 0.5²), 4 corners of half |(-5, 0.5, 0) × (-5, 0, 0.5)| = |(0.25, 2.5, 2.5)| / 2. Around the
    # middle lie 4 flat pieces of 10 × 1 and 4 bevels of 10 × √½.
    truth = np.zeros((4, 4, 4), bool)
    truth[1:3, 1:3, 1:3] = True
    distances = surface_distances(truth, np.roll(truth, 1, axis=0), (10, 1, 1))
    far = distances.truth_mm == 10
    assert far.sum() == 9 and len(far) == 26
    face = 1 + 4 * math.sqrt(25.25) + 4 * math.sqrt(0.0625 + 2 * 6.25) / 2
    share = face / (2 * face + 4 * 10 + 4 * 10 * math.sqrt(0.5))
    assert distances.truth_weights[far].sum() / distances.truth_weights.sum() == pytest.approx(share)


@pytest.mark.parametrize("definition", HD95_DEFINITIONS)
def test_empty_volumes_follow_the_rule(definition):
    full = ~EMPTY
    assert hd95_mm(EMPTY, EMPTY, CUBE, definition=definition) == 0
    assert hd95_mm(EMPTY, full, CUBE, definition=definition) == 374
    assert hd95_mm(full, EMPTY, CUBE, definition=definition) == 374


def test_surface_dice_of_empty_volumes_follows_the_rule():
    pairs = (EMPTY, EMPTY), (EMPTY, ~EMPTY), (~EMPTY, EMPTY)
    assert [surface_dice(surface_distances(*pair, CUBE), 1) for pair in pairs] == [1, 0, 0]


@pytest.mark.parametrize("definition", HD95_DEFINITIONS)
def test_equal_volumes_are_no_distance_apart(definition):
    mask = np.random.default_rng(0).random((6, 7, 8)) < 0.4
    assert hd95_mm(mask, mask, (1, 2, 3), definition=definition) == 0


def test_bounding_box():
    mask = with_voxels((9, 8, 7), (2, 3, 4), (5, 3, 6))
    assert bounding_box(mask) == (slice(2, 6), slice(3, 4), slice(4, 7))
    assert mask[bounding_box(EMPTY)].size == 0 == mask[bounding_box(EMPTY, margin_voxels=2)].size
    assert bounding_box(mask, margin_voxels=3) == (slice(0, 9), slice(0, 7), slice(1, 7))


def test_shapes_must_agree():
    with pytest.raises(ValueError, match="one shape"):
        surface_distances(EMPTY, EMPTY[:1], CUBE)


# === All pairs of points ===


def all_pairs(mask: np.ndarray, other: np.ndarray, spacing_mm: tuple, *, elements: str) -> tuple:
    """Return the distance of each element of a surface to the other, and its weight, the slow way."""
    first, second = (_elements(volume, spacing_mm, elements) for volume in (mask, other))
    apart = (first[0][:, None] - second[0][None]) * np.array(spacing_mm)
    return np.linalg.norm(apart, axis=2).min(axis=1), first[1]


def _elements(mask: np.ndarray, spacing_mm: tuple, elements: str) -> tuple[np.ndarray, np.ndarray]:
    if elements == "surfels":
        codes = neighbour_codes(mask)
        places = np.argwhere((codes > 0) & (codes < 255))
        return places, np.array([area_table_mm2(spacing_mm)[codes[tuple(place)]] for place in places])
    padded, places = np.pad(mask, 1), []
    for place in np.argwhere(mask):
        beside = (place + 1 + step for step in np.vstack([np.eye(3, dtype=int), -np.eye(3, dtype=int)]))
        if not all(padded[tuple(voxel)] for voxel in beside):
            places.append(place)
    return np.array(places), np.ones(len(places))


def slow_weighted(distances_mm: np.ndarray, weights: np.ndarray) -> float:
    """Return the smallest distance within which 95 % of the weight lies."""
    return min(reach for reach in distances_mm if weights[distances_mm <= reach].sum() >= 0.95 * weights.sum() - 1e-9)


@pytest.mark.parametrize("seed", range(12))
def test_scores_equal_all_pairs_of_points(seed):
    generator = np.random.default_rng(seed)
    truth, prediction = generator.random((2, *generator.integers(3, 9, 3))) < generator.uniform(0.05, 0.8, (2, 1, 1, 1))
    truth[0, 0, 0] = prediction[-1, -1, -1] = True
    spacing_mm = tuple(float(length) for length in generator.choice([0.5, 0.9375, 1, 1.2, 3], 3))
    sides = [all_pairs(*pair, spacing_mm, elements="surfels") for pair in ((truth, prediction), (prediction, truth))]
    expected = max(slow_weighted(*side) for side in sides)
    assert hd95_mm(truth, prediction, spacing_mm) == pytest.approx(expected, abs=1e-9)
    near = sum(weights[reach <= 1].sum() for reach, weights in sides)
    distances = surface_distances(truth, prediction, spacing_mm)
    assert surface_dice(distances, 1) == pytest.approx(near / sum(weights.sum() for _, weights in sides), abs=1e-9)

    there, back = (
        all_pairs(*pair, spacing_mm, elements="voxels")[0] for pair in ((truth, prediction), (prediction, truth))
    )
    expected = np.percentile(np.concatenate([there, back]), 95)
    assert hd95_mm(truth, prediction, spacing_mm, definition="pooled") == pytest.approx(expected, abs=1e-9)
    expected = max(np.percentile(there, 95), np.percentile(back, 95))
    assert hd95_mm(truth, prediction, spacing_mm, definition="maximum-of-directed") == pytest.approx(expected, abs=1e-9)


# === Published by google-deepmind/surface-distance, surface_distance_test.py ===


def means_mm(distances) -> tuple[float, float]:
    """Return the mean distances of both directions, weighted by area."""
    sides = ((distances.truth_mm, distances.truth_weights), (distances.prediction_mm, distances.prediction_weights))
    return tuple(float(np.average(reach, weights=weights)) for reach, weights in sides)


def test_two_voxels_of_surface_distance():
    pair = with_voxels((128,) * 3, (50, 60, 70)), with_voxels((128,) * 3, (50, 60, 72))
    distances = surface_distances(*pair, (3, 2, 1))
    assert means_mm(distances) == pytest.approx((1.5, 1.5))
    assert weighted_hausdorff_mm(distances) == weighted_hausdorff_mm(distances, percentile=100) == 2
    assert surface_dice(distances, 1) == 0.5
    assert dice(*pair) == 0


def test_two_cubes_of_surface_distance():
    truth, prediction = np.zeros((2, 100, 100, 100), bool)
    truth[:50], prediction[:51] = True, True
    distances = surface_distances(truth, prediction, (2, 1, 1))
    assert means_mm(distances) == pytest.approx((0.322, 0.339), abs=5e-4)
    assert weighted_hausdorff_mm(distances) == weighted_hausdorff_mm(distances, percentile=100) == 2
    assert surface_dice(distances, 1) == pytest.approx(0.836145, abs=1e-6)  # the digits of MONAI's test_surface_dice.py
    assert dice(truth, prediction) == pytest.approx(0.990, abs=5e-4)


# === Published by MONAI, tests/metrics/test_hausdorff_distance.py and test_surface_dice.py ===


def ball(radius: float, centre: tuple, spacing: tuple = CUBE) -> np.ndarray:
    """Return the sphere of MONAI's test, on 99 × 99 × 99 voxels; radius and centre in mm."""
    along = [np.arange(99) * step - middle for step, middle in zip(spacing, centre)]
    return sum(axis**2 for axis in np.meshgrid(*along, indexing="ij", sparse=True)) <= radius**2


SPACING = (0.85, 1.2, 0.9)


@pytest.mark.parametrize(
    "first, second, spacing_mm, percentile, expected",
    [
        ((20, (20, 20, 20)), (20, (19, 19, 19)), CUBE, 100, 1.7320508075688772),
        ((33, (19, 33, 22)), (33, (20, 33, 22)), CUBE, 100, 1),
        ((20, (20, 33, 22)), (40, (20, 33, 22)), CUBE, 100, 20.223748416156685),
        ((20, (20, 33, 22)), (40, (20, 33, 22)), CUBE, 95, 20.09975124224178),
        ((20, (20, 20, 20)), (20, (19, 19, 19)), SPACING, 100, 2.2671568),
        ((15, (20, 33, 22)), (30, (20, 33, 22)), SPACING, 100, 15.62594),
    ],
)
def test_balls_of_monai(first, second, spacing_mm, percentile, expected):
    pair = ball(*first, spacing_mm), ball(*second, spacing_mm)
    distances = surface_distances(*pair, spacing_mm, elements="voxels")
    assert directed_hausdorff_mm(distances, percentile=percentile) == pytest.approx(expected, rel=1e-6)


def test_one_direction_of_monai():
    # "directed": from the prediction (the first ball) alone
    distances = surface_distances(ball(40, (20, 33, 22)), ball(20, (20, 33, 22)), CUBE, elements="voxels")
    assert np.percentile(distances.prediction_mm, 95) == pytest.approx(19.924858845171276, rel=1e-6)


def test_surface_dice_of_monai():
    truth, prediction = np.zeros((2, 200, 110, 80), bool)
    prediction[:, :, 20:], truth[:, :, 30:] = True, True
    distances = surface_distances(truth, prediction, CUBE, elements="voxels")
    differing = 200 * 110 + 198 * 108 + 9 * 200 * 2 + 9 * 108 * 2
    everything = 200 * 110 * 4 + (58 + 48) * 200 * 2 + (58 + 48) * 108 * 2
    assert surface_dice(distances, 0) == pytest.approx(1 - differing / everything)
    assert surface_dice(distances, 10) == 1


# === Published by Metrics Reloaded, test/test_metrics/test_pairwise_measures.py ===


def test_a_far_pixel_of_metrics_reloaded():
    truth = with_voxels((14, 14), (1, 1))
    truth[9:12, 9:12] = True
    prediction = truth.copy()
    prediction[1, 1] = False
    distances = surface_distances(truth, prediction, (1, 1), elements="voxels")
    assert directed_hausdorff_mm(distances, percentile=100) == pytest.approx(11.31, abs=0.01)
    assert directed_hausdorff_mm(distances) == pytest.approx(6.79, abs=0.01)


def test_a_cross_on_a_square_of_metrics_reloaded():
    truth = np.zeros((11, 11), bool)
    truth[3:8, 3:8] = True
    prediction = truth.copy()
    prediction[5, 1:10] = prediction[1:10, 5] = True
    distances = surface_distances(truth, prediction, (1, 1), elements="voxels")
    assert dice(truth, prediction) == pytest.approx(0.862, abs=1e-3)
    assert np.mean(means_mm(distances)) == pytest.approx(0.425, abs=1e-3)
    assert np.concatenate([distances.truth_mm, distances.prediction_mm]).mean() == pytest.approx(0.44, abs=0.01)
    assert surface_dice(distances, 1) == pytest.approx(0.89, abs=0.01)
    assert surface_dice(distances, 2) == 1


def test_the_definitions_differ():
    # A plate and the same plate with a spike: the spike is a small share of area, and a larger share of surface voxels.
    truth = np.zeros((12, 12, 20), bool)
    truth[1:11, 1:11, 1:3] = True
    prediction = truth.copy()
    prediction[5:7, 5:7, 3:16] = True
    scores = {name: hd95_mm(truth, prediction, CUBE, definition=name) for name in HD95_DEFINITIONS}
    assert len(set(scores.values())) == 3
    assert all(math.isfinite(score) for score in scores.values())
