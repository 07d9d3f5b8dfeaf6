"""Names that become a part of a path: from a file, an archive, a configuration or the command line, checked here."""

import unicodedata
from collections.abc import Iterable
from pathlib import Path

from segan_tl.errors import UserError

# A file system takes 255 bytes; a temporary name of <case>_probability.nii.gz, the longest made of one, adds 54.
LONGEST_BYTES = 200
SHOWN = 60
# Categories of Unicode: control characters, lone surrogates (bytes that are no UTF-8), line and paragraph separators.
_UNPRINTABLE = {"Cc", "Cs", "Zl", "Zp"}
_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10))}


def fault_of_name(name: str) -> str | None:
    """Return why a text cannot name one file or folder, and nothing outside of its own folder; None where it can."""
    if not name:
        return "it is empty"
    if name[0] in ".-":
        return f"it begins with {name[0]!r}"
    for character in name:
        if character in "/\\" or unicodedata.category(character) in _UNPRINTABLE:
            return f"it holds {character!r}"
    if name.partition(".")[0].lower() in _DEVICES:
        return "it is the name of a device"
    if len(name.encode()) > LONGEST_BYTES:
        return f"it is longer than {LONGEST_BYTES} bytes"
    return None


def safe_name(name: str, what: str) -> str:
    """Return a name that may become one part of a path.

    Args:
        name: from a file, an archive, a configuration or the command line.
        what: whose it is, for the message, such as "the case" or "the folder of --data".

    Raises:
        UserError: it could lead elsewhere, or no file system would take it.
    """
    if fault := fault_of_name(name):
        shown = name if len(name) <= SHOWN else f"{name[:SHOWN]}…"
        raise UserError(f"{what} {shown!r} cannot name a file or folder ({fault}); rename it")
    return name


def folder_name(folder: Path, what: str) -> str:
    """Return the own name of a folder, by which something else is called; `.` and links are followed first.

    Raises:
        UserError: it cannot be one part of a path, as that of / cannot.
    """
    return safe_name(folder.resolve().name, what)


def require_once(paths: Iterable[Path], what: str = "run") -> None:
    """Refuse paths of which two are the same place.

    Raises:
        UserError: it names the place.
    """
    places = [path.resolve() for path in paths]
    for place in places:
        if places.count(place) > 1:
            raise UserError(f"expected every {what} once; {place} is named twice; leave it out once")


def run_folder(runs: Path, *names: str) -> Path:
    """Return the folder of a run below `runs`: the name of its configuration, its own, and that of a fold.

    Raises:
        UserError: one of them is not one part of a path.
    """
    return runs.joinpath(*(safe_name(name, "the run") for name in names))
