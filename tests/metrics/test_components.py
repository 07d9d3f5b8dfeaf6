"""Components from runs of voxels, beside scipy's from single ones; what lies together; the surface of each."""

import numpy as np
import pytest
from scipy import ndimage

from segan_tl.metrics.components import NEIGHBOURS_26, number_components, overlaps, surfaces_of_each
from segan_tl.metrics.surfaces import surface_voxels


@pytest.mark.parametrize("seed", range(40))
def test_numbers_are_those_of_scipy(seed):
    generator = np.random.default_rng(seed)
    shape = tuple(generator.integers(1, 14, 3))
    mask = generator.random(shape) < generator.choice([0.02, 0.1, 0.3, 0.6, 1])
    expected, count = ndimage.label(mask, NEIGHBOURS_26)
    found, number = number_components(mask)
    assert number == count and found.dtype == np.int32 and (found == expected).all()


def test_corners_touch_and_borders_do_not_wrap_by_hand():
    mask = np.zeros((3, 3, 3), bool)
    mask[0, 0, 0] = mask[1, 1, 1] = True  # by a corner
    mask[0, 2, 2] = mask[1, 0, 0] = True  # the first at the end of a line, which (1, 0, 0) follows in memory
    assert number_components(mask)[1] == 1
    mask[1, 1, 1] = False
    assert number_components(mask)[1] == 2
    assert number_components(np.zeros((0, 0, 0), bool))[1] == number_components(np.zeros((2, 2, 2), bool))[1] == 0


def test_what_lies_together_by_hand():
    first, second = np.zeros((2, 1, 1, 6), np.int32)
    first[0, 0] = [1, 1, 0, 2, 2, 2]
    second[0, 0] = [3, 3, 3, 3, 0, 1]
    ones, others, voxels = overlaps(first, second)
    assert [tuple(map(int, one)) for one in zip(ones, others, voxels)] == [(1, 3, 2), (2, 1, 1), (2, 3, 1)]


def test_each_surface_is_that_of_its_component_alone():
    mask = np.random.default_rng(3).random((9, 8, 7)) < 0.15
    numbers, count = number_components(mask)
    parts = surfaces_of_each(surface_voxels(mask), numbers, count=count)
    assert len(parts) == count + 1 and not len(parts[0].keys)
    for number in range(1, count + 1):
        assert (parts[number].keys == surface_voxels(numbers == number).keys).all()
