"""The fused normalisation is Keras' BatchNormalization: values, gradients, moving moments, frozen."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from segan_tl.fast.batch_norm import FusedNormalisation


@pytest.fixture
def x():
    return tf.constant(np.random.default_rng(0).normal(3, 2, size=(4, 6, 5, 3)).astype("float32"))


def make_layer():
    layer = keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, synchronized=True)
    layer.build((None, 6, 5, 3))
    layer.set_weights(np.array([[1, 2, 0.5], [0.1, 0, -1], [0.5, 0, 3], [1, 2, 4]], "float32"))
    return layer


def run(network, layer, x, **options):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = network(x, **options)
        loss = tf.reduce_sum(y**3)
    gradients = tape.gradient(loss, [x, layer.gamma.value, layer.beta.value])
    return [y, *gradients, *layer.get_weights()]


@pytest.mark.parametrize("training", [True, False])
def test_equals_keras(x, training):
    plain, wrapped = make_layer(), make_layer()
    expected = run(plain, plain, x, training=training)
    for ours, value in zip(run(FusedNormalisation(wrapped), wrapped, x, training=training), expected, strict=True):
        assert np.allclose(ours, value, rtol=1e-4, atol=1e-4)


def test_moving_moments_by_hand(x):
    layer = make_layer()
    FusedNormalisation(layer)(x, training=True)
    values = x.numpy().reshape(-1, 3).astype(float)
    assert np.allclose(layer.moving_mean, 0.9 * np.array([0.5, 0, 3]) + 0.1 * values.mean(0), atol=1e-6)
    # The biased variance, divided by N, as Keras averages it.
    assert np.allclose(layer.moving_variance, 0.9 * np.array([1, 2, 4]) + 0.1 * values.var(0), atol=1e-5)


def test_frozen_stands_still_and_uses_the_moving_moments(x):
    layer = make_layer()
    layer.trainable = False
    before = [np.array(weight) for weight in layer.weights]
    answer = FusedNormalisation(layer)(x, training=True)
    assert all(np.array_equal(old, new) for old, new in zip(before, layer.weights))
    assert np.allclose(answer, layer(x, training=False))
