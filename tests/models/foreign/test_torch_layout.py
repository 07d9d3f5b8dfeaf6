"""PyTorch's order of axes and back, by hand and against PyTorch itself where it is installed."""

import keras
import numpy as np
import pytest
from keras import layers

from segan_tl.errors import UserError
from segan_tl.models.foreign.torch_layout import assign, collect, shapes, to_keras, to_torch
from tests.models.golden import golden_input, golden_state

NAMES = {"conv": "a.0", "norm": "a.1", "instance": "b", "up": "c", "depth": "d", "dense": "e"}
SHAPES = {
    "a.0.weight": (4, 3, 3, 2),
    "a.0.bias": (4,),
    "a.1.weight": (4,),
    "a.1.bias": (4,),
    "a.1.running_mean": (4,),
    "a.1.running_var": (4,),
    "b.weight": (4,),
    "b.bias": (4,),
    "c.weight": (4, 5, 2, 2),
    "c.bias": (5,),
    "d.weight": (10, 1, 3, 3),
    "d.bias": (10,),
    "e.weight": (7, 10),
    "e.bias": (7,),
}


def small_model():
    image = keras.Input((6, 6, 3), name="image")
    x = layers.Conv2D(4, (3, 2), name="conv")(image)
    x = layers.BatchNormalization(epsilon=1e-5, name="norm")(x)
    x = layers.GroupNormalization(groups=-1, epsilon=1e-5, name="instance")(x)
    x = layers.Conv2DTranspose(5, 2, strides=2, name="up")(x)
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, name="depth")(x)
    return keras.Model(image, layers.Dense(7, name="dense")(x))


def test_axes_by_hand():
    tensor = np.arange(24).reshape(2, 3, 4, 1)
    kernel = to_keras(tensor, layers.Conv2D(2, (4, 1)), "kernel")
    assert kernel.shape == (4, 1, 3, 2) and kernel[3, 0, 2, 1] == tensor[1, 2, 3, 0]
    depthwise = to_keras(np.arange(6 * 9).reshape(6, 1, 3, 3), layers.DepthwiseConv2D(3, depth_multiplier=2), "kernel")
    assert depthwise.shape == (3, 3, 3, 2) and depthwise[0, 0].tolist() == [[0, 9], [18, 27], [36, 45]]
    assert to_torch(to_keras(tensor, layers.Conv2D(2, 3), "kernel"), layers.Conv2D(2, 3), "kernel").tolist() == (
        tensor.tolist()
    )


def test_names_shapes_and_both_ways():
    model = small_model()
    assert shapes(model, NAMES) == SHAPES
    state = golden_state(SHAPES)
    assert assign(model, state | {"extra": np.zeros(1)}, NAMES) == ["extra"]
    back = collect(model, NAMES)
    assert list(back) == list(SHAPES)
    assert all(np.array_equal(back[key], state[key]) for key in state)


def test_a_state_that_does_not_fit_changes_nothing():
    model = small_model()
    before = model.get_weights()
    state = golden_state(SHAPES)
    lacking = {key: value for key, value in state.items() if key != "e.bias"}
    with pytest.raises(UserError, match=r"lack e.bias \(7,\) for layer dense"):
        assign(model, lacking, NAMES)
    with pytest.raises(UserError, match=r"c.weight for layer up: expected shape \(4, 5, 2, 2\), found \(5, 4, 2, 2\)"):
        assign(model, state | {"c.weight": state["c.weight"].transpose(1, 0, 2, 3)}, NAMES)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


@pytest.mark.parity
def test_pytorch_gives_the_same_output():
    torch = pytest.importorskip("torch")
    model = small_model()
    state = golden_state(SHAPES)
    assign(model, state, NAMES)
    t = {key: torch.from_numpy(value) for key, value in state.items()}
    f = torch.nn.functional
    image = golden_input((2, 3, 6, 6))
    with torch.no_grad():
        x = f.conv2d(torch.from_numpy(image.transpose(0, 3, 1, 2).copy()), t["a.0.weight"], t["a.0.bias"])
        x = f.batch_norm(x, t["a.1.running_mean"], t["a.1.running_var"], t["a.1.weight"], t["a.1.bias"])
        x = f.instance_norm(x, weight=t["b.weight"], bias=t["b.bias"])
        x = f.conv_transpose2d(x, t["c.weight"], t["c.bias"], stride=2)
        x = f.conv2d(x, t["d.weight"], t["d.bias"], groups=5)
        x = f.linear(x.permute(0, 2, 3, 1), t["e.weight"], t["e.bias"])
    assert np.abs(np.asarray(model(image)) - x.numpy()).max() < 1e-5
