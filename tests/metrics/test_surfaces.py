"""Surfels and surface voxels against areas worked out by hand and against scikit-image's marching cubes."""

import itertools
import math

import numpy as np
import pytest
from skimage.measure import marching_cubes, mesh_surface_area

from segan_tl.metrics.surfaces import CORNERS, area_table_mm2, neighbour_codes, surface_voxels, surfels

CORNER_AREA = math.sqrt(3) / 8  # a triangle with three sides of √½
CUBE = (1.0, 1.0, 1.0)


def code_of(*corners: tuple[int, int, int]) -> int:
    """Return the neighbour code of a cell with these corners inside."""
    return sum(1 << CORNERS.index(corner) for corner in corners)


@pytest.mark.parametrize(
    "corners, area",
    [
        ([], 0),
        ([(0, 0, 0)], CORNER_AREA),
        ([(0, 0, 0), (0, 0, 1)], math.sqrt(0.5)),  # a rectangle 1 long and √½ wide, cutting off an edge
        ([(0, 0, 0), (0, 1, 1)], 2 * CORNER_AREA),  # along a face's diagonal: two corners, kept apart
        ([(0, 0, 0), (1, 1, 1)], 2 * CORNER_AREA),
        ([(0, 0, 0), (0, 0, 1), (0, 1, 0), (0, 1, 1)], 1),  # half the cell: a square
        ([(0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0)], 6 * math.sqrt(3) / 8),  # a corner and its three: a hexagon
        ([(0, 0, 1), (0, 1, 0), (1, 0, 0), (1, 1, 1)], 4 * CORNER_AREA),
        ([(0, 0, 0), (0, 0, 1), (1, 1, 0), (1, 1, 1)], 2 * math.sqrt(0.5)),
    ],
)
def test_areas_by_hand(corners, area):
    assert area_table_mm2(CUBE)[code_of(*corners)] == pytest.approx(area, abs=1e-12)


def test_areas_on_an_anisotropic_grid_by_hand():
    areas_mm2 = area_table_mm2((2.0, 3.0, 5.0))
    # Half the cell, parted across the first axis: 3 mm × 5 mm.
    assert areas_mm2[code_of((0, 0, 0), (0, 0, 1), (0, 1, 0), (0, 1, 1))] == pytest.approx(15)
    # An edge along the last axis is cut off: 5 mm long, √(1² + 1.5²) mm wide.
    assert areas_mm2[code_of((0, 0, 0), (0, 0, 1))] == pytest.approx(5 * math.sqrt(3.25))
    # A corner: half of |(-1, 1.5, 0) × (-1, 0, 2.5)| = |(3.75, 2.5, 1.5)| / 2.
    assert areas_mm2[code_of((0, 0, 0))] == pytest.approx(math.sqrt(3.75**2 + 2.5**2 + 1.5**2) / 2)


@pytest.mark.parametrize("spacing_mm", [CUBE, (1.0, 2.0, 3.5)])
def test_inside_and_outside_have_one_surface(spacing_mm):
    areas_mm2 = area_table_mm2(spacing_mm)
    np.testing.assert_allclose(areas_mm2, areas_mm2[::-1], rtol=1e-12)


def test_areas_do_not_depend_on_where_the_cell_is_looked_at_from():
    spacing_mm = (1.0, 2.0, 3.5)
    areas_mm2 = area_table_mm2(spacing_mm)
    for order, flips in itertools.product(itertools.permutations(range(3)), itertools.product((0, 1), repeat=3)):
        turned_mm2 = area_table_mm2(tuple(spacing_mm[axis] for axis in order))
        for code in range(256):
            inside = [corner for bit, corner in enumerate(CORNERS) if code >> bit & 1]
            turned = code_of(*(tuple(corner[axis] ^ flips[axis] for axis in order) for corner in inside))
            assert turned_mm2[turned] == pytest.approx(areas_mm2[code], rel=1e-12)


def test_flat_pieces_equal_scikit_image():
    # Pieces that are not flat depend on how they are cut into triangles, and diagonals on what is joined.
    areas, compared = area_table_mm2(CUBE), 0
    for code in range(1, 255):
        inside = [corner for bit, corner in enumerate(CORNERS) if code >> bit & 1]
        cell = np.zeros((2, 2, 2))
        cell[tuple(np.transpose(inside))] = 1
        points, triangles, *_ = marching_cubes(cell, 0.5, method="lorensen")
        if len(triangles) <= 2 and not _has_diagonal_face(cell):
            assert areas[code] == pytest.approx(mesh_surface_area(points, triangles), rel=1e-6)
            compared += 1
    assert compared > 50


def _has_diagonal_face(cell: np.ndarray) -> bool:
    faces = (np.take(cell, side, axis) for axis in range(3) for side in (0, 1))
    return any(face[0, 0] == face[1, 1] != face[0, 1] == face[1, 0] for face in faces)


def test_the_surface_of_a_box_by_hand():
    # A box of 4 × 3 × 2 voxels of 1 × 2 × 3 mm. Between the middles of its outermost voxels it is 3 × 4 × 3 mm.
    mask = np.zeros((8, 7, 6), bool)
    mask[2:6, 2:5, 2:4] = True
    flat = 2 * (3 * 4 + 3 * 3 + 4 * 3)
    bevels = 4 * (3 * math.hypot(1, 1.5) + 4 * math.hypot(0.5, 1.5) + 3 * math.hypot(0.5, 1))
    # A corner: half of |(-0.5, 1, 0) × (-0.5, 0, 1.5)| = |(1.5, 0.75, 0.5)| / 2.
    corners = 8 * math.sqrt(1.5**2 + 0.75**2 + 0.5**2) / 2
    surface = surfels(mask, (1, 2, 3))
    assert surface.weights.sum() == pytest.approx(flat + bevels + corners)
    assert len(surface.keys) == 5 * 4 * 3 - 3 * 2 * 1  # all corners of the voxels but those within
    assert surface.positions.min(axis=0).tolist() == [2, 2, 2] and surface.positions.max(axis=0).tolist() == [6, 5, 4]


def test_the_border_of_the_volume_is_background():
    surface = surfels(np.ones((1, 1, 1), bool), CUBE)
    assert sorted(map(tuple, surface.positions.tolist())) == list(CORNERS)
    assert surface.weights.tolist() == pytest.approx([CORNER_AREA] * 8)


def test_neighbour_codes_equal_a_loop():
    mask = np.random.default_rng(0).random((4, 3, 5)) < 0.5
    padded = np.pad(mask, 1)
    codes = neighbour_codes(mask)
    assert codes.shape == (5, 4, 6)
    for place in np.ndindex(codes.shape):
        inside = [corner for corner in CORNERS if padded[tuple(np.add(place, corner))]]
        assert codes[place] == code_of(*inside)


def test_surface_voxels_by_hand():
    # 3 × 3 × 3 voxels: all but the one in the middle. In a plane, a plus has no voxel with four neighbours but its own.
    assert len(surface_voxels(np.ones((3, 3, 3), bool)).keys) == 26
    plus = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], bool)
    assert surface_voxels(plus).positions.tolist() == [[0, 1], [1, 0], [1, 2], [2, 1]]


def test_an_empty_volume_has_no_surface():
    assert len(surfels(np.zeros((3, 4, 5), bool), CUBE).keys) == len(surface_voxels(np.zeros((3, 4), bool)).keys) == 0
