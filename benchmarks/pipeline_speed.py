"""Does the input pipeline keep up? Training on prepared cases against the same training on one batch in memory.

The steps of both are timed in turns within one run: `data` reads, cuts and augments slices through
segan_tl.data.batches while the step runs; `memory` plays the same batch again and again. A ratio of 1 means that data
cost nothing.

    python benchmarks/pipeline_speed.py --data COHORT [--config segan_cpu] [--set train.batch_size=16] [--rounds 7]

With `--cores N` nothing is trained: how many patches N cores make, and which part of it costs what (`pipeline_cores`).

    python benchmarks/pipeline_speed.py --data COHORT --config nnunet --cores 1 [--steps 16] [--rounds 3]
"""

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

from pipeline_cores import keep_to_cores, lock_seconds, measure_parts, print_parts
from segan_speed import cpu_model


def prepare(arguments, config) -> list:
    """Return the cohort's sound cases, prepared."""
    from segan_tl.data.cache import prepare_cases
    from segan_tl.data.find.cases import find_cases

    cases = find_cases(arguments.data).cases[: arguments.cases]
    cached, problems = prepare_cases(cases, arguments.cache, config=config.data)
    print(f"{len(cached)} cases of {arguments.data}, {len(problems)} problems")
    return cached


def measure(config, cached, *, rounds: int, steps: int) -> dict[str, list]:
    """Return "data" and "memory" → (images per second, images per second of processor time) of every round."""
    import keras
    import tensorflow as tf

    from segan_tl.data.batches import make_patches
    from segan_tl.data.sample import plan_patches
    from segan_tl.train.recipes import build_training

    keras.utils.set_random_seed(0)
    tf.config.experimental.enable_op_determinism()
    keras.config.set_dtype_policy(config.train.precision)
    batch_size = config.train.batch_size

    def batches(epoch):
        plan = plan_patches(cached, config, epoch=epoch)
        return strategy.experimental_distribute_dataset(make_patches(cached, plan, config))

    strategy = tf.distribute.OneDeviceStrategy("/cpu:0")
    with strategy.scope():
        game = build_training(config, replicas=1, steps=steps)
    play = tf.function(lambda batch: strategy.run(game.step, args=(batch,)))
    fixed = next(iter(batches(0)))
    play(fixed)

    rates = {"data": [], "memory": []}
    for number in range(rounds):
        for name in rates:
            source = iter([fixed] * (steps + 1) if name == "memory" else batches(number))
            first = next(source)  # the pipeline fills its buffer before the clock, as in the middle of an epoch
            play(first)
            start = time.perf_counter(), time.process_time()
            for _ in range(steps):
                play(next(source))
            seconds = time.perf_counter() - start[0], time.process_time() - start[1]
            rates[name].append([steps * batch_size / duration for duration in seconds])
    return rates


def main() -> None:
    """Prepare, measure, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of cases")
    parser.add_argument("--cases", type=int, default=4, help="cases used (4)")
    parser.add_argument("--config", default="segan_cpu")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--cache", type=Path, help="prepared volumes (a temporary folder)")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=4, help="steps in a turn")
    parser.add_argument("--cores", type=int, metavar="N", help="patches that N cores make, without a training")
    arguments = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if arguments.cores:
        keep_to_cores(arguments.cores)

    from rich.console import Console

    from segan_tl.config.load import load_config

    console = Console()
    # More batches than are timed: at the end of the clock the pipeline still works as hard as at its start.
    steps = arguments.steps if arguments.cores else arguments.steps + 8
    config = load_config(arguments.config, [f"train.steps_per_epoch={steps}", *arguments.set])
    with tempfile.TemporaryDirectory() as folder:
        arguments.cache = arguments.cache or Path(folder)
        cached = prepare(arguments, config)
        if arguments.cores:
            least = measure_parts(config, cached, rounds=arguments.rounds)
            print_parts(console, least, cores=arguments.cores, lock=lock_seconds(config, cached))
        else:
            rates = measure(config, cached, rounds=arguments.rounds, steps=arguments.steps)
            print_rates(console, rates)
    console.print(f"{cpu_model()}; {arguments.config}, batch {config.train.batch_size}, {config.train.precision}")


def print_rates(console, rates: dict[str, list]) -> None:
    """Print how fast both trainings were, and their ratio."""
    from rich.table import Table

    ratios, processor_ratios = (
        [data[kind] / memory[kind] for data, memory in zip(rates["data"], rates["memory"], strict=True)]
        for kind in (0, 1)
    )
    data, memory = (f"{statistics.median(rate for rate, _ in side):.1f} images/s" for side in rates.values())
    spread = f"{min(ratios):.3f} … {max(ratios):.3f}"
    table = Table("training on data", "on one batch in memory", "ratio", "of a round", "of processor time")
    median, processor_median = (f"{statistics.median(values):.3f}" for values in (ratios, processor_ratios))
    table.add_row(data, memory, median, spread, processor_median)
    console.print(table)


if __name__ == "__main__":
    main()
