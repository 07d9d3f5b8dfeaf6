"""Connected components of two volumes on one grid: numbers, what lies together, and the surface of each."""

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from segan_tl.metrics.surfaces import Surface

NEIGHBOURS_26 = np.ones((3, 3, 3), bool)


# Of two lines of voxels that touch, the later one: forward in the first two axes.
_LINES = ((0, 1), (1, -1), (1, 0), (1, 1))


def number_components(mask: np.ndarray) -> tuple[np.ndarray, int]:
    """Return the number of the 26-connected component of each voxel, 0 outside, int32, and how many there are.

    As `scipy.ndimage.label` numbers them, by their first voxels, from runs of voxels along the last axis instead of
    single ones: there are as many runs as a surface has, and several times less work.

    Args:
        mask: (H, W, D) bool.
    """
    height, width, depth = mask.shape
    padded = np.zeros((height * width, depth + 2), bool)
    padded[:, 1:-1] = mask.reshape(height * width, depth)
    changes = np.flatnonzero(padded.ravel()[1:] != padded.ravel()[:-1])
    starts, stops = changes[::2], changes[1::2]  # of each run, in padded lines; a stop is one beyond
    numbers = np.zeros(mask.shape, np.int32)
    if not len(starts):
        return numbers, 0
    count, component = connected_components(_touching_runs(starts, stops, mask.shape), directed=False)
    numbers[mask] = np.repeat(component + 1, stops - starts)
    return numbers, count


def _touching_runs(starts: np.ndarray, stops: np.ndarray, shape: tuple[int, int, int]) -> sparse.coo_array:
    """Return the graph of runs that touch by a face, an edge or a corner."""
    _, width, depth = shape
    line = depth + 2
    column = starts // line % width
    ones, others = [], []
    for down, right in _LINES:
        inside = np.flatnonzero((column + right >= 0) & (column + right < width))
        step = (down * width + right) * line
        # In the other line: from the first run that does not end before this one to the last that does not begin after.
        first = np.searchsorted(stops, starts[inside] + step, side="left")
        last = np.searchsorted(starts, stops[inside] + step, side="right")
        several = np.maximum(last - first, 0)
        ones.append(np.repeat(inside, several))
        ends = np.cumsum(several)
        others.append(np.arange(ends[-1] if len(ends) else 0) + np.repeat(first - ends + several, several))
    pairs = np.concatenate(ones), np.concatenate(others)
    return sparse.coo_array((np.ones(len(pairs[0]), np.int8), pairs), shape=[len(starts)] * 2)


def overlaps(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return each pair of numbers above 0 that share a voxel, ascending, and how many they share; (N,) each."""
    where = np.flatnonzero((first > 0) & (second > 0))
    keys = first.ravel()[where].astype(np.int64) << 32 | second.ravel()[where]
    # Neighbours in memory mostly agree: what is left to sort is small.
    starts = np.flatnonzero(np.diff(keys, prepend=0))
    pairs, place = np.unique(keys[starts], return_inverse=True)
    voxels = np.bincount(place, np.diff(starts, append=len(keys)), minlength=len(pairs))
    return pairs >> 32, pairs & 0xFFFFFFFF, voxels.astype(np.int64)


def surfaces_of_each(surface: Surface, numbers: np.ndarray, *, count: int) -> list[Surface]:
    """Divide the surface voxels of a volume by its components; the place in the list is the number, 0 holds nothing."""
    owners = numbers.ravel()[surface.keys]
    order = np.argsort(owners, kind="stable")
    ends = np.cumsum(np.bincount(owners, minlength=count + 1))
    return [surface.part(part) for part in np.split(order, ends[:-1])]
