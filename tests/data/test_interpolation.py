"""Patches read by the compiled loop: by hand, beside the plain operations that it replaced, and where a volume ends."""

import math

import numpy as np
import pytest
import tensorflow as tf

from segan_tl.data.interpolation import read_patch
from segan_tl.data.space import rotations

TURNED = (rotations(np.radians([[20, -13, 160]]))[0] * 1.3).astype(np.float32)


def slow_positions(matrix, centre, shift, patch):
    grid = np.stack(np.meshgrid(*[np.arange(length) - (length - 1) / 2 for length in patch], indexing="ij"))
    return tf.matmul(matrix, grid.reshape(3, -1).astype(np.float32) + shift) + centre[:, None]


def slow_linear(image, positions, patch):
    """Interpolate with one TensorFlow operation after the other, as patches were moved at first."""
    size, voxels = tf.shape(image), tf.reshape(image, (-1, image.shape[-1]))

    def blend(index, steps, weights):
        if not steps:
            return tf.gather(voxels, index)
        lower, upper = blend(index, steps[1:], weights[1:]), blend(index + steps[0], steps[1:], weights[1:])
        return lower + weights[0] * (upper - lower)

    index, steps, weights = tf.zeros(positions.shape[1], tf.int32), [], []
    for axis in (axis for axis in range(3) if patch[axis] > 1):
        last = tf.cast(size[axis] - 1, tf.float32)
        position = tf.clip_by_value(positions[axis], 0.0, last)
        lower = tf.minimum(tf.floor(position), tf.maximum(last - 1, 0))
        steps.append(tf.reduce_prod(size[axis + 1 : 3]))
        index += tf.cast(lower, tf.int32) * steps[-1]
        weights.append((position - lower)[:, None])
    return tf.reshape(blend(index, steps, weights), (*patch, image.shape[-1]))


def slow_nearest(labels, positions, patch):
    size, index = tf.shape(labels), 0
    for axis in range(3):
        nearest = tf.cast(tf.floor(positions[axis] + 0.5), tf.int32)
        index = index * size[axis] + tf.clip_by_value(nearest, 0, size[axis] - 1)
    return tf.reshape(tf.gather(tf.reshape(labels, [-1]), index), patch)


@pytest.mark.parametrize("bent", [False, True])
@pytest.mark.parametrize("patch, size, channels", [((7, 6, 9), (12, 11, 10), 4), ((1, 8, 9), (1, 10, 12), 3)])
def test_equals_one_operation_after_the_other(patch, size, channels, bent):
    generator = np.random.default_rng(0)
    image = generator.normal(size=(*size, channels)).astype(np.float16)
    labels = generator.integers(0, 4, size, dtype=np.uint8)
    matrix = TURNED if size[0] > 1 else (rotations(np.radians([[25.0, 0, 0]]))[0] * 1.3).astype(np.float32)
    centre = (np.array(size, np.float32) - 1) / 2 + [0, 0.3, -0.4]  # some positions lie outside
    shift = generator.normal(size=(3, math.prod(patch))).astype(np.float32) * bent
    centre, shift[0] = centre.astype(np.float32), shift[0] * (patch[0] > 1)
    positions = slow_positions(matrix, centre, shift, patch)
    assert (positions[2].numpy() < 0).any() and (positions[1].numpy() > size[1] - 1).any()
    read, read_labels = read_patch(
        tf.constant(image), tf.constant(labels), matrix, centre, patch=patch, shift=shift if bent else None
    )
    wide = tf.constant(image.astype(np.float32))
    np.testing.assert_allclose(read, slow_linear(wide, positions, patch), atol=1e-5)
    # Halfway between two voxels rounding decides; nothing else differs.
    beside = np.abs(positions.numpy() + 0.5 - np.round(positions.numpy() + 0.5)).min(axis=0) < 1e-5
    differs = read_labels.numpy() != slow_nearest(tf.constant(labels), positions, patch).numpy()
    assert not differs.ravel()[~beside].any()
    again, _ = read_patch(wide, tf.constant(labels), matrix, centre, patch=patch, shift=shift if bent else None)
    assert np.array_equal(read, again)  # in half precision stored, not computed


def test_by_hand():
    image = tf.constant(np.array([0, 10, 20, 40], np.float32).reshape(1, 1, 4, 1))
    labels = tf.constant(np.array([1, 2, 3, 4], np.uint8).reshape(1, 1, 4))
    read, nearest = read_patch(image, labels, np.eye(3, dtype=np.float32), np.float32([0, 0, 1.75]), patch=(1, 1, 4))
    # Voxels −1.5, −0.5, 0.5, 1.5 from the middle read at 0.25, 1.25, 2.25, 3.25; beyond 3 that is voxel 3.
    assert read.numpy().ravel().tolist() == [2.5, 12.5, 25, 40]
    assert nearest.numpy().ravel().tolist() == [1, 2, 3, 4]
    # Shifted by half a voxel: 0.75, 1.75, 2.75, 3.75.
    shift = np.zeros((3, 4), np.float32)
    shift[2] = 0.5
    read, nearest = read_patch(
        image, labels, np.eye(3, dtype=np.float32), np.float32([0, 0, 1.75]), patch=(1, 1, 4), shift=shift
    )
    assert read.numpy().ravel().tolist() == [7.5, 17.5, 35, 40] and nearest.numpy().ravel().tolist() == [2, 3, 4, 4]


@pytest.mark.parametrize("size", [(32, 32, 64), (33, 41, 50), (1, 1, 1)])
def test_what_a_part_is_filled_up_with_is_never_read(size):
    # 32 · 32 · 64 is 2¹⁶: nothing is filled up; 33 · 41 · 50 is a little more, filled up to 2¹⁷ with zeros.
    image, labels = tf.ones((*size, 1), tf.float16), tf.fill(size, tf.constant(7, tf.uint8))
    for centre in ([0, 0, 0], np.subtract(size, 1), [1e6, -1e6, 1e6]):
        read, nearest = read_patch(image, labels, TURNED, np.float32(centre), patch=(4, 5, 6))
        assert (read.numpy() == 1).all() and (nearest.numpy() == 7).all()
