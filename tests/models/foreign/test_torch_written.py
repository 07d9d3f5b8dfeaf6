"""Checkpoints that we write: read again, opened by PyTorch itself, the same bytes every time."""

import zipfile

import numpy as np
import pytest

from segan_tl.models.foreign.torch_files import read_weights
from segan_tl.models.foreign.torch_written import write_torch
from tests.models.foreign.test_torch_files import TENSORS


def test_written_and_read_again(tmp_path):
    settings = {"epoch": 3, "nested": {"a": [1, (2.5, None)]}}
    write_torch(tmp_path / "a.pth", {"network_weights": {**TENSORS, "again": TENSORS["a.bias"]}, **settings})
    weights = read_weights(tmp_path / "a.pth")
    assert weights.settings == settings
    for name, expected in TENSORS.items():
        assert weights.tensors[name].dtype == expected.dtype and np.array_equal(weights.tensors[name], expected)
    with zipfile.ZipFile(tmp_path / "a.pth") as archive:
        assert len([name for name in archive.namelist() if "/data/" in name]) == len(TENSORS)  # "again" is not twice
    for number in (-1, 0, 127, 128, 255, 256, -129, 2**40, -(2**70)):
        write_torch(tmp_path / "n.pth", {"state_dict": TENSORS, "n": number})
        assert read_weights(tmp_path / "n.pth").settings["n"] == number
    with pytest.raises(TypeError, match="a set has no place"):
        write_torch(tmp_path / "n.pth", {"a": {1}})


@pytest.mark.parity
def test_pytorch_opens_what_is_written(tmp_path):
    torch = pytest.importorskip("torch")
    state = {**TENSORS, "again": TENSORS["a.bias"]}
    write_torch(tmp_path / "a.pth", {"state_dict": state, "plans": {"a": [1, (2, None)]}})
    content = torch.load(tmp_path / "a.pth", weights_only=True)
    assert content["plans"] == {"a": [1, (2, None)]}
    assert all(np.array_equal(content["state_dict"][name].numpy(), value) for name, value in TENSORS.items())
    assert content["state_dict"]["again"].data_ptr() == content["state_dict"]["a.bias"].data_ptr()


def test_the_same_content_gives_the_same_bytes(tmp_path, monkeypatch):
    content = {"state_dict": {"a": np.arange(6, dtype=np.float32).reshape(2, 3)}}
    for name, now in (("first", 1_600_000_000), ("second", 1_700_000_000)):
        monkeypatch.setattr("time.time", lambda now=now: now)
        write_torch(tmp_path / f"{name}.pth", content)
    assert (tmp_path / "first.pth").read_bytes() == (tmp_path / "second.pth").read_bytes()
