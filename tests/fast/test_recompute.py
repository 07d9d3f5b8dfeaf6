"""Gradient checkpointing: where it cuts by brute force, and the values, gradients and statistics of the plain model."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from segan_tl.fast.recompute import Recomputed, cut
from segan_tl.models.precision import HALF, precision_of


def cost(made, kept_until, places):
    """Return what is kept between segments, and the largest segment."""
    segments = list(itertools.pairwise(places))
    kept = sum(made[i] for start, end in segments for i in range(start, end) if kept_until[i] >= end)
    return kept + max(sum(made[start:end]) for start, end in segments)


def test_a_chain_by_hand():
    # Nine calls that make 1 each, read by the next one, the last one a result. In three segments of three: kept 1 of
    # each and 3 inside, 6; in one: 1 and 9. No division has less: k segments keep k, and 9 / k are in the largest.
    assert cut([1] * 9, [1, 2, 3, 4, 5, 6, 7, 8, 9]) == [0, 3, 6, 9]


def test_the_best_cut_by_brute_force():
    """With skips, like those of a U-Net; the sizes of segments that are tried are a fourth root of two apart."""
    generator = np.random.default_rng(0)
    for _ in range(30):
        count = int(generator.integers(2, 10))
        made = generator.integers(1, 20, count).tolist()
        until = [int(generator.integers(i + 1, count + 1)) for i in range(count)]
        found = cut(made, until)
        assert found[0] == 0 and found[-1] == count and found == sorted(set(found))
        every = (
            [0, *inner, count]
            for size in range(count)
            for inner in itertools.combinations(range(1, count), size)
        )
        best = min(cost(made, until, places) for places in every)
        assert cost(made, until, found) <= 2**0.25 * best


def network(kind):
    """A small U-Net with a skip, two outputs, and what remembers: batch normalisation and dropout."""
    keras.utils.set_random_seed(0)
    rank = 2 if kind == "slices" else 3
    convolution = getattr(layers, f"Conv{rank}D")
    image = keras.Input((*[None] * rank, 2), name="image")
    x = skip = layers.BatchNormalization(name="enc1_norm")(convolution(4, 3, padding="same", name="enc1_conv")(image))
    for i in range(3):
        x = layers.LeakyReLU(name=f"enc2_act{i}")(convolution(4, 3, padding="same", name=f"enc2_conv{i}")(x))
        x = layers.Dropout(0.3, name=f"enc2_drop{i}")(layers.BatchNormalization(name=f"enc2_norm{i}")(x))
    coarse = convolution(1, 1, name="logits_2")(x)
    x = layers.Concatenate(name="dec1_join")([x, skip])
    for i in range(2):
        x = layers.Activation("gelu", name=f"dec1_act{i}")(convolution(4, 3, padding="same", name=f"dec1_conv{i}")(x))
    return keras.Model(image, [convolution(1, 1, name="logits")(x), coarse])


def played(forward, model, grid, *, steps=2, wrap=lambda function: function):
    """Return outputs, gradients and all variables after steps that descend."""
    image = tf.constant(np.random.default_rng(1).normal(size=(2, *grid, 2)).astype(np.float32))

    @wrap
    def step():
        with tf.GradientTape() as tape:
            tape.watch(image)
            outputs = forward(image, training=True)
            loss = sum(tf.reduce_mean(tf.square(tf.cast(one, "float32") - 1)) for one in outputs)
        changes = tape.gradient(loss, [image, *model.trainable_variables])
        for variable, change in zip(model.trainable_variables, changes[1:], strict=True):
            variable.assign_sub(0.1 * change)
        return outputs, changes

    for _ in range(steps):
        outputs, changes = step()
    return [np.array(one) for one in (*outputs, *changes, *model.variables)]


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", HALF])
@pytest.mark.parametrize(("kind", "grid"), [("slices", (16, 16)), ("volumes", (4, 8, 8))])
def test_outputs_gradients_statistics_and_random_numbers_are_those_of_the_model(kind, grid, policy):
    """To the last digit, operation by operation; of a graph TensorFlow fuses what rounds otherwise."""
    with precision_of(policy):
        plain, model = network(kind), network(kind)
        recomputed = Recomputed(model, grid=grid)
    assert len(recomputed.segments) > 2
    for ours, theirs in zip(played(recomputed, model, grid), played(plain, plain, grid), strict=True):
        assert np.array_equal(ours, theirs)
    graph = played(recomputed, model, grid, wrap=tf.function), played(plain, plain, grid, wrap=tf.function)
    for ours, theirs in zip(*graph, strict=True) if policy == "float32" else ():
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_moving_statistics_move_once_by_hand():
    """One step of momentum 0.9 from 0 towards the mean 2 is 0.2; a second update would make it 0.38."""
    image = keras.Input((None, None, 1))
    x = image
    for i in range(4):
        x = layers.BatchNormalization(momentum=0.9, name=f"norm{i}")(layers.Activation("linear", name=f"act{i}")(x))
    model = keras.Model(image, x)
    recomputed = Recomputed(model, grid=(2, 2))
    assert len(recomputed.segments) > 1
    batch = tf.constant(np.array([0.0, 4, 0, 4], np.float32).reshape(1, 2, 2, 1))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(recomputed(batch, training=True) ** 3)
    tape.gradient(loss, model.trainable_variables)
    assert float(model.get_layer("norm0").moving_mean[0]) == pytest.approx(0.2)


def test_what_stands_still_stays_and_inference_changes_nothing():
    model = network("slices")
    model.get_layer("enc2_norm1").trainable = False
    before = [np.array(one) for one in model.variables]
    image = np.ones((1, 16, 16, 2), np.float32)
    found = Recomputed(model, grid=(16, 16))(image, training=False)
    for ours, theirs in zip(found, model(image), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6)
    assert all(np.array_equal(one, other) for one, other in zip(before, model.variables, strict=True))
