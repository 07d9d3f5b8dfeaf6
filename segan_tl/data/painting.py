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
from segan_tl.data.contrasts import BANK, BLUR_STEP_VOXELS
from segan_tl.data.phantom.fields import spline_matrix
from segan_tl.data.phantom.tissue_map import PARTS

# Distance of the nodes in voxels, and the weight, of the fields that make up a texture; squares add up to 1.
TEXTURE = ((4.0, 0.6), (12.0, 0.8))
BIAS_NODES = 40.0
VARIANCE = 0.479365  # of a cubic B-spline with coefficients of unit variance, along one axis


def read_image(
    case: CachedCase, contrast: Mapping[str, np.ndarray] | None, example: int, *, corner, size, normalise: str
) -> np.ndarray:
    """Return a patch (d, h, w, M), float32, of the images of a case, or of one that is painted in their place.

    Args:
        case: prepared.
        contrast: of the plan, None where nothing is painted.
        example: its row of the plan.
        corner, size: as for `cut_patch`.
        normalise: of the configuration.
    """
    if contrast is None or not contrast["painted"][example]:
        return cut_patch(case.image, corner, size).astype(np.float32)
    row = {name: values[example] for name, values in contrast.items()}
    return paint(cut_patch(case.tissues, corner, size), row, normalise=normalise)


def paint(tissues: np.ndarray, drawn: Mapping[str, np.ndarray], *, normalise: str) -> np.ndarray:
    """Return the image (d, h, w, M), float32, of a part of a tissue map.

    Args:
        tissues: (d, h, w) uint16, see `phantom.tissue_map`.
        drawn: one row of `contrasts.plan_contrasts`.
        normalise: of the configuration; what percentiles scale is clipped to [0, 1].
    """
    table = np.concatenate([drawn["mean"], drawn["spread"]], axis=1).T @ PARTS  # (2 M, compositions)
    rows, outside = tissues.astype(np.intp), tissues == 0
    channels = len(drawn["noise"])
    image = np.empty((*tissues.shape, channels), np.float32)
    for channel in range(channels):
        x = table[channels + channel][rows]
        x *= texture(rows.shape, drawn["start"][channel])
        x += table[channel][rows]
        x = _scan(x, {name: drawn[name][channel] for name in ("bias", "blur", "noise", "start")})
        x -= drawn["low"][channel]
        x *= drawn["scale"][channel]
        if normalise != "zscore":
            np.clip(x, 0, 1, out=x)
        x[outside] = 0
        image[..., channel] = x
    return image


def _scan(x: np.ndarray, drawn: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return one channel (d, h, w) as a scanner would give it of an ideal one.

    The noise is that of one coil channel, and the magnitude is taken of it: Rician but where there is no signal.
    """
    bias = field(x.shape, BIAS_NODES, drawn["start"][2])
    bias *= drawn["bias"]
    x *= np.exp(bias, out=bias)
    for axis, step in enumerate(drawn["blur"].tolist()):
        if step and x.shape[axis] > 1:
            x = along(gaussian(x.shape[axis], step), x, axis)
    x += drawn["noise"] * normal(x.shape, drawn["start"][3])
    return np.abs(x, out=x)


def texture(shape: Sequence[int], starts: Sequence[int]) -> np.ndarray:
    """Return a smooth field of unit variance (d, h, w), of small and of large hills."""
    (small, much), (large, more) = TEXTURE
    found = field(shape, small, starts[0])
    found *= much
    hills = field(shape, large, starts[1])
    hills *= more
    found += hills
    return found


def field(shape: Sequence[int], distance: float, start: int) -> np.ndarray:
    """Return a smooth field of unit variance (d, h, w) with nodes so many voxels apart."""
    matrices = [spline(length, distance) if length > 1 else None for length in shape]
    found = normal([1 if matrix is None else matrix.shape[1] for matrix in matrices], start)
    for axis in (2, 1, 0):
        if matrices[axis] is not None:
            found = along(matrices[axis], found, axis)
    return found


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
    return matrix @ x if axis == 1 else x @ matrix.T


@functools.lru_cache(maxsize=1024)
def spline(length: int, distance: float) -> np.ndarray:
    """Return (length, nodes) weights of cubic B-splines whose nodes are `distance` voxels apart, for unit variance."""
    nodes = math.ceil((length - 1) / distance) + 4
    weights = spline_matrix(np.arange(length) / distance + 1, nodes).toarray()
    return (weights / math.sqrt(VARIANCE)).astype(np.float32)


@functools.lru_cache(maxsize=1024)
def gaussian(length: int, step: int) -> np.ndarray:
    """Return (length, length): a Gaussian of so many steps; what leaves an end is reflected."""
    from scipy.ndimage import gaussian_filter1d

    return gaussian_filter1d(np.eye(length), step * BLUR_STEP_VOXELS, axis=0).astype(np.float32)


@functools.lru_cache(maxsize=1)
def _bank() -> np.ndarray:
    return np.random.default_rng(BANK).standard_normal(2 * BANK, dtype=np.float32)
