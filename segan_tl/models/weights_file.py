"""The HDF5 member of a .keras file: taken out, and read by a process of its own before anything else opens it."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from segan_tl.errors import UserError
from segan_tl.models.archive import WEIGHTS

READER = Path(__file__).with_name("weights_reader.py")
BASE_MEMORY_BYTES = 2 * 2**30
READER_SECONDS = 300


def read_arrays(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Return the weights of a .keras file: group → array, and group → layer name.

    Args:
        path: of an archive that `read_archive` found sound.

    Raises:
        UserError: they cannot be read safely.
    """
    with _extracted(path) as file:
        output = file.with_suffix(".npz")
        names = _ask_reader(path, file, output)["names"]
        with np.load(output, allow_pickle=False) as saved:
            return {name: saved[name] for name in saved.files}, names


@contextlib.contextmanager
def checked_weights(path: Path) -> Iterator[tuple[Path, int]]:
    """Yield the HDF5 file of a .keras file, found sound, and how many numbers it holds; it is removed afterwards.

    Args:
        path: of an archive that `read_archive` found sound.

    Raises:
        UserError: it cannot be read safely.
    """
    with _extracted(path) as file:
        yield file, _ask_reader(path, file)["values"]


@contextlib.contextmanager
def _extracted(path: Path) -> Iterator[Path]:
    """Yield a copy of the HDF5 member in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="segan_tl_") as folder:
        file = Path(folder) / WEIGHTS
        with zipfile.ZipFile(path) as archive, archive.open(WEIGHTS) as member, file.open("wb") as copy:
            while block := member.read(2**20):
                copy.write(block)
        yield file


def _ask_reader(path: Path, weights: Path, *output: Path) -> dict:
    """Let a limited child process go through the HDF5 file; return what it says."""
    memory_bytes = BASE_MEMORY_BYTES + 4 * weights.stat().st_size
    # -P: the folder of the script stays off the path, where its neighbours would hide modules of Python's own.
    command = [sys.executable, "-P", str(READER), str(memory_bytes), str(weights), *map(str, output)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    try:
        answer = subprocess.run(
            command, capture_output=True, encoding="utf-8", errors="replace", timeout=READER_SECONDS, env=environment,
            check=False,
        )  # fmt: skip
        said = json.loads(answer.stdout) if answer.stdout.strip() else {}
    except (subprocess.TimeoutExpired, ValueError):
        answer, said = None, {}
    if answer is None or answer.returncode or "error" in said:
        reason = said.get("error", "the reading process was ended: out of its time or memory, or HDF5 failed")
        raise UserError(f"{path}: the weights cannot be read safely ({reason}); do not trust this file")
    return said
