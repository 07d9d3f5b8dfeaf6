"""Seconds a training step and a sliding window take: nnU-Net and MedNeXt-S beside the PyTorch originals.

4 → 3 channels, 64³ voxels, batch 2; a training step is the forward pass with deep supervision, Dice + BCE, the backward
pass and SGD with Nesterov momentum; inference is a volume of 96³ voxels in tiles of 64³ that overlap by half, Gaussian
weights, by `segment_volume` and by MONAI's `sliding_window_inference`. PyTorch's side is dynamic-network-architectures'
PlainConvUNet (nnU-Net's own) and MONAI's MedNeXt-S, in the better of its two memory formats, chosen before the clock
starts. Each side lives in a process of its own with the same number of threads; they take turns within one run. nnU-
Net's two sides start from the same weights and their first losses must agree; of MedNeXt, whose layers MONAI names
differently, the number of parameters must. Every ratio says how many times as fast segan_tl is.

    pip install torch==2.13.0 dynamic-network-architectures monai
    python benchmarks/volume_speed.py [--rounds 5] [--only "nnunet training float32"]
"""

import argparse
import multiprocessing
import os
import statistics
from importlib.metadata import version

import numpy as np
from segan_speed import cpu_model

CASES = tuple(
    f"{network} {kind} {precision}"
    for network in ("nnunet", "mednext")
    for kind in ("training", "inference")
    for precision in ("float32", "bfloat16")
)
LOSS_TOLERANCE = {"float32": 1e-4, "bfloat16": 2e-2}
CHANNELS, CLASSES = 4, 3


def make_batch(batch_size: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a batch of smooth volumes and balls as masks, channels last."""
    generator = np.random.default_rng(0)
    grid = np.indices((size, size, size)) / size - 0.5
    distance = np.sqrt((grid**2).sum(axis=0))
    mask = np.stack([distance < radius for radius in (0.4, 0.3, 0.2)], axis=-1)[None].repeat(batch_size, axis=0)
    image = generator.normal(size=(batch_size, size, size, size, CHANNELS)) + mask[..., :1]
    return image.astype(np.float32), mask.astype(np.float32)


def keras_side(pipe, case: str, threads: int, batch_size: int, size: int) -> None:
    """Serve segan_tl: send the weights and the first loss, then the seconds of as many steps as are asked for."""
    import time

    import keras
    import tensorflow as tf

    from segan_tl.config.schema import Config
    from segan_tl.models import nnunet
    from segan_tl.models.foreign.torch_layout import collect
    from segan_tl.predict.sliding import segment_volume
    from segan_tl.train.recipes import build_judge, build_training

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    family, kind, precision = case.split()
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy("mixed_bfloat16" if precision == "bfloat16" else precision)
    train = {"schedule": "constant", "weight_decay": 0, "supervise_coarsest": family != "nnunet"}
    config = Config.model_validate({"name": "speed", "model": {"family": family}, "train": train})
    image, mask = (tf.constant(values) for values in make_batch(batch_size, size))
    strategy = tf.distribute.OneDeviceStrategy("/cpu:0")
    with strategy.scope():
        game = build_training(config, replicas=1, steps=1)
    network = game.segmentor
    names = nnunet.torch_names(network) if family == "nnunet" else {}
    pipe.send((collect(network, names), sum(int(np.prod(v.shape)) for v in network.trainable_variables)))
    if kind == "training":
        train = tf.function(lambda batch: strategy.run(game.step, args=(batch,)))
        run = lambda: train({"image": image, "mask": mask})  # noqa: E731
    else:
        judge, volume = build_judge(config), make_batch(1, size * 3 // 2)[0][0]
        run = lambda: segment_volume(judge, volume, patch=(size,) * 3, batch_size=batch_size)  # noqa: E731
    run()
    pipe.send(float(game.metrics["loss_segmentor"].result()) if kind == "training" else None)
    while steps := pipe.recv():
        start = time.perf_counter()
        for _ in range(steps):
            run()
        pipe.send(time.perf_counter() - start)


def torch_side(pipe, case: str, threads: int, batch_size: int, size: int) -> None:
    """Serve PyTorch: receive the weights, then as `keras_side`."""
    import time

    import torch
    from torch_volumes import TorchVolumes

    torch.set_num_threads(threads)
    family, kind, precision = case.split()
    state, parameters = pipe.recv()
    batch = make_batch(batch_size, size) if kind == "training" else make_batch(1, size * 3 // 2)
    original = "mednext_s" if family == "mednext" else family
    side = TorchVolumes(original, *batch, state=state, bfloat16=precision == "bfloat16", parameters=parameters)
    run = side.train_step if kind == "training" else lambda: side.infer((size,) * 3, batch_size)
    first = run()
    side.choose_memory_format(run)
    pipe.send(float(first) if kind == "training" else None)
    while steps := pipe.recv():
        start = time.perf_counter()
        for _ in range(steps):
            run()
        pipe.send(time.perf_counter() - start)


def measure(case: str, *, rounds: int, steps: int, threads: int, batch_size: int, size: int) -> dict[str, list[float]]:
    """Return side → seconds a step of every round."""
    context = multiprocessing.get_context("spawn")
    pipes, processes = {}, []
    for name, target in (("segan_tl", keras_side), ("PyTorch", torch_side)):
        pipes[name], end = context.Pipe()
        processes.append(context.Process(target=target, args=(end, case, threads, batch_size, size), daemon=True))
        processes[-1].start()
    pipes["PyTorch"].send(pipes["segan_tl"].recv())
    losses = {name: pipe.recv() for name, pipe in pipes.items()}
    ours, theirs = losses.values()
    if case.startswith("nnunet training") and abs(ours - theirs) > LOSS_TOLERANCE[case.split()[2]] * abs(theirs):
        raise SystemExit(f"{case}: the two sides do not learn the same; first losses {losses}")
    seconds = {name: [] for name in pipes}
    for number in range(-1, rounds):
        for name, pipe in pipes.items():
            pipe.send(steps)
            taken = pipe.recv()
            if number >= 0:  # the first round warms up
                seconds[name].append(taken / steps)
    for pipe, process in zip(pipes.values(), processes):
        pipe.send(0)
        process.join()
    return seconds


def main() -> None:
    """Measure every case and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=1, help="steps in a turn")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of either side (all cores)")
    parser.add_argument("--batch-size", type=int, default=2)
    parser.add_argument("--size", type=int, default=64, help="edge of the patch, voxels")
    parser.add_argument("--only", choices=CASES, nargs="+", default=CASES)
    arguments = parser.parse_args()

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from rich.console import Console
    from rich.table import Table

    table = Table("", "segan_tl, s", "PyTorch, s", "ratio", "of a round")
    for case in arguments.only:
        seconds = measure(
            case, rounds=arguments.rounds, steps=arguments.steps, threads=arguments.threads,
            batch_size=arguments.batch_size, size=arguments.size,
        )  # fmt: skip
        ratios = [theirs / ours for ours, theirs in zip(*seconds.values(), strict=True)]
        medians = [f"{statistics.median(side):.2f}" for side in seconds.values()]
        table.add_row(case, *medians, f"{statistics.median(ratios):.2f}", f"{min(ratios):.2f} … {max(ratios):.2f}")
    console = Console()
    console.print(table)
    packages = ("tensorflow", "keras", "torch", "dynamic-network-architectures", "monai")
    size = f"batch {arguments.batch_size}, {arguments.size}³"
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    console.print(f"{cpu_model()}, {arguments.threads} threads; {size}; {versions}", soft_wrap=True)


if __name__ == "__main__":
    main()
