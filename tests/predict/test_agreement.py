"""Agreement of members counted by hand."""

import numpy as np
import pytest

from segan_tl.metrics.overlap import dice
from segan_tl.predict.agreement import agreement, pack, tumour_share, unpack

SHAPE = (3, 2, 3)


def of_voxels(*regions):
    """Return masks (3, 2, 3, R) with these numbers of voxels, counted from the start."""
    flat = np.zeros((18, len(regions)), bool)
    for region, voxels in enumerate(regions):
        flat[list(voxels), region] = True
    return flat.reshape(*SHAPE, len(regions))


def readers(*masks):
    return [lambda bits=pack(mask): bits for mask in masks]


def test_masks_come_back_from_their_bits():
    masks = np.random.default_rng(0).random((*SHAPE, 2)) > 0.5
    bits = pack(masks)
    assert bits.shape == (2, 3) and bits.dtype == np.uint8  # 18 voxels in 3 bytes
    for region in range(2):
        np.testing.assert_array_equal(unpack(bits[region], SHAPE), masks[..., region])


def test_three_members():
    # wt: 0-3, 0-1 and 2-5. Pairs: 2·2/(4+2) = 2/3, 2·2/(4+4) = 1/2, 0: mean 7/18.
    # et: empty, empty, 0. Pairs: both empty 1, one empty 0, 0: mean 1/3.
    members = (of_voxels(range(4), ()), of_voxels(range(2), ()), of_voxels(range(2, 6), (0,)))
    assert agreement(readers(*members)) == pytest.approx([7 / 18, 1 / 3])


def test_all_the_same():
    assert agreement(readers(*[of_voxels((1, 5), ())] * 4)) == [1, 1]


def test_two_members_agree_as_dice_says():
    one, other = (np.random.default_rng(seed).random((*SHAPE, 3)) > 0.4 for seed in (1, 2))
    expected = [dice(one[..., region], other[..., region]) for region in range(3)]
    assert agreement(readers(one, other)) == pytest.approx(expected)


def test_the_share_of_members_that_say_tumour():
    # a voxel counts where it lies in any region: 0 in three of four, 1 in two, 2 in one
    members = (of_voxels((0,), (0,)), of_voxels((0, 1), ()), of_voxels((), (0, 1)), of_voxels((), (2,)))
    share = tumour_share(readers(*members), SHAPE)
    assert share.dtype == np.float32 and share.shape == SHAPE
    assert share.ravel()[:4].tolist() == [0.75, 0.5, 0.25, 0]
