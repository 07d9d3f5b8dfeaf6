"""How a file or a folder is written safely: under a temporary name, flushed to disk, and renamed.

A kill at any moment leaves the old or the new one; `recover` finishes what a kill between two renames of a folder left
behind.
"""

import contextlib
import csv
import io
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from segan_tl.disk.leftovers import clear_leftovers, temporary_path
from segan_tl.disk.ownership import carry_over
from segan_tl.errors import UserError, cannot_write


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` to write to; rename it to `path` when the block succeeds.

    Raises:
        CannotWrite: the disk is full; what stood at `path` is still there.
    """
    temporary = temporary_path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        clear_leftovers(path.parent)
        yield temporary
        flush(temporary)
        os.replace(temporary, path)
        flush(path.parent)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: dict) -> None:
    """Write a JSON file atomically."""
    write_text(path, json.dumps(value, indent=2) + "\n")


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Mapping]) -> None:
    """Write these columns of the rows as a CSV file atomically; numbers have all their digits, None is empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())


@contextlib.contextmanager
def atomic_folder(folder: Path) -> Iterator[Path]:
    """Yield an empty folder to fill; put it in the place of `folder` when the block succeeds.

    What somebody else has put into `folder` comes over.

    Raises:
        CannotWrite: the disk is full; what stood at `folder` is still there.
    """
    fresh, old = siblings(folder)
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        fresh.mkdir(parents=True)
        yield fresh
    except OSError as error:
        shutil.rmtree(fresh, ignore_errors=True)
        raise cannot_write(folder, error) from error
    except UserError:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    recover(folder, keep_fresh=True)
    if folder.exists():
        os.replace(folder, old)
    os.replace(fresh, folder)
    flush(folder.parent)
    recover(folder)


def recover(folder: Path, *, keep_fresh: bool = False) -> None:
    """Finish or undo a publication that a kill interrupted: afterwards `folder` is whole, or absent."""
    fresh, old = siblings(folder)
    if not folder.exists() and old.exists():
        os.replace(old, folder)
    if old.exists():
        carry_over(old, folder)
    if not keep_fresh:
        shutil.rmtree(fresh, ignore_errors=True)


def siblings(folder: Path) -> tuple[Path, Path]:
    """Return where a folder is filled before it is published, and where the one before it waits meanwhile."""
    return folder.with_name(f".{folder.name}.fresh"), folder.with_name(f".{folder.name}.old")


def flush(path: Path) -> None:
    """Bring a file or a folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
