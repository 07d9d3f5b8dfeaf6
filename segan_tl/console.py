"""The terminal: rich consoles, and quiet for TensorFlow's start."""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator

from rich.console import Console

console = Console(highlight=False)
error_console = Console(stderr=True, highlight=False)


def duration(seconds: float) -> str:
    """Return a duration as a person would say it: 40 s, 12 min, 3.5 h, 21 days."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds / 86_400:.0f} days"


def start_tensorflow() -> None:
    """Import TensorFlow and look for devices without its greetings; they come back when that fails.

    Some of them are printed before TF_CPP_MIN_LOG_LEVEL counts, by C++, so they are held back at the file descriptor.
    """
    # Level 2 would still show grappler's "remapper failed", which costs nothing and helps nobody.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _standard_error_held_back():
        import tensorflow as tf

        tf.config.list_physical_devices()


@contextlib.contextmanager
def _standard_error_held_back() -> Iterator[None]:
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            os.dup2(kept, 2)
            held.seek(0)
            os.write(2, held.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
