"""Surfaces of boolean volumes, in two kinds: surfels between voxels, and the outermost voxels.

A surfel lies at a corner that eight voxels share, where some are inside and some outside; its area is that of the
piece of marching-cubes surface there [Lorensen 1987; Nikolov 2018, surface-distance]. Surface voxels are those that
lose a face when the volume is eroded by one.
"""

import functools
import itertools
from dataclasses import dataclass

import numpy as np

from segan_tl.metrics.overlap import as_mask, as_spacing

CORNERS = tuple(itertools.product((0, 1), repeat=3))

Corner = tuple[int, int, int]
Edge = frozenset[Corner]


@dataclass(frozen=True, eq=False)
class Surface:
    """The elements of a surface.

    Attributes:
        positions: (N, 3) int, place of each element on its grid, in units of voxels.
        keys: (N,) int, the same places as single numbers, ascending; equal places have equal keys when the grids have
            one shape.
        weights: (N,) float, area of each surfel in mm2, or 1 for each voxel.
    """

    positions: np.ndarray
    keys: np.ndarray
    weights: np.ndarray

    def part(self, chosen: np.ndarray) -> "Surface":
        """Return the elements that a boolean (N,) chooses."""
        return Surface(self.positions[chosen], self.keys[chosen], self.weights[chosen])


def surfels(mask: np.ndarray, spacing_mm: tuple[float, float, float]) -> Surface:
    """Return the surface of a volume as surfels with their areas; outside the volume there is background.

    Args:
        mask: (H, W, D), as in `metrics.as_mask`.
        spacing_mm: voxel size along the three axes.

    Raises:
        ValueError: that is no mask, or no voxel size.

    Returns:
        Position (i, j, k) is the corner between the voxels (i - 1, j - 1, k - 1) and (i, j, k).
    """
    codes = neighbour_codes(mask)
    keys = np.flatnonzero((codes + np.uint8(1)) > 1)  # 255 wraps to 0: neither all outside nor all inside
    areas_mm2 = area_table_mm2(as_spacing(spacing_mm, axes=3))
    return Surface(_positions(keys, codes.shape), keys, areas_mm2[codes.ravel()[keys]])


def surface_voxels(mask: np.ndarray) -> Surface:
    """Return the voxels of a volume (any number of axes) that share a face with background or with the border."""
    mask = as_mask(mask)
    inside = np.pad(mask, 1)
    kept = mask.copy()
    for axis in range(mask.ndim):
        for start in (0, 2):
            window = [slice(1, -1)] * mask.ndim
            window[axis] = slice(start, start + mask.shape[axis])
            kept &= inside[tuple(window)]
    keys = np.flatnonzero(mask & ~kept)
    return Surface(_positions(keys, mask.shape), keys, np.ones(len(keys)))


def neighbour_codes(mask: np.ndarray) -> np.ndarray:
    """Return which of the eight voxels around every corner are inside, as bits: 4i + 2j + k for the voxel (i, j, k).

    Args:
        mask: (H, W, D), as in `metrics.as_mask`.

    Returns:
        (H + 1, W + 1, D + 1) uint8.
    """
    codes = np.pad(as_mask(mask, axes=3), 1).view(np.uint8)
    codes = codes[:, :, :-1] | codes[:, :, 1:] << 1
    codes = codes[:, :-1] | codes[:, 1:] << 2
    return codes[:-1] | codes[1:] << 4


def _positions(keys: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return np.stack(np.unravel_index(keys, shape), axis=-1)


# === The areas of the 256 neighbourhoods ===


@functools.lru_cache(maxsize=16)
def area_table_mm2(spacing_mm: tuple[float, float, float]) -> np.ndarray:
    """Return the area of the marching-cubes surface in a cell for each of the 256 neighbour codes.

    The surface cuts every edge of the cell with one end inside in its middle. Of the two sides, the one with fewer
    corners is taken as inside, and where a face has inside corners only along a diagonal they are kept apart
    [Lorensen 1987, the 15 cases].

    Args:
        spacing_mm: lengths of the cell's edges.
    """
    areas = np.array([sum(_polygon_area(polygon, spacing_mm) for polygon in _polygons(code)) for code in range(256)])
    areas.setflags(write=False)
    return areas


def _polygons(code: int) -> list[list[Edge]]:
    """Return the closed polygons of a cell, each as the cut edges in their order around it."""
    inside = {corner for bit, corner in enumerate(CORNERS) if code >> bit & 1}
    if len(inside) > 4:
        inside = set(CORNERS) - inside
    links: dict[Edge, list[Edge]] = {}
    for first, second in (segment for ring in _faces() for segment in _face_segments(ring, inside)):
        links.setdefault(first, []).append(second)
        links.setdefault(second, []).append(first)
    polygons, left = [], dict.fromkeys(links)
    while left:
        edge, _ = left.popitem()
        polygon = [edge]
        while following := [other for other in links[polygon[-1]] if other in left]:
            polygon.append(following[0])
            del left[following[0]]
        polygons.append(polygon)
    return polygons


@functools.cache
def _faces() -> list[list[Corner]]:
    """Return the four corners of each of the six faces, in their order around it."""
    rings = []
    for axis, side in itertools.product(range(3), (0, 1)):
        ring = [[0, 0], [1, 0], [1, 1], [0, 1]]
        for corner in ring:
            corner.insert(axis, side)
        rings.append([tuple(corner) for corner in ring])
    return rings


def _face_segments(ring: list[Corner], inside: set[Corner]) -> list[tuple[Edge, Edge]]:
    """Return the lines of the surface across a face: one around every run of neighbouring inside corners."""
    segments = []
    for start in range(4):
        if ring[start] in inside and ring[start - 1] not in inside:
            end = start
            while ring[(end + 1) % 4] in inside:
                end += 1
            segments.append(
                (frozenset((ring[start - 1], ring[start])), frozenset((ring[end % 4], ring[(end + 1) % 4])))
            )
    return segments


def _polygon_area(polygon: list[Edge], spacing_mm: tuple[float, float, float]) -> float:
    """Return the area of a polygon cut into triangles.

    Five and six corners do not lie in a plane: of the fans of triangles from one corner, the one that is largest in a
    cubic cell counts, as in the published tables; fans that tie there have one area in every cell.
    """
    middles = np.array([np.mean(list(edge), axis=0) for edge in polygon])
    fans = [np.roll(middles, -first, axis=0) for first in range(len(polygon))]
    largest = max(fans, key=lambda fan: round(_fan_area(fan), 9))
    return _fan_area(largest * np.array(spacing_mm))


def _fan_area(points: np.ndarray) -> float:
    sides = points[1:] - points[0]
    return float(np.linalg.norm(np.cross(sides[:-1], sides[1:]), axis=1).sum() / 2)
