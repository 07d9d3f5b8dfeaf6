"""The exceptions that are meant for the person at the keyboard, and how names are said in them."""

import difflib
import errno
from collections.abc import Iterable, Sequence
from pathlib import Path

FULL = (errno.ENOSPC, errno.EDQUOT)


class UserError(Exception):
    """Say in one sentence what was expected, what was found and what to type next.

    `python -m segan_tl` prints the sentence without a traceback and exits with code 2.

    Example:
        >>> try:
        ...     segan_tl.find_cases("nowhere")
        ... except segan_tl.UserError as error:
        ...     print(error)
        expected a folder of cases; nowhere does not exist; check the path
    """


class CannotWrite(UserError):
    """Say what could not be written; that is no fault of a case, so none is left out for it."""


def cannot_write(path: Path, error: OSError) -> CannotWrite:
    """Return what to raise where the system refuses to write `path`."""
    reason = error.strerror or str(error)
    if is_full(error):
        return CannotWrite(f"the disk is full: cannot write {path} ({reason}); free some space and run again")
    return CannotWrite(f"cannot write {path}: {reason}; check the folder, or choose another one")


def is_full(error: OSError) -> bool:
    """Tell whether the system had no space left; HDF5 says so in its text alone."""
    return error.errno in FULL or any(f"errno = {number}," in str(error) for number in FULL)


def some(names: Sequence[str], most: int = 3) -> str:
    """Return the first names, and how many there are beside them: "a, b, c and 2 more"; all where they are few."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def nearest(word: str, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """Return the known name that is most like a mistyped one, in any case of letters; None where none is alike.

    Args:
        word: what was typed.
        known: the names there are.
        cutoff: least likeness, 0 (the nearest, however far) to 1 (the same letters).
    """
    names = {name.lower(): name for name in known}
    found = difflib.get_close_matches(word.lower(), names, n=1, cutoff=cutoff)
    return names[found[0]] if found else None
