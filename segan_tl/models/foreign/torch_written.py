"""Checkpoints as PyTorch writes them, .pth in its zip format, written without PyTorch."""

import math
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from segan_tl.disk.atomic import atomic_path

WRITTEN = {"float32": "FloatStorage", "float64": "DoubleStorage", "float16": "HalfStorage", "int64": "LongStorage"}


def write_torch(path: Path, content: Mapping) -> None:
    """Write a dict as `torch.save` does, atomically: texts, numbers, lists, tuples, dicts and arrays (as tensors).

    An array that stands at several places is stored once, as PyTorch does with shared parameters. The same content
    gives the same bytes: no time is written.
    """
    arrays: dict[int, np.ndarray] = {}
    pickle = b"\x80\x02" + b"".join(_emit(content, arrays)) + b"."
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        members = {"data.pkl": pickle, "byteorder": b"little"}
        members |= {f"data/{key}": np.ascontiguousarray(array) for key, array in enumerate(arrays.values())}
        for name, content in (members | {"version": b"3\n"}).items():
            archive.writestr(zipfile.ZipInfo(f"archive/{name}"), bytes(content))


def _emit(value, arrays):
    """Yield the operations of the pickle of a value; arrays are put aside under their identity."""
    if value is None or isinstance(value, bool):
        yield {None: b"N", True: b"\x88", False: b"\x89"}[value]
    elif isinstance(value, str):
        yield b"X" + struct.pack("<I", len(value.encode())) + value.encode()
    elif isinstance(value, int):
        data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
        yield b"\x8a" + bytes([len(data)]) + data
    elif isinstance(value, float):
        yield b"G" + struct.pack(">d", value)
    elif isinstance(value, np.ndarray):
        yield from _emit_tensor(value, arrays)
    elif isinstance(value, Mapping):
        yield b"}("
        for key, item in value.items():
            yield from _emit(key, arrays)
            yield from _emit(item, arrays)
        yield b"u"
    elif isinstance(value, list | tuple):
        yield b"(" if isinstance(value, tuple) else b"]("
        for item in value:
            yield from _emit(item, arrays)
        yield b"t" if isinstance(value, tuple) else b"e"
    else:
        raise TypeError(f"a {type(value).__name__} has no place in a checkpoint: expected texts, numbers and arrays")


def _emit_tensor(array, arrays):
    """Yield the call of torch._utils._rebuild_tensor_v2 that PyTorch makes of an array."""
    arrays.setdefault(id(array), array)
    key = str(list(arrays).index(id(array)))
    strides = tuple(math.prod(array.shape[axis + 1 :]) for axis in range(array.ndim))
    yield b"ctorch._utils\n_rebuild_tensor_v2\n(("
    yield from _emit("storage", arrays)
    yield f"ctorch\n{WRITTEN[array.dtype.name]}\n".encode()
    for value in (key, "cpu", array.size):
        yield from _emit(value, arrays)
    yield b"tQ"
    for value in (0, array.shape, strides, False):
        yield from _emit(value, arrays)
    yield b"ccollections\nOrderedDict\n)RtR"
