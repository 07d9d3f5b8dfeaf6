"""Where slices lie: hand-computed grids, tilted gantries, gaps, and series that hold several volumes."""

import numpy as np
import pytest

pytest.importorskip("pydicom", reason="the extra clinical is not installed")

from segan_tl.clinical.dicom.place import find_fault, geometry_of, in_order, split, twins  # noqa: E402
from segan_tl.clinical.dicom.slices import Slice  # noqa: E402

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
SAGITTAL = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)


def plane(position_mm, *, instance=1, orientation=AXIAL, shape=(10, 12), spacing_mm=(0.5, 0.75), marks=(0,) * 7):
    return Slice(
        None, "", f"1.{instance}", None, None, shape, spacing_mm, orientation, position_mm, 1.0, 0.0, 5.0, instance,
        marks,
    )  # fmt: skip


def stack(steps_mm, *, step=(0.0, 0.0, 1.0), **options):
    return [
        plane(tuple(np.multiply(step, height) + (-10, -20, -30)), instance=place + 1, **options)
        for place, height in enumerate(steps_mm)
    ]


def test_a_grid_by_hand():
    # Rows 0.5 mm apart, columns 0.75 mm, slices 5 mm; the first voxel at (-10, -20, -30) LPS is (10, 20, -30) RAS.
    geometry = geometry_of(in_order(stack([0, 5, 10])[::-1]))
    assert geometry.shape == (12, 10, 3)
    expected = [[-0.75, 0, 0, 10], [0, -0.5, 0, 20], [0, 0, 5, -30], [0, 0, 0, 1]]
    np.testing.assert_allclose(geometry.affine, expected, atol=1e-12)


def test_a_sagittal_grid_by_hand():
    # Along a row to the back, along a column down, slices to the right (x falls): row × column = (-1, 0, 0).
    slices = [plane((x, -50.0, 80.0), instance=place, orientation=SAGITTAL) for place, x in enumerate((9.0, 6.0, 3.0))]
    geometry = geometry_of(in_order(slices))
    expected = [[0, 0, 3, -9], [-0.75, 0, 0, 50], [0, -0.5, 0, 80], [0, 0, 0, 1]]
    np.testing.assert_allclose(geometry.affine, expected, atol=1e-12)


def test_slices_keep_the_order_of_their_numbers():
    upwards, downwards = stack([0, 5, 10]), stack([10, 5, 0])
    assert in_order(upwards[::-1]) == upwards
    assert in_order(downwards[::-1]) == downwards
    assert geometry_of(downwards).affine[2, 2] == -5


def test_the_thickness_does_not_count():
    assert geometry_of(stack([0, 6.5, 13.0])).spacing_mm[2] == pytest.approx(6.5)  # slices are 5 mm thick


def test_a_tilted_gantry_is_a_shear():
    slices = stack([0, 5, 10], step=(0, 0.3, 1))
    assert find_fault(slices) is None
    geometry = geometry_of(slices)
    assert geometry.is_sheared
    np.testing.assert_allclose(geometry.affine[:3, 2], [0, -1.5, 5])
    assert geometry.voxel_volume_mm3 == pytest.approx(0.75 * 0.5 * 5)


@pytest.mark.parametrize(
    ("slices", "sentence"),
    [
        (stack([0, 5, 15, 20]), "1 slice is missing between slices 2 and 3 (up to 10 mm apart, the others 5 mm)"),
        (stack([0, 5, 20, 25, 35]), "3 slices are missing between slices 2 and 3, between slices 4 and 5"),
        (stack([0, 5, 11, 17, 22]), "its slices are not equally spaced (5 to 6 mm apart)"),
        (stack([0]), "it has one slice, which is no volume"),
        (stack([0, 5, 10], spacing_mm=None), "3 of its 3 slices state no voxel size"),
        ([*stack([0, 5]), plane(None)], "1 of its 3 slices state no place in space"),
        ([*stack([0, 5]), plane((0, 0, 10), orientation=None)], "1 of its 3 slices state no direction"),
        ([*stack([0, 5]), plane((-10, -20, -20), shape=(9, 9))], "its slices are of several sizes"),
        ([*stack([0, 5]), plane((-10, -20, -20), orientation=SAGITTAL)], "its slices lie in several directions"),
        (stack([0, 0, 0]), "its slices do not lie one behind another"),
        (stack([0, 5, 10], spacing_mm=(0.0, 1.0)), "its voxel size cannot be"),
        (stack([0, 500, 1000]), "mm large, which no head is"),
    ],
    ids=range(12),
)
def test_what_is_no_volume(slices, sentence):
    assert sentence in find_fault(slices)


def test_rounding_is_no_gap():
    assert find_fault(stack([0, 5.01, 9.99, 15])) is None


def marked(steps_mm, place, value, first):
    marks = [0] * 7
    marks[place] = value
    slices = stack(steps_mm, marks=tuple(marks))
    return [plane(one.position_mm, instance=first + n, marks=one.marks) for n, one in enumerate(slices)]


@pytest.mark.parametrize("mark", range(7), ids=["echo", "kind", "b", "time", "acquisition", "trigger", "clock"])
def test_what_tells_two_volumes_in_one_series_apart(mark):
    first, second = marked([0, 5, 10], mark, 1, 1), marked([0, 5, 10], mark, 2, 4)
    mixed = [one for pair in zip(first, second, strict=True) for one in pair]
    assert split(mixed) == [first, second]


def test_two_echoes_at_three_times_are_six_volumes():
    volumes = []
    for time in range(3):
        for echo in range(2):
            marks = (echo, 0, 0, time, 0, 0, 0)
            volumes.append(stack([0, 5], marks=marks))
    parts = split([one for volume in volumes for one in volume])
    assert sorted(map(str, parts)) == sorted(map(str, volumes))


def test_two_directions_and_two_grids_are_two_volumes():
    axial, sagittal = stack([0, 5]), [plane((x, 0.0, 0.0), orientation=SAGITTAL) for x in (0.0, 4.0)]
    fine = stack([0, 5], spacing_mm=(0.25, 0.25), shape=(20, 24))
    assert len(split([*axial, *sagittal, *fine])) == 3


def test_one_echo_time_a_slice_is_one_volume():
    # Marks that differ without two slices in one place divide nothing.
    slices = [plane(one.position_mm, instance=n, marks=(n,) * 7) for n, one in enumerate(stack([0, 5, 10]))]
    assert split(slices) == [slices]


def test_a_slice_that_was_taken_again_stays_and_is_told():
    slices = [*stack([0, 5, 10]), plane((-10, -20, -25), instance=9, marks=(0, 0, 0, 0, 2, 0, 0))]
    (part,) = split(slices)
    assert len(part) == 4 and [(a.instance, b.instance) for a, b in twins(part)] == [(2, 9)]


def test_slices_without_places_stay_together():
    slices = [plane(None), plane(None)]
    assert split(slices) == [slices] and twins(slices) == []
