"""Threshold and components, counted by hand."""

import numpy as np

from segan_tl.config.load import load_config
from segan_tl.config.predict import PredictConfig
from segan_tl.predict.postprocess import (
    binarise,
    binarise_each,
    held_against_threshold,
    keep_large_components,
    settle,
)


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


def test_a_threshold_weighs_the_background_before_the_largest_wins():
    # Four voxels in a row: background, first and second class of the tumour.
    probability = np.float32([[0.5, 0.3, 0.2], [0.3, 0.6, 0.1], [0.2, 0.3, 0.5], [0, 0, 0]]).reshape(1, 1, 4, 3)
    held = held_against_threshold(probability, "largest")[0, 0]
    # 0.3 / 0.8, 0.6 / 0.9 and 0.5 / 0.7; where nothing was segmented there is no tumour
    np.testing.assert_allclose(held, [[0.375, -1], [2 / 3, -1], [-1, 5 / 7], [0, -1]], rtol=1e-6)

    def found(threshold):
        mask = binarise(probability, PredictConfig(decision="largest", threshold=threshold))
        return [tuple(place) for place in np.argwhere(mask[0, 0])]

    assert found(0.5) == [(1, 0), (2, 1)]
    assert found(0.3) == [(0, 0), (1, 0), (2, 1)]  # background counts 3 / 7
    assert found(0.7) == [(2, 1)] and found(0.72) == []


def test_every_open_share_is_tried_and_the_chosen_one_settles():
    probability = components()[..., None].astype(np.float32)
    config = load_config("segan_cpu", ["predict.smallest_component=[0.126,0.51]"])
    found = binarise_each(probability, config.predict)
    assert {share: mask.sum() for share, mask in found.items()} == {0: 13, 0.126: 12, 0.51: 8}
    settled = settle(config, {"smallest_component": 0.51})
    assert binarise(probability, settled.predict).sum() == 8
    assert settle(config, {}).predict.smallest_component == 0.126  # a run of which nothing is known drops least
    fixed = load_config("segan_cpu", ["predict.smallest_component=0.25"])
    assert settle(fixed, {"smallest_component": 0.51}) is fixed
