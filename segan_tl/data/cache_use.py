"""Who uses a cache, when each prepared file was used last, and the removal of what nobody has used for long.

A command that reads a cache holds it until it ends, together with any others; what removes from it must hold it alone.
The time of last use is the file's access time, which is set whenever a command finds the file.
"""

import contextlib
import os
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from segan_tl.errors import UserError

LOCK = ".in-use"
DAY_SECONDS = 86_400
# Prepared arrays, those of earlier versions too: <what>-<hash>.npy in the folder of a case, a line of proof at its end.
_NAME = re.compile(
    r"(image|labels|positions|box|fingerprint|tumour|tissues|tissue_voxels|volume-\w+|t1|t1c|t2|flair)"
    r"-[0-9a-f]{20}\.npy"
)
_PROOF = re.compile(rb"[0-9a-f]{64} crc32 [0-9a-f]{8}\n")
_PROOF_BYTES = 80
_held: dict[Path, object] = {}  # cache → its open lock, for as long as this process lives


@dataclass(frozen=True)
class PreparedFile:
    """One prepared array of a cache."""

    path: Path
    size_bytes: int
    unused_days: float


def hold(folder: Path) -> None:
    """Hold a cache, which is made if need be, until this process ends; others may hold it, too."""
    folder = folder.resolve()
    if folder not in _held:
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(ImportError, PermissionError):  # Windows; a cache that may only be read
            _held[folder] = _lock(folder)


def touch(paths: Iterable[Path]) -> None:
    """Note that files are used now; when they were written stays as it is."""
    now = time.time_ns()
    for path in paths:
        with contextlib.suppress(OSError):  # of a cache that may only be read
            os.utime(path, ns=(now, path.stat().st_mtime_ns))


def find_prepared(folder: Path) -> list[PreparedFile]:
    """Return the prepared arrays of a cache, sorted by path; whatever else lies there is not among them."""
    now, found = time.time(), []
    for path in sorted(folder.glob("*/*.npy")):
        if _NAME.fullmatch(path.name) and path.is_file() and not path.is_symlink() and _has_proof(path):
            status = path.stat()
            unused_days = (now - status.st_atime) / DAY_SECONDS
            found.append(PreparedFile(path, status.st_size, max(0.0, unused_days)))
    return found


def remove_unused(folder: Path, *, days: float) -> list[PreparedFile]:
    """Remove the prepared arrays that no command has used for so many days, and the folders that are empty then.

    Returns:
        What was removed.

    Raises:
        UserError: a command uses the cache now.
    """
    try:
        lock = _lock(folder, alone=True)
    except BlockingIOError:
        raise UserError(
            f"expected that no command uses {folder}; one does now; wait for it, and type the same again"
        ) from None
    with contextlib.closing(lock):
        gone = [file for file in find_prepared(folder) if file.unused_days >= days]
        for file in gone:
            file.path.unlink(missing_ok=True)
        for place in {file.path.parent for file in gone}:
            with contextlib.suppress(OSError):  # not empty
                place.rmdir()
    return gone


def _lock(folder: Path, *, alone: bool = False):
    import fcntl  # not on Windows

    file = (folder / LOCK).open("a", encoding="ascii")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB if alone else fcntl.LOCK_SH)
    except BlockingIOError:
        file.close()
        raise
    except OSError:  # a file system without locks
        pass
    return file


def _has_proof(path: Path) -> bool:
    """Tell whether a file ends as those do that were written here; that it was looked at is no use of it."""
    status = path.stat()
    if status.st_size < _PROOF_BYTES:
        return False
    with path.open("rb") as file:
        file.seek(-_PROOF_BYTES, os.SEEK_END)
        found = _PROOF.fullmatch(file.read()) is not None
    with contextlib.suppress(OSError):
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    return found
