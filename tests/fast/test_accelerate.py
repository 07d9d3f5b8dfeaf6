"""The fast forward pass equals the plain one, forwards and backwards, and leaves the model as it was."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from segan_tl.fast.accelerate import UpsampledConvolution, accelerate, spread
from segan_tl.models.segan import build_segmentor


def test_spread_by_hand():
    # Two pixels x, y become x, (3x+y)/4, (x+3y)/4, y. Output 0 reads positions −1 (outside), 0, 1 through taps 0, 1, 2.
    first = [[0, 1, 0.75], [0, 0, 0.25]]  # per pixel: taps 0, 1, 2
    second = [[1, 0.75, 0.25], [0, 0.25, 0.75]]
    assert np.allclose(spread(2)[0].reshape(2, 3), first)
    assert np.allclose(spread(2)[1].reshape(2, 3), second)
    assert np.allclose(spread(2)[3].reshape(2, 3), np.array(first)[::-1, ::-1])


@pytest.mark.parametrize(
    ("size", "channels", "filters", "bias"),
    [((1, 1), 2, 3, False), ((2, 5), 3, 1, True), ((6, 4), 5, 4, True)],
)
def test_convolution_after_upsampling(size, channels, filters, bias):
    generator = np.random.default_rng(0)
    x = tf.constant(generator.normal(size=(2, *size, channels)).astype("float32"))
    plain = keras.Sequential(
        [layers.UpSampling2D(2, interpolation="bilinear"), layers.Conv2D(filters, 3, padding="same", use_bias=bias)]
    )
    plain.build(x.shape)
    weights = plain.layers[1].trainable_variables
    if bias:
        plain.layers[1].bias.assign(generator.normal(size=filters))
    fast = UpsampledConvolution(plain.layers[1])
    answers = []
    for network in (plain, fast):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = network(x)
            loss = tf.reduce_sum(y * tf.cos(tf.reshape(tf.range(tf.size(y), dtype="float32"), y.shape)))
        answers.append([y, *tape.gradient(loss, [x, *weights])])
    for ours, expected in zip(answers[1], answers[0], strict=True):
        assert np.allclose(ours, expected, atol=1e-5)


def test_a_segmentor_is_the_same_function_of_the_same_variables():
    keras.utils.set_random_seed(0)
    model = build_segmentor((None, None, 2), filters=(4, 8, 8), classes=2)
    names, saved = [layer.name for layer in model.layers], model.to_json()
    fast = accelerate(model)
    assert not any(isinstance(layer, layers.UpSampling2D) for layer in fast.layers)
    assert {id(variable) for variable in fast.variables} == {id(variable) for variable in model.variables}
    assert [layer.name for layer in model.layers] == names
    assert model.to_json() == saved
    for shape in ((2, 32, 16, 2), (1, 8, 24, 2)):
        image = np.random.default_rng(1).random(shape).astype("float32")
        assert np.allclose(fast(image), model(image), atol=1e-6)


def test_what_reads_an_upsampled_map_otherwise_still_gets_it():
    image = keras.Input((4, 4, 2))
    x = layers.UpSampling2D(2, interpolation="bilinear")(image)
    model = keras.Model(image, [x, layers.Conv2D(3, 3, padding="same")(x), layers.Conv2D(3, 1)(x)])
    fast = accelerate(model)
    values = np.random.default_rng(2).random((2, 4, 4, 2)).astype("float32")
    for ours, expected in zip(fast(values), model(values), strict=True):
        assert np.allclose(ours, expected, atol=1e-6)


def test_bfloat16_keeps_the_precision_of_bfloat16():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        keras.utils.set_random_seed(0)
        model = build_segmentor((16, 16, 1), filters=(4, 8))
        image = np.random.default_rng(3).random((2, 16, 16, 1)).astype("float32")
        answer = accelerate(model)(image)
    finally:
        keras.config.set_dtype_policy("float32")
    assert keras.backend.standardize_dtype(answer.dtype) == "float32"
    assert np.allclose(answer, model(image), atol=2e-2)
