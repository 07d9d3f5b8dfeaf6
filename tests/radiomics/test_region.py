"""The largest piece of a tumour."""

import numpy as np
import pytest

from segan_tl.errors import UserError
from segan_tl.radiomics.region import cut_region, largest_component

SPACING_MM = (1.0, 2.0, 3.0)


def test_the_largest_component_has_26_neighbours():
    mask = np.zeros((8, 8, 8), bool)
    mask[0:2, 0:2, 0:2] = True  # 8 voxels, touched at a corner by 1
    mask[2, 2, 2] = True
    mask[5:7, 5:7, 5:7] = True  # 8 voxels
    found = largest_component(mask)
    assert found.sum() == 9 and found[2, 2, 2] and not found[5:].any()
    mask[2, 2, 2] = False
    assert largest_component(mask)[0, 0, 0] and largest_component(mask).sum() == 8  # the first of two equal ones
    assert not largest_component(np.zeros((3, 3, 3), bool)).any()


def test_the_region_is_cut_out():
    mask = np.zeros((6, 6, 6), bool)
    mask[1:3, 2:5, 3:5] = True
    region = cut_region(mask, SPACING_MM)
    assert region.mask.shape == (2, 3, 2) and region.voxels == 12 and region.voxel_volume_mm3 == 6
    assert region.box == (slice(1, 3), slice(2, 5), slice(3, 5))


@pytest.mark.parametrize(
    ("inside", "said"),
    [
        ((), "there is no tumour"),
        ((slice(0, 2), 0, 0), "2 voxels"),
        ((0, 0, 0), "1 voxel "),
        ((slice(0, 3), slice(0, 3), 0), r"9 voxels \(3 × 3 × 1\)"),
    ],
)
def test_what_has_no_shape_is_refused(inside, said):
    mask = np.zeros((4, 4, 4), bool)
    if inside:
        mask[inside] = True
    with pytest.raises(UserError, match=said):
        cut_region(mask, SPACING_MM)
