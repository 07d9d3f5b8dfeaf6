"""kill -9 at 30 seeded moments over the commands that write: the same command then gives the same files."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.small_commands import LEFTOVER, call, files, make_place, read, words_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
# Command → how many kills, between which parts of its life.
MOMENTS = {
    "phantom": (5, 0.1, 1.0),
    "cache": (4, 0.3, 0.7),
    "train": (5, 0.2, 1.0),
    "transfer": (5, 0.2, 1.0),
    "crossval": (4, 0.2, 1.0),
    "predict": (4, 0.2, 1.0),
    "evaluate": (3, 0.2, 1.0),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return make_place(tmp_path_factory.mktemp("kills"))


@pytest.mark.parametrize("command", MOMENTS)
def test_a_kill_at_any_moment_changes_nothing(place, command):
    words, now, whole = words_of(command), place / "now", place / f"whole-{command}"
    shutil.rmtree(now, ignore_errors=True)  # of a test that failed
    started = time.monotonic()
    call(place, *words)
    life_seconds = time.monotonic() - started
    now.rename(whole)
    expected = {name: read(path) for name, path in files(whole).items()}
    kills, first, last = MOMENTS[command]
    chance = random.Random(command)
    while kills:
        moment_seconds = chance.uniform(first, last) * life_seconds
        ended = kill_after(place, words, seconds=moment_seconds)
        # The computer has less to do now; or all was written, which `predict` does not replace unasked.
        if ended or command == "predict" and is_whole(now, expected):
            life_seconds = moment_seconds
            shutil.rmtree(now)
            continue
        kills -= 1
        found = len(files(now))
        print(f"{command}: killed after {moment_seconds:.1f} of {life_seconds:.1f} s, {found} of {len(expected)} files")
        call(place, *words)
        assert not [path for path in now.rglob("*") if LEFTOVER.search(path.name)]
        assert files(now).keys() == expected.keys()
        assert [name for name, path in files(now).items() if read(path) != expected[name]] == []
        shutil.rmtree(now)


def is_whole(now: Path, expected: dict) -> bool:
    """Tell whether all that a command writes was there when it was killed, and is as it is to be.

    Its journal, which goes at the very end, may still be there.
    """
    found = {name: path for name, path in files(now).items() if not name.endswith(".partial")}
    return found.keys() == expected.keys() and all(read(path) == expected[name] for name, path in found.items())


def kill_after(place: Path, words: list[str], *, seconds: float) -> bool:
    """Start a command and kill all of its processes at a moment; return whether it had ended by then."""
    process = subprocess.Popen(
        [sys.executable, "-m", "segan_tl", *words], cwd=place, start_new_session=True, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
    return process.wait() == 0
