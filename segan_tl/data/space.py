"""Rotation, scaling, elastic deformation and mirroring of a patch: image and labels move together."""

import math
from collections.abc import Sequence

import numpy as np
import tensorflow as tf


def rotations(angles: np.ndarray) -> np.ndarray:
    """Return (N, 3, 3) rotations about D, then H, then W, for `angles` (N, 3) in radians."""
    result = np.broadcast_to(np.eye(3), (len(angles), 3, 3))
    for axis in range(3):
        first, second = (other for other in range(3) if other != axis)
        turn = np.broadcast_to(np.eye(3), (len(angles), 3, 3)).copy()
        cosine, sine = np.cos(angles[:, axis]), np.sin(angles[:, axis])
        turn[:, first, first], turn[:, first, second] = cosine, -sine
        turn[:, second, first], turn[:, second, second] = sine, cosine
        result = turn @ result
    return result


def reach(matrix: np.ndarray, elastic_voxels: float, patch: Sequence[int]) -> np.ndarray:
    """Return how far from its centre, in voxels along D, H, W, a moved patch reads."""
    shift = elastic_voxels * (np.array(patch) > 1)
    return np.abs(matrix) @ ((np.array(patch) - 1) / 2 + shift)


def move(image, labels, drawn, *, patch: Sequence[int]):
    """Read the patch, trilinearly from `image` and nearest from `labels`; arguments as in `augment.augment`.

    Positions outside of `image` read its border: the caller includes a rim of zeros where the volume ends. Where
    nothing is drawn, `image` is the patch itself.
    """
    turned = tf.reduce_any(tf.abs(drawn["matrix"] - tf.eye(3)) > 0)
    bent = drawn["elastic_voxels"] > 0

    def resample():
        offsets = _grid(patch)  # (3, P)
        offsets += tf.cond(bent, lambda: _elastic(drawn, patch), lambda: tf.zeros_like(offsets))
        positions = tf.matmul(drawn["matrix"], offsets) + drawn["centre"][:, None]
        return read_linear(image, positions, patch), read_nearest(labels, positions, patch)

    image_patch, labels_patch = tf.cond(turned | bent, resample, lambda: (image, labels))
    image_patch = tf.ensure_shape(image_patch, (*patch, image.shape[-1]))
    labels_patch = tf.ensure_shape(labels_patch, tuple(patch))
    return tf.cond(
        tf.reduce_any(drawn["mirror"]),
        lambda: (
            tf.raw_ops.Reverse(tensor=image_patch, dims=tf.concat([drawn["mirror"], [False]], 0)),
            tf.raw_ops.Reverse(tensor=labels_patch, dims=drawn["mirror"]),
        ),
        lambda: (image_patch, labels_patch),
    )


def read_linear(image, positions, patch: Sequence[int]):
    """Interpolate `image` (D, H, W, M) linearly at `positions` (3, P); they are moved into the image."""
    size = tf.shape(image)
    voxels = tf.reshape(image, (-1, image.shape[-1]))
    index, steps, weights = 0, [], []
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
    return tf.reshape(_blend(voxels, index, steps, weights), (*patch, image.shape[-1]))


def _blend(voxels, index, steps, weights):
    """Return the mean of both neighbours along the first of the axes, each the blend along the others."""
    if not steps:
        return tf.gather(voxels, index)
    lower = _blend(voxels, index, steps[1:], weights[1:])
    upper = _blend(voxels, index + steps[0], steps[1:], weights[1:])
    return lower + weights[0] * (upper - lower)


def read_nearest(labels, positions, patch: Sequence[int]):
    """Return the voxel of `labels` (D, H, W) nearest to each of `positions` (3, P)."""
    size = tf.shape(labels)
    index = 0
    for axis in range(3):
        nearest = tf.cast(tf.floor(positions[axis] + 0.5), tf.int32)
        index = index * size[axis] + tf.clip_by_value(nearest, 0, size[axis] - 1)
    return tf.reshape(tf.gather(tf.reshape(labels, [-1]), index), tuple(patch))


def _grid(patch: Sequence[int]):
    """Return (3, voxels of the patch): offsets from its centre."""
    axes = [tf.range(length, dtype=tf.float32) - (length - 1) / 2 for length in patch]
    return tf.reshape(tf.stack(tf.meshgrid(*axes, indexing="ij")), (3, math.prod(patch)))


def _elastic(drawn, patch: Sequence[int]):
    """Return (3, voxels of the patch): smoothed noise, its largest component `elastic_voxels` long."""
    seed = tf.stack([drawn["seed"], tf.ones_like(drawn["seed"])])
    field = tf.random.stateless_normal((3, *patch), seed, alg="philox")
    for axis, length in enumerate(patch):
        if length > 1:
            field = along_axis(gaussian(length, drawn["elastic_sigma"][axis]), field, axis + 1)
    field *= tf.reshape(tf.constant([float(length > 1) for length in patch]), (3, 1, 1, 1))
    largest = tf.maximum(tf.reduce_max(tf.abs(field)), 1e-12)
    return tf.reshape(field, (3, -1)) * (drawn["elastic_voxels"] / largest)


# === Separable filters as matrices: a patch is small, and a product of matrices uses the machine best ===


def along_axis(matrix, x, axis: int):
    """Multiply every line of `x` along `axis` by `matrix` (n, n)."""
    shape = x.shape
    before, after = math.prod(shape[:axis]), math.prod(shape[axis + 1 :])
    if after == 1:
        return tf.reshape(tf.matmul(tf.reshape(x, (before, shape[axis])), matrix, transpose_b=True), shape)
    return tf.reshape(tf.matmul(matrix[None], tf.reshape(x, (before, shape[axis], after))), shape)


def gaussian(length: int, sigma):
    """Return (length, length): a Gaussian of `sigma` voxels, cut at 4 sigma; what leaves an end is reflected.

    It equals scipy.ndimage.gaussian_filter1d(mode="reflect") while 4 sigma is shorter than the line.
    """
    i = tf.range(length, dtype=tf.float32)
    radius = tf.floor(4 * sigma + 0.5)

    def weight(distance):
        return tf.where(tf.abs(distance) <= radius, tf.exp(-0.5 * tf.square(distance / sigma)), 0.0)

    near = i[:, None] - i[None]
    ends = i[:, None] + i[None]
    matrix = weight(near) + weight(ends + 1) + weight(2 * length - 1 - ends)
    return matrix / tf.reduce_sum(matrix, axis=1, keepdims=True)


def low_resolution(length: int, zoom):
    """Return (length, length): keep round(length · zoom) voxels, the nearest ones, and interpolate between them."""
    kept = tf.maximum(tf.round(length * zoom), 1.0)
    centre = (tf.range(length, dtype=tf.float32) + 0.5) * kept / length - 0.5
    lower = tf.floor(centre)
    share = (centre - lower)[:, None]

    def source(small):
        small = tf.clip_by_value(small, 0.0, kept - 1)
        return tf.one_hot(tf.cast(tf.floor((small + 0.5) * length / kept), tf.int32), length)

    return (1 - share) * source(lower) + share * source(lower + 1)
