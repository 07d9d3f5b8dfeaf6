import os
import socket
from pathlib import Path

import pytest

from segan_tl.disk.reading import find_fault, is_there, require_file
from segan_tl.errors import UserError


def make_strangers(folder: Path) -> dict[str, str]:
    """Put what is no regular file into a folder; return its name → what must be said of it."""
    os.mkfifo(folder / "pipe")
    # The address of a socket has at most 107 characters; relative, it is short.
    here = os.getcwd()
    os.chdir(folder)
    socket.socket(socket.AF_UNIX).bind("socket")
    os.chdir(here)
    (folder / "folder").mkdir()
    (folder / "dangling").symlink_to("nowhere")
    (folder / "loop").symlink_to("loop")
    (folder / "device").symlink_to("/dev/zero")
    return {
        "pipe": "named pipe", "socket": "a socket", "folder": "a folder", "dangling": "nowhere, which does not exist",
        "loop": "too many", "device": "a device", "absent": "no such file", "nul\0": "no path",
    }  # fmt: skip


def test_only_regular_files_are_opened(tmp_path):
    for name, reason in make_strangers(tmp_path).items():
        with pytest.raises(UserError, match=f"(?i)expected a file to read; .*{reason}.*; "):
            require_file(tmp_path / name)


def test_a_file_or_a_link_to_one_is_fine(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("file")
    assert require_file(tmp_path / "file") == tmp_path / "file"
    assert find_fault(tmp_path / "link") is None


def test_a_dangling_link_is_there(tmp_path):
    make_strangers(tmp_path)
    assert is_there(tmp_path / "dangling") and is_there(tmp_path / "loop") and not is_there(tmp_path / "absent")
