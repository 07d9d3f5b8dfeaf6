"""An array in a .npy file, of which no file stays open: it is mapped when it is read, and the maps are few.

Two open files a case were 2500 at 1250 cases, where most systems allow 1024. A view of an array keeps its own map.
"""

import functools
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from segan_tl.errors import UserError

MAPS = 64  # kept open at a time, of all arrays of the process; each holds a descriptor


@dataclass(frozen=True, eq=False)
class StoredArray:
    """An array that is read where it is indexed; NumPy takes it for an array, too.

    Attributes:
        path: a .npy file in C order.
        shape, dtype: of the array.
        offset_bytes: where its values begin.
        identity: of the file when it was opened; one that is written anew has maps of its own.

    Example:
        >>> labels = open_stored(path)
        >>> labels.shape, labels[10].any(), np.asarray(labels).mean()
    """

    path: Path
    shape: tuple[int, ...]
    dtype: np.dtype
    offset_bytes: int
    identity: tuple[int, ...]

    @property
    def size(self) -> int:
        """Return the number of values."""
        return int(np.prod(self.shape, dtype=np.int64))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, place) -> np.ndarray:
        return self._map()[place]

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return np.array(self._map(), dtype=dtype, copy=copy)

    def astype(self, dtype) -> np.ndarray:
        """Return all of it in memory, as another type."""
        return np.array(self._map(), dtype=dtype)

    def _map(self) -> np.ndarray:
        return _map(self.path, self.shape, self.dtype, self.offset_bytes, self.identity)


def open_stored(path: Path) -> StoredArray:
    """Read the header of a .npy file; of its values nothing.

    Raises:
        ValueError: it is none, or in Fortran order.
    """
    with path.open("rb") as file:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(file)
        if fortran or dtype.hasobject:
            raise ValueError(f"{path} holds no array in C order")
        status = os.fstat(file.fileno())
        return StoredArray(path, shape, dtype, file.tell(), (status.st_ino, status.st_size, status.st_mtime_ns))


@functools.lru_cache(maxsize=MAPS)
def _map(path: Path, shape: tuple, dtype: np.dtype, offset_bytes: int, identity: tuple) -> np.ndarray:
    if 0 in shape:  # no file can be mapped with nothing in it
        return np.empty(shape, dtype)
    try:
        return np.memmap(path, dtype, mode="r", offset=offset_bytes, shape=shape)
    except (FileNotFoundError, ValueError):
        raise UserError(
            f"expected {path} as it was when this command began; it was removed or cut meanwhile; run the same command "
            "again: what is missing is prepared again"
        ) from None
