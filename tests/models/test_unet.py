"""The 3-D U-Nets of Ren and Çiçek: the published outputs and counts, and a second implementation in PyTorch."""

import functools

import keras
import numpy as np
import pytest

from segan_tl.fast.instance_norm import fuse
from segan_tl.models.foreign.torch_layout import assign, shapes
from segan_tl.models.unet import (
    FILTERS,
    FILTERS_8,
    LAST_THREE,
    DilatedTranspose,
    build_cicek,
    build_unet3d,
    torch_names,
)
from tests.models import battery
from tests.models.golden import check_golden, golden_input, golden_state

build_small = functools.partial(build_unet3d, filters=(4, 6, 8, 10))
build_literal = functools.partial(build_small, variant="ren_repo")
build_small_cicek = functools.partial(build_cicek, filters=((2, 4), (4, 8), (8, 8)))
build_small_cicek_batch = functools.partial(build_small_cicek, norm="batch")


def test_published_output_of_ren():
    model = build_unet3d((128, 64, 64, 4), variant="ren_repo")
    names = torch_names(model)
    assert (names["enc1_conv2"], names["dec6_up"], names["logits_2"]) == ("Conv1.conv.4", "Up6.up.0", "Conv_1x12")
    assert assign(model, golden_state(shapes(model, names)), names) == []
    # Half a million voxels an instance: with a running sum in float32 for their mean it is off by 2e-4.
    check_golden(fuse(model)(golden_input((1, 4, 128, 64, 64))), "ren", tolerance=1e-6)


def test_parameters_of_the_published_networks():
    image = (None, None, None, 4)
    ren = build_unet3d(image, variant="ren_repo")
    assert ren.count_params() == 50687817
    encoder = [layer for layer in ren.layers if layer.name.startswith(("enc", "bottleneck"))]
    assert sum(layer.count_params() for layer in encoder) == 25086912
    assert build_unet3d(image, variant="goat_repo").count_params() == 3171417
    # features instead of 3 maps enter two upsamplings: (128 − 3) · 96 · 8 + (96 − 3) · 64 · 8 more
    assert build_unet3d(image, deep_supervision=True).count_params() == 50687817 + 125 * 96 * 8 + 93 * 64 * 8
    # of the two heads at low resolution: (128 + 1 + 96 + 1) · 3
    assert build_unet3d(image).count_params() == 50687817 + 125 * 96 * 8 + 93 * 64 * 8 - 226 * 3
    assert FILTERS == tuple(4 * width for width in FILTERS_8)


def test_parameters_of_cicek():
    # The paper's 19 069 955, for 3 channels and 3 labels: without normalisations and the biases of the upsamplings.
    model = build_cicek((None, None, None, 3), norm="batch")
    convolutions = [layer for layer in model.layers if type(layer).__name__.startswith("Conv3D")]
    up_biases = 512 + 256 + 128
    assert sum(layer.count_params() for layer in convolutions) - up_biases == 19069955
    assert [model.get_layer(f"dec{level}_up").filters for level in (3, 2, 1)] == [512, 256, 128]


def test_the_last_three_layers_of_cicek():
    for norm in ("instance", "batch"):
        model = build_small_cicek((8, 8, 8, 1), norm=norm)
        with_weights = [layer.name for layer in model.layers if layer.weights]
        assert tuple(with_weights[-5:]) == LAST_THREE
    with pytest.raises(ValueError, match="norm: expected instance or batch, got group"):
        build_cicek((8, 8, 8, 1), norm="group")


BUILDERS = {
    "ren": (build_small, 3, True),
    "literal": (build_literal, 3, False),
    "cicek": (build_small_cicek, 2, True),
    "cicek-batch": (build_small_cicek_batch, 2, True),
}


@pytest.mark.parametrize("network", BUILDERS)
@pytest.mark.parametrize("shape", [(8, 16, 16, 2), (16, 24, 2)], ids=["3-D", "2-D"])
def test_battery(network, shape, tmp_path):
    build, heads, stock = BUILDERS[network]
    battery.check_names(build(shape, deep_supervision=True))
    battery.check_deep_supervision(build, shape, heads=heads)
    if stock:
        battery.check_stock(build(shape))
    battery.check_saving(build(shape), battery.noise(1, *shape), tmp_path)
    battery.check_bfloat16(build, shape)
    battery.check_any_size(build, shape)


def test_dilated_upsampling_by_hand():
    # PyTorch 1-D: out[2 m + 1] = kernel[1] x[m] + kernel[0] x[m + 1] + bias, and bias elsewhere
    layer = DilatedTranspose(1)
    layer.build((None, 3, 1))
    layer.kernel.assign(np.reshape([10.0, 1.0], (2, 1, 1)))
    layer.bias.assign([0.5])
    assert np.ravel(layer(np.reshape([1.0, 2.0, 3.0], (1, 3, 1)))).tolist() == [0.5, 21.5, 0.5, 32.5, 0.5, 3.5]


@pytest.mark.parity
@pytest.mark.parametrize("rank", [2, 3])
def test_dilated_upsampling_against_pytorch(rank):
    torch = pytest.importorskip("torch")
    published = getattr(torch.nn, f"ConvTranspose{rank}d")(5, 3, 2, stride=2, padding=1, output_padding=1, dilation=2)
    image = battery.noise(2, *(4, 3, 5)[:rank], 5)
    model = keras.Sequential([keras.Input(image.shape[1:]), DilatedTranspose(3, name="up")])
    assign(model, {f"up.{key}": value.numpy() for key, value in published.state_dict().items()}, {"up": "up"})
    with torch.no_grad():
        expected = published(torch.from_numpy(np.moveaxis(image, -1, 1).copy())).numpy()
    assert np.abs(np.moveaxis(np.asarray(model(image)), -1, 1) - expected).max() < 1e-5


@pytest.mark.parity
def test_the_sound_network_against_pytorch():
    torch = pytest.importorskip("torch")
    model = build_small((16, 16, 24, 2), deep_supervision=True)
    names = torch_names(model)
    keys = shapes(model, names)
    rng = np.random.default_rng(11)
    state = {key: rng.normal(scale=0.2, size=shape).astype("float32") for key, shape in keys.items()}
    assert assign(model, state, names) == []
    tensors = {key: torch.from_numpy(value) for key, value in state.items()}
    image = battery.noise(2, 16, 16, 24, 2, seed=3)
    expected = _sound_in_pytorch(torch, torch.from_numpy(np.moveaxis(image, -1, 1).copy()), tensors)
    for output, wanted in zip(model(image), expected, strict=True):
        assert np.abs(np.moveaxis(np.asarray(output), -1, 1) - wanted.numpy()).max() < 1e-4


def _sound_in_pytorch(torch, x, state):
    """Return the logits at 1, 1/2 and 1/4 of Ren's four-stage network without its two flaws."""
    f = torch.nn.functional

    def block(x, prefix, stride=1):
        for part in (1, 4):
            weights = state[f"{prefix}.conv.{part}.weight"], state[f"{prefix}.conv.{part}.bias"]
            x = f.leaky_relu(f.conv3d(f.instance_norm(x), *weights, stride=stride if part == 1 else 1, padding=1), 0.01)
        return x

    skips = [block(x, "Conv1")]
    for stage in (2, 3, 4):
        skips.append(block(skips[-1], f"Conv{stage}", stride=2))
    x, logits = skips[-1], []
    for stage in (3, 2, 1):
        x = f.conv_transpose3d(x, state[f"Up{stage}.up.0.weight"], state[f"Up{stage}.up.0.bias"], stride=2)
        x = f.leaky_relu(f.instance_norm(x), 0.01)
        x = block(torch.cat((skips[stage - 1], x), 1), f"Up_conv{stage}")
        logits.insert(0, f.conv3d(x, state[f"Conv_1x1{stage}.weight"], state[f"Conv_1x1{stage}.bias"]))
    return logits
