"""Images and labels on another grid: shifts by hand, a slow oracle, labels never blended."""

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from segan_tl.clinical.space.resample import covered, isotropic_grid, own_grid, resample_labels_onto, resample_onto
from segan_tl.data.files.geometry import Geometry

AFFINE = np.diag([-1.0, -1.0, 2.0, 1.0])


def test_a_shift_by_hand():
    """Half a voxel along x: a point of the image goes to x + 0.5, so voxel i reads between i and i + 1 (x is -i)."""
    image = np.array([0, 10, 20, 40], np.float32).reshape(4, 1, 1)
    move = np.eye(4)
    move[0, 3] = 0.5
    found = resample_onto(image, AFFINE, Geometry((4, 1, 1), AFFINE), transform=move)
    np.testing.assert_allclose(found.ravel(), [5, 15, 30, 40])  # the last one lies at the border of the volume


def test_what_nothing_covers_is_zero():
    move = np.eye(4)
    move[2, 3] = 4.0  # two slices up
    image = np.ones((2, 2, 3), np.float32)
    grid = Geometry((2, 2, 3), AFFINE)
    assert resample_onto(image, AFFINE, grid, transform=move)[0, 0].tolist() == [0, 0, 1]
    assert covered(image.shape, AFFINE, grid, transform=move)[0, 0].tolist() == [False, False, True]


def test_equals_a_slow_oracle():
    rng = np.random.default_rng(0)
    image = rng.random((7, 6, 5), np.float32)
    move = np.eye(4)
    move[:3, :3] += rng.normal(0, 0.05, (3, 3))
    move[:3, 3] = rng.normal(0, 0.5, 3)
    grid = Geometry((5, 5, 5), np.diag([-1.2, -0.9, 1.5, 1.0]))
    found = resample_onto(image, AFFINE, grid, transform=move)
    points = np.stack([*np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), np.ones(grid.shape)]).reshape(4, -1)
    place = (np.linalg.inv(AFFINE) @ np.linalg.inv(move) @ grid.affine @ points)[:3]
    wanted = map_coordinates(image, place, order=1, mode="nearest").reshape(grid.shape)
    inside = covered(image.shape, AFFINE, grid, transform=move)
    assert 10 < inside.sum() < inside.size
    np.testing.assert_allclose(found[inside], wanted[inside], atol=1e-5)
    assert not found[~inside].any()


def test_labels_take_the_largest_share():
    """Between 1 and 4 lies no 2 or 3; a third of the way from 4 to 0 it is still 4, two thirds on it is 0."""
    labels = np.array([1, 4, 0, 0], np.uint8).reshape(4, 1, 1)
    fine = Geometry((10, 1, 1), np.diag([-1 / 3, -1.0, 2.0, 1.0]))
    found = resample_labels_onto(labels, AFFINE, fine)
    assert found.ravel().tolist() == [1, 1, 4, 4, 4, 0, 0, 0, 0, 0] and found.dtype == np.uint8


def test_two_labels_beside_each_other_leave_no_gap():
    """Halfway 2 and 3 have a half each, and the rest nothing: the place is not empty."""
    labels = np.array([2, 3], np.uint8).reshape(2, 1, 1)
    fine = Geometry((3, 1, 1), np.diag([-0.5, -1.0, 2.0, 1.0]))
    assert resample_labels_onto(labels, AFFINE, fine).ravel().tolist() == [2, 2, 3]


@pytest.mark.parametrize("tilt", [0.0, 0.3])
def test_an_isotropic_grid_holds_the_image(tilt):
    turned = np.eye(4)
    turned[1:3, 1:3] = [[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]]
    affine = turned @ np.diag([-0.9, -0.9, 5.5, 1.0])
    grid = isotropic_grid((20, 24, 6), affine, edge_mm=1.0)
    ones = resample_onto(np.ones((20, 24, 6), np.float32), affine, grid)
    assert np.allclose(np.abs(np.diag(grid.affine))[:3], 1)
    assert ones.sum() == pytest.approx(20 * 24 * 6 * 0.81 * 5.5, rel=0.02)  # its volume in mm³


def test_the_own_grid_by_hand():
    """4 mm of 1 mm and 10 mm of 5 mm in voxels of about 1.5 mm: 2.67 and 6.67 of them, so 3 and 7, of 4/3 and 10/7 mm.

    The outer face of x lies at +0.5 (x is −i), the first centre half a voxel in, at 0.5 − 2/3; that of z at −2.5.
    """
    grid = own_grid((4, 4, 2), np.diag([-1.0, -1.0, 5.0, 1.0]), edge_mm=1.5)
    assert grid.shape == (3, 3, 7)
    np.testing.assert_allclose(np.diag(grid.affine), [-4 / 3, -4 / 3, 10 / 7, 1])
    np.testing.assert_allclose(grid.affine[:3, 3], [-1 / 6, -1 / 6, -2.5 + 5 / 7])


def test_the_own_grid_is_tilted_as_the_image_is():
    tilted = np.array([[-1.0, 0, 0, 5], [0, -0.8, 3.0, 7], [0, 0.6, 4.0, 9], [0, 0, 0, 1]])  # 0.6, 0.8, 1 and 3, 4, 5
    image, grid = Geometry((6, 6, 3), tilted), own_grid((6, 6, 3), tilted, edge_mm=1.5)
    assert grid.shape == (4, 4, 10)
    for index in np.ndindex(2, 2, 2):  # the corners of both volumes are the same points
        corners = [geometry.affine @ [*(index * np.array(geometry.shape) - 0.5), 1] for geometry in (image, grid)]
        np.testing.assert_allclose(*corners, atol=1e-9)
    assert own_grid((1, 1, 1), np.diag([-0.1, -0.1, 0.1, 1.0]), edge_mm=1.5).shape == (1, 1, 1)
