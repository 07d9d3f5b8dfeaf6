"""Temporary names: whose they are, and the end of those that killed processes left behind."""

import os
import platform
import re
import shutil
import threading
import time
import zlib
from pathlib import Path

_NAME = re.compile(r"\.segan_tl-([0-9a-f]{8})-(\d+)-\d+\.")
_DAY_SECONDS = 86_400
_given: set[str] = set()  # by this process, whose number a killed one may have had before


def temporary_path(path: Path) -> Path:
    """Return a name beside `path` that tells this host, process and thread; its ending is that of `path`."""
    thread = threading.get_native_id()
    # The suffix stays last: Keras and nibabel choose their format by it.
    name = f".segan_tl-{_host()}-{os.getpid()}-{thread}.{path.name}"
    _given.add(name)
    return path.with_name(name)


def clear_leftovers(folder: Path) -> None:
    """Remove what lies in `folder` under a temporary name of a process that is gone."""
    for path in folder.glob(".segan_tl-*"):
        if not _is_left_over(path):
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _is_left_over(path: Path) -> bool:
    owner = _NAME.match(path.name)
    if owner is None or path.name in _given:
        return False
    host, process = owner[1], int(owner[2])
    if host == _host() and os.name == "posix":
        return process == os.getpid() or not _is_alive(process)
    try:  # of another computer that shares the folder: nobody writes one file for a day
        return time.time() - path.stat().st_mtime > _DAY_SECONDS
    except FileNotFoundError:
        return False


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _host() -> str:
    """Return eight digits for this computer; containers count processes by themselves, so each is another one."""
    try:
        numbering = os.readlink("/proc/self/ns/pid")
    except OSError:
        numbering = ""
    return f"{zlib.crc32(f'{platform.node()} {numbering}'.encode()):08x}"
