"""nnU-Net's networks against outputs of its published code, and against that code itself where it is installed."""

import functools

import keras
import numpy as np
import pytest

from segan_tl.models.foreign.torch_layout import assign, collect, shapes
from segan_tl.models.nnunet import build_nnunet, torch_names
from tests.models import battery
from tests.models.golden import check_golden, golden_input, golden_state

SMALL = {"filters": (4, 6, 8), "blocks": (1, 2, 2), "decoder_blocks": (2, 1)}
build_small = functools.partial(build_nnunet, **SMALL)
build_residual = functools.partial(build_nnunet, **SMALL, variant="resenc_m")


@pytest.mark.parametrize(("variant", "name"), [("plain", "plain"), ("resenc_m", "resencM")])
def test_published_outputs(variant, name):
    model = build_nnunet((64, 64, 64, 4), deep_supervision=True, variant=variant)
    names = torch_names(model)
    assert assign(model, golden_state(shapes(model, names)), names) == []
    for index, output in enumerate(model(golden_input((1, 4, 64, 64, 64)))):
        check_golden(output, f"{name} out {index}")


PARAMETERS = {(4, 3): 31198991, (4, 4): 31199796, (1, 3): 31196399, (1, 4): 31197204}


def count(weights):
    return sum(int(np.prod(weight.shape)) for weight in weights)


def test_parameters_of_the_published_networks():
    for (channels, classes), expected in PARAMETERS.items():
        model = build_nnunet((None, None, None, channels), classes=classes, deep_supervision=True)
        assert model.count_params() == expected
    # of the four heads at low resolution: (64 + 128 + 256 + 320 + 4) · 3
    single = build_nnunet((None, None, None, 4))
    assert single.count_params() == 31198991 - 3 * (64 + 128 + 256 + 320 + 4)
    for variant in ("resenc_m", "resenc_l"):
        model = build_nnunet((None, None, None, 4), deep_supervision=True, variant=variant)
        assert model.count_params() == 102353167
        stages = ["stem", "enc1", "enc2", "enc3", "enc4", "enc5", "bottleneck"]
        found = [count(w for x in model.layers if x.name.startswith(stage) for w in x.weights) for stage in stages]
        assert found == [3552, 55488, 611584, 3329280, 20391424, 32718720, 33189120]


def test_it_starts_as_published():
    keras.utils.set_random_seed(0)
    model = build_nnunet((None, None, None, 4), variant="resenc_m")
    # N(0, 2 / (1.0001 · fan_in)): fan_in 320 · 27 of a convolution, 320 · 8 output channels and voxels of an upsampling
    for name, expected in {"bottleneck_block1_conv2": 0.015214, "dec5_up": 0.027950}.items():
        kernel = np.asarray(model.get_layer(name).kernel)
        assert np.isclose(kernel.std(), expected, rtol=0.01) and np.abs(kernel).max() > 3.5 * expected  # not truncated
        assert not np.any(model.get_layer(name).bias)
    assert not np.any(model.get_layer("enc3_block2_norm2").gamma) and np.all(model.get_layer("enc3_block2_norm1").gamma)


@pytest.mark.parametrize("build", [build_small, build_residual], ids=["plain", "residual"])
@pytest.mark.parametrize("shape", [(8, 12, 16, 2), (16, 8, 2)], ids=["3-D", "2-D"])
def test_battery(build, shape, tmp_path):
    battery.check_names(build(shape, deep_supervision=True))
    battery.check_deep_supervision(build, shape, heads=2)
    battery.check_stock(build(shape))
    battery.check_saving(build(shape), battery.noise(1, *shape), tmp_path)
    battery.check_bfloat16(build, shape)
    battery.check_any_size(build, shape)


def test_sizes_that_do_not_fit():
    with pytest.raises(ValueError, match="decoder_blocks: expected 2 values for 3 stages, got 5"):
        build_nnunet((8, 8, 8, 1), filters=(4, 4, 4), blocks=(1, 1, 1))


def test_names_of_layers_and_of_the_published_state():
    model = build_residual((8, 8, 8, 2), deep_supervision=True)
    names = torch_names(model)
    assert names["enc2_block1_project_conv"] == "encoder.stages.1.blocks.0.skip.1.conv"
    assert names["bottleneck_block2_norm2"] == "encoder.stages.2.blocks.1.conv2.norm"
    assert (names["dec1_up"], names["dec2_conv1"]) == ("decoder.transpconvs.1", "decoder.stages.0.convs.0.conv")
    assert (names["logits"], names["logits_2"]) == ("decoder.seg_layers.1", "decoder.seg_layers.0")


PLANS = {
    "3-D": {"strides": (1, 2, 2), "kernel_sizes": (3, 3, 3)},
    "anisotropic": {"strides": (1, (1, 2, 2), (2, 2, 2)), "kernel_sizes": ((1, 3, 3), (1, 3, 3), (3, 3, 3))},
    "2-D": {"strides": (1, 2, (2, 1)), "kernel_sizes": (3, 3, 3)},
}


@pytest.mark.parity
@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("build", [build_small, build_residual], ids=["plain", "residual"])
def test_the_published_code_gives_the_same(build, plan):
    torch = pytest.importorskip("torch")
    unet = pytest.importorskip("dynamic_network_architectures.architectures.unet")
    rank = 2 if plan == "2-D" else 3
    options = {
        "n_stages": 3,
        "features_per_stage": SMALL["filters"],
        "conv_op": getattr(torch.nn, f"Conv{rank}d"),
        **{name: [[v] * rank if isinstance(v, int) else list(v) for v in sizes] for name, sizes in PLANS[plan].items()},
        "n_conv_per_stage_decoder": SMALL["decoder_blocks"],
        "conv_bias": True,
        "norm_op": getattr(torch.nn, f"InstanceNorm{rank}d"),
        "norm_op_kwargs": {"eps": 1e-5, "affine": True},
        "nonlin": torch.nn.LeakyReLU,
        "deep_supervision": True,
    }
    torch.manual_seed(5)
    if build is build_small:
        published = unet.PlainConvUNet(2, n_conv_per_stage=SMALL["blocks"], num_classes=3, **options)
    else:
        published = unet.ResidualEncoderUNet(2, n_blocks_per_stage=SMALL["blocks"], num_classes=3, **options)
    shape = (8, 12, 16)[:rank]
    model = build((*shape, 2), deep_supervision=True, **PLANS[plan])
    names = torch_names(model)
    state = {key: value.numpy() for key, value in published.state_dict().items()}
    unread = assign(model, state, names)
    assert all("all_modules" in key or key.startswith("decoder.encoder.") for key in unread)
    assert all(np.array_equal(value, state[key]) for key, value in collect(model, names).items())
    image = battery.noise(2, *shape, 2, seed=7)
    with torch.no_grad():
        expected = published(torch.from_numpy(np.moveaxis(image, -1, 1).copy()))
    for output, wanted in zip(model(image), expected, strict=True):
        assert np.abs(np.moveaxis(np.asarray(output), -1, 1) - wanted.numpy()).max() < 1e-4
