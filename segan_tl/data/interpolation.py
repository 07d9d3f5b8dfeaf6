"""Patches read between the voxels of a volume, as one compiled loop: image linearly, labels from the nearest voxel.

As TensorFlow operations the eight neighbours of every voxel go through memory some thirty times. XLA makes one loop of
them, in which all of it stays in registers and which runs on the threads of tf.data, without Python. It compiles for a
shape: volumes, of which each patch reads a part of another size, come flat and filled up to one of a few sizes.
"""

import functools
import math
from collections.abc import Sequence

import tensorflow as tf

# Voxels to which a part is filled up: few sizes, so that little is compiled; only the least may be twice what is there.
SIZES = [2**power for power in range(16, 31)]


def read_patch(image, labels, matrix, centre, *, patch: Sequence[int], shift=None):
    """Read a patch around `centre`, trilinearly from `image` and nearest from `labels`.

    Voxel g of the patch, counted from its middle, reads at `matrix` (g + shift) + centre; positions outside of the
    image read its border. Along an axis of which the patch has one voxel the image has one, too.

    Args:
        image: (D, H, W, M) float16 or float32; how many channels M is known when traced.
        labels: (D, H, W) uint8, on the same grid.
        matrix: (3, 3) float32.
        centre: (3,) float32, in voxels of the image.
        patch: voxels along D, H, W of the result.
        shift: (3, voxels of the patch) float32, in voxels of the patch; None for none.

    Returns:
        (*patch, M) float32 and its labels (*patch) uint8.
    """
    size = tf.shape(labels)
    voxels = tf.reduce_prod(size)
    spare = tf.gather(SIZES, tf.searchsorted(SIZES, voxels[None]))[0] - voxels
    flat_image = tf.pad(tf.reshape(image, (-1, image.shape[-1])), [[0, spare], [0, 0]])
    flat_labels = tf.pad(tf.reshape(labels, [-1]), [[0, spare]])
    read = _compiled(tuple(patch), image.shape[-1], image.dtype, shift is not None)
    return read(flat_image, flat_labels, size, matrix, centre, *(() if shift is None else (shift,)))


@functools.lru_cache(maxsize=16)
def _compiled(patch: tuple[int, ...], channels: int, stored: tf.DType, bent: bool):
    """Return what reads a patch of this size: traced once, compiled for each size of what is read."""
    voxels = math.prod(patch)
    signature = [
        tf.TensorSpec((None, channels), stored), tf.TensorSpec((None,), tf.uint8), tf.TensorSpec((3,), tf.int32),
        tf.TensorSpec((3, 3), tf.float32), tf.TensorSpec((3,), tf.float32),
        *([tf.TensorSpec((3, voxels), tf.float32)] * bent),
    ]  # fmt: skip

    @tf.function(input_signature=signature, jit_compile=True)
    def read(image, labels, size, matrix, centre, *shift):
        positions = tf.matmul(matrix, sum(shift, grid(patch))) + centre[:, None]
        return read_linear(image, size, positions, patch), read_nearest(labels, size, positions, patch)

    return read


def read_linear(image, size, positions, patch: Sequence[int]):
    """Interpolate `image`, (D · H · W or more, M) of `size` (3,), at `positions` (3, P), moved into the image."""
    index, steps, weights = tf.zeros_like(positions[0], tf.int32), [], []
    for axis in range(3):
        if patch[axis] == 1:
            continue  # a slice stays in its plane
        last = tf.cast(size[axis] - 1, tf.float32)
        position = tf.clip_by_value(positions[axis], 0.0, last)
        lower = tf.minimum(tf.floor(position), tf.maximum(last - 1, 0))
        stride = tf.reduce_prod(size[axis + 1 : 3])
        index += tf.cast(lower, tf.int32) * stride
        steps.append(stride)
        weights.append((position - lower)[:, None])
    return tf.reshape(_blend(image, index, steps, weights), (*patch, image.shape[-1]))


def _blend(voxels, index, steps, weights):
    """Return the mean of both neighbours along the first of the axes, each the blend along the others."""
    if not steps:
        return tf.cast(tf.gather(voxels, index), tf.float32)
    lower = _blend(voxels, index, steps[1:], weights[1:])
    upper = _blend(voxels, index + steps[0], steps[1:], weights[1:])
    return lower + weights[0] * (upper - lower)


def read_nearest(labels, size, positions, patch: Sequence[int]):
    """Return the voxel of `labels`, (D · H · W or more) of `size` (3,), nearest to each of `positions` (3, P)."""
    index = 0
    for axis in range(3):
        nearest = tf.cast(tf.floor(positions[axis] + 0.5), tf.int32)
        index = index * size[axis] + tf.clip_by_value(nearest, 0, size[axis] - 1)
    return tf.reshape(tf.gather(labels, index), tuple(patch))


def grid(patch: Sequence[int]):
    """Return (3, voxels of the patch): offsets from its centre."""
    axes = [tf.range(length, dtype=tf.float32) - (length - 1) / 2 for length in patch]
    return tf.reshape(tf.stack(tf.meshgrid(*axes, indexing="ij")), (3, math.prod(patch)))
