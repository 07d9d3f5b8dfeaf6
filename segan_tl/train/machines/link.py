"""What the workers of a training agree on beside TensorFlow: who is there, when to stop, and how it ends.

TensorFlow's own collectives add gradients up, and wait for a lost worker for as long as it likes. So every worker holds
a connection to the chief, and says every other second that it is there. Where one falls silent, or fails, the chief
tells the others, and all of them end: the next start goes on from the last checkpoint.
"""

import contextlib
import functools
import os
import signal
import sys
import threading
import time
from collections.abc import Callable

from segan_tl.errors import UserError
from segan_tl.train.machines.meeting import meet
from segan_tl.train.machines.peer import EXIT_LOST, LOST_SECONDS, Peer
from segan_tl.train.machines.roster import Roster

BEAT_SECONDS = 2
WRITING_SECONDS = 20  # that an end waits for a checkpoint which is being written
CHIEF_FIRST_SECONDS = 3  # where all find the same mistake, the chief has time to put its files in order, and to say so
END = "end"
# What a collective says when the other side is gone, before anybody has heard of it here.
BROKEN = (
    "UnavailableError", "AbortedError", "CancelledError", "InternalError", "DeadlineExceededError", "UnknownError"
)  # fmt: skip


class Alone:
    """The one worker of a training on one machine: it agrees with itself."""

    index, count, is_chief, roster = 0, 1, True, None
    writing = contextlib.nullcontext()

    def gather(self, _name: str, value=None) -> list:
        """Return the value of everybody."""
        return [value]

    def agree(self, stop: bool) -> bool:
        """Return whether anybody wants to stop."""
        return stop

    def watch(self, interruption) -> None:
        """Let the others know of a signal: there are none."""

    def end(self, code: int) -> int:
        """Return the exit code."""
        return code


ALONE = Alone()


class Link:
    """The connections of a worker: a star around the chief.

    Every worker calls `gather`, `agree` and `end` as often as the others, and in the same order.

    Args:
        roster: who trains together.
        peers: the others that it is connected to.
        leave: (exit code, sentence) → ends the process, from any thread.

    Attributes:
        writing: to be held while files are written; an end waits for it.
    """

    def __init__(self, roster: Roster, peers: list[Peer], *, leave: Callable[[int, str], None] | None = None):
        self.roster, self.peers, self.writing = roster, peers, threading.Lock()
        # While TensorFlow is imported, standard error is held back: what is said at an end goes where it went before.
        self._leave = leave or functools.partial(leave_now, error_number=os.dup(2))
        self._closing, self._ended = threading.Event(), threading.Lock()
        self._interruption, self._stopping = None, False
        for peer in peers:
            threading.Thread(target=self._listen, args=(peer,), daemon=True).start()
        threading.Thread(target=self._beat, daemon=True).start()

    @property
    def index(self) -> int:
        """Return which of the workers this process is."""
        return self.roster.index

    @property
    def count(self) -> int:
        """Return how many workers there are."""
        return self.roster.count

    @property
    def is_chief(self) -> bool:
        """Return whether this worker writes."""
        return self.roster.is_chief

    # === What they agree on ===

    def gather(self, name: str, value=None) -> list:
        """Return the value of every worker, in their order, once all have come to this point.

        Args:
            name: of the point, the same for all.
            value: what JSON can say; numbers come back to the last bit.
        """
        if not self.is_chief:
            self.peers[0].send("value", name=name, value=value)
            return self._next(self.peers[0], name)["values"]
        values = [value, *(self._next(peer, name)["value"] for peer in self.peers)]
        if name == END:
            self._closing.set()
        for peer in self.peers:
            peer.send("values", name=name, values=values)
        return values

    def agree(self, stop: bool) -> bool:
        """Return whether any worker has been told to stop: all of them stop at the same step."""
        self._stopping |= (found := any(self.gather("stop", stop)))
        return found

    def watch(self, interruption) -> None:
        """Let the others know when a signal comes: `interruption.received` is looked at from now on."""
        self._interruption = interruption

    def end(self, code: int) -> int:
        """Wait until all have come to their end; return the exit code, the chief's."""
        codes = self.gather(END, code)
        self._close()
        return codes[0]

    def _next(self, peer: Peer, name: str) -> dict:
        said = peer.inbox.get()
        if said is None:
            raise ConnectionError(f"{self.roster.name(peer.index)} is gone")
        if said["name"] != name:
            raise RuntimeError(f"{self.roster.name(peer.index)} is at {said['name']!r}, this one at {name!r}")
        return said

    # === How it ends ===

    def __enter__(self):
        return self

    def __exit__(self, _kind, error, _traceback):
        if error is None or self._closing.is_set():
            return
        if type(error).__name__ in BROKEN or isinstance(error, (ConnectionError, TimeoutError)):
            time.sleep(LOST_SECONDS + BEAT_SECONDS)  # whoever listens to the lost one ends this process meanwhile
        name = self.roster.name(self.index)
        if isinstance(error, KeyboardInterrupt):
            self._tell(EXIT_LOST, f"{name} was interrupted; run the same command again to go on")
        elif isinstance(error, UserError):
            time.sleep(0 if self.is_chief else CHIEF_FIRST_SECONDS)
            self._tell(2, f"{name}: {error}")
        else:
            said = next(iter(str(error).splitlines()), "")
            self._tell(1, f"{name} failed ({type(error).__name__}: {said}); its own output says more")
        self._close()

    def _tell(self, code: int, text: str, *, but: Peer | None = None) -> None:
        """Tell the others how it ends."""
        for peer in self.peers:
            if peer is not but:
                with contextlib.suppress(OSError):
                    peer.send("end", code=code, text=text)
        time.sleep(0.3)  # before the connection goes, which would overtake it

    def _finish(self, code: int, text: str, *, source: Peer) -> None:
        """End this process and all others, for what a peer has said, or has not said for too long."""
        if self._closing.is_set() or not self._ended.acquire(blocking=False):
            return
        if self.is_chief:
            self._tell(code, text, but=source)
        self.writing.acquire(timeout=WRITING_SECONDS)
        self._leave(code, text)
        for peer in self.peers:  # where that came back, in a test
            peer.inbox.put(None)

    def _close(self) -> None:
        self._closing.set()
        for peer in self.peers:
            peer.close()

    # === Threads ===

    def _listen(self, peer: Peer) -> None:
        """Hear a peer until the end."""
        try:
            while True:
                said = peer.receive()
                if said["kind"] == "beat" and said["stop"]:
                    self._stop()
                elif said["kind"] == "end":
                    return self._finish(said["code"], said["text"], source=peer)
                elif said["kind"] in ("value", "values"):
                    if said["kind"] == "values" and said["name"] == END:
                        self._closing.set()
                    peer.inbox.put(said)
        except (OSError, ValueError, KeyError) as error:
            silent = isinstance(error, TimeoutError)
            why = f"nothing was heard of it for {LOST_SECONDS} s" if silent else str(error)
            self._finish(
                EXIT_LOST,
                f"{self.roster.name(peer.index)} is gone ({why}): no worker can go on without it; run the same command "
                "again to go on from the last checkpoint", source=peer,
            )  # fmt: skip

    def _beat(self) -> None:
        """Say that this worker is there, and whether it was told to stop."""
        while not self._closing.wait(BEAT_SECONDS):
            stop = self._stopping or self._interruption is not None and self._interruption.received is not None
            for peer in self.peers:
                with contextlib.suppress(OSError):  # whoever listens to it notices, too
                    peer.send("beat", stop=stop)

    def _stop(self) -> None:
        """Do what a signal would do that another worker has got."""
        if not self._stopping:
            self._stopping = True
            os.kill(os.getpid(), signal.SIGTERM)


def join(roster: Roster | None, about: dict) -> contextlib.AbstractContextManager:
    """Return a context: the link to the other workers, or of one that is alone.

    Args:
        roster: who trains together; None for a training on one machine.
        about: what must be the same for all of them, name → text.

    Raises:
        UserError: as `meet`.
    """
    if roster is None or roster.count == 1:
        return contextlib.nullcontext(ALONE)
    return Link(roster, meet(roster, about))


def leave_now(code: int, text: str, *, error_number: int = 2) -> None:
    """End the process whatever its main thread does, which may wait in TensorFlow for a worker that is gone.

    Args:
        error_number: descriptor of standard error.
    """
    if sys.stdout.isatty():
        os.write(1, b"\x1b[?25h\n")  # the cursor, which a progress bar hides
    os.write(error_number, f"{'error: ' if code == 2 else ''}{text}\n".encode("utf-8", "replace"))
    os._exit(code)
