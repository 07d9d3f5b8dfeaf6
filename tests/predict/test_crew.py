"""Several cases at a time: order, whose thread computes, what an interruption leaves, seconds without the others'."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from segan_tl.predict.crew import Crew

ROOT = Path(__file__).parents[2]


class Doubling:
    """A network that doubles, notes which thread asked it, and is slow where it is told to."""

    input_shape, output_shape, compute_dtype, grid_multiple = (None, 8, 8, 1), (None, 8, 8, 1), "float32", (1, 1)

    def __init__(self, seconds=0.0):
        self.threads, self.seconds, self.at_once, self.most = [], seconds, 0, 0

    def answer(self, images):
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        self.threads.append(threading.current_thread())
        time.sleep(self.seconds)
        self.at_once -= 1
        return 2 * images

    def tile_runner(self, weights, *, mirror_axes):
        return lambda tiles: lambda found=self.answer(tiles * weights): found


@pytest.mark.parametrize("threads", [1, 3])
def test_results_come_in_order_and_one_thread_computes(threads):
    network, crew = Doubling(), Crew(threads)
    shared = crew.share(network)

    def work(number):
        time.sleep(0.02 * (number % 3 == 0))  # the first of three is overtaken
        once = shared.answer(np.array(number))
        fetch = shared.tile_runner(np.array(10), mirror_axes=())
        return int(once), int(fetch(np.array(number))())

    assert list(crew.results(range(12), work)) == [(number, (2 * number, 20 * number)) for number in range(12)]
    assert set(network.threads) == {threading.current_thread()} and network.most == 1


def test_what_a_case_raises_comes_in_its_turn():
    network, crew, seen = Doubling(), Crew(2), []
    shared = crew.share(network)

    def work(number):
        if number == 2:
            raise ValueError("two")
        return int(shared.answer(np.array(number)))

    with pytest.raises(ValueError, match="two"):
        for _, found in crew.results(range(4), work):
            seen.append(found)
    assert seen == [0, 2]


def test_what_a_network_raises_reaches_the_case_that_asked():
    crew, network = Crew(2), Doubling()
    network.answer = lambda images: 1 / int(images)
    shared = crew.share(network)

    def work(number):
        try:
            return shared.answer(np.array(number))
        except ZeroDivisionError:
            return "divided"

    assert [found for _, found in crew.results([2, 0, 4], work)] == [0.5, "divided", 0.25]


def test_an_interruption_ends_the_others_at_their_next_answer():
    network, crew, begun = Doubling(), Crew(3), []
    shared = crew.share(network)

    def work(number):
        begun.append(number)
        if number == 0:
            time.sleep(0.05)
            raise KeyboardInterrupt
        for _ in range(10_000):
            shared.answer(np.array(number))
            time.sleep(0.01)

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        list(crew.results(range(100), work))
    assert time.monotonic() - started < 5 and len(begun) < 10


def test_an_interruption_of_the_computing_thread_leaves_nobody_waiting():
    network, crew = Doubling(), Crew(3)
    shared = crew.share(network)

    def stop(_images):
        raise KeyboardInterrupt

    network.answer = stop
    with pytest.raises(KeyboardInterrupt):
        list(crew.results(range(20), lambda number: shared.answer(np.array(number))))
    assert not [thread for thread in threading.enumerate() if "_work" in thread.name]


def test_a_process_ends_though_threads_wait_for_answers():
    """As after a second signal while the first is dealt with: nobody computes any more, nobody has told the threads."""
    program = """
import sys
import numpy as np
from segan_tl.predict.crew import Crew
from tests.predict.test_crew import Doubling

crew = Crew(3)
network = crew.share(Doubling())
left = crew.results(range(50), lambda number: network.answer(np.array(number)))
print(int(next(left)[1]))
sys.exit(7)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, timeout=60, capture_output=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (7, b"0")


def test_seconds_leave_out_the_answers_of_others():
    """Four cases of one answer of 0.1 s each, at a time: the last is ready after 0.4 s, of which 0.1 s are its own."""
    network, crew = Doubling(seconds=0.1), Crew(4)
    shared = crew.share(network)

    def work(number):
        shared.answer(np.array(number))
        return crew.seconds()

    started = time.monotonic()
    seconds = [found for _, found in crew.results(range(4), work)]
    assert time.monotonic() - started > 0.39
    assert all(0.1 <= taken < 0.25 for taken in seconds)
