"""Threshold and components, counted by hand."""

import numpy as np

from segan_tl.config import PredictConfig
from segan_tl.predict.postprocess import binarise, keep_large_components


def components():
    # 8, 4 and 1 voxels, apart from each other.
    mask = np.zeros((9, 9, 3), bool)
    mask[0:2, 0:2, 0:2] = True
    mask[4:6, 4:6, 0] = True
    mask[8, 8, 2] = True
    return mask


def test_fraction_of_the_largest():
    # 4 / 8 = 0.5 and 1 / 8 = 0.125
    kept = [keep_large_components(components(), fraction).sum() for fraction in (0, 0.125, 0.126, 0.5, 0.51, 1)]
    assert kept == [13, 13, 12, 12, 8, 8]


def test_corners_connect():
    mask = np.zeros((2, 2, 2), bool)
    mask[0, 0, 0] = mask[1, 1, 1] = True
    assert keep_large_components(mask, 1).sum() == 2


def test_empty_stays_empty():
    assert not keep_large_components(np.zeros((2, 2, 2), bool), 0.5).any()


def test_regions_do_not_see_each_other():
    probability = np.stack([components() * 0.9, components()[::-1] * 0.4], axis=-1)
    mask = binarise(probability, PredictConfig(threshold=0.3, smallest_component=1))
    assert mask.sum(axis=(0, 1, 2)).tolist() == [8, 8]
    assert binarise(probability, PredictConfig(threshold=0.5)).sum(axis=(0, 1, 2)).tolist() == [13, 0]
