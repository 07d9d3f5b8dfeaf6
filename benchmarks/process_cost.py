"""What a process takes: time, memory and open files; of a training also what each part of it lets its user wait for."""

import csv
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Cost:
    """What a process took.

    Attributes:
        seconds: of the clock.
        processor_seconds: of all cores, with the processes that it started.
        peak_mib: memory of the largest of it and its children.
        descriptors: its own open files, at most.
        started: when, seconds since 1970.
    """

    seconds: float
    processor_seconds: float
    peak_mib: float
    descriptors: int
    started: float


def measure(command: list[str], *, log: Path) -> Cost:
    """Run a command; return what it took.

    Raises:
        SystemExit: it failed.
    """
    started, since, most = time.time(), time.monotonic(), 0
    with log.open("w", encoding="utf-8") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            most = max(most, _descriptors(process.pid))
            time.sleep(POLL_SECONDS)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}: see {log}")
    seconds, processor_seconds = time.monotonic() - since, usage.ru_utime + usage.ru_stime
    return Cost(seconds, processor_seconds, usage.ru_maxrss / 1024, most, started)


def _descriptors(process: int) -> int:
    try:
        return len(os.listdir(f"/proc/{process}/fd"))
    except OSError:  # it has just ended, or this is no Linux
        return 0


def training_phases(run: Path, cost: Cost) -> dict[str, float]:
    """Return phase → seconds of the clock, of a training of three epochs of one step that validates after the last.

    What the run keeps says it: when its files were written, and how long each epoch of history.csv took.

    Args:
        run: of the training.
        cost: of its process.
    """
    with (run / "history.csv").open(newline="", encoding="utf-8") as file:
        first, second, third = (float(row["seconds"]) for row in csv.DictReader(file))
    prepared = (run / "cohort_fingerprint.json").stat().st_mtime
    trained = (run / "history.csv").stat().st_mtime
    return {
        "start": prepared - cost.started,  # find, check, prepare and divide the cases
        "networks": trained - (first + second + third) - prepared,  # build them, and save the first two epochs
        "first step": first,
        "epoch": second,  # plan it, make its first batch, do a step
        "validation": third - second,
        "scoring": cost.started + cost.seconds - trained,
    }
