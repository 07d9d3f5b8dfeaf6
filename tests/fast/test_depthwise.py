"""Depthwise convolution of volumes against loops over voxels, against PyTorch where it is installed, and saved."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from segan_tl.fast.depthwise import DepthwiseConv3D, DepthwiseConv3DTranspose
from tests.models.battery import noise

LAYERS = {
    "planes": lambda kernel: DepthwiseConv3D(kernel, method="planes", bias_initializer="ones"),
    "blocks": lambda kernel: DepthwiseConv3D(kernel, method="blocks", bias_initializer="ones"),
    "groups": lambda kernel: DepthwiseConv3D(kernel, method="groups", bias_initializer="ones"),
    "halved": lambda kernel: DepthwiseConv3D(kernel, strides=2, bias_initializer="ones"),
    "halved in groups": lambda kernel: DepthwiseConv3D(kernel, strides=2, method="groups", bias_initializer="ones"),
    "doubled": lambda kernel: DepthwiseConv3DTranspose(kernel, bias_initializer="ones"),
}


def by_hand(x, kernel, name):
    """Return a convolution with bias 1 as PyTorch does: out[o] = Σ_k x[s o + k − p] · kernel[k]; or transposed."""
    edge, stride = kernel.shape[0], 1 if name in ("planes", "blocks", "groups") else 2
    sizes = np.array(x.shape[1:4])
    out_sizes = 2 * sizes - 1 if name == "doubled" else (sizes - 1) // stride + 1
    out = np.ones((x.shape[0], *out_sizes, x.shape[-1]))
    for tap in itertools.product(range(edge), repeat=3):
        shift = np.array(tap) - edge // 2
        for o in np.ndindex(*out_sizes):
            i = (np.array(o) - shift) / 2 if name == "doubled" else stride * np.array(o) + shift
            if np.all(i == i.astype(int)) and np.all((0 <= i) & (i < sizes)):
                out[(slice(None), *o)] += x[(slice(None), *i.astype(int))] * kernel[(*tap, 0)]
    return out


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("kernel_size", [3, 5])
def test_against_loops(name, kernel_size):
    layer, x = LAYERS[name](kernel_size), noise(2, 4, 3, 5, 18)  # 18 channels: a block of 16 and one of 2
    y = layer(x)
    assert layer.kernel.shape == (*[kernel_size] * 3, 1, 18)
    assert layer.compute_output_shape(x.shape) == y.shape
    assert layer.compute_output_shape((None, None, None, 5, 18))[:3] == (None, None, None)
    assert np.allclose(y, by_hand(x, np.asarray(layer.kernel), name), atol=1e-5)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("kernel_size", [3, 5])
def test_gradients_are_those_of_a_linear_function(name, kernel_size):
    layer, x = LAYERS[name](kernel_size), noise(2, 4, 3, 5, 18)
    dy = noise(*layer(x).shape, seed=1)

    @tf.function
    def gradients(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x)
        return tape.gradient(y, [x, layer.kernel.value, layer.bias.value], dy)

    dx, dk, db = gradients(tf.constant(x))
    # <dy, f(a)> = <gradient, a> for the linear part f of the layer in x, and in the kernel
    a, kernel = noise(*x.shape, seed=2), np.asarray(layer.kernel)
    assert np.isclose(np.sum(dy * (layer(a) - 1)), np.sum(dx * a), rtol=1e-3, atol=1e-2)
    other = noise(*kernel.shape, seed=3)
    layer.kernel.assign(other)
    assert np.isclose(np.sum(dy * (layer(x) - 1)), np.sum(dk * other), rtol=1e-3, atol=1e-2)
    assert np.allclose(db, dy.sum((0, 1, 2, 3)), atol=1e-3)


@pytest.mark.parity
@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("kernel_size", [3, 5])
def test_pytorch_gives_the_same_gradients(name, kernel_size):
    torch = pytest.importorskip("torch")
    layer, x = LAYERS[name](kernel_size), noise(2, 6, 4, 5, 18)
    dy = noise(*layer(x).shape, seed=1)
    theirs = [np.moveaxis(x, -1, 1), np.transpose(layer.kernel, (4, 3, 0, 1, 2)), np.asarray(layer.bias)]
    theirs = [torch.tensor(values.copy(), requires_grad=True) for values in theirs]
    kind = torch.nn.functional.conv_transpose3d if name == "doubled" else torch.nn.functional.conv3d
    stride = 1 if name in ("planes", "blocks", "groups") else 2
    y = kind(*theirs, stride=stride, padding=kernel_size // 2, groups=18)
    y.backward(torch.tensor(np.moveaxis(dy, -1, 1).copy()))
    inputs = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        ours = layer(inputs)
    dx, dk, db = tape.gradient(ours, [inputs, layer.kernel.value, layer.bias.value], dy)
    assert np.allclose(np.moveaxis(np.asarray(ours), -1, 1), y.detach(), atol=1e-5)
    found = [np.moveaxis(np.asarray(dx), -1, 1), np.transpose(dk, (4, 3, 0, 1, 2)), db]
    for one, other in zip(found, theirs, strict=True):
        assert np.allclose(one, other.grad, atol=1e-3)


@pytest.mark.parametrize("name", LAYERS)
def test_bfloat16_and_unknown_sizes(name):
    exact, x = LAYERS[name](3), noise(1, 4, 4, 6, 40)
    truth = exact(x)
    layer = exact.__class__.from_config(exact.get_config() | {"dtype": "mixed_bfloat16"})
    layer.build(x.shape)
    layer.set_weights(exact.get_weights())
    y = tf.function(layer, input_signature=[tf.TensorSpec((None, None, None, None, 40))])(x)
    assert y.dtype == "bfloat16" and y.shape == truth.shape
    assert np.abs(tf.cast(y, "float32") - truth).mean() < 0.01


def test_it_starts_as_pytorch_does_and_opens_again(tmp_path):
    keras.utils.set_random_seed(0)
    image = keras.Input((4, 4, 4, 50))
    model = keras.Model(image, DepthwiseConv3DTranspose(3)(DepthwiseConv3D(5, strides=2)(image)))
    assert 0.99 < 125**0.5 * np.abs(model.layers[1].kernel).max() <= 1
    model.save(tmp_path / "model.keras")
    again, x = keras.models.load_model(tmp_path / "model.keras"), noise(1, 4, 4, 4, 50)
    assert np.array_equal(again(x), model(x)) and again.layers[1].strides == 2


def test_what_it_cannot_do():
    with pytest.raises(ValueError, match="odd kernel"):
        DepthwiseConv3D(4)
    with pytest.raises(ValueError, match="stride 1"):
        DepthwiseConv3D(3, strides=2, method="planes")
    with pytest.raises(ValueError, match="kernel 3 or 5"):
        DepthwiseConv3DTranspose(7)
