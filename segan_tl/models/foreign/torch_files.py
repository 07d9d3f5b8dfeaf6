"""Files of PyTorch weights, read without PyTorch and without running what they contain.

.safetensors, and .pth / .pt / .model in PyTorch's zip format (since 1.6) and the one before. `torch_written.py` writes.
"""

import io
import json
import math
import os
import struct
import zipfile
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from segan_tl.disk.manifest import sha256
from segan_tl.disk.reading import require_file
from segan_tl.errors import UserError
from segan_tl.models.foreign.torch_pickle import WRONG, read_pickle
from segan_tl.models.foreign.torch_values import Storage, TensorReference

STATES = ("network_weights", "state_dict", "model_state_dict", "model")  # where checkpoints keep the weights
WRAPPERS = ("module.", "_orig_mod.")  # what DataParallel and torch.compile put before every name
LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
LARGEST_HEADER_BYTES = LARGEST_PICKLE_BYTES = 20_000_000
MOST_VIEWS = 20  # of a number; nnU-Net names each tensor four times
ENCRYPTED = 1  # bit of a member's flags
SAFETENSORS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "bfloat16", "I64": "<i8", "I32": "<i4", "I16": "<i2",
               "I8": "<i1", "U8": "<u1", "BOOL": "?"}  # fmt: skip
DAMAGE = (*WRONG, struct.error, zipfile.BadZipFile, RuntimeError)


class Weights(NamedTuple):
    """What a file of weights holds."""

    tensors: dict[str, np.ndarray]  # PyTorch name → array in PyTorch's layout
    settings: dict  # what else the checkpoint says: epoch, plans, …
    sha256: str

    @property
    def values(self) -> int:
        """Return how many numbers its tensors have."""
        return sum(array.size for array in self.tensors.values())


def read_weights(path: Path) -> Weights:
    """Read the tensors of a .safetensors, .pth, .pt or .model file; nothing in it is executed.

    Raises:
        UserError: the file is missing, damaged, of another format, or wants to run code.
    """
    try:
        digest = sha256(require_file(path))
        with path.open("rb") as file:
            start = file.read(4)
            if start == b"\x89HDF":
                raise UserError(f"{path} is HDF5, as Keras writes it, not PyTorch's; save the whole model as .keras")
            file.seek(0)
            if path.suffix == ".safetensors":
                return Weights(_read_safetensors(file), {}, digest)
            content, load = _read_zip(file, path) if start == b"PK\x03\x04" else _read_legacy(file, path)
            state, settings = _find_state(content, path)
            tensors = _view_all(state, load)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); give a file of weights") from None
    except DAMAGE as error:
        raise UserError(f"{path} is damaged or no file of weights ({error}); download it again") from error
    return Weights(tensors, settings, digest)


def _find_state(content, path):
    """Return the name → tensor part of a checkpoint and the rest."""
    if not isinstance(content, dict):
        raise UserError(f"{path} holds a {type(content).__name__}: expected a state_dict or a checkpoint with one")
    for key in STATES:
        if isinstance(content.get(key), dict):
            state, settings = content[key], {name: value for name, value in content.items() if name != key}
            break
    else:
        state, settings = content, {}
    state = {name: value for name, value in state.items() if isinstance(value, TensorReference)}
    if not state:
        raise UserError(f"{path} holds no tensors under {', '.join(STATES)} or at its top; give a file of weights")
    for wrapper in WRAPPERS:
        if all(name.startswith(wrapper) for name in state):
            state = {name.removeprefix(wrapper): value for name, value in state.items()}
    return state, settings


def _view_all(state, load) -> dict[str, np.ndarray]:
    """Return all tensors as views of their storages."""
    arrays = {}
    tensors = {name: _view(reference, load, arrays) for name, reference in state.items()}
    held, seen = (sum(array.size for array in some.values()) for some in (arrays, tensors))
    if seen > MOST_VIEWS * held:
        raise ValueError(f"tensors of {seen} numbers in storages of {held}")
    return tensors


def _view(reference, load, arrays) -> np.ndarray:
    """Return a tensor as a view of its storage, checked to lie inside."""
    storage, offset, shape, strides = reference
    if storage.key not in arrays:
        arrays[storage.key] = _numbers(load(storage), storage.dtype)
    array = arrays[storage.key]
    last = offset + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
    if math.prod(shape) == 0:
        return np.zeros(shape, array.dtype)
    if last >= array.size or math.prod(shape) > array.size:
        raise ValueError(f"a tensor {shape} reaches beyond its {array.size} numbers")
    steps = [stride * array.itemsize for stride in strides]
    return np.lib.stride_tricks.as_strided(array[offset:], shape, steps, writeable=False)


def _numbers(data: bytes, dtype: str) -> np.ndarray:
    """Return bytes as numbers; bfloat16 becomes float32, of which it is the first half."""
    if dtype == "bfloat16":
        return (np.frombuffer(data, "<u2").astype("<u4") << 16).view("<f4")
    return np.frombuffer(data, dtype)


def _read_zip(file: BinaryIO, path: Path):
    """Return the content of a zip checkpoint and what loads a storage."""
    archive = zipfile.ZipFile(file)
    members = {member.filename: member for member in archive.infolist()}
    pickles = [name for name in members if name.endswith("/data.pkl")]
    if len(pickles) != 1:
        raise UserError(f"{path} is a zip archive but no PyTorch checkpoint; give a .pth that torch.save wrote")
    root = pickles[0].removesuffix("data.pkl")
    if any(member.flag_bits & ENCRYPTED for member in members.values()):
        raise UserError(f"{path} is encrypted, which torch.save never does; give the file as torch.save wrote it")
    if any(member.compress_type != zipfile.ZIP_STORED for member in members.values()):
        raise UserError(f"{path} is compressed, which torch.save never does; do not trust this file")
    unpacked_bytes = sum(member.file_size for member in archive.infolist())
    if unpacked_bytes > path.stat().st_size or members[pickles[0]].file_size > LARGEST_PICKLE_BYTES:
        raise ValueError("its table of contents tells of more than there can be")
    if f"{root}byteorder" in members and archive.read(f"{root}byteorder") != b"little":
        raise UserError(f"{path} was written on a big-endian machine; save it again on another")
    content = read_pickle(io.BytesIO(archive.read(pickles[0])), str(path))
    return content, lambda storage: archive.read(f"{root}data/{storage.key}")


def _read_legacy(file: BinaryIO, path: Path):
    """Return the content of a checkpoint of PyTorch before 1.6 and what loads a storage."""
    if read_pickle(file, str(path)) != LEGACY_MAGIC:
        raise UserError(f"{path} is a pickle but no PyTorch checkpoint; give a .pth that torch.save wrote")
    read_pickle(file, str(path))  # version of the format
    if read_pickle(file, str(path)).get("little_endian") is not True:
        raise UserError(f"{path} was written on a big-endian machine; save it again on another")
    storages: dict[str, Storage] = {}
    content = read_pickle(file, str(path), storages)
    blocks = {}
    for key in read_pickle(file, str(path)):
        count = struct.unpack("<q", file.read(8))[0]
        if type(key) is not str or not 0 <= count <= path.stat().st_size:
            raise ValueError(f"a storage of {count} numbers")
        blocks[key] = (file.tell(), count * _item_bytes(storages[key].dtype))
        file.seek(blocks[key][1], os.SEEK_CUR)

    def load(storage: Storage) -> bytes:
        position, length = blocks[storage.key]
        file.seek(position)
        return file.read(length)

    return content, load


def _item_bytes(dtype: str) -> int:
    """Return the bytes of one number."""
    return 2 if dtype == "bfloat16" else np.dtype(dtype).itemsize


def _read_safetensors(file: BinaryIO) -> dict[str, np.ndarray]:
    """Return the tensors of a .safetensors file: a length, a JSON header with types, shapes and places, the numbers."""
    length = struct.unpack("<Q", file.read(8))[0]
    if length > LARGEST_HEADER_BYTES:
        raise ValueError("an implausibly large header")
    header = json.loads(file.read(length))
    header.pop("__metadata__", None)
    tensors, left_bytes = {}, os.fstat(file.fileno()).st_size - length
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        left_bytes -= end - start
        if not 0 <= start <= end or left_bytes < 0 or any(size < 0 for size in entry["shape"]):
            raise ValueError(f"{name} of shape {entry['shape']} from {start} to {end}")
        file.seek(8 + length + start)
        tensors[name] = _numbers(file.read(end - start), SAFETENSORS[entry["dtype"]]).reshape(entry["shape"])
    return tensors
