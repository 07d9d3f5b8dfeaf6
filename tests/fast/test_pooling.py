"""Maxima of volumes in float16, which this processor's TensorFlow has no operation for."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from segan_tl.fast.pooling import pool_in_float32
from segan_tl.models.precision import HALF, precision_of


def test_values_and_gradients_are_those_of_the_same_numbers_in_float32():
    image = np.random.default_rng(0).normal(size=(1, 5, 6, 4, 2)).astype(np.float16)
    results = []
    for policy in ("float32", HALF):
        with precision_of(policy):
            x = keras.Input((None, None, None, 2))
            model = pool_in_float32(keras.Model(x, layers.MaxPooling3D((1, 2, 2), padding="same", name="pool")(x)))
        seen = tf.constant(image, "float16" if policy == HALF else "float32")
        with tf.GradientTape() as tape:
            tape.watch(seen)
            pooled = model(seen)
            loss = tf.reduce_sum(tf.cast(pooled, "float32") ** 2)
        assert pooled.dtype == seen.dtype and pooled.shape == (1, 5, 3, 2, 2)
        results.append([np.float32(one) for one in (pooled, tape.gradient(loss, seen))])
    (wide, wide_gradient), (half, half_gradient) = results
    assert np.array_equal(wide, half)  # a maximum rounds nothing
    assert np.allclose(wide_gradient, half_gradient, rtol=2**-10)


def test_what_is_no_half_volume_stays_as_it_is():
    image = keras.Input((8, 8, 8, 2))
    model = keras.Model(image, layers.MaxPooling3D(2)(image))
    assert [type(layer) for layer in pool_in_float32(model).layers] == [type(layer) for layer in model.layers]
    assert pool_in_float32(model).layers[-1] is model.layers[-1]
