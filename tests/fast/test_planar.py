"""Convolutions within slices: the values and gradients of Conv3D, and no crash where Conv3D has one."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from segan_tl.fast.planar import PlanarConvolution, flatten_slices
from segan_tl.models.albunet import build_albunet

LAYERS = {
    "same": lambda: layers.Conv3D(4, (1, 3, 3), padding="same", name="conv"),
    "valid": lambda: layers.Conv3D(4, (1, 7, 7), strides=(1, 2, 2), padding="valid", use_bias=False, name="conv"),
    "transposed": lambda: layers.Conv3DTranspose(4, (1, 4, 4), strides=(1, 2, 2), padding="same", name="conv"),
}


@pytest.mark.parametrize("kind", LAYERS)
def test_values_and_gradients_are_those_of_conv3d(kind):
    image = keras.Input((5, 12, 10, 3))
    model = keras.Model(image, LAYERS[kind]()(image))
    planar = flatten_slices(model)
    assert any(isinstance(layer, PlanarConvolution) for layer in planar.layers)
    x = tf.random.stateless_normal((2, 5, 12, 10, 3), (1, 2))
    results = []
    for network in (model, planar):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = network(x)
            loss = tf.reduce_sum(y * tf.cos(y))
        results.append([y, *tape.gradient(loss, [x, *model.trainable_variables])])
    for expected, found in zip(*results, strict=True):
        assert np.allclose(expected, found, atol=1e-4)


def test_other_convolutions_stay_as_they_are():
    image = keras.Input((8, 8, 8, 2))
    x = layers.Conv3D(2, 3, padding="same")(image)
    x = layers.Conv3D(2, (3, 1, 1), padding="same")(x)
    x = layers.Conv3D(2, 1)(x)
    planar = flatten_slices(keras.Model(image, x))
    assert not any(isinstance(layer, PlanarConvolution) for layer in planar.layers)


def test_albunet_is_the_same_and_shares_its_variables():
    keras.utils.set_random_seed(0)
    model = build_albunet((None, None, None, 3))
    planar = flatten_slices(model)
    x = np.random.default_rng(0).normal(size=(1, 2, 32, 32, 3)).astype(np.float32)
    assert np.allclose(model(x), planar(x), atol=1e-5)
    assert {id(v) for v in planar.trainable_variables} == {id(v) for v in model.trainable_variables}


def test_the_gradient_that_ends_the_process_in_conv3d():
    layer = layers.Conv3D(16, (1, 3, 3), padding="same", dtype="mixed_bfloat16")
    image = keras.Input((8, 96, 96, 16), batch_size=2)
    planar = flatten_slices(keras.Model(image, layer(image)))
    x = tf.ones((2, 8, 96, 96, 16))
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.cast(planar(x), tf.float32) ** 2)
    assert all(np.isfinite(gradient).all() for gradient in tape.gradient(loss, layer.trainable_variables))
