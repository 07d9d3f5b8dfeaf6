"""Connected components of two volumes on one grid: numbers, what lies together, and the surface of each."""

import numpy as np
from scipy import ndimage

from segan_tl.metrics.surfaces import Surface

NEIGHBOURS_26 = np.ones((3, 3, 3), bool)


def number_components(mask: np.ndarray) -> tuple[np.ndarray, int]:
    """Return the number of the 26-connected component of each voxel, 0 outside, int32, and how many there are."""
    numbers = np.empty(mask.shape, np.int32)
    return numbers, ndimage.label(mask, NEIGHBOURS_26, output=numbers)


def overlaps(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return each pair of numbers above 0 that share a voxel, ascending, and how many they share; (N,) each."""
    where = np.flatnonzero(second)
    keys = first.ravel()[where].astype(np.int64) << 32 | second.ravel()[where]
    keys = keys[keys >> 32 > 0]
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
