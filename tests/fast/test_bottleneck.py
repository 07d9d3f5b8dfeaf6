"""The fused inverted bottleneck against Keras' layers: values, gradients, types, replicas, what is left alone."""

import functools
import subprocess
import sys

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from segan_tl.fast.bottleneck import FusedBottleneck, bottleneck, fuse_bottlenecks
from segan_tl.models.mednext import build_mednext
from segan_tl.models.nnunet import build_nnunet
from tests.models.battery import noise

build_small = functools.partial(build_mednext, filters=(2, 4, 4, 6, 6), blocks=(1,) * 9)


def fused_layers(model):
    return [layer for layer in model.layers if isinstance(layer, FusedBottleneck)]


def build_tiny():
    """Return a model with one bottleneck between two other layers."""
    image = keras.Input((None, None, None, 2), name="image")
    x = layers.Conv3D(8, 3, padding="same")(image)
    x = layers.Activation("gelu")(layers.Conv3D(32, 1)(x))
    return keras.Model(image, layers.Conv3D(3, 3, bias_initializer="ones")(layers.Conv3D(8, 1)(x)))


def test_every_bottleneck_of_mednext():
    model = build_small((None, None, None, 2), deep_supervision=True)
    fused = fuse_bottlenecks(model)
    assert len(fused_layers(fused)) == 9 + 8  # blocks, and a way down and up between each two of five grids
    assert not any(layer.name.endswith(("_act", "_expand", "_compress")) for layer in fused.layers)
    image = noise(1, 16, 16, 32, 2)
    for one, other in zip(model(image), fused(image), strict=True):
        assert np.allclose(one, other, atol=1e-5)


def test_values_and_gradients_are_those_of_keras():
    keras.utils.set_random_seed(0)
    model = build_tiny()
    fused, image, answers = fuse_bottlenecks(model), noise(2, 8, 8, 16, 2), {}
    assert len(fused_layers(fused)) == 1
    for name, network in {"keras": model, "fused": fused}.items():
        with tf.GradientTape() as tape:
            output = tf.function(network)(image)
            loss = tf.reduce_sum(output * np.cos(np.arange(np.prod(output.shape))).reshape(output.shape))
        answers[name] = [output, *tape.gradient(loss, model.trainable_variables)]
    for one, other in zip(*answers.values(), strict=True):
        assert np.allclose(one, other, atol=1e-4 * max(1, np.abs(one).max()))


def test_bfloat16_is_no_worse_than_keras():
    """Hold output and gradients in bfloat16 against float64, beside what Keras' layers give."""
    sizes = [(4096, 8), (8, 16), (16,), (16, 8), (8,), (4096, 8)]
    *arguments, dy = (noise(*size, seed=index) / (1 + len(size)) for index, size in enumerate(sizes))

    def plain(x, widen, widen_bias, narrow, narrow_bias):
        return keras.ops.gelu(x @ widen + widen_bias, approximate=False) @ narrow + narrow_bias

    def answer(function, dtype):
        tensors = [tf.cast(tf.cast(value, "bfloat16"), dtype) for value in arguments]
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            y = function(*tensors)
        return [tf.cast(v, "float64") for v in (y, *tape.gradient(y, tensors, tf.cast(tf.cast(dy, "bfloat16"), dtype)))]

    exact = answer(plain, "float64")
    for truth, keras_one, ours in zip(exact, answer(plain, "bfloat16"), answer(bottleneck, "bfloat16"), strict=True):
        error, limit = (np.abs(values - truth).mean() for values in (ours, keras_one))
        assert error < 1.5 * limit + 1e-3 * np.abs(truth).mean()


TWO_REPLICAS = """
import numpy as np, tensorflow as tf
from segan_tl.fast.bottleneck import fuse_bottlenecks
from tests.fast.test_bottleneck import build_tiny

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
with strategy.scope():
    model = build_tiny()
image = np.random.default_rng(0).normal(size=(1, 8, 8, 8, 2)).astype("float32")

def train(network):
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(network(image))
    return tape.gradient(loss, model.trainable_variables)

expected = tf.function(train)(model)
fused = fuse_bottlenecks(model)
for value, truth in zip(tf.function(lambda: strategy.run(train, args=(fused,)))(), expected, strict=True):
    replicas = strategy.experimental_local_results(value)
    assert len(replicas) == 2
    for one in replicas:
        assert np.allclose(one, truth, atol=1e-3 * max(1, np.abs(truth).max()))
"""


def test_two_replicas():
    done = subprocess.run([sys.executable, "-c", TWO_REPLICAS], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


def test_other_layers_and_the_model_itself_are_left_alone():
    nnunet = build_nnunet((8, 8, 8, 1), filters=(2, 4), blocks=(1, 1), decoder_blocks=(1,))
    assert not fused_layers(fuse_bottlenecks(nnunet))
    image = keras.Input((8, 8, 8, 2))
    wide = layers.Conv3D(4, 1)(image)
    tanh = layers.Conv3D(2, 1)(layers.Activation("tanh")(wide))
    kernel_of_3 = layers.Conv3D(2, 3, padding="same")(layers.Activation("gelu")(wide))
    used_twice = layers.Activation("gelu")(wide)
    model = keras.Model(image, [tanh, kernel_of_3, layers.Conv3D(2, 1)(used_twice), used_twice])
    fused = fuse_bottlenecks(model)
    assert len(fused_layers(fused)) == 1
    x = noise(1, 8, 8, 8, 2)
    assert all(np.allclose(one, other, atol=1e-6) for one, other in zip(model(x), fused(x), strict=True))
    before = model.get_config()
    fuse_bottlenecks(model)
    assert model.get_config() == before
