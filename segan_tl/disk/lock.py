"""One process trains a run: the others are refused, and an empty folder is not left behind."""

import contextlib
import os
import platform
from collections.abc import Iterator
from pathlib import Path

from segan_tl.errors import UserError


@contextlib.contextmanager
def training_lock(root: Path) -> Iterator[None]:
    """Hold the run in a folder for this process, so that no second one trains it at the same time.

    Raises:
        UserError: another process holds it.
    """
    import fcntl  # not on Windows, where nothing but training needs it

    made = [folder for folder in root.parents if not folder.exists()]
    root.mkdir(parents=True, exist_ok=True)
    with (root / ".lock").open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise UserError(
                f"{root} is being trained by {file.read().strip() or 'another process'}; wait for it, or train "
                "under another name with --set name=another"
            ) from None
        file.truncate(0)
        file.write(f"process {os.getpid()} on {platform.node()}")
        file.flush()
        try:
            yield
        finally:
            if root.is_dir() and os.listdir(root) == [".lock"]:  # refused before anything was written
                (root / ".lock").unlink()
                with contextlib.suppress(OSError):  # another run has come into one of them
                    for folder in (root, *made):
                        folder.rmdir()
