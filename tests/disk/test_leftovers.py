"""Temporary files of killed processes go, those of living ones stay."""

import os
import subprocess
import sys

import pytest

from segan_tl.disk import leftovers
from segan_tl.disk.atomic import write_text
from segan_tl.disk.leftovers import clear_leftovers, temporary_path


@pytest.fixture
def dead():
    """Return the number of a process that is gone."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def named(folder, process, *, host=None, name="a.npy"):
    return folder / f".segan_tl-{host or leftovers._host()}-{process}-7.{name}"


def test_what_a_killed_process_left_goes_with_the_next_file(tmp_path, dead):
    named(tmp_path, dead).write_text("half")
    (named(tmp_path, dead, name="case") / "inside").mkdir(parents=True)
    write_text(tmp_path / "b.txt", "whole")
    assert os.listdir(tmp_path) == ["b.txt"]


def test_what_others_are_writing_stays(tmp_path):
    own, living = temporary_path(tmp_path / "a.npy"), named(tmp_path, os.getppid())
    theirs = tmp_path / ".a.npy.tmp"
    for path in (own, living, theirs):
        path.write_text("being written")
    clear_leftovers(tmp_path)
    assert own.exists() and living.exists() and theirs.exists()


def test_a_killed_process_of_the_same_number_left_it(tmp_path):
    named(tmp_path, os.getpid(), name="before.npy").write_text("half")
    clear_leftovers(tmp_path)
    assert not os.listdir(tmp_path)


def test_of_another_computer_what_is_a_day_old_goes(tmp_path, dead):
    fresh, stale = (named(tmp_path, dead, host="00000000", name=name) for name in ("fresh", "stale"))
    for path in (fresh, stale):
        path.write_text("half")
    yesterday = stale.stat().st_mtime - 86_500
    os.utime(stale, (yesterday, yesterday))
    clear_leftovers(tmp_path)
    assert fresh.exists() and not stale.exists()
