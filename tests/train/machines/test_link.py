"""What workers agree on, and how a lost, failed or silent one ends all of them; without TensorFlow, in one process."""

import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from segan_tl.errors import UserError
from segan_tl.train.machines import link as link_module
from segan_tl.train.machines import meeting as meeting_module
from segan_tl.train.machines.link import ALONE, EXIT_LOST, join
from segan_tl.train.machines.roster import Roster
from tests.small_workers import ABOUT, in_threads, link_workers

ROOT = Path(__file__).parents[3]


def wait_until(is_so) -> float:
    """Wait for something to come true; return the seconds."""
    started = time.monotonic()
    while not is_so():
        assert time.monotonic() < started + 20
        time.sleep(0.01)
    return time.monotonic() - started


def together(links, do) -> list:
    """Return what a function makes of every link, called at the same time."""
    found = [None] * len(links)

    def call(index):
        found[index] = do(links[index])

    in_threads(len(links), call)
    return found


def test_one_alone_agrees_with_itself():
    assert ALONE.gather("x", 3) == [3] and ALONE.agree(True) and not ALONE.agree(False) and ALONE.end(75) == 75
    with join(None, ABOUT) as link, join(Roster(("a:1",), 0), ABOUT) as other:
        assert link is ALONE and other is ALONE


def test_everybody_gets_the_values_of_all_in_their_order():
    links, left = link_workers(3)
    values = [0.1 + 0.2, {"a": [1, None]}, math.pi]  # to the last bit
    assert together(links, lambda link: link.gather("x", values[link.index])) == [values] * 3
    assert together(links, lambda link: link.agree(link.index == 2)) == [True] * 3
    assert together(links, lambda link: link.agree(False)) == [False] * 3
    assert together(links, lambda link: link.end(75 if link.is_chief else 0)) == [75] * 3
    time.sleep(0.2)
    assert left == [[], [], []]


def test_workers_at_different_points_are_told_apart():
    links, _ = link_workers(2)
    links[1].peers[0].send("value", name="y", value=1)
    with pytest.raises(RuntimeError, match="worker 1 .* is at 'y', this one at 'x'"):
        links[0].gather("x")


@pytest.mark.parametrize("lost", [1, 0])
def test_a_worker_that_is_gone_ends_the_others(lost):
    links, left = link_workers(3)
    links[lost]._closing.set()  # a kill: it says nothing more, and the system closes its connections
    for peer in links[lost].peers:
        peer.close()
    others = [i for i in range(3) if i != lost]
    assert wait_until(lambda: all(left[i] for i in others)) < 5
    for i in others:
        ((code, text),) = left[i]
        assert code == EXIT_LOST and text.startswith(f"worker {lost} (127.0.0.1:") and "\n" not in text
        assert "run the same command again to go on from the last checkpoint" in text


def test_a_silent_worker_is_given_up(monkeypatch):
    monkeypatch.setattr(meeting_module, "LOST_SECONDS", 0.5)  # a machine that lost its power closes no connection
    monkeypatch.setattr(link_module, "BEAT_SECONDS", 0.1)
    links, left = link_workers(2)
    time.sleep(1)
    assert left == [[], []]  # both are heard
    links[1]._closing.set()
    assert wait_until(lambda: left[0]) < 5
    assert left[0][0][0] == EXIT_LOST and "nothing was heard of it" in left[0][0][1]


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (UserError("expected this; found that"), 2, "worker 1 (127.0.0.1:{}): expected this; found that"),
        (KeyboardInterrupt(), 75, "worker 1 (127.0.0.1:{}) was interrupted; run the same command again to go on"),
        (ZeroDivisionError("a\nb"), 1,
         "worker 1 (127.0.0.1:{}) failed (ZeroDivisionError: a); its own output says more"),
    ],
)  # fmt: skip
def test_what_a_worker_fails_of_ends_the_others(error, code, said):
    links, left = link_workers(3)
    with pytest.raises(type(error)), links[1]:
        raise error
    wait_until(lambda: left[0] and left[2])
    port = links[0].roster.addresses[1].rpartition(":")[2]
    assert left == [[(code, said.format(port))], [], [(code, said.format(port))]]


LEAVES_WHILE_IMPORTING = """
import time
from segan_tl import console
from segan_tl.train.machines.link import Link
from segan_tl.train.machines.roster import Roster

link = Link(Roster(("a:1", "b:2"), 1), [])
with console._standard_error_held_back():
    link._finish(2, "worker 0 (a:1): expected this", source=None)
"""


def test_the_last_sentence_is_said_while_standard_error_is_held_back():
    words = [sys.executable, "-c", LEAVES_WHILE_IMPORTING]
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=ROOT)
    assert (done.returncode, done.stderr) == (2, "error: worker 0 (a:1): expected this\n")


def test_an_end_waits_for_what_is_being_written():
    links, left = link_workers(2)
    with links[0].writing:
        links[1].peers[0].close()
        time.sleep(0.5)
        assert not left[0]
    wait_until(lambda: left[0])


def test_a_signal_to_one_is_a_signal_to_all(monkeypatch):
    monkeypatch.setattr(link_module, "BEAT_SECONDS", 0.05)
    links, left = link_workers(3)
    told = []
    before = signal.signal(signal.SIGTERM, lambda *_: told.append(os.getpid()))
    try:
        links[1].watch(SimpleNamespace(received=signal.SIGUSR1))
        links[1]._stopping = True  # it has its own
        wait_until(lambda: len(told) == 2)  # the chief, and by way of it the third
        time.sleep(0.3)
        assert len(told) == 2
    finally:
        signal.signal(signal.SIGTERM, before)


def test_after_an_agreement_nobody_is_told_again(monkeypatch):
    monkeypatch.setattr(link_module, "BEAT_SECONDS", 0.05)
    links, _ = link_workers(2)
    told = []
    before = signal.signal(signal.SIGTERM, lambda *_: told.append(1))
    try:
        assert together(links, lambda link: link.agree(link.index == 1)) == [True, True]
        links[1].watch(SimpleNamespace(received=signal.SIGTERM))
        time.sleep(0.3)
        assert not told
    finally:
        signal.signal(signal.SIGTERM, before)
