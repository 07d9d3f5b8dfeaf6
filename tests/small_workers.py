"""Workers of one training, on this computer: their ports, and their connections in one process."""

import itertools
import json
import os
import socket
import threading

from segan_tl.train.machines.link import Link
from segan_tl.train.machines.meeting import meet
from segan_tl.train.machines.roster import Roster

ABOUT = {"version": "1", "configuration": "a"}


# Test processes that run side by side try other ports: between them, workers of two tests would greet one another.
_FIRST = itertools.count(1000 * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) + os.getpid() % 500)


def free_ports(count: int) -> int:
    """Return the first of so many ports that are free one after another, and of one more; other ones at every call."""
    for _ in range(1000):
        first = 20_000 + next(_FIRST) % 10_000
        sockets = []
        try:
            for port in range(first, first + count + 1):
                sockets.append(socket.create_server(("127.0.0.1", port)))
                next(_FIRST)
            return first
        except OSError:
            continue
        finally:
            for one in sockets:
                one.close()
    raise AssertionError("no ports are free")


def addresses_of(count: int) -> tuple[str, ...]:
    """Return host:port of so many workers."""
    first = free_ports(count)
    return tuple(f"127.0.0.1:{first + i}" for i in range(count))


def tf_config(addresses: tuple[str, ...], index: int) -> str:
    """Return the variable TF_CONFIG of a worker."""
    return json.dumps({"cluster": {"worker": list(addresses)}, "task": {"type": "worker", "index": index}})


def link_workers(count: int, *, abouts: list[dict] | None = None) -> tuple[list, list]:
    """Return links of all workers, or what they raised, and for each what it was told to leave with."""
    addresses, links, left = addresses_of(count), [None] * count, [[] for _ in range(count)]

    def start(index):
        roster = Roster(addresses, index)
        try:
            peers = meet(roster, abouts[index] if abouts else ABOUT)
            links[index] = Link(roster, peers, leave=lambda code, text: left[index].append((code, text)))
        except Exception as error:
            links[index] = error

    in_threads(count, start)
    return links, left


def in_threads(count: int, do) -> None:
    """Call a function for every index at the same time, and wait for all."""
    threads = [threading.Thread(target=do, args=(i,), daemon=True) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
        assert not thread.is_alive()
