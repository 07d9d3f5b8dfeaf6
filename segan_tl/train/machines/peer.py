"""A connection to another worker: lines of JSON there and back."""

import contextlib
import json
import queue
import socket
import threading

EXIT_LOST = 75  # EX_TEMPFAIL: the same command goes on
LOST_SECONDS = 30  # of silence, after which a worker is given up
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
