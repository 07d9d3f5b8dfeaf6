"""A checkpoint is a folder with a MANIFEST.json of sizes and sha256 sums, held against it before anything parses it."""

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path

from segan_tl.disk.atomic import atomic_folder, flush, write_json
from segan_tl.disk.ownership import MANIFEST
from segan_tl.disk.paths import safe_name
from segan_tl.errors import UserError
from segan_tl.schemas.reading import read_json
from segan_tl.schemas.runs import Manifest


@contextlib.contextmanager
def atomic_checkpoint(folder: Path) -> Iterator[Path]:
    """Yield an empty folder to fill; add the manifest and put it in the place of `folder` when the block succeeds.

    Raises:
        CannotWrite: the disk is full; the checkpoint that stood at `folder` is still there.
    """
    with atomic_folder(folder) as fresh:
        yield fresh
        write_manifest(fresh)


def write_manifest(folder: Path) -> None:
    """Record size and sha256 of every file of a checkpoint, after flushing them to disk."""
    files = {}
    for file in sorted(folder.iterdir()):
        if file.name != MANIFEST:
            flush(file)
            files[file.name] = {"bytes": file.stat().st_size, "sha256": sha256(file)}
    write_json(folder / MANIFEST, {"files": files})


def verify(folder: Path) -> dict[str, str]:
    """Compare a checkpoint with its manifest before anything parses it; return file name → sha256.

    Raises:
        UserError: the checkpoint or its manifest is missing, or a file differs.
    """
    if not (folder / MANIFEST).is_file():
        raise UserError(
            f"{folder} holds no complete checkpoint (no {MANIFEST}); finish its training, or train it again with "
            "--overwrite"
        )
    files = read_json(folder / MANIFEST, Manifest)["files"]
    for name, recorded in files.items():
        file = folder / safe_name(name, f"the file of {folder / MANIFEST}")
        if not file.is_file() or file.stat().st_size != recorded["bytes"] or sha256(file) != recorded["sha256"]:
            raise UserError(
                f"{file} is not what the run saved (size or sha256 differ from {MANIFEST}): it is damaged or was "
                "changed; restore it from a backup or train again with --overwrite"
            )
    return {name: recorded["sha256"] for name, recorded in files.items()}


def sha256(path: Path) -> str:
    """Return the sha256 of a file as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
