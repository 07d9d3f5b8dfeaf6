"""What two masks are cut to, and that nothing is lost by it."""

import numpy as np
import pytest

from segan_tl.metrics.distances import hd95_mm, pooled_hausdorff_mm, weighted_hausdorff_mm
from segan_tl.metrics.overlap import counts
from segan_tl.metrics.pair import MaskPair

SPACING_MM = (1.0, 2.0, 0.5)


def test_scores_of_the_part_are_those_of_the_whole():
    generator = np.random.default_rng(0)
    truth, prediction = np.zeros((2, 12, 11, 10), bool)
    truth[3:9, 2:8, 4:7] = generator.random((6, 6, 3)) < 0.6
    prediction[2:8, 3:9, 4:9] = generator.random((6, 6, 5)) < 0.6
    pair = MaskPair(truth, prediction, SPACING_MM)
    assert pair.truth.shape == (7, 7, 5)
    assert pair.counts == counts(truth, prediction)
    assert weighted_hausdorff_mm(pair.surfel_distances) == hd95_mm(truth, prediction, SPACING_MM)
    expected = hd95_mm(truth, prediction, SPACING_MM, definition="pooled")
    assert pooled_hausdorff_mm(pair.voxel_distances) == expected
    assert pair.voxel_mm3 == 1


def test_a_part_of_a_larger_grid():
    mask = np.ones((2, 2, 2), bool)
    assert MaskPair(mask, mask, SPACING_MM, grid_voxels=100).counts.true_negative == 92


def test_shapes_must_agree():
    with pytest.raises(ValueError, match="one shape"):
        MaskPair(np.ones((2, 2, 2), bool), np.ones((2, 2, 1), bool), SPACING_MM)
