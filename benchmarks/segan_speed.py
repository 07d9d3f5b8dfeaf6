"""Images per second of SegAN-CAT: segan_tl beside the same networks and the same update in PyTorch.

One channel, 160 × 160, batch 16, the published widths. Each side lives in a process of its own with the same number of
threads; they take turns (A B A B …) within one run, and the ratio of a round is that of neighbours in time. Before the
clock starts, both play one step from the same weights on the same batch, and the losses must agree. Every ratio
says how many times as fast segan_tl is: above 1, it is faster. On a computer that others use too, the ratio of
processor time with one thread (`--threads 1`) is the one to trust.

    pip install torch==2.13.0
    python benchmarks/segan_speed.py [--rounds 7] [--only "training float32"]
"""

import argparse
import multiprocessing
import os
import platform
import statistics
from importlib.metadata import version

FILTERS, CRITIC_FILTERS, CLIP = (64, 128, 256, 512), (64, 128, 256), 0.05
CASES = ("training float32", "training bfloat16", "inference float32", "inference bfloat16")
LOSS_TOLERANCE = {"float32": 1e-4, "bfloat16": 3e-2}


def make_batch(batch_size: int, size: int):
    """Return a batch of smooth images and discs as masks."""
    import numpy as np

    generator = np.random.default_rng(0)
    y, x = np.indices((size, size)) / size
    centres = generator.uniform(0.3, 0.7, (batch_size, 2, 1, 1))
    mask = (y - centres[:, 0]) ** 2 + (x - centres[:, 1]) ** 2 < 0.02
    image = np.clip(0.4 * mask + 0.3 * generator.random(mask.shape), 0, 1)
    return image[..., None].astype(np.float32), mask[..., None].astype(np.float32)


def keras_side(pipe, case: str, threads: int, batch_size: int, size: int) -> None:
    """Serve segan_tl: send initial weights and the first losses, then the seconds of as many steps as are asked for."""
    import time

    import keras
    import tensorflow as tf

    from segan_tl.config.load import load_config
    from segan_tl.predict.keras_network import trace_slices
    from segan_tl.train.recipes import build_judge, build_training

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    kind, precision = case.split()
    changes = [f"model.filters={list(FILTERS)}", f"critic.filters={list(CRITIC_FILTERS)}", f"critic.clip={CLIP}"]
    changes.append(f"train.precision={'mixed_bfloat16' if precision == 'bfloat16' else precision}")
    config = load_config("segan_cat", changes)
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy(config.train.precision)
    image, mask = make_batch(batch_size, size)
    strategy = tf.distribute.OneDeviceStrategy("/cpu:0")
    if kind == "training":
        tf.config.experimental.enable_op_determinism()
    with strategy.scope():
        game = build_training(config, replicas=1, steps=1)
    networks, judge = game.networks, build_judge(config)
    pipe.send({name: [v.numpy() for v in network.trainable_variables] for name, network in networks.items()})
    batch = {"image": tf.constant(image), "mask": tf.constant(mask)}
    train = tf.function(lambda batch: strategy.run(game.step, args=(batch,)))
    infer = trace_slices(judge)  # what prediction runs

    def step():
        return train(batch) if kind == "training" else infer(batch["image"])

    step()
    pipe.send([float(game.metrics[name].result()) for name in ("l1", "loss_dice")])
    while steps := pipe.recv():
        start = time.perf_counter(), time.process_time()
        for _ in range(steps):
            answer = step()
        if answer is not None:
            answer.numpy()
        pipe.send((time.perf_counter() - start[0], time.process_time() - start[1]))


def torch_side(pipe, case: str, threads: int, batch_size: int, size: int) -> None:
    """Serve PyTorch: receive the initial weights, then as `keras_side`."""
    import torch
    from torch_segan import TorchSide

    torch.set_num_threads(threads)
    kind, precision = case.split()
    image, mask = make_batch(batch_size, size)
    side = TorchSide(
        image, mask, filters=FILTERS, critic_filters=CRITIC_FILTERS, weights=pipe.recv(), clip=CLIP,
        bfloat16=precision == "bfloat16",
    )  # fmt: skip
    measure = side.time_training if kind == "training" else side.time_inference
    pipe.send([float(loss) for loss in side.train_step()] if kind == "training" else (0.0, 0.0))
    while steps := pipe.recv():
        pipe.send(measure(steps))


def measure(case: str, *, rounds: int, steps: int, threads: int, batch_size: int, size: int) -> dict[str, list]:
    """Return side → (images per second, images per second of processor time) of every round."""
    context = multiprocessing.get_context("spawn")
    pipes, processes = {}, []
    for name, target in (("segan_tl", keras_side), ("PyTorch", torch_side)):
        pipes[name], end = context.Pipe()
        processes.append(context.Process(target=target, args=(end, case, threads, batch_size, size), daemon=True))
        processes[-1].start()
    pipes["PyTorch"].send(pipes["segan_tl"].recv())
    losses = {name: pipe.recv() for name, pipe in pipes.items()}
    tolerance = LOSS_TOLERANCE[case.split()[1]]
    for ours, theirs in zip(*losses.values(), strict=True):
        if abs(ours - theirs) > tolerance * abs(theirs):
            raise SystemExit(f"{case}: the two sides do not play the same game; first losses (L1, Dice) {losses}")
    rates = {name: [] for name in pipes}
    for number in range(-1, rounds):
        for name, pipe in pipes.items():
            pipe.send(steps)
            seconds, processor_seconds = pipe.recv()
            if number >= 0:  # the first round warms up
                rates[name].append((steps * batch_size / seconds, steps * batch_size / processor_seconds))
    for pipe, process in zip(pipes.values(), processes):
        pipe.send(0)
        process.join()
    return rates


def cpu_model() -> str:
    """Return the processor's name as Linux tells it, else what Python knows."""
    try:
        with open("/proc/cpuinfo") as lines:
            return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def main() -> None:
    """Measure every case and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, help="steps in a turn (3 in training, 8 in inference)")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of either side (all cores)")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--size", type=int, default=160, help="height and width of the images")
    parser.add_argument("--only", choices=CASES, nargs="+", default=CASES)
    arguments = parser.parse_args()

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from rich.console import Console
    from rich.table import Table

    table = Table("", "segan_tl, images/s", "PyTorch, images/s", "ratio", "of a round", "of processor time")
    for case in arguments.only:
        steps = arguments.steps or (3 if case.startswith("training") else 8)
        rates = measure(
            case, rounds=arguments.rounds, steps=steps, threads=arguments.threads, batch_size=arguments.batch_size,
            size=arguments.size,
        )  # fmt: skip
        ratios, processor_ratios = (
            [ours[kind] / theirs[kind] for ours, theirs in zip(*rates.values(), strict=True)] for kind in (0, 1)
        )
        medians = [f"{statistics.median(rate for rate, _ in side):.1f}" for side in rates.values()]
        spread = f"{min(ratios):.2f} … {max(ratios):.2f}"
        median, processor_median = (f"{statistics.median(values):.2f}" for values in (ratios, processor_ratios))
        table.add_row(case, *medians, median, spread, processor_median)
    console = Console()
    console.print(table)
    versions = ", ".join(f"{name} {version(name)}" for name in ("tensorflow", "keras", "torch"))
    size = f"batch {arguments.batch_size}, {arguments.size} × {arguments.size}"
    console.print(f"{cpu_model()}, {arguments.threads} threads; {size}; {versions}")


if __name__ == "__main__":
    main()
