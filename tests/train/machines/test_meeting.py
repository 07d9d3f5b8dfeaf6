"""How workers find one another, and what those hear who wait for one that does not come; in one process."""

import socket
import time

import pytest

from segan_tl.errors import UserError
from segan_tl.interrupt import Terminated
from segan_tl.train.machines import meeting as meeting_module
from segan_tl.train.machines.meeting import meet, tell_mistake
from segan_tl.train.machines.peer import Peer
from segan_tl.train.machines.roster import Roster
from tests.small_workers import ABOUT, addresses_of, in_threads, link_workers


def meet_but(addresses, *others) -> list:
    """Let workers meet while others do something else at their place; return what each of those was told.

    Args:
        others: (index, what it does with its roster), in threads of their own; None meets.
    """
    found = [None] * len(others)

    def start(place):
        index, do = others[place]
        try:
            (do or (lambda roster: meet(roster, ABOUT)))(Roster(addresses, index))
        except (UserError, KeyboardInterrupt) as error:
            found[place] = error

    in_threads(len(others), start)
    return found


def test_another_command_is_refused_on_both_sides():
    links, _ = link_workers(2, abouts=[ABOUT, ABOUT | {"configuration": "b"}])
    for error in links:
        assert isinstance(error, UserError)
        assert "has another configuration than worker 0" in str(error) and "the same command" in str(error)


def test_workers_that_do_not_come(monkeypatch):
    monkeypatch.setattr(meeting_module, "JOIN_SECONDS", 0.5)
    roster = Roster(addresses_of(3), 0)
    with pytest.raises(UserError, match=r"expected 3 workers; worker 1 \(.*\), worker 2 \(.*\) did not come"):
        meet(roster, ABOUT)
    with pytest.raises(UserError, match=r"worker 0 \(.*\) was not there at 127.0.0.1:"):
        meet(Roster(roster.addresses, 1), ABOUT)


def test_who_has_come_hears_why_it_ends(monkeypatch):
    monkeypatch.setattr(meeting_module, "JOIN_SECONDS", 1)
    addresses, found = addresses_of(3), [None, None]

    def start(index):
        try:
            meet(Roster(addresses, index), ABOUT)
        except UserError as error:
            found[index] = str(error)

    in_threads(2, start)  # the third never comes
    assert "worker 2 (127.0.0.1:" in found[0] and found[1] == found[0]


def test_a_port_that_is_taken():
    roster = Roster(addresses_of(2), 0)
    with socket.create_server(("", roster.meeting[1])):
        with pytest.raises(UserError, match="another training may use it"):
            meet(roster, ABOUT)


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\n\r\n", b"[]\n", b'{"kind": "hello"}\n',
                                  b'{"kind": "hello", "index": 7, "about": {}}\n', b"[" * 9999 + b"\n"])  # fmt: skip
def test_strangers_at_the_port_are_sent_away(said):
    addresses, found = addresses_of(2), [None, None]

    def start(index):
        roster = Roster(addresses, index)
        if index:
            with _connected(roster.meeting) as stranger:
                stranger.sendall(said)
        found[index] = meet(roster, ABOUT)

    in_threads(2, start)
    assert [len(peers) for peers in found] == [1, 1]
    for peers in found:
        peers[0].close()


def _connected(place):
    for _ in range(200):
        try:
            return socket.create_connection(place)
        except OSError:
            time.sleep(0.02)
    raise AssertionError("nobody listens")


# === One does not come ===


@pytest.mark.parametrize("culprit", [0, 1, 2])
@pytest.mark.parametrize("late", [0, 1, 2])
def test_a_mistake_before_all_have_met_ends_all_at_once(culprit, late):
    def tell(roster):
        tell_mistake(roster, "nowhere does not exist")

    def later(do):
        return lambda roster: (time.sleep(1), do(roster))

    workers = [[index, tell if index == culprit else lambda roster: meet(roster, ABOUT)] for index in range(3)]
    workers[late][1] = later(workers[late][1])
    started, addresses = time.monotonic(), addresses_of(3)
    found = meet_but(addresses, *workers)
    assert time.monotonic() - started < 5  # not the ten minutes of JOIN_SECONDS, nor the limit of TELL_SECONDS
    assert found.pop(culprit) is None  # it says its own
    for error in found:
        assert isinstance(error, UserError)
        assert str(error) == f"worker {culprit} ({addresses[culprit]}): nowhere does not exist"


def test_the_same_mistake_everywhere_is_told_once_and_no_more():
    started = time.monotonic()
    assert meet_but(addresses_of(3), *((i, lambda roster: tell_mistake(roster, "no")) for i in range(3))) == [None] * 3
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("index", [0, 1])
def test_a_mistake_that_nobody_comes_to_hear_is_kept_for_seconds(index, monkeypatch):
    monkeypatch.setattr(meeting_module, "TELL_SECONDS", 0.5)
    started = time.monotonic()
    tell_mistake(Roster(addresses_of(2), index), "no")
    assert 0.4 < time.monotonic() - started < 3


def test_who_was_interrupted_while_it_waited_ends_all():
    def interrupted(roster):
        peer = _said_hello(roster)
        peer.send("end", code=75, text="worker 1 was interrupted")

    addresses = addresses_of(4)  # the last one never comes
    found = meet_but(addresses, (0, None), (1, interrupted), (2, None))
    assert isinstance(found[0], Terminated) and isinstance(found[2], Terminated)
    assert str(found[0]) == str(found[2]) == "worker 1 was interrupted"


def test_who_was_killed_while_it_waited_may_come_again():
    def again(roster):
        _said_hello(roster).close()
        time.sleep(0.3)
        meet(roster, ABOUT)

    def late(roster):
        time.sleep(1)
        meet(roster, ABOUT)

    assert meet_but(addresses_of(3), (0, None), (1, again), (2, late)) == [None] * 3


def _said_hello(roster) -> Peer:
    peer = Peer(_connected(roster.meeting), 0)
    peer.send("hello", index=roster.index, about=ABOUT)
    time.sleep(0.3)
    return peer
