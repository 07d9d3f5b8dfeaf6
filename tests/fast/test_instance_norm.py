"""The fused instance normalisation against Keras' own: values, gradients, types, what is left alone."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from segan_tl.fast.instance_norm import FusedInstanceNormalisation, fuse
from segan_tl.models.nnunet import build_nnunet
from segan_tl.models.unet import build_unet3d
from tests.models.battery import noise

build_affine = functools.partial(build_nnunet, filters=(4, 6, 8), blocks=(1, 2, 2), decoder_blocks=(2, 1))
build_plain = functools.partial(build_unet3d, filters=(4, 6, 8))


def gradients(model, image, variables):
    """Return loss and gradients of a sum that depends on every output voxel."""
    with tf.GradientTape() as tape:
        output = model(image)
        loss = tf.reduce_sum(output * np.sin(np.arange(np.prod(output.shape))).reshape(output.shape))
    return loss, tape.gradient(loss, variables)


@pytest.mark.parametrize("build", [build_affine, build_plain], ids=["affine", "plain"])
@pytest.mark.parametrize("shape", [(8, 16, 16, 2), (16, 16, 2)], ids=["3-D", "2-D"])
def test_values_and_gradients_are_those_of_keras(build, shape):
    keras.utils.set_random_seed(0)
    model = build(shape)
    image = noise(3, *shape)
    fused = fuse(model)
    assert any(isinstance(layer, FusedInstanceNormalisation) for layer in fused.layers)
    assert np.allclose(model(image), fused(image), atol=1e-5)
    loss, expected = gradients(model, image, model.trainable_variables)
    fused_loss, found = gradients(fused, image, model.trainable_variables)
    assert np.isclose(loss, fused_loss, atol=1e-3)
    for one, other in zip(expected, found, strict=True):
        assert np.allclose(one, other, atol=1e-3 * max(1, np.abs(one).max()))


@pytest.mark.parametrize("shape", [(64, 64, 64, 3), (33, 41, 37, 2), (256, 200, 2)], ids=["cube", "odd", "2-D"])
def test_large_instances_are_exact(shape):
    # A running sum in float32 is off by 1e-3 here, and by 4e-3 for 128 × 64 × 64 voxels.
    generator = np.random.default_rng(0)
    x = np.maximum(generator.normal(0.5, 1, (2, *shape)), -0.01).astype("float32")
    change = generator.normal(size=x.shape).astype("float32")
    layer = layers.GroupNormalization(groups=-1, epsilon=1e-5)
    layer.build(x.shape)
    layer.gamma.assign([0.5, 1.5, 2.0][: shape[-1]])
    found, found_gradients = _differentiate(FusedInstanceNormalisation(layer), layer, x, change)
    exact, gradients = _differentiate(_in_float64(layer), layer, x.astype("float64"), change)
    assert np.abs(found - exact).max() < 2e-5
    for one, other in zip(found_gradients, gradients, strict=True):
        assert np.abs(one - other).max() < 1e-4 * max(1, np.abs(other).max())


def _differentiate(normalise, layer, x, change):
    """Return the result and the gradients of Σ result · change after x, gamma and beta."""
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        result = normalise(x)
        loss = tf.reduce_sum(result * tf.cast(change, result.dtype))
    return np.asarray(result), [np.asarray(g) for g in tape.gradient(loss, [x, layer.gamma.value, layer.beta.value])]


def _in_float64(layer):
    """Return instance normalisation by its formula."""

    def normalise(x):
        axes = list(range(1, len(x.shape) - 1))
        mean = tf.reduce_mean(x, axes, keepdims=True)
        variance = tf.reduce_mean(tf.square(x - mean), axes, keepdims=True)
        gamma, beta = (tf.cast(value, "float64") for value in (layer.gamma.value, layer.beta.value))
        return (x - mean) / tf.sqrt(variance + layer.epsilon) * gamma + beta

    return normalise


@pytest.mark.parametrize("shape", [(1, 32, 32, 32, 2), (2, 8, 16, 16, 2), (1, 256, 256, 2)])
def test_a_graph_gives_what_single_operations_do(shape):
    """A training step is a graph, a large instance in single precision takes a way of its own."""
    model = build_affine(shape[1:])
    image, fused = noise(*shape), fuse(model)

    def learn(image):
        with tf.GradientTape() as tape:
            result = fused(image, training=True)
            loss = tf.reduce_sum(result * tf.sin(result))
        return [result, *tape.gradient(loss, model.trainable_variables)]

    for ours, expected in zip(tf.function(learn)(image), learn(image), strict=True):
        assert np.abs(ours - expected).max() < 1e-4 * max(np.abs(expected).max(), 1)


def test_a_channel_far_from_zero():
    layer = layers.GroupNormalization(groups=-1, epsilon=1e-5)
    layer.build((None, 32, 32, 32, 2))
    x = noise(1, 32, 32, 32, 2) + np.float32([10, -100])
    exact = (x.astype("float64") - x.mean((1, 2, 3), dtype="float64")) / x.std((1, 2, 3), dtype="float64")
    assert np.abs(FusedInstanceNormalisation(layer)(x) - exact).max() < 5e-5


def test_bfloat16_is_no_worse_than_keras():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build_affine((8, 16, 16, 2))
    finally:
        keras.config.set_dtype_policy("float32")
    exact = build_affine((8, 16, 16, 2))
    exact.set_weights(model.get_weights())
    image = noise(2, 8, 16, 16, 2)
    errors = [np.abs(network(image) - exact(image)).mean() for network in (model, fuse(model))]
    assert errors[1] < 1.5 * errors[0]


def test_an_unknown_batch_is_left_to_keras():
    model = build_affine((8, 16, 16, 2))
    fused = fuse(model)
    traced = tf.function(fused, input_signature=[tf.TensorSpec((None, 8, 16, 16, 2))])
    image = noise(2, 8, 16, 16, 2)
    assert np.allclose(traced(image), model(image), atol=1e-6)
    kinds = {operation.type for operation in traced.get_concrete_function().graph.get_operations()}
    assert not any(kind.startswith("FusedBatchNorm") for kind in kinds)


def test_other_groups_and_the_model_itself_are_left_alone():
    image = keras.Input((8, 8, 4))
    grouped = keras.Model(image, layers.GroupNormalization(groups=2)(image))
    assert not any(isinstance(layer, FusedInstanceNormalisation) for layer in fuse(grouped).layers)
    model = build_affine((8, 16, 16, 2))
    before = model.get_config()
    fuse(model)
    assert model.get_config() == before
