"""Prepared arrays on disk, mapped when they are read (`stored`), each with one line behind it that proves it whole.

The line holds the CRC-32 of all that stands before it, so that whatever was cut, zeroed or written over is noticed
before anything parses it; and the SHA-256 of the voxels and the grid that the array was made of, by which an image that
changed is told from a file that was merely touched or copied.
"""

import hashlib
import io
import json
import threading
import zlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from segan_tl.data.cache_use import touch
from segan_tl.data.files.geometry import Geometry
from segan_tl.data.files.images import READING_VERSION, Source, files_of
from segan_tl.data.find.case import Case, Problem
from segan_tl.data.stored import StoredArray, open_stored
from segan_tl.disk.atomic import atomic_path
from segan_tl.disk.paths import fault_of_name
from segan_tl.errors import UserError

VERSION = 1  # of the line
CHUNK_BYTES = 1 << 20
SAMPLES, SAMPLE_BYTES = 8, 4096
LINE_BYTES = len(" crc32 12345678\n") + 64
# NumPy parses the header of a file as Python, and two threads that parse at once sometimes end in CPython 3.11's
# "SystemError: AST constructor recursion depth mismatch".
_PARSING = threading.Lock()

Prepared = TypeVar("Prepared")
Made = dict[str, tuple[np.ndarray, str]]  # name → the array, and the digest of its source


@dataclass(frozen=True, eq=False)
class Arrays:
    """The arrays of one case.

    Attributes:
        maps: name → array that is mapped when it is read.
        sources: name → digest of what it was made of.
        made_again: whether what lay in the cache was damaged.
    """

    maps: dict[str, StoredArray]
    sources: dict[str, str]
    made_again: bool = False


def prepare_each(
    cases: Iterable[Case],
    *,
    paths_of: Callable[[Case], dict[str, Path] | None],
    make: Callable[[Case], tuple[Made, Sequence[Problem]]],
    build: Callable[[Case, Arrays], Prepared],
    jobs: int,
    advance: Callable[[], None],
) -> tuple[list[Prepared], list[Problem]]:
    """Open the arrays of every case; make those that are not there, or are not what was written.

    Args:
        cases: what to prepare.
        paths_of: case → name → file, None where a source is missing.
        make: case → its arrays, or why there are none.
        build: (case, its arrays) → the prepared case.
        jobs: cases prepared at a time.
        advance: called after each case.

    Returns:
        The cases that are sound, and the problems of those that are not.
    """

    def prepare(case: Case) -> tuple[Prepared | None, list[Problem]]:
        paths = None if fault_of_name(case.id) else paths_of(case)  # what is wrong with a name, `make` tells
        found = paths and read_arrays(paths)
        if not found:
            damaged = bool(paths) and all(path.is_file() for path in paths.values())
            made, problems = make(case)
            if problems or paths is None:
                advance()
                return None, list(problems)
            write_arrays(paths, made)
            found = read_arrays(paths, made_again=damaged)
            if found is None:
                raise UserError(f"{paths} do not hold what was just written; check the disk, or choose another --cache")
        touch(paths.values())
        advance()
        return build(case, found), []

    with ThreadPoolExecutor(jobs) as pool:
        results = list(pool.map(prepare, cases))
    return [case for case, _ in results if case is not None], [problem for _, found in results for problem in found]


def write_arrays(paths: dict[str, Path], made: Made) -> None:
    """Write arrays atomically, each with its line."""
    for name, (array, source) in made.items():
        content = io.BytesIO()  # of a full disk, np.save to a file would not tell
        np.save(content, array, allow_pickle=False)
        content.write(_line(zlib.crc32(content.getbuffer()), source))
        with atomic_path(paths[name]) as temporary:
            temporary.write_bytes(content.getbuffer())


def read_arrays(paths: dict[str, Path], *, made_again: bool = False) -> Arrays | None:
    """Open arrays after reading all of them once; None where one is missing or damaged."""
    sources = {}
    for name, path in paths.items():
        length = path.stat().st_size - LINE_BYTES if path.is_file() else -1
        if length < 0:
            return None
        with path.open("rb") as file:
            file.seek(length)
            line = file.read()
        sources[name] = line[:64].decode("ascii", "replace")
        if line != _line(_crc32(path, length), sources[name]):
            return None
    with _PARSING:
        maps = {name: open_stored(path) for name, path in paths.items()}
    return Arrays(maps, sources, made_again)


def digest(geometry: Geometry, *images: np.ndarray) -> str:
    """Return the SHA-256 of voxels and of the grid that they lie on."""
    found = hashlib.sha256(geometry.affine.tobytes())
    for image in images:
        found.update(f"{image.shape} {image.dtype.str}".encode())
        found.update(np.ascontiguousarray(image))
    return found.hexdigest()


def name_hash(*preparation, sources: Sequence[Source]) -> str | None:
    """Return what the name of a prepared file holds of its sources and its preparation; None where a source is missing.

    Where a cohort lies, whose it is and when its files came there does not count, so that one that was moved, staged to
    another disk or given other rights is not prepared anew: a file is known by its name, its size, the second it was
    written in, and a sample of what it holds. The end of a .gz is the CRC-32 of all that is packed in it.
    """
    key = [VERSION, READING_VERSION, *preparation]
    for source in sources:
        if source is None or not Path(source.path).is_file():
            return None
        for file in files_of(Path(source.path)):
            status = file.stat()
            # Whole seconds: archives and copies to another file system drop the fraction.
            key.append([file.name, source.channel, status.st_size, int(status.st_mtime), _sample(file, status.st_size)])
    return hashlib.sha256(json.dumps(key).encode()).hexdigest()[:20]


def _sample(path: Path, size_bytes: int) -> int:
    """Return the CRC-32 of the first and the last bytes of a file, and of some evenly between."""
    found, step = 0, max(1, (size_bytes - SAMPLE_BYTES) // (SAMPLES - 1))
    with path.open("rb", buffering=0) as file:
        for start in range(0, max(1, size_bytes - SAMPLE_BYTES + 1), step):
            file.seek(start)
            found = zlib.crc32(file.read(SAMPLE_BYTES), found)
        file.seek(max(0, size_bytes - SAMPLE_BYTES))
        return zlib.crc32(file.read(SAMPLE_BYTES), found)


def _line(crc32: int, source: str) -> bytes:
    crc32 = zlib.crc32(source.encode(), crc32)  # the digest is proved as well
    return f"{source} crc32 {crc32:08x}\n".encode()


def _crc32(path: Path, length: int) -> int:
    """Return the CRC-32 of the first `length` bytes; by reading, as a map of a failing disk ends the process."""
    found = 0
    with path.open("rb") as file:
        while chunk := file.read(min(CHUNK_BYTES, length)):
            found, length = zlib.crc32(chunk, found), length - len(chunk)
    return found
