"""Values that other programs' test-suites expect, for the scores of the same definition; more stand in test_distances.

Left out, since they define something else: MONAI's chessboard and taxicab distances, its distances per component (cells
around each lesion, BraTS joins and dilates lesions) and the two-dimensional surfaces of surface-distance. Where a suite
expects inf or NaN for empty masks our written rule stands beside it.
"""

import math

import numpy as np
import pytest

from segan_tl.metrics.distances import (
    hd95_mm,
    surface_dice,
    surface_distances,
    weighted_hausdorff_mm,
)
from segan_tl.metrics.challenges import CHALLENGES
from segan_tl.metrics.lesions import score_lesions
from segan_tl.metrics.overlap import counts, dice, precision, sensitivity, specificity
from segan_tl.metrics.pair import MaskPair
from segan_tl.metrics.thresholds import area_under_roc
from tests.metrics.test_distances import CUBE, SPACING, ball, with_voxels


def boxes(shape: tuple[int, ...], *places: tuple[slice, ...]) -> np.ndarray:
    """Return a mask of several boxes."""
    mask = np.zeros(shape, bool)
    for place in places:
        mask[place] = True
    return mask


def runs(*lengths: int) -> np.ndarray:
    """Return ones and zeros in turn, so many of each."""
    return np.repeat(np.arange(len(lengths)) % 2 == 0, lengths)


def voxel_surface_dice(truth: np.ndarray, prediction: np.ndarray, tolerance_mm: float, spacing_mm=None) -> float:
    """Return surface Dice that counts surface voxels."""
    distances = surface_distances(truth, prediction, spacing_mm or (1,) * truth.ndim, elements="voxels")
    return surface_dice(distances, tolerance_mm)


# === google-deepmind/surface-distance, surface_distance_test.py ===


def shares_within(distances, tolerance_mm: float) -> tuple[float, float]:
    """Return the share of each surface's area within a tolerance of the other."""
    sides = ((distances.truth_mm, distances.truth_weights), (distances.prediction_mm, distances.prediction_weights))
    return tuple(float(area[reach <= tolerance_mm].sum() / area.sum()) for reach, area in sides)


def test_surface_overlap_of_surface_distance():
    pair = with_voxels((128,) * 3, (50, 60, 70)), with_voxels((128,) * 3, (50, 60, 72))
    assert shares_within(surface_distances(*pair, (3, 2, 1)), 1) == pytest.approx((0.5, 0.5))
    cubes = boxes((100,) * 3, (slice(50),)), boxes((100,) * 3, (slice(51),))
    assert shares_within(surface_distances(*cubes, (2, 1, 1)), 1) == pytest.approx((0.842, 0.830), abs=5e-4)


@pytest.mark.parametrize("filled", ["truth", "prediction", None])
def test_empty_masks_of_surface_distance(filled):
    masks = {name: np.zeros((128,) * 3, bool) for name in ("truth", "prediction")}
    if filled:
        masks[filled][50, 60, 70] = True
    distances = surface_distances(masks["truth"], masks["prediction"], (3, 2, 1))
    if filled:  # theirs: Dice 0, surface Dice 0, infinite distance
        assert dice(**masks) == surface_dice(distances, 1) == 0 and weighted_hausdorff_mm(distances) == 374
    else:  # theirs: NaN, NaN, infinite
        assert dice(**masks) == surface_dice(distances, 1) == 1 and weighted_hausdorff_mm(distances) == 0


# === MONAI, tests/metrics ===


@pytest.mark.parametrize(
    "first, second, spacing_mm, expected",
    [
        ((20, (49, 49, 49)), (20, (49, 49, 49)), CUBE, 0),
        ((20, (20, 33, 22)), (40, (20, 33, 22)), CUBE, 20.09975124224178),
        ((20, (20, 20, 20)), (20, (19, 19, 19)), SPACING, 2.0808651447296143),
        ((15, (20, 33, 22)), (30, (20, 33, 22)), SPACING, 15.439640998840332),
    ],
)
def test_directed_hausdorff_of_monai(first, second, spacing_mm, expected):
    # test_hausdorff_distance.py, "directed": from the prediction, the first ball
    pair = ball(*second, spacing_mm), ball(*first, spacing_mm)
    distances = surface_distances(*pair, spacing_mm, elements="voxels")
    assert distances.prediction_mm.max() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    "first, second, spacing_mm, expected",
    [
        ((20, (49, 49, 49)), (20, (49, 49, 49)), CUBE, (0, 0)),
        ((33, (19, 33, 22)), (33, (20, 33, 22)), CUBE, (0.350217, 0.3483278807706289)),
        ((20, (20, 33, 22)), (40, (20, 33, 22)), CUBE, (15.117741, 12.040033513150455)),
        ((33, (42, 45, 52)), (33, (43, 45, 52)), SPACING, (0.4951, 0.4951)),
    ],
)
def test_mean_distances_of_monai(first, second, spacing_mm, expected):
    # test_surface_distance.py: both directions pooled, and from the prediction alone
    pair = ball(*second, spacing_mm), ball(*first, spacing_mm)
    distances = surface_distances(*pair, spacing_mm, elements="voxels")
    pooled = np.concatenate([distances.truth_mm, distances.prediction_mm]).mean()
    tolerance = 1e-4 if spacing_mm is SPACING else 1e-5
    assert (pooled, distances.prediction_mm.mean()) == pytest.approx(expected, rel=tolerance)


def test_surface_dice_of_monai_in_two_dimensions():
    # test_surface_dice.py, tolerance 0, the marked side and the background
    prediction, truth = np.zeros((2, 480, 640), bool)
    prediction[:, 50:], truth[:, 60:] = True, True
    differing = 478 + 480 + 9 * 2
    for spacing_mm in ((1, 1), (0.85, 1.2)):
        found = voxel_surface_dice(truth, prediction, 0, spacing_mm)
        assert found == pytest.approx(1 - differing / (480 * 4 + 588 * 2 + 578 * 2))
        found = voxel_surface_dice(~truth, ~prediction, 0, spacing_mm)
        assert found == pytest.approx(1 - differing / (480 * 4 + 48 * 2 + 58 * 2))
    assert voxel_surface_dice(truth, prediction, 10) == voxel_surface_dice(truth, prediction, 12, (0.85, 1.2)) == 1


@pytest.mark.parametrize("tolerance, foreground", [(0, 0), (5.5, 1 - 4 / 6), (6, 1 - 2 / 6)])
def test_two_bars_of_monai(tolerance, foreground):
    # test_surface_dice.py, all distances written out
    prediction, truth = boxes((10, 10), (slice(1, 4), 1)), boxes((10, 10), (slice(5, 8), 6))
    assert voxel_surface_dice(truth, prediction, tolerance) == pytest.approx(foreground)


@pytest.mark.parametrize("tolerance, background", [(0, 12), (2.8, 3), (3, 1)])
def test_around_two_bars_of_monai(tolerance, background):
    prediction, truth = boxes((10, 10), (slice(1, 4), 1)), boxes((10, 10), (slice(5, 8), 6))
    found = voxel_surface_dice(~truth, ~prediction, tolerance)
    assert found == pytest.approx(1 - background / (36 * 2 + 8 + 4))


def test_dice_of_monai():
    # test_compute_meandice.py, cases 1, 2, 11 and 12; pixels of 2 × 2 row by row
    def of(truth, prediction):
        return dice(np.array(truth, bool), np.array(prediction, bool))

    assert of([1, 0, 1, 1], [1, 0, 0, 1]) == pytest.approx(0.8)
    assert of([1, 0, 1, 0], [0, 0, 1, 1]) == pytest.approx(0.5)
    assert of([0, 1, 0, 0], [1, 0, 0, 0]) == 0
    assert of([1, 1, 0, 0], [1, 0, 0, 0]) == of([0, 0, 1, 0], [0, 1, 1, 0]) == pytest.approx(0.6667, abs=1e-4)
    assert (of([0] * 9, [0] * 9), of([0] * 9, [1] * 9)) == (1, 0)


def test_dice_of_single_lesions_of_monai():
    # test_compute_meandice.py, case 16: two cubes of 5³, both a voxel off along all axes: 2 · 4³ / (5³ + 5³)
    truth = boxes((64,) * 3, (slice(20, 25),) * 3, (slice(40, 45),) * 3)
    prediction = boxes((64,) * 3, (slice(21, 26),) * 3, (slice(41, 46), slice(39, 44), slice(41, 46)))
    found = score_lesions(MaskPair(truth, prediction, CUBE), CHALLENGES["brats-gli"])
    assert found.dice == pytest.approx(0.5120) and len(found.lesions) == 2


# test_compute_confusion_matrix.py: truth and prediction of 2 × 2 pixels, and their TP, FP, TN, FN; two batches of three
CONFUSION = [
    ([0, 0, 0, 1], [0, 1, 0, 0], (0, 1, 2, 1)),
    ([1, 0, 1, 0], [0, 0, 1, 1], (1, 1, 1, 1)),
    ([0, 1, 0, 0], [1, 0, 0, 0], (0, 1, 2, 1)),
    ([0, 0, 0, 1], [0, 0, 0, 1], (1, 0, 3, 0)),
    ([1, 1, 0, 0], [1, 0, 0, 0], (1, 0, 2, 1)),
    ([0, 0, 1, 0], [0, 1, 1, 0], (1, 1, 2, 0)),
]


@pytest.mark.parametrize(
    "score, mean, mean_batch",
    [
        (sensitivity, 0.5, (0.5, 0.5, 0.5)),
        (specificity, 0.75, (0.8333, 0.75, 0.6667)),
        (precision, 0.5, (0.5, 0.75, 0.25)),
        (dice, 0.4722, (0.5, 0.5833, 0.3333)),
    ],
)
def test_confusion_matrix_of_monai(score, mean, mean_batch):
    found = np.array([score(np.array(truth, bool), np.array(prediction, bool)) for truth, prediction, _ in CONFUSION])
    assert found.reshape(2, 3).mean(axis=0) == pytest.approx(mean_batch, abs=1e-4)
    assert found.mean() == pytest.approx(mean, abs=1e-4)


def test_counts_of_monai():
    for truth, prediction, (true_positive, false_positive, true_negative, false_negative) in CONFUSION:
        found = counts(np.array(truth, bool), np.array(prediction, bool))
        assert found == (true_positive, false_positive, false_negative, true_negative)
    empty = np.zeros((1024, 1024, 44), bool)
    assert counts(empty, empty).true_negative == 46137344  # more than float32 can count


def test_area_under_roc_of_monai():
    # test_compute_roc_auc.py, cases 1, 4, 8 and 9; two outputs make a probability by the logistic of their difference
    truth, outputs = np.array([0, 1, 0, 1], bool), np.array([[0.1, 0.9], [0.3, 1.4], [0.2, 0.1], [0.1, 0.5]])
    probability = 1 / (1 + np.exp(outputs[:, 0] - outputs[:, 1]))
    assert area_under_roc(truth, probability) == 0.75
    assert area_under_roc(truth, np.array([0.5, 0.5, 0.2, 8.3])) == 0.875
    assert all(math.isnan(area_under_roc(np.full(4, value), probability)) for value in (False, True))


# === Metrics Reloaded, test/test_metrics/test_pairwise_measures.py and test_prob_pairwise_measures.py ===


def test_a_large_structure_of_metrics_reloaded():
    truth = boxes((11, 11), (slice(2, 5), slice(2, 9)), (slice(5, 9), slice(2, 6)))
    prediction = truth.copy()
    prediction[8, 2] = False
    assert dice(truth, prediction) == pytest.approx(0.986, abs=1e-3)


def test_intersection_over_union_of_metrics_reloaded():
    truth = boxes((11, 11), (slice(3, 8), slice(3, 8)))
    overlap = dice(truth, truth | boxes((11, 11), (5, slice(1, 10)), (slice(1, 10), 5)))
    assert overlap / (2 - overlap) == pytest.approx(0.76, abs=0.01)


def test_confusion_matrix_of_metrics_reloaded():
    truth, prediction = boxes((5, 6), (slice(0, 5), slice(0, 4))), boxes((5, 6), (slice(1, 4), slice(1, 6)))
    assert counts(truth, prediction) == (9, 6, 11, 4)  # theirs: rows of the prediction, (4, 11) and (6, 9)


def test_sensitivity_and_specificity_of_metrics_reloaded():
    truth, prediction = runs(1999, 1), runs(1499, 501)
    found = sensitivity(truth, prediction), specificity(truth, prediction)
    assert sum(found) / 2 == pytest.approx(0.87, abs=0.01)  # balanced accuracy
    assert sum(found) - 1 == pytest.approx(0.75, abs=0.01)  # Youden's index
    truth, prediction = runs(50, 50), runs(45, 5, 10, 40)
    ratio = sensitivity(truth, prediction) / (1 - specificity(truth, prediction))
    assert ratio == pytest.approx(4.5, abs=0.01)  # positive likelihood ratio


def test_empty_masks_of_metrics_reloaded():
    # theirs: no distance, Dice 1; sensitivity and, where all is truth, specificity NaN
    empty = np.zeros((14, 14), bool)
    assert [hd95_mm(empty, empty, (1, 1), definition=name) for name in ("pooled", "maximum-of-directed")] == [0, 0]
    assert dice(empty, empty) == sensitivity(empty, empty) == specificity(~empty, ~empty) == 1


def test_area_under_roc_of_metrics_reloaded():
    found = area_under_roc(~runs(3, 3), np.array([0.21, 0.35, 0.63, 0.92, 0.32, 0.79]))
    assert found == pytest.approx(0.78, abs=0.01)
    assert area_under_roc(~runs(50, 50), np.arange(0, 1, 0.01)) == 1


# === Metrics Reloaded, test_pairwise_measures_neuropoly.py; surface Dice at 1 voxel ===

BAR = boxes((10,) * 3, (slice(5, 7), slice(2, 5)))
EMPTY = np.zeros_like(BAR)


@pytest.mark.parametrize(
    "truth, prediction, overlap, surface, lesions",
    [
        (EMPTY, BAR, 0, 0, (0, 0, 1)),
        (BAR, EMPTY, 0, 0, (0, 1, 0)),
        (BAR, BAR, 1, 1, (1, 0, 0)),
        (
            boxes((10,) * 3, (slice(4, 5), slice(3, 6))), boxes((10,) * 3, (slice(4, 8), slice(2, 5))),
            0.26666666666666666, 0.5373134328358209, (1, 0, 0),
        ),
        (
            boxes((10,) * 3, (slice(4, 5), slice(6, 10))), boxes((10,) * 3, (slice(4, 8), slice(5, 8))),
            0.25, 0.5, (1, 0, 0),
        ),
    ],
)  # fmt: skip
def test_bars_of_metrics_reloaded(truth, prediction, overlap, surface, lesions):
    assert dice(truth, prediction) == pytest.approx(overlap)
    assert voxel_surface_dice(truth, prediction, 1) == pytest.approx(surface)
    found = score_lesions(MaskPair(truth, prediction, CUBE), CHALLENGES["brats-met"])
    assert (found.found, found.missed, found.invented) == lesions


def test_no_bars_of_metrics_reloaded():
    assert dice(EMPTY, EMPTY) == 1 and score_lesions(MaskPair(EMPTY, EMPTY, CUBE), CHALLENGES["brats-met"]).dice == 1
    assert voxel_surface_dice(EMPTY, EMPTY, 1) == 1  # theirs: NaN


def test_two_instances_of_metrics_reloaded():
    # test_mixed_measures_processes.py, figure 3.51 of the pitfalls paper: the first of two labels
    truth = boxes((18, 18), (slice(2, 7), slice(1, 3)), (slice(2, 5), slice(3, 6)), (slice(6, 12), slice(12, 17)))
    prediction = boxes(
        (18, 18), (slice(3, 7), slice(1, 3)), (slice(3, 6), slice(3, 7)), (slice(13, 15), slice(13, 17)), (15, 15)
    )
    assert voxel_surface_dice(truth, prediction, 1) == pytest.approx(0.52, abs=0.01)
