"""What the names in PyTorch's pickles stand for: tensors, storages, dicts; nothing of PyTorch is imported or called."""

import re
from typing import NamedTuple

import numpy as np

# PyTorch's storage class → NumPy's type; bfloat16 has none and is widened later.
STORAGES = {
    "torch.FloatStorage": "<f4",
    "torch.DoubleStorage": "<f8",
    "torch.HalfStorage": "<f2",
    "torch.BFloat16Storage": "bfloat16",
    "torch.LongStorage": "<i8",
    "torch.IntStorage": "<i4",
    "torch.ShortStorage": "<i2",
    "torch.CharStorage": "<i1",
    "torch.ByteStorage": "<u1",
    "torch.BoolStorage": "?",
}
NUMBER = re.compile(r"[fiub][1248]")
MOST_AXES, LARGEST_NUMBER = 64, 2**62


class Global(NamedTuple):
    """A name that the file wants to have called; nothing is looked up."""

    name: str


class Storage(NamedTuple):
    """A block of numbers elsewhere in the file."""

    dtype: str
    key: str
    count: int


class TensorReference(NamedTuple):
    """A tensor as a view of a storage, in elements."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class Unread(NamedTuple):
    """What PyTorch would build here and nobody needs: a device, an array in a log."""

    name: str
    arguments: tuple


def understand(function, arguments):
    """Return what a call stands for; nothing is called but the functions of MEANINGS."""
    if not isinstance(function, Global) or not isinstance(arguments, tuple):
        raise ValueError(f"a call of a {type(function).__name__}")
    if function.name in MEANINGS:
        return MEANINGS[function.name](*arguments)
    return Unread(function.name, arguments)


def _tensor(storage, offset, shape, strides, *_):
    """Return the reference that torch._utils._rebuild_tensor_v2 stands for, checked to be one."""
    numbers = (offset, *shape, *strides)
    sound = all(type(number) is int and 0 <= number < LARGEST_NUMBER for number in numbers)
    if not isinstance(storage, Storage) or not sound or len(shape) > MOST_AXES:
        raise ValueError("a tensor without a storage")
    return TensorReference(storage, offset, tuple(shape), tuple(strides))


def _dict(pairs=()):
    """Return the dict that a collections.OrderedDict stands for."""
    return dict(named(pairs))


def _first(value, *_):
    """Return the first argument: the tensor of a parameter."""
    return value


def _size(values=()):
    """Return the shape that a torch.Size stands for."""
    return tuple(values)


def _encode(text, encoding):
    """Return the bytes that protocol 2 writes as text."""
    if encoding != "latin1":
        raise ValueError(f"bytes in {encoding}")
    return text.encode("latin1")


def _scalar(dtype, data=b""):
    """Return the number that a NumPy scalar stands for."""
    if not isinstance(dtype, Unread) or not isinstance(kind := dtype.arguments[0], str) or not NUMBER.fullmatch(kind):
        return Unread("numpy scalar", ())
    return np.frombuffer(data, f"<{kind}", count=1)[0].item()


def named(pairs):
    """Return pairs whose keys are texts or numbers: the hash of nested tuples may take for ever."""
    pairs = list(pairs)
    if any(type(key) not in (str, int) for key, _ in pairs):
        raise ValueError("a dict whose keys are neither texts nor whole numbers")
    return pairs


MEANINGS = {
    "collections.OrderedDict": _dict,
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_parameter": _first,
    "torch._utils._rebuild_parameter_with_state": _first,
    "torch.Size": _size,
    "_codecs.encode": _encode,
    "numpy.core.multiarray.scalar": _scalar,
    "numpy._core.multiarray.scalar": _scalar,
}
UNREAD = {
    "torch.device",
    "numpy.dtype",
    "numpy.ndarray",
    "numpy.core.multiarray._reconstruct",
    "numpy._core.multiarray._reconstruct",
    "collections.defaultdict",
}
