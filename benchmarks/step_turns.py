"""Seconds of a training step without and with some settings, two processes in turns: a busy machine slows both alike.

    python benchmarks/step_turns.py --config nnunet_small --set 'critic.filters=[16,32,64]'
    python benchmarks/step_turns.py --config nnunet --set train.checkpointing=true --both 'data.patch=[64,64,64]'

Each process trains on the synthetic cohort and lets the other one work after every few steps; the first turn, which
traces, is left out. What counts is the median of the ratios of neighbouring turns: of seconds of the clock, and of
the processor's where other programs are at work.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

STEPS = 4  # of a turn


def work(read_end: int, write_end: int, words: list[str]) -> None:
    """Train; before every turn wait for a word, after it say how long it took."""
    import keras

    from segan_tl.__main__ import main

    orders, answers = os.fdopen(read_end, "rb", 0), os.fdopen(write_end, "wb", 0)
    callbacks, state = keras.callbacks.CallbackList, {"step": 0, "since": (0.0, 0.0)}
    begin, end = callbacks.on_train_batch_begin, callbacks.on_train_batch_end

    def on_begin(self, batch, logs=None):
        if state["step"] % STEPS == 0:
            orders.read(1)
            state["since"] = (time.perf_counter(), time.process_time())
        begin(self, batch, logs)

    def on_end(self, batch, logs=None):
        end(self, batch, logs)
        state["step"] += 1
        if state["step"] % STEPS == 0:
            spent = (time.perf_counter() - state["since"][0], time.process_time() - state["since"][1])
            answers.write(" ".join(f"{seconds / STEPS}" for seconds in spent).encode() + b"\n")

    callbacks.on_train_batch_begin, callbacks.on_train_batch_end = on_begin, on_end
    main(words)


def start(words: list[str]):
    """Return a process that trains, where to send it on, and where it answers."""
    theirs, orders = os.pipe()
    answers, ours = os.pipe()
    command = [sys.executable, __file__, "--work", str(theirs), str(ours), *words]
    process = subprocess.Popen(command, pass_fds=(theirs, ours), stdout=subprocess.DEVNULL)
    os.close(theirs)
    os.close(ours)
    return process, os.fdopen(orders, "wb", 0), os.fdopen(answers)


def main() -> None:
    """Race, and print what a step took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", required=True, help="of both")
    parser.add_argument("--set", action="append", required=True, metavar="KEY=VALUE", help="of one of them")
    parser.add_argument("--both", action="append", default=[], metavar="KEY=VALUE", help="of both of them")
    parser.add_argument("--turns", type=int, default=8, help="of each (8)")
    parser.add_argument("--cache", type=Path, default=Path("cache"), help="prepared volumes (cache)")
    arguments = parser.parse_args()
    settings = [f"train.steps_per_epoch={STEPS * (arguments.turns + 2)}", "phantom.cases=6", "train.epochs=1"]
    settings += arguments.both
    with tempfile.TemporaryDirectory() as folder:
        racers = []
        for name, more in (("without", []), ("with", arguments.set)):
            sets = [word for text in (*settings, *more) for word in ("--set", text)]
            places = ["--runs", f"{folder}/{name}", "--cache", str(arguments.cache), "--no-report"]
            racers.append(start(["train", "--config", arguments.config, *sets, *places]))
        seconds = [[], []]
        for _ in range(arguments.turns + 1):
            for own, (_, orders, answers) in zip(seconds, racers):
                orders.write(b".")
                own.append([*map(float, answers.readline().split())])
        for process, *_ in racers:
            process.kill()
            process.wait()
    without, with_settings = np.array(seconds)[:, 1:]  # (turns, 2)
    for kind, before, after in zip(("of the clock", "of the processor"), without.T, with_settings.T):
        print(
            f"{arguments.config}: {np.median(before):.3f} s {kind} a step, {np.median(after):.3f} with "
            f"{' '.join(arguments.set)}; ratio {np.median(after / before):.2f}"
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--work"]:
        work(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
    else:
        main()
