"""How far each element of a surface lies from the nearest of another."""

import itertools

import numpy as np
from scipy.spatial import cKDTree

from segan_tl.metrics.surfaces import Surface


def nearest_mm(surface: Surface, other: Surface, spacing_mm: tuple[float, ...]) -> np.ndarray:
    """Return the distance of each element of a surface to the nearest of the other; infinite where that is empty."""
    if not (len(other.keys) and len(surface.keys)):
        return np.full(len(surface.keys), np.inf)
    scale = np.asarray(spacing_mm, float)
    found_mm, apart = _neighbours_mm(surface, other, scale)
    if len(apart):
        tree = cKDTree(other.positions * scale, balanced_tree=False, compact_nodes=False)
        places = surface.positions[apart]
        # From whole steps: a neighbour lies exactly one voxel away, whatever the difference of two products says.
        steps = places - other.positions[tree.query(places * scale)[1]]
        found_mm[apart] = np.sqrt(((steps * scale) ** 2).sum(axis=1))
    return found_mm


def _neighbours_mm(surface: Surface, other: Surface, scale: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return distances to what coincides or is next, and the places of elements that have no such thing.

    Of two surfaces that are alike this settles most: the steps of one voxel that are shorter than two along any axis,
    the shortest first.
    """
    corner = np.minimum(surface.positions.min(axis=0), other.positions.min(axis=0)) - 1
    shape = np.maximum(surface.positions.max(axis=0), other.positions.max(axis=0)) - corner + 2
    there = np.zeros(shape.prod(), bool)
    there[np.ravel_multi_index((other.positions - corner).T, shape)] = True
    places = np.ravel_multi_index((surface.positions - corner).T, shape)
    steps = np.array(list(itertools.product((-1, 0, 1), repeat=len(scale))))
    lengths_mm = np.sqrt(((steps * scale) ** 2).sum(axis=1))
    moves = steps @ np.append(np.cumprod(shape[:0:-1])[::-1], 1)
    found_mm, left = np.zeros(len(places)), np.arange(len(places))
    for step in np.argsort(lengths_mm, kind="stable"):
        if lengths_mm[step] >= 2 * scale.min() or not len(left):
            break
        hit = there[places[left] + moves[step]]
        found_mm[left[hit]] = lengths_mm[step]
        left = left[~hit]
    return found_mm, left
