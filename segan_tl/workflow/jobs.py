"""Commands that wait for one another, run as processes, a few at a time, each with its own log file."""

import contextlib
import ctypes
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from segan_tl.console import duration
from segan_tl.interrupt import EXIT_GOES_ON

POLL_SECONDS = 0.1
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)


@dataclass(frozen=True)
class Job:
    """One command.

    Attributes:
        name: unique; the log file is named after it.
        command: program and arguments.
        needs: names of the jobs whose results it reads.
        weight: its length beside the others', for the time that is left.
    """

    name: str
    command: tuple[str, ...]
    needs: tuple[str, ...] = ()
    weight: float = 1.0


@dataclass
class Outcome:
    """What became of the jobs, by name.

    Attributes:
        there: had their result before.
        finished: made it now.
        failed: name → the last line of output.
        left_out: name → the job it needed, which has no result.
        interrupted: stopped by a signal; the same command goes on with them.
        stopped: whether a signal ended it all.
    """

    there: list[str] = field(default_factory=list)
    finished: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    interrupted: list[str] = field(default_factory=list)
    stopped: bool = False

    @property
    def code(self) -> int:
        """Return the exit code."""
        if self.stopped or self.interrupted:
            return EXIT_GOES_ON
        return 2 if self.failed else 0


def run_jobs(
    jobs: Sequence[Job],
    *,
    logs: Path,
    at_once: int,
    is_done: Callable[[Job], bool],
    describe: Callable[[Job], str],
    slots: Sequence[tuple[str, ...]] = (),
) -> Outcome:
    """Run every job that has no result yet, in their order as far as their needs allow.

    SIGINT, SIGTERM, SIGHUP and SIGUSR1 are passed on as SIGTERM; nothing new is started then, and the jobs are waited
    for. A second Ctrl-C ends them at once.

    Args:
        jobs: a job stands after those it needs.
        logs: folder of the log files; a job that goes on appends to its own.
        at_once: processes at a time.
        is_done: whether a job's result is there; asked before it is started and after it ended.
        describe: the result in a few words, for the terminal.
        slots: words that one running job at a time has at the end of its command, such as its device; at least
            `at_once` of them, or none.
    """
    return _Queue(jobs, logs=logs, at_once=at_once, is_done=is_done, describe=describe, slots=slots).run()


def log_of(job: Job, logs: Path) -> Path:
    """Return the log file of a job."""
    return logs / f"{job.name.replace('/', '_')}.log"


class _Queue:
    """The state of `run_jobs`."""

    def __init__(self, jobs, *, logs, at_once, is_done, describe, slots):
        self.logs, self.at_once, self.is_done, self.describe = logs, at_once, is_done, describe
        self.outcome = Outcome(there=[job.name for job in jobs if is_done(job)])
        self.waiting = [job for job in jobs if job.name not in self.outcome.there]
        self.running: dict[str, tuple[Job, subprocess.Popen, float]] = {}
        self.free, self.held = list(slots), {}
        self.total = len(jobs)
        self.left = sum(job.weight for job in self.waiting)
        self.done, self.spent_seconds = 0.0, 0.0
        self.interrupts = 0

    def run(self) -> Outcome:
        from segan_tl.console import console

        if self.outcome.there:
            console.print(f"{len(self.outcome.there)} of {self.total} jobs are done already")
        with self._signals(), self._bar() as update:
            while self.running or (self.waiting and not self.outcome.stopped):
                self._start()
                update()
                time.sleep(POLL_SECONDS)
                for job, process, since in list(self.running.values()):
                    if process.poll() is not None:
                        del self.running[job.name]
                        self._end(job, process.returncode, seconds=time.monotonic() - since)
        return self.outcome

    def _start(self) -> None:
        if self.outcome.stopped:
            return
        lacking = self.outcome.failed.keys() | self.outcome.left_out.keys() | set(self.outcome.interrupted)
        unfinished = {job.name for job in self.waiting} | self.running.keys()
        for job in list(self.waiting):
            if missing := [name for name in job.needs if name in lacking]:
                self.waiting.remove(job)
                self.outcome.left_out[job.name] = missing[0]
                self.left -= job.weight
                lacking.add(job.name)
            elif len(self.running) < self.at_once and not self.outcome.stopped and not unfinished & set(job.needs):
                self.waiting.remove(job)
                self.running[job.name] = (job, self._open(job), time.monotonic())
                if self.outcome.stopped:  # the signal came while it was being started
                    self.running[job.name][1].terminate()

    def _open(self, job: Job) -> subprocess.Popen:
        log = log_of(job, self.logs)
        log.parent.mkdir(parents=True, exist_ok=True)
        self.held[job.name] = self.free.pop(0) if self.free else None
        command = job.command + (self.held[job.name] or ())
        with log.open("a", encoding="utf-8") as file:
            file.write(f"$ {shlex.join(command)}\n")
            file.flush()
            # A session of its own: Ctrl-C in the terminal reaches this process alone, which passes on one SIGTERM.
            return subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, start_new_session=True,
                env=os.environ | {"PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"},
                preexec_fn=_end_with_parent if sys.platform == "linux" else None,
            )  # fmt: skip

    def _end(self, job: Job, code: int, *, seconds: float) -> None:
        self.left -= job.weight
        if slot := self.held.pop(job.name):
            self.free.insert(0, slot)
        if code == 0 and self.is_done(job):
            self.done, self.spent_seconds = self.done + job.weight, self.spent_seconds + seconds
            self.outcome.finished.append(job.name)
            self._say(job, self.describe(job), seconds=seconds)
        elif self.outcome.stopped or code == EXIT_GOES_ON:
            self.outcome.interrupted.append(job.name)
            self._say(job, "interrupted", seconds=seconds)
        else:
            log = log_of(job, self.logs)
            reason = _last_line(log) if code else "it ended well and left no result"
            self.outcome.failed[job.name] = reason
            self._say(job, f"FAILED with code {code}: {reason} (all of it: {log})", seconds=seconds)

    def _say(self, job: Job, text: str, *, seconds: float) -> None:
        from segan_tl.console import console

        outcome = self.outcome
        ended = sum(map(len, (outcome.there, outcome.finished, outcome.failed, outcome.left_out)))
        left = f"  {duration(self._seconds_left())} left" if self.done and self.left > 0 else ""
        line = f"{ended}/{self.total}  {job.name}  {text}  {duration(seconds)}{left}"
        console.print(line, markup=False, soft_wrap=True)

    def _seconds_left(self) -> float:
        """Return the time that is left, by the weight and the seconds of the jobs that are finished."""
        now, rate = time.monotonic(), self.spent_seconds / self.done
        running = sum(min(now - since, rate * job.weight) for job, _, since in self.running.values())
        return max(rate * self.left - running, 0) / self.at_once

    @contextlib.contextmanager
    def _bar(self) -> Iterator[Callable[[], None]]:
        """Yield a function that brings the live line up to date; there is none outside of a terminal."""
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        from segan_tl.console import console

        columns = (BarColumn(bar_width=20), TimeElapsedColumn(), TextColumn("{task.description}", markup=False))
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task("", total=self.left)

            def update() -> None:
                eta = f"ETA {duration(self._seconds_left())}, " if self.done else ""
                text = "stopping: " if self.outcome.stopped else ""
                bar.update(task, completed=self.done, description=f"{eta}{text}{', '.join(self.running)}")

            yield update

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        before = {}
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                if signal.getsignal(number) is not signal.SIG_IGN:  # nohup ignores SIGHUP
                    before[number] = signal.signal(number, self._stop)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _stop(self, number, _frame) -> None:
        if not self.outcome.stopped:
            os.write(1, b"\nstopping: the running trainings finish their step and save\n")  # safe in a handler
        self.outcome.stopped = True
        self.interrupts += number == signal.SIGINT
        for _, process, _ in list(self.running.values()):
            if self.interrupts > 1:
                process.kill()
            else:
                process.terminate()


def _end_with_parent() -> None:
    """Have the system send SIGTERM when the queue is killed, so that its trainings save and let go of their runs."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def _last_line(log: Path) -> str:
    """Return the last error of the last start, or its last line: another process may write to the same log."""
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    begun = max((i for i, line in enumerate(lines) if line.startswith("$ ")), default=0)
    errors = [line for line in lines[begun:] if line.startswith("error: ")]
    return errors[-1] if errors else lines[-1] if lines else "no output"
