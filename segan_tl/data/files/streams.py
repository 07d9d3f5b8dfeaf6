"""Files and compressed streams to bytes, always read to their end, where the checksum stands.

A damaged .nii.gz makes some readers return wrong voxels without a word; a header may declare far more than there is.
"""

import bz2
import gzip
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np

from segan_tl.data.files.image_error import ImageError
from segan_tl.disk.reading import find_fault

MAX_BYTES = 8 * 2**30
# deflate cannot compress better than 1032 : 1, so a header that declares more than that lies.
MAX_DEFLATE_RATIO = 1032
# bzip2 brings an empty mask to a millionth; what declares more than deflate could hold must at least be small.
MAX_BZIP2_BYTES = 2**30
_CHUNK_BYTES = 2**20
_OPENERS = {b"\x1f\x8b": gzip.open, b"BZ": bz2.open}


def require_image_file(path: Path) -> None:
    """Refuse what is no regular file with something in it.

    Raises:
        ImageError: it is empty, or anything that `reading.require_file` refuses.
    """
    if fault := find_fault(path):
        raise ImageError(path, *fault)
    if not path.stat().st_size:
        raise ImageError(path, "the file is empty (0 bytes)")


def read_start(path: Path, count: int) -> bytes:
    """Read the first `count` bytes of what a file holds, fewer where it ends before.

    Raises:
        ImageError: no file, or a damaged stream.
    """
    with _open(path) as stream:
        return _read(path, stream, count)


def read_to_end(path: Path, count: int) -> np.ndarray:
    """Read the first `count` bytes of what a file holds, and verify the rest.

    Raises:
        ImageError: no file, fewer bytes than that, far more, or a damaged stream.
    """
    require_image_file(path)
    refuse_bomb(path, count)
    content, held = np.empty(count, np.uint8), 0
    with _open(path) as stream:
        while held < count and (piece := _read(path, stream, min(_CHUNK_BYTES, count - held))):
            content[held : held + len(piece)] = np.frombuffer(piece, np.uint8)
            held += len(piece)
        if held < count:
            raise ImageError(path, f"the file is truncated: {count} bytes were declared, {held} are there")
        for _ in range(64):
            if not _read(path, stream, _CHUNK_BYTES):
                return content
    raise ImageError(path, "the file holds far more data than its header declares")


def refuse_bomb(path: Path, declared: int) -> None:
    """Refuse a file too small for what its header declares, before memory is asked for.

    Raises:
        ImageError: its stream could never hold that much.
    """
    size = path.stat().st_size
    spared = MAX_BZIP2_BYTES if _opener(path) is bz2.open else 0
    if declared > MAX_BYTES or declared > max(size * MAX_DEFLATE_RATIO, spared):
        raise ImageError(
            path, f"the header declares {declared / 2**20:.0f} MiB of voxels but the file has {size} bytes"
        )


def _opener(path: Path):
    """Return what opens a file; a compressed stream is known by its first bytes, whatever the name says."""
    with path.open("rb") as stream:
        return _OPENERS.get(stream.read(2), open)


def _open(path: Path) -> BinaryIO:
    require_image_file(path)
    return _opener(path)(path, "rb")


def _read(path: Path, stream: BinaryIO, count: int) -> bytes:
    try:
        return stream.read(count)
    except EOFError:
        raise ImageError(path, "the file is truncated: its compressed stream ends early") from None
    except (OSError, ValueError, zlib.error) as error:
        raise ImageError(path, f"the file is damaged ({error})") from None
