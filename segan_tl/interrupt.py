"""Ctrl-C before a command begins: while modules are imported it would end in their tracebacks, or be swallowed."""

import os
import signal

EXIT_INTERRUPTED = 130


def leave_quietly() -> None:
    """Let Ctrl-C end this process with one word, until `raise_again`; for a script, before it imports anything else."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not where it is ignored, as under nohup
        signal.signal(signal.SIGINT, _leave)


def raise_again() -> None:
    """Let Ctrl-C raise KeyboardInterrupt again, if `leave_quietly` has changed that: there is work to put away now."""
    if signal.getsignal(signal.SIGINT) is _leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _leave(*_) -> None:
    os.write(2, b"\nInterrupted before anything was begun.\n")
    os._exit(EXIT_INTERRUPTED)  # SystemExit, too, may be lost within an import
