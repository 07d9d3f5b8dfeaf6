"""Rotation, scaling, elastic deformation and mirroring of a patch: image and labels move together."""

import functools
import math
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from segan_tl.data.interpolation import read_patch

_VOXEL = {2: tf.int16, 4: tf.int32, 8: tf.int64}  # bytes of all modalities of a voxel → a number as wide


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
    # Voxel g of a mirrored patch is voxel −g of the other: no pass over the patch of its own.
    matrix = drawn["matrix"] * tf.where(drawn["mirror"], -1.0, 1.0)
    read = functools.partial(read_patch, image, labels, matrix, drawn["centre"], patch=patch)
    image_patch, labels_patch = tf.cond(
        turned | bent,
        lambda: tf.cond(bent, lambda: read(shift=_elastic(drawn, patch)), read),
        lambda: _mirror(image, labels, drawn["mirror"]),
    )
    return tf.ensure_shape(image_patch, (*patch, image.shape[-1])), tf.ensure_shape(labels_patch, tuple(patch))


def _mirror(image, labels, mirror):
    """Turn round the axes of an image (D, H, W, M) and its labels that `mirror` (3,) says; the image as float32."""
    whole = _VOXEL.get(image.shape[-1] * image.dtype.size)

    def mirrored():
        if whole:  # the voxels are turned round one by one: an eighth of the time if each is a number
            voxels = tf.bitcast(image if image.shape[-1] > 1 else image[..., 0], whole)
            turned = tf.bitcast(tf.raw_ops.Reverse(tensor=voxels, dims=mirror), image.dtype)
            turned = tf.reshape(turned, tf.shape(image))
        else:
            turned = tf.raw_ops.Reverse(tensor=image, dims=tf.concat([mirror, [False]], 0))
        return turned, tf.raw_ops.Reverse(tensor=labels, dims=mirror)

    image, labels = tf.cond(tf.reduce_any(mirror), mirrored, lambda: (image, labels))
    return tf.cast(image, tf.float32), labels


def _elastic(drawn, patch: Sequence[int]):
    """Return (3, voxels of the patch): smoothed noise, its largest component `elastic_voxels` long, mirrored."""
    seed = tf.stack([drawn["seed"], tf.ones_like(drawn["seed"])])
    field = tf.random.stateless_normal((3, *patch), seed, alg="philox")
    for axis, length in enumerate(patch):
        if length > 1:
            field = along_axis(gaussian(length, drawn["elastic_sigma"][axis]), field, axis + 1)
    field = tf.raw_ops.Reverse(tensor=field, dims=tf.concat([[False], drawn["mirror"]], 0))
    directions = tf.constant([float(length > 1) for length in patch]) * tf.where(drawn["mirror"], -1.0, 1.0)
    field *= tf.reshape(directions, (3, 1, 1, 1))
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
