"""Sliding window: segment_volume beside MONAI's sliding_window_inference over the same volume, as ratios.

Both sides have a process of their own and the same number of threads; they take turns within one run, and the ratio of
a round is that of neighbours in time. Patch, overlap, Gaussian weights (sigma of an eighth) and batch are the same. The
networks are the same too, in Keras and in PyTorch: "one voxel" is a single 1 × 1 × 1 convolution, which leaves the work
of the window itself, and its results must agree; "three layers" are two 3 × 3 × 3 convolutions of 16 filters first.

    pip install torch==2.13.0 monai==1.6.1
    python benchmarks/sliding_speed.py [--shape 155 240 240] [--patch 64 64 64] [--batch-size 2] [--threads 1]
"""

import argparse
import multiprocessing
import os
import statistics
import time

import numpy as np
from segan_speed import cpu_model

CHANNELS, CLASSES, FILTERS = 4, 3, 16
NETWORKS = {"one voxel": (), "three layers": (FILTERS, FILTERS)}


def make_volume(shape) -> np.ndarray:
    """Return (D, H, W, M) float32, the same on both sides."""
    return np.random.default_rng(0).normal(size=(*shape, CHANNELS)).astype(np.float32)


def make_kernels(filters) -> list[np.ndarray]:
    """Return the kernels of a network in Keras' layout, (k, k, k, in, out)."""
    generator, widths = np.random.default_rng(1), (CHANNELS, *filters, CLASSES)
    sizes = [3] * len(filters) + [1]
    shapes = [(*(k,) * 3, i, o) for k, i, o in zip(sizes, widths, widths[1:])]
    return [generator.normal(size=shape, scale=np.prod(shape[:4]) ** -0.5).astype(np.float32) for shape in shapes]


def keras_side(pipe, network: str, arguments) -> None:
    """Answer each message with the seconds of one volume, the first with the result too."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import keras
    import tensorflow as tf

    from segan_tl.predict.sliding import segment_volume

    tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
    tf.config.threading.set_inter_op_parallelism_threads(arguments.threads)
    image = x = keras.Input((None, None, None, CHANNELS))
    kernels = make_kernels(NETWORKS[network])
    for kernel in kernels[:-1]:
        x = keras.layers.Conv3D(kernel.shape[-1], 3, padding="same", activation="relu", use_bias=False)(x)
    x = keras.layers.Conv3D(CLASSES, 1, activation="sigmoid", use_bias=False)(x)
    model = keras.Model(image, x)
    model.set_weights(kernels)
    volume = make_volume(arguments.shape)
    answer(pipe, lambda: segment_volume(model, volume, patch=arguments.patch, batch_size=arguments.batch_size))


def torch_side(pipe, network: str, arguments) -> None:
    """Do the same with MONAI."""
    import torch
    from monai.inferers import sliding_window_inference

    torch.set_num_threads(arguments.threads)
    layers = []
    for kernel in make_kernels(NETWORKS[network]):
        k, *_, channels, width = kernel.shape
        layers += [torch.nn.Conv3d(channels, width, k, padding=k // 2, bias=False), torch.nn.ReLU()]
        layers[-2].weight.data = torch.from_numpy(kernel.transpose(4, 3, 0, 1, 2).copy())
    model = torch.nn.Sequential(*layers[:-1], torch.nn.Sigmoid()).eval()
    volume = torch.from_numpy(make_volume(arguments.shape).transpose(3, 0, 1, 2).copy())[None]

    def run():
        with torch.inference_mode():
            result = sliding_window_inference(
                volume, tuple(arguments.patch), arguments.batch_size, model, overlap=0.5, mode="gaussian",
                sigma_scale=0.125,
            )  # fmt: skip
        return result[0].numpy().transpose(1, 2, 3, 0)

    answer(pipe, run)


def answer(pipe, run) -> None:
    """Run once and send the result, then run and send the seconds at every message."""
    pipe.send(np.ascontiguousarray(run()))
    while pipe.recv():
        start = time.perf_counter()
        run()
        pipe.send(time.perf_counter() - start)


def measure(network: str, arguments) -> tuple[list[float], list[float], float]:
    """Return the seconds of ours and of MONAI's rounds, and the largest difference of the results."""
    context = multiprocessing.get_context("spawn")
    pipes, processes = [], []
    for target in (keras_side, torch_side):
        pipe, end = context.Pipe()
        processes.append(context.Process(target=target, args=(end, network, arguments), daemon=True))
        processes[-1].start()
        pipes.append(pipe)
    ours, theirs = (pipe.recv() for pipe in pipes)
    seconds = [[], []]
    for _ in range(arguments.rounds):
        for pipe, taken in zip(pipes, seconds):
            pipe.send(True)
            taken.append(pipe.recv())
    for pipe, process in zip(pipes, processes):
        pipe.send(False)
        process.join()
    return *seconds, float(abs(ours - theirs).max())


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", type=int, nargs=3, default=(155, 240, 240), help="of the volume: D, H, W")
    parser.add_argument("--patch", type=int, nargs=3, default=(64, 64, 64), help="voxels along D, H, W")
    parser.add_argument("--batch-size", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of either side (all cores)")
    arguments = parser.parse_args()

    from rich.console import Console
    from rich.table import Table

    table = Table("network", "segan_tl, s", "MONAI, s", "ratio", "of a round", "results differ by")
    for network in NETWORKS:
        ours, theirs, difference = measure(network, arguments)
        ratios = [b / a for a, b in zip(ours, theirs, strict=True)]
        times = (f"{statistics.median(taken):.2f}" for taken in (ours, theirs))
        spread = f"{min(ratios):.2f} … {max(ratios):.2f}"
        table.add_row(network, *times, f"{statistics.median(ratios):.2f}", spread, f"{difference:.1e}")
    console = Console(width=120)
    console.print(table)
    console.print(
        f"{cpu_model()}, {arguments.threads} threads; volume {tuple(arguments.shape)}, patch {tuple(arguments.patch)}, "
        f"batch {arguments.batch_size}. Ratio: MONAI's seconds over ours. MONAI raises every weight to at "
        "least 0.001, so that borders of tiles count for more along the faces of the volume: there the results differ."
    )


if __name__ == "__main__":
    main()
