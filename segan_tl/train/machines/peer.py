"""A connection to another worker: lines of JSON there and back, and how the workers find one another."""

import contextlib
import json
import queue
import socket
import threading
import time

from segan_tl.console import console
from segan_tl.errors import UserError
from segan_tl.train.machines.roster import Roster

JOIN_SECONDS = 600  # for all workers to start
LOST_SECONDS = 30  # of silence, after which a worker is given up
HELLO_SECONDS = 5
MOST_BYTES = 2**24  # of a line


class Peer:
    """Another worker, as this one hears it.

    Attributes:
        index: which of them it is.
        inbox: what it said that somebody waits for.
    """

    def __init__(self, connection: socket.socket, index: int):
        self.connection, self.index, self.inbox = connection, index, queue.SimpleQueue()
        self._stream, self._sending = connection.makefile("rb"), threading.Lock()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # a step waits for a few bytes

    def send(self, kind: str, **content) -> None:
        """Say something; OSError where it cannot be said."""
        line = json.dumps({"kind": kind, **content}).encode() + b"\n"
        with self._sending:
            self.connection.sendall(line)

    def receive(self) -> dict:
        """Return what it says next.

        Raises:
            OSError: it fell silent for longer than the connection's limit, or has closed it.
            ValueError: that is no line of a worker.
        """
        line = self._stream.readline(MOST_BYTES)
        if not line.endswith(b"\n"):
            raise ConnectionResetError("its connection was closed")
        try:
            said = json.loads(line)
        except RecursionError:
            said = None
        if not isinstance(said, dict) or not isinstance(said.get("kind"), str):
            raise ValueError("it says what no worker says")
        return said

    def set_limit(self, seconds: float) -> None:
        """Give up on it after so long a silence."""
        self.connection.settimeout(seconds)

    def close(self) -> None:
        """End the connection; what waits for a line of it is woken."""
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
        self.connection.close()


# === How they meet ===


def meet(roster: Roster, about: dict) -> list[Peer]:
    """Return the connections to the others: the chief's to all of them, another worker's to the chief.

    Args:
        roster: who trains together.
        about: what must be the same for all: name → text.

    Raises:
        UserError: not all came, one was started with something else, or the port is taken.
    """
    peers = _await_others(roster, about) if roster.is_chief else [_find_chief(roster, about)]
    for peer in peers:
        peer.set_limit(LOST_SECONDS)
    return peers


def _await_others(roster: Roster, about: dict) -> list[Peer]:
    host, port = roster.meeting
    try:
        both = {"family": socket.AF_INET6, "dualstack_ipv6": True} if socket.has_dualstack_ipv6() else {}
        listener = socket.create_server(("", port), backlog=roster.count, **both)
    except OSError as error:
        raise UserError(
            f"cannot wait for the other workers at port {port} of {host} ({error.strerror or error}): another "
            "training may use it; wait for that one, or choose other ports"
        ) from None
    peers = {}
    others = ", ".join(roster.name(index) for index in range(1, roster.count))
    console.print(f"worker 0 of {roster.count}: waits for {others}, {JOIN_SECONDS // 60} min at most", soft_wrap=True)
    try:
        with listener:
            _greet_all(listener, roster, about, peers)
    except UserError as error:
        for peer in peers.values():
            with contextlib.suppress(OSError):
                peer.send("end", code=2, text=str(error))
        raise
    for peer in peers.values():
        peer.send("welcome")
    return [peers[index] for index in sorted(peers)]


def _greet_all(listener: socket.socket, roster: Roster, about: dict, peers: dict[int, Peer]) -> None:
    """Put every other worker that comes into `peers`, until all are there."""
    deadline = time.monotonic() + JOIN_SECONDS
    while len(peers) < roster.count - 1:
        listener.settimeout(max(deadline - time.monotonic(), 0.01))
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            missing = [roster.name(i) for i in range(1, roster.count) if i not in peers]
            host, port = roster.meeting
            raise UserError(
                f"expected {roster.count} workers; {', '.join(missing)} did not come to {host}:{port} within "
                f"{JOIN_SECONDS} s; start all of them with the same command, at the same time"
            ) from None
        if peer := _greeted(connection, roster, about, peers):
            peers[peer.index] = peer


def _greeted(connection: socket.socket, roster: Roster, about: dict, known: dict[int, Peer]) -> Peer | None:
    """Return the worker behind a connection; None where that is none of ours.

    Raises:
        UserError: it was started with something else.
    """
    connection.settimeout(HELLO_SECONDS)
    peer = Peer(connection, -1)
    try:
        hello = peer.receive()
        index, theirs = hello["index"], hello["about"]
        if hello["kind"] != "hello" or index not in range(1, roster.count) or index in known:
            raise ValueError("no worker that is waited for")
        different = [name for name in about if theirs.get(name) != about[name]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        peer.close()
        return None
    peer.index = index
    if different:
        text = (
            f"{roster.name(index)} has another {' and '.join(different)} than {roster.name(0)}; start all workers with "
            "the same command, of the same installation"
        )
        with contextlib.suppress(OSError):
            peer.send("end", code=2, text=text)
        raise UserError(text)
    return peer


def _find_chief(roster: Roster, about: dict) -> Peer:
    host, port = roster.meeting
    console.print(
        f"worker {roster.index} of {roster.count}: follows {roster.name(0)}, who says what happens", soft_wrap=True
    )
    deadline = time.monotonic() + JOIN_SECONDS
    while True:
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
        if said["kind"] == "end":
            raise UserError(said["text"])
        return peer
