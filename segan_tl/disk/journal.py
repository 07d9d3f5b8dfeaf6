"""What a long command has done so far, a line a case: after a kill the same command goes on behind the last one.

A line is added whole or, by a kill in its midst, not counted. Its key says what the result was made of, so that one of
other files or settings is never taken for it. The journal goes when the command has written its results.
"""

import hashlib
import json
import os
from pathlib import Path

from segan_tl.errors import UserError, cannot_write

HEADER = '{"journal": "segan_tl 1"}\n'


class Journal:
    """Results by key.

    Args:
        path: of the journal, there or not.

    Attributes:
        found: key → what earlier calls, which were interrupted, have added.

    Raises:
        UserError: somebody else has a file of that name.
    """

    def __init__(self, path: Path):
        self.path = path
        self.found = _read(path)
        self._begun = bool(self.found)

    def add(self, key: str, value: object) -> None:
        """Add a result, on the disk when this returns.

        Args:
            key: of `key_of`.
            value: what JSON can hold; numbers of NumPy, too.

        Raises:
            CannotWrite: the disk is full.
        """
        try:
            with self.path.open("a" if self._begun else "w", encoding="utf-8") as file:
                if not self._begun:
                    file.write(HEADER)
                # After a torn line a new one begins.
                file.write("\n" + json.dumps({"key": key, "value": value}, default=_plain) + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise cannot_write(self.path, error) from error
        self._begun = True

    def remove(self) -> None:
        """Remove the journal: what it was for is done."""
        self.path.unlink(missing_ok=True)


def journal_path(path: Path) -> Path:
    """Return where the journal of a command that writes `path` lies: hidden, beside it."""
    return path.with_name(f".{path.name}.partial")


def key_of(*parts: object) -> str:
    """Return the key of a result that was made of these: what JSON can hold, else what it is printed as."""
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()


def _read(path: Path) -> dict[str, object]:
    """Return key → value; nothing of a torn line."""
    if not os.path.lexists(path):
        return {}
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else "a folder"
    if not text.startswith(HEADER):
        if HEADER.startswith(text):  # torn in its first line
            return {}
        raise UserError(f"{path} is there already, and segan_tl did not make it: it would be lost; move it away")
    entries = filter(None, map(_parse, text.split("\n")[1:]))
    return {entry["key"]: entry["value"] for entry in entries if {"key", "value"} == entry.keys()}


def _parse(line: str) -> dict | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _plain(value: object) -> object:
    """Return a number of NumPy as one of Python."""
    return value.item()
