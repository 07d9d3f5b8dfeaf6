"""AlbuNet against the output and sizes of its published code; ResNet34 weights in its encoder."""

import keras
import numpy as np
import pytest

from segan_tl.errors import UserError
from segan_tl.models.albunet import build_albunet, torch_names
from segan_tl.models.foreign.torch_layout import assign, shapes
from segan_tl.models.resnet import encoder_names, load_encoder
from tests.models import battery
from tests.models.golden import check_golden, golden_input, golden_state


def trainable(model):
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


@pytest.fixture(scope="module")
def volume():
    return build_albunet((None, None, None, 3), classes=4)


@pytest.fixture(scope="module")
def image():
    return build_albunet((64, 64, 3), classes=4)


@pytest.mark.parametrize("variant", ["albunet", "wacker_repo"])
def test_published_output(variant):
    model = build_albunet((4, 64, 64, 3), classes=4, variant=variant)
    names = torch_names(model)
    assert assign(model, golden_state(shapes(model, names)), names) == []
    logits = keras.Model(model.input, model.get_layer("logits").output)
    check_golden(logits(golden_input((2, 3, 4, 64, 64)), training=True), "albu3d")


def test_parameters_of_the_published_network(volume, image):
    assert trainable(build_albunet((None, None, None, 3), classes=4, variant="wacker_repo")) == 26681684
    assert trainable(volume) == 26673172
    encoder = [layer for layer in volume.layers if layer.name.startswith(("stem", "enc"))]
    assert sum(int(np.prod(w.shape)) for layer in encoder for w in layer.trainable_weights) == 21284672
    decoder = {"bottleneck_depth": 787968, "dec5": 1999744, "dec2": 121088 + 12480, "dec0": 2352 + 816, "logits": 68}
    for start, expected in decoder.items():
        found = (w for layer in volume.layers if layer.name.startswith(start) for w in layer.trainable_weights)
        assert sum(int(np.prod(w.shape)) for w in found) == expected
    # in 2-D without the four depth layers
    assert trainable(image) == 26673172 - 787968 - 49536 - 12480 - 816


def test_a_slice_of_the_published_2d_mode_keeps_its_depth_layers():
    model = build_albunet((1, 32, 32, 3), classes=4, variant="wacker_repo")
    assert model.get_layer("dec4_depth_conv").kernel.shape == (3, 1, 1, 128, 128)
    assert model(battery.noise(1, 1, 32, 32, 3)).shape == (1, 1, 32, 32, 4)


def test_battery_of_volumes(tmp_path):
    def build(shape):
        return build_albunet(shape, classes=2)

    model = build((2, 32, 64, 3))
    battery.check_names(model)
    battery.check_stock(model)
    battery.check_saving(model, battery.noise(1, 2, 32, 64, 3), tmp_path)
    assert model.layers[-1].name == "probability"


def test_battery_of_slices():
    def build(shape):
        return build_albunet(shape, activation="softmax")

    battery.check_names(build((32, 32, 3)))
    battery.check_bfloat16(build, (32, 32, 3))
    battery.check_any_size(build, (32, 64, 2))


def test_deep_supervision_is_refused():
    with pytest.raises(UserError, match="one output"):
        build_albunet((32, 32, 3), deep_supervision=True)


def test_names_of_the_published_state(volume):
    names = torch_names(volume)
    expected = {
        "stem_conv": "conv0.0", "stem_norm": "conv0.1", "enc3_block1_project_norm": "encoder.layer3.0.downsample.1",
        "enc4_block3_norm2": "encoder.layer4.2.bn2", "bottleneck_depth_conv": "depth1.conv", "dec1_up": "dec1.block.1",
        "bottleneck_norm": "center.bn", "dec2_depth_norm": "depth3.bn", "dec3_conv": "dec3.block.0.conv",
        "dec0_conv": "dec0.conv", "logits": "final",
    }  # fmt: skip
    assert {name: names[name] for name in expected} == expected
    assert encoder_names(volume)["enc2_block4_conv2"] == "layer2.3.conv2"


def resnet_state():
    """Return a state with torchvision's names and shapes: those of the 2-D encoder, whose layers are its own."""
    model = build_albunet((32, 32, 3))
    return golden_state(shapes(model, encoder_names(model))) | {"fc.weight": np.zeros((1000, 512), "float32")}


def features(model, image):
    return keras.Model(model.input, model.get_layer("enc4_block3_act2").output)(image)


def test_a_resnet_loads_into_volumes_and_other_channels(volume):
    state, grey = resnet_state(), battery.noise(1, 32, 32, 1)
    colour = build_albunet((32, 32, 3))
    load_encoder(colour, state)
    expected = features(colour, np.repeat(grey, 3, axis=-1))
    # slices of a volume, with biases that become zero
    biased = build_albunet((None, None, None, 3), variant="wacker_repo")
    load_encoder(biased, state)
    found = features(biased, np.repeat(grey, 3, axis=-1)[:, None])
    assert np.allclose(found[:, 0], expected, rtol=1e-4)
    # equal images in four channels do what a grey picture does
    four = build_albunet((32, 32, 4))
    load_encoder(four, state)
    assert np.allclose(features(four, np.repeat(grey, 4, axis=-1)), expected, rtol=1e-4)


def test_another_network_is_refused(volume):
    before = np.array(volume.get_layer("stem_conv").kernel)
    state = resnet_state()
    del state["layer3.5.conv2.weight"]
    with pytest.raises(UserError, match="layer3.5.conv2.weight"):
        load_encoder(volume, state)
    assert np.array_equal(before, volume.get_layer("stem_conv").kernel)


@pytest.mark.parity
def test_torchvision_names_and_an_independent_pytorch_block():
    torch = pytest.importorskip("torch")
    model = build_albunet((32, 64, 3))
    state = resnet_state()
    load_encoder(model, state)
    x = battery.noise(2, 32, 64, 3)
    f = torch.nn.functional
    t = {key: torch.from_numpy(np.array(values)) for key, values in state.items()}

    def norm(y, prefix):
        values = (t[f"{prefix}.{part}"] for part in ("running_mean", "running_var", "weight", "bias"))
        return f.batch_norm(y, *values, eps=1e-5)

    y = norm(f.conv2d(torch.from_numpy(np.moveaxis(x, -1, 1).copy()), t["conv1.weight"], stride=2, padding=3), "bn1")
    y = f.max_pool2d(f.relu(y), 2)
    for level, blocks in enumerate((3, 4, 6, 3), start=1):
        for block in range(blocks):
            prefix, stride = f"layer{level}.{block}", 2 if block == 0 and level > 1 else 1
            z = f.relu(norm(f.conv2d(y, t[f"{prefix}.conv1.weight"], stride=stride, padding=1), f"{prefix}.bn1"))
            z = norm(f.conv2d(z, t[f"{prefix}.conv2.weight"], padding=1), f"{prefix}.bn2")
            if stride == 2:
                y = f.conv2d(y, t[f"{prefix}.downsample.0.weight"], stride=2)
                y = norm(y, f"{prefix}.downsample.1")
            y = f.relu(z + y)
    assert np.allclose(np.moveaxis(np.asarray(features(model, x)), -1, 1), y.numpy(), rtol=1e-3, atol=1e-4)
