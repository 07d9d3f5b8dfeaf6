"""Several cases at a time: threads read, prepare, paste and score them, and one thread computes the networks.

What a network says is computed by the thread that waits for the cases: one answer at a time, as without threads, so
neither its numbers nor the memory of a GPU depend on how many cases are worked on.
"""

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, Future, wait
from typing import TypeVar

import numpy as np

from segan_tl.environment import jobs_that_fit
from segan_tl.predict.network import Network, Tiles

Item, Result = TypeVar("Item"), TypeVar("Result")
POLL_SECONDS = 0.2  # in which a thread notices that nobody waits for it any more
END_SECONDS = 10  # that an end waits for a thread which writes a file
CASE_MIB, MOST_CASES = 1024, 4  # what a case of BraTS with four modalities holds; more cases hardly help a network


class Crew:
    """Threads that work on a case each.

    Args:
        threads: how many; None for as many as there are cores and memory for, at most 4.
    """

    def __init__(self, threads: int | None = None):
        self.threads = threads or jobs_that_fit(CASE_MIB, most=MOST_CASES)
        self._asked: queue.SimpleQueue[tuple[Callable, Future] | None] = queue.SimpleQueue()
        self._own, self._closed = threading.local(), False

    def share(self, network: Network) -> Network:
        """Return a network that the threads may ask."""
        return _Shared(network, self)

    def results(self, items: Iterable[Item], work: Callable[[Item], Result]) -> Iterator[tuple[Item, Result]]:
        """Yield each item, in their order, with `work(item)`, or raise what it raised; once for a crew.

        Where the caller stops asking, or is interrupted, the others end before the next answer of a network.
        """
        waiting, tasks, threads = deque(), queue.SimpleQueue(), []
        try:
            for item in items:
                waiting.append((item, task := Future()))
                tasks.put((item, task))
                if len(threads) < self.threads:
                    # A daemon: an interruption may come when nobody can tell the threads, and no exit waits for them.
                    threads.append(threading.Thread(target=self._work, args=(tasks, work), daemon=True))
                    threads[-1].start()
                if len(waiting) > self.threads:
                    yield self._finish(*waiting.popleft())
            while waiting:
                yield self._finish(*waiting.popleft())
        finally:
            self._closed = True
            for thread in threads:
                tasks.put(None)
            for thread in threads:
                thread.join(END_SECONDS)

    def seconds(self) -> float:
        """Return how long this thread has been at its case, but for the answers of other cases it waited for."""
        return time.monotonic() - self._own.started - self._own.waited

    def ask(self, function: Callable[[], object]):
        """Return what a function returns that the thread of `results` calls."""
        answer, asked = Future(), time.monotonic()
        self._asked.put((function, answer))
        while not wait([answer], timeout=POLL_SECONDS).done:
            if self._closed:
                raise CancelledError
        value, seconds = answer.result()
        self._own.waited += time.monotonic() - asked - seconds
        return value

    def _work(self, tasks: queue.SimpleQueue, work: Callable[[Item], Result]) -> None:
        """Do one task after another, in a thread; None ends it."""
        while (found := tasks.get()) is not None and not self._closed:
            item, task = found
            self._own.started, self._own.waited = time.monotonic(), 0.0
            try:
                task.set_result(work(item))
            except BaseException as error:  # the caller gets it
                task.set_exception(error)
            self._asked.put(None)

    def _finish(self, item: Item, task: Future) -> tuple[Item, Result]:
        """Answer the threads until one of the tasks is done."""
        while not task.done():
            if (asked := self._asked.get()) is not None:
                _answer(*asked)
        return item, task.result()


def _answer(function: Callable[[], object], answer: Future) -> None:
    """Compute what a thread has asked for: its value and the seconds that it took."""
    started = time.monotonic()
    try:
        value = function()
    except Exception as error:
        answer.set_exception(error)
    except BaseException:  # this thread is interrupted, and the one that waits with it
        answer.cancel()
        raise
    else:
        answer.set_result((value, time.monotonic() - started))


class _Shared:
    """A network whose answers another thread computes; see `network.Network`."""

    def __init__(self, network: Network, crew: Crew):
        self._network, self._crew = network, crew
        self.input_shape, self.output_shape = network.input_shape, network.output_shape
        self.compute_dtype, self.grid_multiple = network.compute_dtype, network.grid_multiple

    def answer(self, images: np.ndarray) -> np.ndarray:
        return self._crew.ask(lambda: self._network.answer(images))

    def tile_runner(self, weights: np.ndarray, *, mirror_axes: Sequence[int]) -> Tiles:
        run = self._crew.ask(lambda: self._network.tile_runner(weights, mirror_axes=mirror_axes))
        return lambda tiles: self._crew.ask(lambda: run(tiles))
