"""MedNeXt's checkpoints: sizes told by their tensors, axes, refusals; MONAI's network where it is installed."""

import keras
import numpy as np
import pytest

from segan_tl.errors import UserError
from segan_tl.models.foreign.convert_mednext import describe_mednext, import_mednext
from segan_tl.models.foreign.torch_layout import collect
from segan_tl.models.foreign.torch_written import write_torch
from segan_tl.models.mednext import VARIANTS, build_mednext, torch_names
from tests.models.battery import noise

FILTERS = (2, 4, 8, 16, 32)


def state_of(variant="s", kernel_size=3, *, deep=True):
    """Return a small MedNeXt with random weights and its state, as the authors' code saves it."""
    keras.utils.set_random_seed(2)
    model = build_mednext(
        (None, None, None, 2), variant=variant, kernel_size=kernel_size, filters=FILTERS, deep_supervision=deep
    )
    return model, collect(model, torch_names(model)) | {"dummy_tensor": np.zeros(1, "float32")}


@pytest.mark.parametrize(("variant", "kernel_size"), zip(VARIANTS, (3, 5, 3, 5), strict=True))
def test_sizes_are_told_by_the_tensors(variant, kernel_size):
    expected = {"variant": variant, "kernel_size": kernel_size, "filters": FILTERS}
    model = build_mednext((None,) * 3 + (2,), **expected)
    assert describe_mednext(collect(model, torch_names(model)), "a.pth") == expected


def listed(outputs):
    return [np.asarray(output) for output in (outputs if isinstance(outputs, list) else [outputs])]


@pytest.mark.parametrize("deep", [True, False])
def test_import(deep, tmp_path):
    model, state = state_of(deep=deep)
    write_torch(tmp_path / "a.model", {"epoch": 7, "state_dict": state, "optimizer_state_dict": {"state": {}}})
    dataset = {"modality": {"0": "T1", "1": "FLAIR"}, "labels": {"0": "background", "1": "edema", "2": "core"}}
    same, about = import_mednext(tmp_path / "a.model", dataset=dataset, keep_axes=True)
    turned, _ = import_mednext(tmp_path / "a.model")
    image = noise(1, 16, 32, 16, 2)  # (z, y, x)
    swapped = np.swapaxes(image, 2, 3)
    heads = ("logits", "logits_2", "logits_4", "logits_8", "logits_16") if deep else ("logits",)
    expected = listed(keras.Model(model.input, [model.get_layer(name).output for name in heads])(image))
    for wanted, kept, ours in zip(expected, listed(same(image)), listed(turned(swapped)), strict=True):
        assert np.array_equal(wanted, kept)
        assert np.abs(np.swapaxes(ours, 2, 3) - wanted).max() < 1e-5
    # unturned kernels answer otherwise
    assert np.abs(np.swapaxes(listed(same(swapped))[0], 2, 3) - expected[0]).max() > 1e-2
    assert about["configuration"] == "MedNeXt S, kernel 3" and about["epoch"] == 7
    assert about["channels"] == ["T1", "FLAIR"] and about["outputs"] == ["background", "edema", "core"]
    assert about["left_out"] == ["dummy_tensor", "optimizer_state_dict"] and about["activation"] == "softmax"


def test_refusals(tmp_path):
    _, state = state_of()

    def fails(reason, dataset=None, **changed):
        content = {name: value for name, value in (state | changed).items() if value is not None}
        write_torch(tmp_path / "a.pth", {"state_dict": content})
        with pytest.raises(UserError, match=reason):
            import_mednext(tmp_path / "a.pth", dataset=dataset)

    fails("lacks blocks of bottleneck", **{"bottleneck.0.conv2.weight": None})
    fails("expected one of the published sizes S, B, M, L", **{"bottleneck.1.conv2.weight": None})
    fails("lacks the stem", **{"stem.weight": None})
    fails("no head out_0", **{"out_0.conv_out.weight": np.zeros(3, "float32")})
    fails("lack down_0.conv1.bias", **{"down_0.conv1.bias": None})
    fails("holds grn_beta, which MedNeXt S has not", grn_beta=np.zeros(1, "float32"))
    fails("expected shape", **{"down_0.conv1.bias": np.zeros(3, "float32")})
    fails("has 3 outputs, the dataset names 2", dataset={"labels": {"background": 0, "lesion": 1}})


def from_monai(name: str) -> str:
    """Return the authors' name of a tensor in MONAI's state."""
    part, _, rest = name.partition(".")
    number, _, inside = rest.partition(".")
    if part == "out_blocks":
        return f"out_{4 - int(number)}.{inside}"
    if part in ("enc_stages", "down_blocks"):
        return f"{'enc_block' if part == 'enc_stages' else 'down'}_{number}.{inside}"
    if part in ("dec_stages", "up_blocks"):
        return f"{'dec_block' if part == 'dec_stages' else 'up'}_{3 - int(number)}.{inside}"
    return name


@pytest.mark.parity
@pytest.mark.parametrize("kernel_size", [3, 5])
def test_against_monai(kernel_size, tmp_path):
    torch = pytest.importorskip("torch")
    nets = pytest.importorskip("monai.networks.nets")
    torch.manual_seed(1)
    published = nets.MedNeXtS(
        spatial_dims=3, in_channels=2, out_channels=3, kernel_size=kernel_size, deep_supervision=True
    )
    state = {from_monai(name): value for name, value in published.state_dict().items()}
    torch.save({"state_dict": state, "epoch": 1}, tmp_path / "a.pth")
    model, _ = import_mednext(tmp_path / "a.pth", keep_axes=True)
    image = noise(1, 16, 32, 48, 2)
    with torch.no_grad():
        expected = published(torch.from_numpy(np.moveaxis(image, -1, 1).copy()))
    for output, wanted in zip(model(image), expected, strict=True):
        assert np.abs(np.moveaxis(np.asarray(output), -1, 1) - wanted.numpy()).max() <= 1e-4
    assert expected[0].shape == (1, 3, 16, 32, 48)
