"""Images painted from tissue maps while an epoch is read: a patch at a time, a contrast of its own for each channel.

Tissue by tissue a mean and a smooth texture; two tissues in a voxel add up by their shares; then bias field, blur along
an axis, noise, and the scale that the run's preparation would give. The background stays 0.

In NumPy, an example at a time: the steps of a slice stay in the processor's cache, which takes a third of what they
take as TensorFlow operations on a batch.
"""

import functools
import math
from collections.abc import Mapping, Sequence

import numpy as np

from segan_tl.data.cache import CachedCase, cut_patch
from segan_tl.data.contrasts import BANK, BETWEEN_NODES, BLUR_STEP_VOXELS
from segan_tl.data.phantom.fields import spline_matrix
from segan_tl.data.phantom.tissue_map import PARTS

# Distance of the nodes in voxels, and the weight, of the fields that make up a texture; squares add up to 1.
TEXTURE = ((4.0, 0.6), (12.0, 0.8))
BIAS_NODES = 40.0


def read_image(
    case: CachedCase, contrast: Mapping[str, np.ndarray] | None, example: int, *, corner, size, normalise: str
) -> np.ndarray:
    """Return a patch (d, h, w, M) of the images of a case, as stored, or of one painted in their place, float32.

    A slab of neighbouring slices is painted as one volume, of one contrast.

    Args:
        case: prepared.
        contrast: of the plan, None where nothing is painted.
        example: its row of the plan.
        corner, size: as for `cut_patch`.
        normalise: of the configuration.
    """
    if contrast is None or not contrast["painted"][example]:
        return cut_patch(case.image, corner, size)
    row = {name: values[example] for name, values in contrast.items()}
    return paint(cut_patch(case.tissues, corner, size), row, normalise=normalise)


def paint(tissues: np.ndarray, drawn: Mapping[str, np.ndarray], *, normalise: str) -> np.ndarray:
    """Return the image (d, h, w, M), float32, of a part of a tissue map.

    Args:
        tissues: (d, h, w) uint16, see `phantom.tissue_map`.
        drawn: one row of `contrasts.plan_contrasts`.
        normalise: of the configuration; what percentiles scale is clipped to [0, 1].
    """
    scale = drawn["scale"]
    table = np.concatenate([drawn["mean"] * scale, drawn["spread"] * scale], axis=1).T @ PARTS  # (2 M, compositions)
    rows, outside = tissues.astype(np.intp), tissues == 0
    channels = len(scale)
    image = np.empty((*tissues.shape, channels), np.float32)
    for channel in range(channels):
        starts = drawn["start"][channel].tolist()
        x = table[channels + channel][rows]
        x *= texture(rows.shape, starts)
        x += table[channel][rows]
        x *= bias(rows.shape, drawn["bias"][channel], starts[2])
        x = blur(x, drawn["blur"][channel].tolist())
        # The noise of one coil channel, and the magnitude of it: Rician but where there is no signal.
        x += (drawn["noise"][channel] * scale[channel]) * normal(rows.shape, starts[3])
        np.abs(x, out=x)
        x -= drawn["low"][channel] * scale[channel]
        if normalise != "zscore":
            np.clip(x, 0, 1, out=x)
        x[outside] = 0
        image[..., channel] = x
    return image


def texture(shape: Sequence[int], starts: Sequence[int]) -> np.ndarray:
    """Return a smooth field of unit variance (d, h, w), of small and of large hills."""
    # B-splines leave 0.48 of the variance along each axis.
    unit = BETWEEN_NODES ** (-sum(length > 1 for length in shape) / 2)
    (small, much), (large, more) = TEXTURE
    found = smooth(nodes(shape, small, starts[0]) * (much * unit), shape, small)
    found += smooth(nodes(shape, large, starts[1]) * (more * unit), shape, large)
    return found


def bias(shape: Sequence[int], deviation: float, start: int) -> np.ndarray:
    """Return a smooth positive factor (d, h, w): exp of a normal number at every node."""
    return smooth(np.exp(deviation * nodes(shape, BIAS_NODES, start)), shape, BIAS_NODES)


def blur(x: np.ndarray, steps: Sequence[int]) -> np.ndarray:
    """Blur x (d, h, w) by so many steps along each axis that is longer than 1."""
    for axis, step in enumerate(steps):
        if step and x.shape[axis] > 1:
            x = along(gaussian(x.shape[axis], step), x, axis)
    return x


def nodes(shape: Sequence[int], distance: float, start: int) -> np.ndarray:
    """Return a normal number for each of the nodes that are so many voxels apart."""
    return normal([count_nodes(length, distance) for length in shape], start)


def smooth(numbers: np.ndarray, shape: Sequence[int], distance: float) -> np.ndarray:
    """Return the field (d, h, w) that cubic B-splines make of the numbers at its nodes."""
    for axis in (2, 1, 0):
        if shape[axis] > 1:
            numbers = along(spline(shape[axis], distance), numbers, axis)
    return numbers


def count_nodes(length: int, distance: float) -> int:
    """Return how many nodes an axis has, with those that its ends need."""
    return math.ceil((length - 1) / distance) + 4 if length > 1 else 1


def normal(shape: Sequence[int], start: int) -> np.ndarray:
    """Return normal numbers (d, h, w): those of the bank from a place on, or, where it is too short, new ones."""
    count = math.prod(shape)
    if count > BANK:
        return np.random.default_rng(int(start)).standard_normal(shape, dtype=np.float32)
    return _bank()[start : start + count].reshape(shape)


def along(matrix: np.ndarray, x: np.ndarray, axis: int) -> np.ndarray:
    """Multiply every line of x (d, h, w) along an axis by a matrix (m, n)."""
    if axis == 0:
        return (matrix @ x.reshape(len(x), -1)).reshape(-1, *x.shape[1:])
    if axis == 1:
        return matrix @ x
    return (x.reshape(-1, x.shape[2]) @ matrix.T).reshape(*x.shape[:2], -1)


@functools.lru_cache(maxsize=1024)
def spline(length: int, distance: float) -> np.ndarray:
    """Return (length, nodes) weights of cubic B-splines whose nodes are `distance` voxels apart."""
    return spline_matrix(np.arange(length) / distance + 1, count_nodes(length, distance)).toarray()


@functools.lru_cache(maxsize=1024)
def gaussian(length: int, step: int) -> np.ndarray:
    """Return (length, length): a Gaussian of so many steps; what leaves an end is reflected."""
    from scipy.ndimage import gaussian_filter1d

    return gaussian_filter1d(np.eye(length), step * BLUR_STEP_VOXELS, axis=0).astype(np.float32)


@functools.lru_cache(maxsize=1)
def _bank() -> np.ndarray:
    return np.random.default_rng(BANK).standard_normal(2 * BANK, dtype=np.float32)
