"""How the workers find one another, and how those who come learn of what keeps another from coming."""

import contextlib
import select
import socket
import time

from segan_tl.console import console
from segan_tl.errors import UserError
from segan_tl.interrupt import Terminated
from segan_tl.train.machines.peer import EXIT_LOST, LOST_SECONDS, Peer
from segan_tl.train.machines.roster import Roster

JOIN_SECONDS = 600  # for all workers to start
TELL_SECONDS = 20  # that a worker with a mistake waits for the others, who start at the same time
HELLO_SECONDS = 5


def meet(roster: Roster, about: dict) -> list[Peer]:
    """Return the connections to the others: the chief's to all of them, another worker's to the chief.

    Args:
        roster: who trains together.
        about: what must be the same for all: name → text.

    Raises:
        UserError: not all came, one has a mistake or was started with something else, or the port is taken.
        Terminated: another one was interrupted.
    """
    peers = _await_others(roster, about) if roster.is_chief else [_find_chief(roster, about)]
    for peer in peers:
        peer.set_limit(LOST_SECONDS)
    return peers


def tell_mistake(roster: Roster, text: str) -> None:
    """Let the others know why this worker does not come: they would wait for it.

    Args:
        roster: who trains together.
        text: the mistake, in one sentence.
    """
    name = roster.name(roster.index)
    console.print(f"{name} has a mistake and tells the others, who come within {TELL_SECONDS} s", soft_wrap=True)
    if roster.is_chief:
        with contextlib.suppress(UserError), _listen(roster) as listener:
            _send_away(listener, roster, {}, 2, f"{name}: {text}", seconds=TELL_SECONDS)
        return
    deadline = time.monotonic() + TELL_SECONDS
    while time.monotonic() < deadline:
        try:
            peer = Peer(socket.create_connection(roster.meeting, timeout=HELLO_SECONDS), 0)
            peer.send("end", index=roster.index, code=2, text=f"{name}: {text}")
            return peer.close()
        except OSError:
            time.sleep(0.2)


def _ending(code: int, text: str) -> BaseException:
    """Return what ends this process for what another one has told."""
    return Terminated(text) if code == EXIT_LOST else UserError(text)


# === The chief ===


def _await_others(roster: Roster, about: dict) -> list[Peer]:
    peers = {}
    with _listen(roster) as listener:
        others = ", ".join(roster.name(index) for index in range(1, roster.count))
        minutes = JOIN_SECONDS // 60
        console.print(f"worker 0 of {roster.count}: waits for {others}, {minutes} min at most", soft_wrap=True)
        try:
            _greet_all(listener, roster, about, peers)
        except KeyboardInterrupt as error:
            said = str(error) or f"{roster.name(0)} was interrupted; run the same command again to go on"
            _send_away(listener, roster, peers, EXIT_LOST, said, seconds=0)
            raise
        except TimeoutError:
            _send_away(listener, roster, peers, 2, said := _missing(roster, peers), seconds=0)
            raise UserError(said) from None
        except UserError as error:
            _send_away(listener, roster, peers, 2, str(error), seconds=TELL_SECONDS)
            raise
    for peer in peers.values():
        peer.send("welcome")
    return [peers[index] for index in sorted(peers)]


def _listen(roster: Roster) -> socket.socket:
    host, port = roster.meeting
    try:
        both = {"family": socket.AF_INET6, "dualstack_ipv6": True} if socket.has_dualstack_ipv6() else {}
        return socket.create_server(("", port), backlog=roster.count, **both)
    except OSError as error:
        raise UserError(
            f"cannot wait for the other workers at port {port} of {host} ({error.strerror or error}): another "
            "training may use it; wait for that one, or choose other ports"
        ) from None


def _missing(roster: Roster, peers: dict[int, Peer]) -> str:
    missing = [roster.name(i) for i in range(1, roster.count) if i not in peers]
    host, port = roster.meeting
    return (
        f"expected {roster.count} workers; {', '.join(missing)} did not come to {host}:{port} within {JOIN_SECONDS} s; "
        "start all of them with the same command, at the same time"
    )


def _greet_all(listener: socket.socket, roster: Roster, about: dict, peers: dict[int, Peer]) -> None:
    """Put every other worker that comes into `peers`, until all are there.

    Raises:
        TimeoutError: not all came.
        UserError, Terminated: one that came was started with something else, or says that it ends.
    """
    deadline = time.monotonic() + JOIN_SECONDS
    while len(peers) < roster.count - 1:
        by_number = {peer.connection.fileno(): peer for peer in peers.values()}
        ready, _, _ = select.select([listener, *by_number], [], [], max(deadline - time.monotonic(), 0))
        if not ready:
            raise TimeoutError
        for peer in (by_number[number] for number in ready if number in by_number):  # it is to wait, and say nothing
            _hear_end(peer)
            peer.close()
            del peers[peer.index]
        if listener in ready and (peer := _greeted(listener.accept()[0], roster, about, peers)):
            peers[peer.index] = peer


def _hear_end(peer: Peer) -> None:
    """Raise what ends this process if that is what a worker says; one that was killed may come again."""
    with contextlib.suppress(OSError, ValueError):
        said = peer.receive()
        if said["kind"] == "end":
            raise _ending(said.get("code"), str(said.get("text")))


def _greeted(connection: socket.socket, roster: Roster, about: dict, known: dict[int, Peer]) -> Peer | None:
    """Return the worker behind a connection; None where that is none of ours.

    Raises:
        UserError, Terminated: it was started with something else, or says that it ends.
    """
    connection.settimeout(HELLO_SECONDS)
    peer = Peer(connection, -1)
    try:
        said = peer.receive()
        index, kind = said["index"], said["kind"]
        if kind not in ("hello", "end") or index not in range(1, roster.count) or index in known:
            raise ValueError("no worker that is waited for")
        different = [name for name in about if said["about"].get(name) != about[name]] if kind == "hello" else []
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        peer.close()
        return None
    peer.index = index
    if not different and kind == "hello":
        return peer
    known[index] = peer  # it has come, and hears with the others how it ends
    if kind == "end":
        raise _ending(said.get("code"), str(said.get("text")))
    raise UserError(
        f"{roster.name(index)} has another {' and '.join(different)} than {roster.name(0)}; start all workers with the "
        "same command, of the same installation"
    )


def _send_away(listener: socket.socket, roster: Roster, peers: dict[int, Peer], code: int, text: str, *, seconds):
    """Tell all workers how it ends: those that have come, and for some seconds those that are on their way."""
    come = set(peers)
    for peer in peers.values():
        with contextlib.suppress(OSError):
            peer.send("end", code=code, text=text)
    deadline = time.monotonic() + seconds
    while len(come) < roster.count - 1 and (left := deadline - time.monotonic()) > 0:
        listener.settimeout(left)
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            connection, _ = listener.accept()
            connection.settimeout(HELLO_SECONDS)
            peer = Peer(connection, -1)
            come |= {peer.receive()["index"]} & set(range(1, roster.count))
            peer.send("end", code=code, text=text)


# === The others ===


def _find_chief(roster: Roster, about: dict) -> Peer:
    host, port = roster.meeting
    console.print(
        f"worker {roster.index} of {roster.count}: follows {roster.name(0)}, who says what happens", soft_wrap=True
    )
    deadline = time.monotonic() + JOIN_SECONDS
    while True:
        peer = None
        try:
            peer = Peer(socket.create_connection((host, port), timeout=HELLO_SECONDS), 0)
            peer.send("hello", index=roster.index, about=about)
            peer.set_limit(max(deadline - time.monotonic(), HELLO_SECONDS))
            said = peer.receive()
        except (OSError, ValueError) as error:
            if time.monotonic() > deadline:
                raise UserError(
                    f"{roster.name(0)} was not there at {host}:{port} within {JOIN_SECONDS} s ({error}); start all "
                    "workers with the same command, at the same time"
                ) from None
            time.sleep(0.2)
            continue
        except KeyboardInterrupt:
            _tell_chief(peer, roster)
            raise
        if said["kind"] == "end":
            raise _ending(said["code"], said["text"])
        return peer


def _tell_chief(peer: Peer | None, roster: Roster) -> None:
    """Say that this worker was interrupted, if the chief is there already."""
    if peer is not None:
        with contextlib.suppress(OSError):
            name = roster.name(roster.index)
            peer.send("end", code=EXIT_LOST, text=f"{name} was interrupted; run the same command again to go on")
