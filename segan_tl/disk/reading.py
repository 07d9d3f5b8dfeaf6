"""What may be opened: regular files only, because reading a FIFO, a socket or a device may never end."""

import os
import stat
from pathlib import Path

from segan_tl.errors import UserError

_KINDS = {
    stat.S_IFDIR: "a folder", stat.S_IFIFO: "a named pipe (FIFO)", stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device", stat.S_IFBLK: "a device",
}  # fmt: skip


def is_there(path: Path) -> bool:
    """Tell whether anything has that name, a link that leads nowhere included."""
    return os.path.lexists(path)


def find_fault(path: Path) -> tuple[str, str] | None:
    """Return why a path is no file that can be read, and the remedy; None for one that can."""
    try:
        kind = stat.S_IFMT(os.stat(path).st_mode)
        if kind != stat.S_IFREG:
            return f"this is {_KINDS.get(kind, 'something special')}, not a file", "put the file itself there"
        os.close(os.open(path, os.O_RDONLY))
    except FileNotFoundError:
        if os.path.islink(path):
            return f"the link leads to {os.readlink(path)}, which does not exist", "restore what it leads to"
        return "no such file", "check the name"
    except ValueError:
        return "no path can be called that", "check the name"
    except OSError as error:
        return f"the file cannot be read ({error.strerror})", "check the name, its permissions and the disk"
    return None


def require_file(path: Path) -> Path:
    """Return the path of a file that can be read.

    Raises:
        UserError: absent, a folder, a link that leads nowhere or in a circle, a FIFO, a socket, a device, unreadable.
    """
    if fault := find_fault(path):
        raise UserError(f"expected a file to read; {path}: {'; '.join(fault)}")
    return path
