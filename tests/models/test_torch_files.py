"""PyTorch files as data: what is read, what is refused, and what PyTorch itself says of ours."""

import io
import json
import pickle
import struct
import zipfile

import numpy as np
import pytest

from segan_tl.errors import UserError
from segan_tl.models.torch_files import read_weights, write_torch
from segan_tl.models.torch_pickle import read_pickle

TENSORS = {
    "a.weight": np.arange(24, dtype="float32").reshape(2, 3, 4),
    "a.bias": np.float32([0.5, -1]),
    "count": np.array(7, dtype="int64"),
    "half": np.float16([1, 2, 3]),
}


def write_zip(path, pickled, *, blocks=(), compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("archive/data.pkl", pickled)
        for key, block in enumerate(blocks):
            archive.writestr(f"archive/data/{key}", block)
    return path


def tensor_pickle(*, count=4, offset=0, shape=(2, 2), strides=(2, 1)):
    """Return the pickle of {"w": tensor} over storage 0, as PyTorch writes it."""

    def number(value):
        return b"J" + struct.pack("<i", value)

    def numbers(values):
        return b"(" + b"".join(map(number, values)) + b"t"

    storage = b"(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0" + b"0X\3\0\0\0cpu" + number(count) + b"tQ"
    arguments = storage + number(offset) + numbers(shape) + numbers(strides) + b"\x89ccollections\nOrderedDict\n)R"
    return b"\x80\2}(X\1\0\0\0wctorch._utils\n_rebuild_tensor_v2\n(" + arguments + b"tRu."


def test_a_tensor_by_hand(tmp_path):
    block = np.arange(6, dtype="<f4").tobytes()
    path = write_zip(tmp_path / "a.pth", tensor_pickle(count=6, offset=1, shape=(2, 2), strides=(1, 3)), blocks=[block])
    weights = read_weights(path)
    assert weights.tensors["w"].tolist() == [[1, 4], [2, 5]]
    assert len(weights.sha256) == 64


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


def test_wrappers_are_taken_off(tmp_path):
    write_torch(tmp_path / "a.pth", {"state_dict": {f"module.{name}": value for name, value in TENSORS.items()}})
    assert set(read_weights(tmp_path / "a.pth").tensors) == set(TENSORS)


class Evil:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_no_code_runs(tmp_path, protocol):
    trap = tmp_path / "trap"
    calls = ((eval, f"open({str(trap)!r}, 'w')"), (exec, "1"), (__import__, "antigravity"), (open, "x"))
    for function, argument in calls:
        hostile = pickle.dumps({"state_dict": {"w": Evil(function, argument)}}, protocol=protocol)
        for path in (write_zip(tmp_path / "evil.pth", hostile), tmp_path / "plain.pth"):
            if path.name == "plain.pth":
                path.write_bytes(hostile)
            with pytest.raises(UserError) as refusal:
                read_weights(path)
            if protocol >= 1:
                assert f".{function.__name__} when opened" in str(refusal.value)
    assert not trap.exists()


HOSTILE = {
    "a class made by INST": b"(S'x'\nios\nsystem\n.",
    "a class made by OBJ": b"(cos\nsystem\nX\1\0\0\0xo.",
    "an extension": b"\x82\1.",
    "a name from the stack": b"\x8c\2os\x8c\6system\x93\x8c\1x\x85R.",
    "a name with dots": b"\x8c\5torch\x8c\x13_utils.os.system.xx\x93.",
    "attributes of a name": b"ctorch._utils\n_rebuild_tensor_v2\n}b.",
    "a call of a list": b"](X\1\0\0\0xtR.",
    "a call without arguments": b"ctorch\nSize\nR.",
    "a protocol-0 persistent id": b"Pstorage\n.",
    "a persistent id that is no storage": b"X\1\0\0\0xQ.",
    "an unhashable key": b"}(]Nu.",
    "an empty stack": b"R.",
    "no end": b"}",
    "a memo that is empty": b"h\1.",
    "a bytearray out of band": b"\x97.",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_pickles_are_refused(kind):
    with pytest.raises(UserError):
        read_pickle(io.BytesIO(HOSTILE[kind]), "file.pth")


@pytest.mark.parametrize(
    "view",
    [
        {"offset": 1},
        {"offset": 10**9},
        {"shape": (3, 2)},
        {"strides": (2**30, 1)},
        {"strides": (-1, 1)},
        {"offset": -1},
        {"shape": (-2, -2)},
        {"shape": (2**20, 2**20), "strides": (0, 0)},
        {"shape": (2,)},
    ],
    ids=str,
)
def test_views_beyond_their_storage_are_refused(tmp_path, view):
    path = write_zip(tmp_path / "a.pth", tensor_pickle(**view), blocks=[bytes(16)])
    with pytest.raises(UserError, match="damaged"):
        read_weights(path)


def test_files_that_are_something_else(tmp_path):
    compressed = write_zip(tmp_path / "a.pth", tensor_pickle(), blocks=[bytes(16)], compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(UserError, match="compressed"):
        read_weights(compressed)
    with pytest.raises(UserError, match="damaged"):
        read_weights(write_zip(tmp_path / "b.pth", tensor_pickle()))  # the storage is not there
    with zipfile.ZipFile(tmp_path / "c.pth", "w") as archive:
        archive.writestr("model.json", "{}")
    with pytest.raises(UserError, match="no PyTorch checkpoint"):
        read_weights(tmp_path / "c.pth")
    (tmp_path / "d.pth").write_bytes(b"not a checkpoint")
    with pytest.raises(UserError, match="damaged"):
        read_weights(tmp_path / "d.pth")
    with pytest.raises(UserError, match="no such file"):
        read_weights(tmp_path / "missing.pth")
    with pytest.raises(UserError, match="holds no tensors"):
        read_weights(write_zip(tmp_path / "e.pth", pickle.dumps({"a": 1}, protocol=2)))
    with pytest.raises(UserError, match="holds a list"):
        read_weights(write_zip(tmp_path / "f.pth", pickle.dumps([1], protocol=2)))
    whole = write_zip(tmp_path / "g.pth", tensor_pickle(), blocks=[bytes(16)]).read_bytes()
    for length in range(0, len(whole), 7):
        (tmp_path / "g.pth").write_bytes(whole[:length])
        with pytest.raises(UserError):
            read_weights(tmp_path / "g.pth")


def write_safetensors(path, header, data):
    encoded = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(encoded)) + encoded + data)
    return path


def test_safetensors_by_hand(tmp_path):
    header = {
        "__metadata__": {"format": "pt"},
        "w": {"dtype": "F32", "shape": [2, 1], "data_offsets": [0, 8]},
        "b": {"dtype": "BF16", "shape": [2], "data_offsets": [8, 12]},
    }
    data = struct.pack("<ff", 1.5, -2) + bytes([0xC0, 0x3F, 0x00, 0xC0])  # bfloat16: the upper halves of 1.5 and -2
    weights = read_weights(write_safetensors(tmp_path / "a.safetensors", header, data))
    assert weights.tensors["w"].tolist() == [[1.5], [-2]] and weights.tensors["b"].tolist() == [1.5, -2]
    for entry in ({"data_offsets": [8, 40]}, {"dtype": "F9"}, {"shape": [3]}, {"data_offsets": [-8, 0]}):
        bad = write_safetensors(tmp_path / "b.safetensors", {"w": {**header["w"], **entry}}, data)
        with pytest.raises(UserError, match="damaged"):
            read_weights(bad)
    (tmp_path / "c.safetensors").write_bytes(struct.pack("<Q", 2**60) + b"{}")
    with pytest.raises(UserError, match="implausibly large"):
        read_weights(tmp_path / "c.safetensors")


@pytest.mark.parity
def test_safetensors_against_the_package(tmp_path):
    package = pytest.importorskip("safetensors.numpy")
    package.save_file(TENSORS, tmp_path / "a.safetensors")
    weights = read_weights(tmp_path / "a.safetensors")
    assert all(np.array_equal(weights.tensors[name], value) for name, value in TENSORS.items())


@pytest.mark.parity
@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "before 1.6"])
def test_what_pytorch_saves(tmp_path, zipped):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    layer = torch.nn.BatchNorm2d(3)
    base = torch.randn(4, 5)
    state = layer.state_dict() | {
        "view": base[1:, ::2].T,
        "shared": base,
        "parameter": torch.nn.Parameter(torch.randn(2)),
        "bfloat16": torch.randn(6, dtype=torch.bfloat16),
        "double": torch.randn(3, dtype=torch.float64),
        "bool": torch.tensor([True, False]),
        "empty": torch.zeros(0, 3),
    }
    content = {
        "state_dict": state,
        "epoch": np.int64(4),
        "best": np.float64(0.25),
        "log": [np.zeros(3), {"device": torch.device("cuda:1"), "size": torch.Size([1, 2]), "raw": b"x"}],
        "optimizer": torch.optim.SGD(layer.parameters(), 0.1, momentum=0.9).state_dict(),
    }
    torch.save(content, tmp_path / "a.pth", _use_new_zipfile_serialization=zipped)
    weights = read_weights(tmp_path / "a.pth")
    assert set(weights.tensors) == set(state)
    for name, value in state.items():
        assert np.array_equal(weights.tensors[name], value.detach().to(torch.float64).numpy())
    assert (weights.settings["epoch"], weights.settings["best"]) == (4, 0.25)
    assert weights.settings["log"][1]["size"] == (1, 2)


@pytest.mark.parity
def test_pytorch_opens_what_is_written(tmp_path):
    torch = pytest.importorskip("torch")
    state = {**TENSORS, "again": TENSORS["a.bias"]}
    write_torch(tmp_path / "a.pth", {"state_dict": state, "plans": {"a": [1, (2, None)]}})
    content = torch.load(tmp_path / "a.pth", weights_only=True)
    assert content["plans"] == {"a": [1, (2, None)]}
    assert all(np.array_equal(content["state_dict"][name].numpy(), value) for name, value in TENSORS.items())
    assert content["state_dict"]["again"].data_ptr() == content["state_dict"]["a.bias"].data_ptr()
