"""STAPLE on masks whose answer is plain."""

import numpy as np

from segan_tl.predict.staple import decide_staple, staple


def cube(*, without=(), also=()):
    mask = np.zeros((4, 5, 6), bool)
    mask[1:3, 1:3, 1:3] = True
    for voxel in without:
        mask[voxel] = False
    for voxel in also:
        mask[voxel] = True
    return mask


def test_a_voxel_that_one_of_three_says_or_lacks_counts_nothing():
    """The first mask is right; the second lacks one of 8 voxels (sensitivity 7/8), the third has one more."""
    masks = [cube(), cube(without=[(1, 1, 1)]), cube(also=[(0, 0, 0)])]
    found = staple(masks)
    assert found.shape == (4, 5, 6) and found.dtype == np.float32
    np.testing.assert_array_equal(decide_staple(found[..., None], exclusive=False)[..., 0], cube())


def test_equal_masks_give_themselves():
    np.testing.assert_array_equal(staple([cube(), cube()]), cube())


def test_empty_and_full_masks():
    empty, full = np.zeros((3, 3, 3), bool), np.ones((3, 3, 3), bool)
    assert not staple([empty] * 3).any() and staple([full] * 2).all()
    assert not np.isnan(staple([empty, full])).any()


def test_one_of_two_that_is_empty_leaves_the_other_at_one_half():
    found = staple([cube(), np.zeros_like(cube())])
    np.testing.assert_array_equal(decide_staple(found[..., None], exclusive=False)[..., 0], cube())
    assert found.max() == 0.5


def test_one_of_three_that_is_empty_is_outvoted_and_so_is_one_that_is_not():
    empty = np.zeros_like(cube())
    np.testing.assert_array_equal(staple([cube(), cube(), empty]) >= 0.5, cube())
    assert staple([cube(), empty, empty]).max() < 0.5


def test_labels_exclude_each_other():
    probability = np.array([[0.9, 0.6], [0.2, 0.5], [0.4, 0.3], [0.7, 0.7]])
    found = decide_staple(probability, exclusive=True)
    assert found.tolist() == [[True, False], [False, True], [False, False], [True, False]]
    assert decide_staple(probability, exclusive=False).tolist()[0] == [True, True]
