"""What every function that takes masks makes of arrays that are none."""

import numpy as np
import pytest

from segan_tl.metrics.distances import hd95_mm, surface_distances
from segan_tl.metrics.challenges import CHALLENGES
from segan_tl.metrics.lesions import dilate, score_lesions
from segan_tl.metrics.overlap import as_mask, counts, dice
from segan_tl.metrics.pair import MaskPair
from segan_tl.metrics.surfaces import neighbour_codes, surface_voxels, surfels
from segan_tl.metrics.thresholds import area_under_roc, best_threshold

LABELS = np.random.default_rng(0).integers(0, 2, (9, 8, 7))


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.int8, np.uint64])
@pytest.mark.parametrize("inside", [1, 4, 100])
def test_whole_numbers_of_one_label_are_a_mask(dtype, inside):
    mask = as_mask((inside * LABELS).astype(dtype))
    assert mask.dtype == bool and np.array_equal(mask, LABELS == 1)
    assert dice(mask, (inside * LABELS).astype(dtype)) == 1


def test_a_mask_of_nothing_is_a_mask():
    assert not as_mask(np.zeros((3, 3), np.int16)).any()
    assert as_mask(np.zeros((0, 3), np.int16)).shape == (0, 3)


def every_score(mask, other=LABELS == 1):
    """Return what takes masks, as functions of nothing."""
    spacing_mm = (1.0, 1.0, 2.0)
    return [
        lambda: counts(mask, other),
        lambda: MaskPair(mask, other, spacing_mm),
        lambda: MaskPair(other, mask, spacing_mm),
        lambda: surfels(mask, spacing_mm),
        lambda: surface_voxels(mask),
        lambda: neighbour_codes(mask),
        lambda: hd95_mm(mask, other, spacing_mm),
        lambda: hd95_mm(other, mask, spacing_mm, definition="pooled"),
        lambda: surface_distances(mask, other, spacing_mm, elements="voxels"),
        lambda: dilate(mask, 2),
        lambda: area_under_roc(mask, other / 2),
        lambda: best_threshold([(mask, other / 2)]),
    ]


@pytest.mark.parametrize("dtype", [np.uint8, np.int64])
def test_scores_of_whole_numbers_are_those_of_booleans(dtype):
    """With numbers instead of booleans, numpy would take voxels by their index: 41 GiB for one case."""
    for of_numbers, of_booleans in zip(every_score(LABELS.astype(dtype)), every_score(LABELS == 1)):
        one, two = of_numbers(), of_booleans()
        for name in getattr(two, "__dict__", {}):
            assert np.array_equal(getattr(one, name), getattr(two, name))
        assert hasattr(two, "__dict__") or np.array_equal(one, two)
    pairs = [MaskPair(LABELS.astype(dtype), mask, (1, 1, 2)) for mask in (LABELS.astype(dtype), LABELS == 1)]
    assert score_lesions(pairs[0], CHALLENGES["brats-met"]) == score_lesions(pairs[1], CHALLENGES["brats-met"])


@pytest.mark.parametrize(
    ("mask", "reason"),
    [(LABELS * np.arange(7), "expected the mask of one region"), (LABELS * 0.5, "needs its threshold first"),
     (LABELS - 1.0, "needs its threshold first"), (np.where(LABELS == 1, "a", ""), "expected a mask of booleans"),
     (-LABELS * np.arange(7), "one region")],
)  # fmt: skip
def test_what_is_no_mask_is_refused_in_one_sentence(mask, reason):
    for score in every_score(mask):
        with pytest.raises(ValueError, match=reason):
            score()


def test_other_shapes_and_voxel_sizes_are_refused():
    with pytest.raises(ValueError, match=r"3 axes; got shape \(9, 8\)"):
        MaskPair(LABELS[..., 0], LABELS[..., 0], (1, 1, 1))
    for spacing_mm in ((1, 1), (1, 1, 0), (1, 1, -1), (1, 1, np.nan), (1, 1, np.inf)):
        for score in (MaskPair, hd95_mm, surface_distances):
            with pytest.raises(ValueError, match="expected 3 voxel edges above 0 in mm"):
                score(LABELS, LABELS, spacing_mm)
    with pytest.raises(ValueError, match="expected a definition out of surface-weighted"):
        hd95_mm(LABELS, LABELS, (1, 1, 1), definition="hd95")
    with pytest.raises(TypeError, match="MaskPair"):
        score_lesions(LABELS, CHALLENGES["brats-gli"])
    with pytest.raises(TypeError, match="CHALLENGES"):
        score_lesions(MaskPair(LABELS, LABELS, (1, 1, 1)), "brats-gli")
