"""Read the pickle inside a PyTorch file as data: a small machine of our own that never calls what the file names.

Python's unpickler looks names up and calls them, so a file can do anything. Here a name stays a name; the few that
PyTorch and NumPy write are understood by the table below and everything else is refused.
"""

import pickletools
import re
from typing import BinaryIO, NamedTuple

import numpy as np

from segan_tl.errors import UserError

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
# What reading a damaged file raises; MemoryError where a length in it is absurd.
WRONG = (ValueError, LookupError, TypeError, AttributeError, OverflowError, MemoryError, EOFError)
NUMBER = re.compile(r"[fiub][1248]")


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


def read_pickle(file: BinaryIO, source: str, storages: dict[str, Storage] | None = None) -> object:
    """Read one pickle from where the file stands: numbers, texts, lists, dicts and tensor references.

    Args:
        file: stands behind the pickle afterwards.
        source: name of the file, for errors.
        storages: gets every storage that the pickle names, by its key.

    Raises:
        UserError: the pickle is damaged or names anything but tensors; the sentence tells what.
    """
    machine = _Machine(source, {} if storages is None else storages)
    try:
        for operation, argument, _ in pickletools.genops(file):
            if machine.step(operation.name, argument):
                return machine.stack.pop()
    except WRONG as error:
        raise UserError(f"{source} is damaged or no PyTorch file ({error}); download it again") from error
    raise UserError(f"{source} is damaged: its pickle has no end; download it again")


class _Machine:
    """The stack, marks and memo of the pickle language."""

    CONSTANTS = {
        "NONE": lambda: None,
        "NEWTRUE": lambda: True,
        "NEWFALSE": lambda: False,
        "EMPTY_DICT": dict,
        "EMPTY_LIST": list,
        "EMPTY_TUPLE": tuple,
    }
    LITERALS = re.compile(r"(SHORT_)?BIN(INT[12]?|FLOAT|UNICODE8?|BYTES8?|STRING)|LONG[14]|SHORT_BINUNICODE")

    def __init__(self, source, storages):
        self.source, self.storages, self.stack, self.marks, self.memo = source, storages, [], [], {}

    def step(self, name, argument) -> bool:
        """Do one operation; return whether it was the last."""
        stack = self.stack
        if name in self.CONSTANTS:
            stack.append(self.CONSTANTS[name]())
        elif self.LITERALS.fullmatch(name):
            stack.append(argument)
        elif name in ("BINPUT", "LONG_BINPUT", "MEMOIZE"):
            self.memo[len(self.memo) if name == "MEMOIZE" else argument] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(self.memo[argument])
        elif name == "MARK":
            self.marks.append(len(stack))
        elif name == "TUPLE":
            stack.append(tuple(self._since_mark()))
        elif name in ("TUPLE1", "TUPLE2", "TUPLE3"):
            stack.append(tuple(self._pop(int(name[-1]))))
        elif name in ("APPEND", "APPENDS"):
            values = self._pop(1) if name == "APPEND" else self._since_mark()
            self._top(list).extend(values)
        elif name in ("SETITEM", "SETITEMS"):
            values = self._pop(2) if name == "SETITEM" else self._since_mark()
            self._top(dict).update(zip(values[::2], values[1::2], strict=True))
        else:
            return self._call(name, argument)
        return False

    def _call(self, name, argument):
        """Do one of the operations that would run code elsewhere."""
        stack = self.stack
        if name == "GLOBAL":
            stack.append(self._known(argument.replace(" ", ".", 1)))
        elif name == "STACK_GLOBAL":
            stack.append(self._known(".".join(self._pop(2))))
        elif name == "BINPERSID":
            kind, storage, key, _, count, *_ = stack.pop()
            if kind != "storage" or not isinstance(storage, Global) or storage.name not in STORAGES:
                raise ValueError("an unknown kind of storage")
            self.storages[key] = Storage(STORAGES[storage.name], key, count)
            stack.append(self.storages[key])
        elif name in ("REDUCE", "NEWOBJ"):
            function, arguments = self._pop(2)
            stack.append(_understand(function, arguments))
        elif name == "BUILD":
            stack.pop()  # attributes of a dict, or the content of something unread: not needed
            if not isinstance(stack[-1], dict | Unread | TensorReference):
                raise ValueError(f"attributes for a {type(stack[-1]).__name__}")
        elif name == "STOP":
            return True
        elif name not in ("PROTO", "FRAME"):
            raise ValueError(f"operation {name} has no place in it")
        return False

    def _known(self, name):
        """Return a name if it is one of those that PyTorch writes for tensors."""
        if name in STORAGES or name in MEANINGS or name in UNREAD:
            return Global(name)
        raise UserError(
            f"{self.source} wants to run {name} when opened, which no file of weights needs: do not trust it, "
            "or save its state_dict alone, best as .safetensors"
        )

    def _pop(self, count):
        """Take the last `count` values off the stack."""
        if len(self.stack) < count:
            raise ValueError("too few values")
        values = self.stack[-count:]
        del self.stack[-count:]
        return values

    def _since_mark(self):
        """Take the values since the last mark off the stack."""
        start = self.marks.pop()
        values = self.stack[start:]
        del self.stack[start:]
        return values

    def _top(self, kind):
        """Return the value on top of the stack, which has to be of this type."""
        if type(self.stack[-1]) is not kind:
            raise ValueError(f"expected a {kind.__name__}, found a {type(self.stack[-1]).__name__}")
        return self.stack[-1]


def _understand(function, arguments):
    """Return what a call stands for; nothing is called but the functions of MEANINGS."""
    if not isinstance(function, Global) or not isinstance(arguments, tuple):
        raise ValueError(f"a call of {str(function)[:40]}")
    if function.name in MEANINGS:
        return MEANINGS[function.name](*arguments)
    return Unread(function.name, arguments)


def _tensor(storage, offset, shape, strides, *_):
    """Return the reference that torch._utils._rebuild_tensor_v2 stands for, checked to be one."""
    numbers = (offset, *shape, *strides)
    if not isinstance(storage, Storage) or any(type(number) is not int or number < 0 for number in numbers):
        raise ValueError("a tensor without a storage")
    return TensorReference(storage, offset, tuple(shape), tuple(strides))


def _dict(pairs=()):
    """Return the dict that a collections.OrderedDict stands for."""
    return dict(pairs)


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
    if not isinstance(dtype, Unread) or not NUMBER.fullmatch(str(dtype.arguments[0])):
        return Unread("numpy scalar", ())
    return np.frombuffer(data, f"<{dtype.arguments[0]}", count=1)[0].item()


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
