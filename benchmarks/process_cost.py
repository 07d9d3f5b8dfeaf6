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
        course: (seconds since 1970, processor seconds by then), of itself and of those children that have ended.
    """

    seconds: float
    processor_seconds: float
    peak_mib: float
    descriptors: int
    started: float
    course: tuple[tuple[float, float], ...] = ()

    def processor_seconds_until(self, when: float) -> float:
        """Return the processor seconds by a time, seconds since 1970, as the last look before it found them."""
        return max((spent for at, spent in self.course if at <= when), default=0.0)


def measure(command: list[str], *, log: Path) -> Cost:
    """Run a command; return what it took.

    Raises:
        SystemExit: it failed.
    """
    started, since, most, course = time.time(), time.monotonic(), 0, []
    with log.open("w", encoding="utf-8") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            most = max(most, _descriptors(process.pid))
            course.append((time.time(), _processor_seconds(process.pid)))
            time.sleep(POLL_SECONDS)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}: see {log}")
    seconds, processor_seconds = time.monotonic() - since, usage.ru_utime + usage.ru_stime
    course.append((started + seconds, processor_seconds))
    return Cost(seconds, processor_seconds, usage.ru_maxrss / 1024, most, started, tuple(course))


def _descriptors(process: int) -> int:
    try:
        return len(os.listdir(f"/proc/{process}/fd"))
    except OSError:  # it has just ended, or this is no Linux
        return 0


def _processor_seconds(process: int) -> float:
    try:
        fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")  # utime, stime, cutime, cstime


def training_phases(run: Path, cost: Cost) -> dict[str, tuple[float, float]]:
    """Return phase → seconds and processor seconds, of a training of three epochs of one step, the last validated.

    What the run keeps says it: when its files were written, and how long each epoch of history.csv took.

    Args:
        run: of the training.
        cost: of its process.
    """
    with (run / "history.csv").open(newline="", encoding="utf-8") as file:
        first, second, third = (float(row["seconds"]) for row in csv.DictReader(file))
    prepared = (run / "cohort_fingerprint.json").stat().st_mtime
    trained = (run / "history.csv").stat().st_mtime
    begun = trained - (first + second + third)  # or earlier by what it took to save the first two epochs
    ends = {
        "start": prepared,  # find, check, prepare and divide the cases
        "networks": begun,
        "first step": begun + first,
        "epoch": begun + first + second,  # plan it, make its first batch, do a step
        "another": begun + first + 2 * second,
        "validation": trained,
        "scoring": cost.started + cost.seconds,
    }
    times = [(when, cost.processor_seconds_until(when)) for when in (cost.started, *ends.values())]
    return {name: (b[0] - a[0], b[1] - a[1]) for name, a, b in zip(ends, times, times[1:])}
