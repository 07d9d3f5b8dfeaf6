"""Ctrl-C before a command begins, where it would end in tracebacks of imports or be swallowed; SIGTERM as Ctrl-C."""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator

EXIT_INTERRUPTED = 130
EXIT_GOES_ON = 75  # EX_TEMPFAIL: told to stop by SIGTERM or SIGUSR1; the same command goes on


class Terminated(KeyboardInterrupt):
    """SIGTERM or SIGUSR1 (Slurm's warning) where it does what Ctrl-C does; it says why where there is more to say."""


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


@contextlib.contextmanager
def signals_as_interrupts() -> Iterator[None]:
    """Let SIGTERM and SIGUSR1 raise Terminated; their handlers of before come back."""

    def interrupt(*_):
        raise Terminated

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGUSR1)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
