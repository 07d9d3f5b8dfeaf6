"""torchvision's ResNet34: read from both formats, refused where it is another, held to PyTorch where installed."""

from pathlib import Path

import keras
import numpy as np
import pytest

from segan_tl.errors import UserError
from segan_tl.models.foreign.convert_resnet import import_resnet34
from segan_tl.models.foreign.torch_files import Weights
from segan_tl.models.foreign.torch_layout import shapes
from segan_tl.models.foreign.torch_written import write_torch
from segan_tl.models.resnet import BLOCKS, FILTERS, encoder_names
from tests.models.battery import noise


def random_state(seed=5) -> dict[str, np.ndarray]:
    """Return a state of ResNet34 as torchvision names it, random, with its classifier."""
    rng = np.random.default_rng(seed)
    state = {"fc.weight": np.zeros((10, 512)), "fc.bias": np.zeros(10), "bn1.num_batches_tracked": np.array(3)}
    for name, shape in RESNET_SHAPES.items():
        scale = np.sqrt(2 / np.prod(shape[1:])) if len(shape) > 1 else 0.1
        state[name] = rng.normal(scale=scale, size=shape)
        if name.endswith("running_var") or ("bn" in name or "downsample.1" in name) and name.endswith("weight"):
            state[name] = rng.uniform(0.5, 1, size=shape)
    return {name: np.asarray(value, "int64" if "num" in name else "float32") for name, value in state.items()}


def resnet_shapes() -> dict[str, tuple[int, ...]]:
    """Return torchvision's names and shapes, written down by its rules."""
    found = {"conv1.weight": (64, 3, 7, 7)} | norm("bn1", 64)
    for level, (filters, blocks) in enumerate(zip(FILTERS, BLOCKS), start=1):
        before = FILTERS[max(level - 2, 0)]
        for block in range(blocks):
            prefix = f"layer{level}.{block}"
            found[f"{prefix}.conv1.weight"] = (filters, before if block == 0 else filters, 3, 3)
            found[f"{prefix}.conv2.weight"] = (filters, filters, 3, 3)
            found |= norm(f"{prefix}.bn1", filters) | norm(f"{prefix}.bn2", filters)
            if block == 0 and level > 1:
                found[f"{prefix}.downsample.0.weight"] = (filters, before, 1, 1)
                found |= norm(f"{prefix}.downsample.1", filters)
    return found


def norm(prefix, size):
    return {f"{prefix}.{part}": (size,) for part in ("weight", "bias", "running_mean", "running_var")}


RESNET_SHAPES = resnet_shapes()


def test_import(tmp_path):
    write_torch(tmp_path / "a.pth", random_state())
    model, about = import_resnet34(tmp_path / "a.pth")
    # torchvision's ResNet34 has 21,797,672 parameters, its classifier 513,000; moving statistics come on top
    trainable = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    assert trainable == 21_797_672 - 513_000 and about["left_out"] == ["fc"]
    assert shapes(model, encoder_names(model)) == RESNET_SHAPES
    assert [output.shape[-1] for output in model(noise(1, 64, 32, 3))] == [64, 128, 256, 512]
    keras.utils.clear_session()


def test_refusals():
    state = random_state()

    def fails(reason, **changed):
        content = {name: value for name, value in (state | changed).items() if value is not None}
        with pytest.raises(UserError, match=reason):
            import_resnet34(Path("a.pth"), weights=Weights(content, {}, ""))

    resnet18 = {name: None for name in state if name[:5] == "layer" and int(name.split(".")[1]) > 1}
    fails("stages of 2, 2, 2, 2 blocks of two convolutions: expected ResNet34", **resnet18)
    fails("blocks of three convolutions", **{"layer1.0.conv3.weight": np.zeros((1, 1, 1, 1), "float32")})
    fails("holds layer1.0.se.weight", **{"layer1.0.se.weight": np.zeros(1, "float32")})
    fails("lack layer3.1.bn2.bias", **{"layer3.1.bn2.bias": None})
    fails("expected shape", **{"conv1.weight": np.zeros((64, 3, 3, 3), "float32")})


def features(torch, state, image):
    """Return the features of ResNet34's four stages in PyTorch, the stem pooled as Wacker 2020 does."""
    functional = torch.nn.functional

    def normalise(x, prefix):
        parts = [state[f"{prefix}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")]
        return functional.batch_norm(x, *parts, eps=1e-5)

    x = functional.conv2d(image, state["conv1.weight"], stride=2, padding=3)
    x = functional.max_pool2d(functional.relu(normalise(x, "bn1")), 2)
    stages = []
    for level, blocks in enumerate(BLOCKS, start=1):
        for block in range(blocks):
            prefix, stride = f"layer{level}.{block}", 2 if level > 1 and block == 0 else 1
            y = functional.conv2d(x, state[f"{prefix}.conv1.weight"], stride=stride, padding=1)
            y = functional.relu(normalise(y, f"{prefix}.bn1"))
            y = normalise(functional.conv2d(y, state[f"{prefix}.conv2.weight"], padding=1), f"{prefix}.bn2")
            if f"{prefix}.downsample.0.weight" in state:
                x = functional.conv2d(x, state[f"{prefix}.downsample.0.weight"], stride=stride)
                x = normalise(x, f"{prefix}.downsample.1")
            x = functional.relu(x + y)
        stages.append(x)
    return stages


@pytest.mark.parity
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_against_pytorch(suffix, tmp_path):
    torch = pytest.importorskip("torch")
    state = {name: torch.from_numpy(value) for name, value in random_state().items()}
    if suffix == ".pth":
        torch.save(state, tmp_path / "a.pth")
    else:
        pytest.importorskip("safetensors.torch").save_file(state, tmp_path / "a.safetensors")
    model, _ = import_resnet34(tmp_path / f"a{suffix}")
    image = noise(2, 64, 96, 3)
    with torch.no_grad():
        expected = features(torch, state, torch.from_numpy(np.moveaxis(image, -1, 1).copy()))
    for output, wanted in zip(model(image, training=False), expected, strict=True):
        wanted = np.moveaxis(wanted.numpy(), 1, -1)
        assert np.abs(np.asarray(output) - wanted).max() <= 1e-4 * max(1, np.abs(wanted).max())
