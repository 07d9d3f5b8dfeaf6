"""Read the pickle inside a PyTorch file as data: a small machine of our own that never calls what the file names.

Python's unpickler looks names up and calls them, so a file can do anything. Here a name stays a name; the few that
PyTorch and NumPy write are understood by the table below and everything else is refused.
"""

import itertools
import pickletools
import re
from typing import BinaryIO

from segan_tl.errors import UserError
from segan_tl.models.foreign.torch_values import (
    MEANINGS,
    STORAGES,
    UNREAD,
    Global,
    Storage,
    TensorReference,
    Unread,
    named,
    understand,
)

# What reading a damaged file raises; MemoryError where a length in it is absurd.
WRONG = (ValueError, LookupError, TypeError, AttributeError, OverflowError, MemoryError, EOFError, RecursionError)
# A checkpoint with its optimizer takes some 100,000 operations; a second of work is enough for every real one.
MOST_WORK = 1_000_000
MOST_VALUES, DEEPEST = 1_000_000, 100
LETTERS_OF_A_VALUE = 100
CONTAINERS = (list, dict, tuple, Unread, TensorReference)


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
            machine.work(1)
            if machine.step(operation.name, argument):
                return _unfolded(machine.stack.pop())
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
        self.left = MOST_WORK

    def work(self, amount: int) -> None:
        """Count what is done: a few bytes can ask for work without end."""
        self.left -= amount
        if self.left < 0:
            raise ValueError(f"more than {MOST_WORK} operations")

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
            self._top(dict).update(named(zip(values[::2], values[1::2], strict=True)))
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
            known = isinstance(storage, Global) and storage.name in STORAGES and type(key) is str
            if kind != "storage" or not known or type(count) is not int:
                raise ValueError("an unknown kind of storage")
            self.storages[key] = Storage(STORAGES[storage.name], key, count)
            stack.append(self.storages[key])
        elif name in ("REDUCE", "NEWOBJ"):
            function, arguments = self._pop(2)
            self.work(sum(map(_length, arguments)))
            stack.append(understand(function, arguments))
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


def _length(value) -> int:
    """Return how much work it is to go through a value once."""
    if isinstance(value, str | bytes):
        return len(value) // LETTERS_OF_A_VALUE
    return len(value) if isinstance(value, list | dict | tuple) else 0


def _unfolded(value):
    """Return a value that may be gone through: what stands in it many times counts as often, and it has an end."""
    values, level = 0, [value]
    for _ in range(DEEPEST):
        values += len(level) + sum(_length(node) for node in level if isinstance(node, str | bytes))
        inner = (node.values() if isinstance(node, dict) else node for node in level if type(node) in CONTAINERS)
        level = list(itertools.islice(itertools.chain.from_iterable(inner), MOST_VALUES))
        if not level:
            return value
        if values + len(level) > MOST_VALUES:
            raise ValueError(f"more than {MOST_VALUES} values")
    raise ValueError(f"values nested more than {DEEPEST} deep")
