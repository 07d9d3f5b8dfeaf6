"""PyTorch files as data: what is read and what is refused."""

import io
import json
import pickle
import struct
import time
import zipfile

import numpy as np
import pytest

from segan_tl.errors import UserError
from segan_tl.models.foreign.torch_files import read_weights
from segan_tl.models.foreign.torch_pickle import read_pickle
from segan_tl.models.foreign.torch_written import write_torch

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


def laughs(start, fold):
    """Return a value that stands ten times in a value that stands ten times in another, thirty deep."""
    layers = b"".join(b"q" + bytes([n]) + b"(" + (b"h" + bytes([n])) * 10 + fold for n in range(30))
    return b"\x80\x02" + start + layers


REPEATED = b"(" + b"K\1" * 1000 + b"t"
HEAVY = {
    "a nested tuple as a key": laughs(b"(K\1K\1t", b"t") + b"q\x40}h\x40K\1s.",
    "a nested tuple as the key of a pair": laughs(b"(K\1K\1t", b"t")
    + b"q\x40ccollections\nOrderedDict\n]h\x40K\1\x86a\x85R.",
    "a nested tuple as the key of a storage": laughs(b"(K\1K\1t", b"t")
    + b"q\x40(X\7\0\0\0storagectorch\nFloatStorage\n"
    + b"h\x40X\3\0\0\0cpuK\4tQ.",
    "a nested tuple that is called": laughs(b"(K\1K\1t", b"t") + b")R.",
    "a nested tuple as a type": laughs(b"(K\1K\1t", b"t")
    + b"q\x40cnumpy.core.multiarray\nscalar\n(cnumpy\ndtype\nh\x40\x85RC\1ztR.",
    "a nested list": laughs(b"(lK\1a", b"l").replace(b"l", b"t") + b".",
    "a text that stands a million times": laughs(b"X\0\1\0\0" + b"x" * 256, b"t") + b".",
    "a list in itself": b"\x80\2]q\0h\0a.",
    "a dict in itself": b"\x80\2}q\0X\1\0\0\0ah\0s.",
    "depth": b"\x80\2" + b"K\1" + b"\x85" * 2000 + b".",
    "lists in lists": b"\x80\2" + b"]" * 2000 + b"a" * 1999 + b".",
    "operations": b"\x80\2" + b"](" + b"N" * 2_000_000 + b"e.",
    "sizes of sizes": b"\x80\2" + REPEATED + b"q\0" + b"ctorch\nSize\nq\1" + b"h\1h\0\x85R" * 100_000 + b".",
    "texts of texts": b"\x80\2X\0\0\x10\0" + b"x" * 2**20 + b"q\0X\6\0\0\0latin1q\1c_codecs\nencode\nq\2"
    + b"h\2h\0h\1\x86R" * 2000 + b".",
    "a text that is longer than the file": b"\x80\4\x8d" + struct.pack("<Q", 2**62) + b"x.",
}


@pytest.mark.parametrize("kind", HEAVY)
def test_a_few_bytes_cannot_ask_for_work_without_end(tmp_path, kind):
    started = time.process_time()
    with pytest.raises(UserError):
        read_weights(write_zip(tmp_path / "a.pth", HEAVY[kind]))
    assert time.process_time() - started < 20


@pytest.mark.parametrize("key", [b"N", b"\x88", b"G" + bytes(8), b")", b"K\1\x85"], ids=range(5))
def test_keys_are_texts_or_whole_numbers(key):
    assert read_pickle(io.BytesIO(b"\x80\2}(X\1\0\0\0aK\1K\2K\3u."), "file.pth") == {"a": 1, 2: 3}
    with pytest.raises(UserError, match="keys are neither texts nor whole numbers"):
        read_pickle(io.BytesIO(b"\x80\2}" + key + b"K\1s."), "file.pth")


def test_archives_that_are_not_what_torch_wrote(tmp_path):
    sound = write_zip(tmp_path / "a.pth", tensor_pickle(), blocks=[bytes(16)]).read_bytes()
    locked, place = bytearray(sound), -1
    while (place := locked.find(b"PK\x01\x02", place + 1)) >= 0:
        locked[place + 8] |= 1
    (tmp_path / "b.pth").write_bytes(locked)
    with pytest.raises(UserError, match="encrypted"):
        read_weights(tmp_path / "b.pth")
    path = write_zip(tmp_path / "c.pth", tensor_pickle(), blocks=[bytes(2**16)])
    with zipfile.ZipFile(path, "a") as archive:  # a thousand names for the same bytes
        twin = archive.getinfo("archive/data/0")
        for number in range(1, 1000):
            other = zipfile.ZipInfo(f"archive/data/{number}")
            other.header_offset, other.CRC = twin.header_offset, twin.CRC
            other.file_size = other.compress_size = twin.file_size
            archive.filelist.append(other)
        archive._didModify = True
    assert len(zipfile.ZipFile(path).namelist()) > 1000
    with pytest.raises(UserError, match="damaged"):
        read_weights(path)


def test_many_tensors_of_the_same_numbers(tmp_path):
    """nnU-Net names every tensor four times; a thousand times is work that no network asks for."""
    shared = np.zeros(1000, "float32")
    for times, sound in ((4, True), (1000, False)):
        write_torch(tmp_path / "a.pth", {"state_dict": {f"w{n}": shared for n in range(times)}})
        if sound:
            assert len(read_weights(tmp_path / "a.pth").tensors) == times
            continue
        with pytest.raises(UserError, match="tensors of 1000000 numbers in storages of 1000"):
            read_weights(tmp_path / "a.pth")


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
        {"shape": (1,) * 65, "strides": (1,) * 65},
        {"offset": 2**31 - 1},
        {"shape": (0, -1), "strides": (1, 1)},
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
    (tmp_path / "d.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    with pytest.raises(UserError, match="is HDF5, as Keras writes it"):
        read_weights(tmp_path / "d.h5")
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
    places = ({"data_offsets": [8, 40]}, {"data_offsets": [-8, 0]}, {"shape": [3]}, {"shape": [-1, 1]}, {"shape": "21"})
    for entry in (*places, {"dtype": "F9"}, {"dtype": []}):
        bad = write_safetensors(tmp_path / "b.safetensors", {"w": {**header["w"], **entry}}, data)
        with pytest.raises(UserError, match="damaged"):
            read_weights(bad)
    every = {f"w{number}": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]} for number in range(9)}
    with pytest.raises(UserError, match="damaged"):  # nine times the same bytes
        read_weights(write_safetensors(tmp_path / "b.safetensors", every, data))
    (tmp_path / "b.safetensors").write_bytes(struct.pack("<Q", 200_000) + b"[" * 100_000 + b"]" * 100_000)
    with pytest.raises(UserError, match="damaged"):
        read_weights(tmp_path / "b.safetensors")
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
