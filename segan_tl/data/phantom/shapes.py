"""Signed distances in millimetres (negative inside) of the solids the head is made of."""

from collections.abc import Sequence

import numpy as np


def ellipsoid(points: np.ndarray, centre_mm: Sequence[float], semi_axes_mm: Sequence[float]) -> np.ndarray:
    """Return the first-order distance of points (3, N) to an axis-parallel ellipsoid."""
    scaled = np.zeros(points.shape[1], dtype=np.float32)
    steep = np.zeros(points.shape[1], dtype=np.float32)
    for coordinate, centre, semi_axis in zip(points, centre_mm, semi_axes_mm, strict=True):
        ratio = (coordinate - np.float32(centre)) / np.float32(semi_axis)
        scaled += ratio * ratio
        ratio /= np.float32(semi_axis)
        steep += ratio * ratio
    norm = np.sqrt(scaled)
    return norm * (norm - 1.0) / np.sqrt(steep + np.float32(1e-9))


def tube(points: np.ndarray, nodes_mm: Sequence[Sequence[float]], flatten: Sequence[float] = (1, 1, 1)) -> np.ndarray:
    """Return the distance of points (3, N) to a chain of round cones.

    Args:
        points: (3, N) in mm.
        nodes_mm: rows of (x, y, z, radius).
        flatten: factors on the offsets along x, y and z; above one makes the tube thinner in that direction.
    """
    nodes = np.asarray(nodes_mm, dtype=np.float32)
    distance = np.full(points.shape[1], np.inf, dtype=np.float32)
    for start, end in zip(nodes[:-1], nodes[1:], strict=True):
        along = end[:3] - start[:3]
        offset = points - start[:3, None]
        position = np.clip((along[:, None] * offset).sum(0) / np.float32(along @ along), 0.0, 1.0)
        offset -= along[:, None] * position
        offset *= np.asarray(flatten, dtype=np.float32)[:, None]
        radius = start[3] + (end[3] - start[3]) * position
        np.minimum(distance, np.sqrt((offset * offset).sum(0)) - radius, out=distance)
    return distance


def blend(first: np.ndarray, second: np.ndarray, width_mm: float) -> np.ndarray:
    """Return the union of two solids, rounded over `width_mm` where they meet (polynomial smooth minimum)."""
    share = np.clip(0.5 + 0.5 * (second - first) / np.float32(width_mm), 0.0, 1.0)
    return second + (first - second) * share - np.float32(width_mm) * share * (1.0 - share)


def inside(distance_mm: np.ndarray, voxel_mm: float) -> np.ndarray:
    """Return the share of a voxel that lies inside a solid, from the distance of its centre to the surface."""
    return np.clip(0.5 - distance_mm / np.float32(voxel_mm), 0.0, 1.0)
