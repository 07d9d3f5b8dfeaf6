"""MedNeXt against outputs and sizes of its published code; UpKern by hand."""

import functools

import keras
import numpy as np
import pytest

from segan_tl.models.foreign.torch_layout import assign, shapes
from segan_tl.models.mednext import build_mednext, resize_kernel, torch_names
from tests.models import battery
from tests.models.golden import check_golden, golden_input, golden_state

build_small = functools.partial(build_mednext, filters=(2, 4, 4, 6, 6), blocks=(1,) * 9)


@pytest.mark.parametrize(("variant", "kernel_size"), [("s", 3), ("s", 5), pytest.param("m", 3, marks=pytest.mark.slow)])
def test_published_outputs(variant, kernel_size):
    model = build_mednext((32, 32, 32, 4), deep_supervision=True, variant=variant, kernel_size=kernel_size)
    names = torch_names(model)
    assert assign(model, golden_state(shapes(model, names)), names) == []
    for index, output in enumerate(model(golden_input((1, 4, 32, 32, 32)))):
        check_golden(output, f"mednext {variant.upper()} {kernel_size} out {index}")


# (variant, kernel) → parameters with 4 channels, 3 classes and deep supervision, without the published dummy element
PARAMETERS = {
    ("s", 3): 5553935,
    ("s", 5): 5983567,
    ("b", 3): 10529327,
    ("b", 5): 10958959,
    ("m", 3): 17551983,
    ("m", 5): 18263855,
    ("l", 3): 61782287,
    ("l", 5): 62995919,
}


@pytest.mark.parametrize(("size", "expected"), PARAMETERS.items(), ids=str)
def test_parameters_of_the_published_networks(size, expected):
    model = build_mednext((None, None, None, 4), variant=size[0], kernel_size=size[1], deep_supervision=True)
    assert model.count_params() == expected


def test_parameters_of_other_channels_and_of_every_stage():
    assert build_mednext((None, None, None, 1)).count_params() == 5550947
    assert build_mednext((None, None, None, 4), classes=4, deep_supervision=True).count_params() == 5554932
    model = build_mednext((None, None, None, 4), variant="l")
    expected = {
        "stem": 160, "enc1": 21696, "down1": 15552, "enc3": 2137088, "down4": 1714688, "bottleneck": 33714176,
        "up4": 3296768, "dec4": 8468480, "up2": 110976, "dec1": 21696, "logits": 99,
    }  # fmt: skip
    for stage, parameters in expected.items():
        assert sum(layer.count_params() for layer in model.layers if layer.name.split("_")[0] == stage) == parameters


@pytest.mark.parametrize("kernel_size", [3, 5])
def test_battery(kernel_size, tmp_path):
    build, shape = functools.partial(build_small, kernel_size=kernel_size), (16, 32, 16, 2)
    battery.check_names(build(shape, deep_supervision=True))
    battery.check_deep_supervision(build, shape, heads=5)
    battery.check_saving(build(shape), battery.noise(1, *shape), tmp_path)
    battery.check_bfloat16(build, shape)
    battery.check_any_size(build, shape)


def test_it_starts_as_published():
    keras.utils.set_random_seed(0)
    model = build_mednext((None, None, None, 4))
    # U(±1 / sqrt(fan_in)): 27 taps; 64 channels in; 32 channels out of a transposed convolution
    for name, fan_in in {"enc2_block1_depthwise": 27, "enc2_block1_expand": 64, "up1_project": 32}.items():
        layer = model.get_layer(name)
        for values in layer.get_weights():
            assert 0.9 / fan_in**0.5 < np.abs(values).max() <= 1 / fan_in**0.5


def test_names_of_layers_and_of_the_published_state():
    names = torch_names(build_small((16, 16, 16, 2), deep_supervision=True))
    assert names["stem"] == "stem" and names["logits"] == "out_0.conv_out" and names["logits_16"] == "out_4.conv_out"
    assert names["enc2_block1_expand"] == "enc_block_1.0.conv2" and names["up4_project"] == "up_3.res_conv"
    assert names["bottleneck_block1_norm"] == "bottleneck.0.norm"
    assert names["dec1_block1_depthwise"] == "dec_block_0.0.conv1"


def test_sizes_that_do_not_fit():
    with pytest.raises(ValueError, match="expected 5 filters and 9 blocks, got 2 and 9"):
        build_mednext((16, 16, 16, 1), filters=(4, 8))
    with pytest.raises(ValueError, match="volumes"):
        build_mednext((16, 16, 1))


def test_kernels_grow_by_the_published_rule():
    # the rows of one axis, taps 3 → 5: [1, 0, 0], [.6, .4, 0], [0, 1, 0], [0, .4, .6], [0, 0, 1]
    axis = np.array([[1, 0, 0], [0.6, 0.4, 0], [0, 1, 0], [0, 0.4, 0.6], [0, 0, 1]])
    kernel = battery.noise(3, 3, 3, 1, 2)
    expected = np.einsum("ai,bj,ck,ijkmn->abcmn", axis, axis, axis, kernel)
    assert np.abs(resize_kernel(kernel, (5, 5, 5)) - expected).max() < 1e-6
    assert np.array_equal(resize_kernel(kernel, (3, 3, 3)), kernel)
