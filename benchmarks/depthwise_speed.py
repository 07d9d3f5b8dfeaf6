"""Milliseconds of the ways to convolve a volume depthwise, forward and with gradients, at MedNeXt's sizes.

groups: keras.layers.Conv3D(groups=C); planes, blocks: the two methods of DepthwiseConv3D; plain: planes as automatic
differentiation has it; shifts: one product and sum for every tap; dense: one block of all channels. Every answer is
checked against `planes`. Wall time (the least of the rounds) and, in brackets, processor time, which another program
on the computer changes less.

    python benchmarks/depthwise_speed.py [--kernel-size 5] [--precision bfloat16] [--only planes blocks]
"""

import argparse
import os
import platform
import time

SIZES = {64: 32, 32: 64, 16: 128, 8: 256}
SLOW = {"groups", "shifts", "plain"}  # not measured at 64³ unless asked for by --all


def methods(kernel_size: int, half: bool) -> dict:
    """Return name → function of (x (B, D, H, W, C), kernel (k, k, k, 1, C))."""
    import keras
    from keras import ops

    from segan_tl.fast.depthwise import BLOCK, BLOCK_HALF, convolve_blocks, convolve_planes

    size = BLOCK_HALF if half else BLOCK["float32"]

    def plain(x, kernel):
        depth = x.shape[1]
        padded = ops.pad(x, [(0, 0), (kernel_size // 2,) * 2, (0, 0), (0, 0), (0, 0)])
        planes = (
            ops.depthwise_conv(
                ops.reshape(padded[:, z : z + depth], (-1, *x.shape[2:])), ops.swapaxes(kernel[z], 2, 3), 1, "same"
            )
            for z in range(kernel_size)
        )
        return ops.reshape(sum(planes), x.shape)

    def shifts(x, kernel):
        half_edge = kernel_size // 2
        padded = ops.pad(x, [(0, 0), *[(half_edge, half_edge)] * 3, (0, 0)])
        _, depth, height, width, _ = x.shape
        return sum(
            padded[:, i : i + depth, j : j + height, k : k + width] * kernel[i, j, k, 0]
            for i in range(kernel_size)
            for j in range(kernel_size)
            for k in range(kernel_size)
        )

    def bias(x):
        return keras.ops.zeros(x.shape[-1], x.dtype)

    return {
        "planes": lambda x, kernel: convolve_planes(x, kernel, bias(x)),
        "blocks": lambda x, kernel: convolve_blocks(x, kernel, strides=1, size=size),
        "dense": lambda x, kernel: convolve_blocks(x, kernel, strides=1, size=x.shape[-1]),
        "plain": plain,
        "groups": lambda x, kernel: ops.conv(x, kernel, 1, "same"),
        "shifts": shifts,
    }


def milliseconds(function, *tensors, rounds: int) -> tuple[float, float]:
    """Return the least wall and processor time of a call."""
    function(*tensors)
    wall, processor = [], []
    for _ in range(rounds):
        start = time.perf_counter(), time.process_time()
        answer = function(*tensors)
        (answer[0] if isinstance(answer, list | tuple) else answer).numpy()
        wall.append(time.perf_counter() - start[0])
        processor.append(time.process_time() - start[1])
    return 1e3 * min(wall), 1e3 * min(processor)


def cell(method, x, kernel, *, rounds: int, truth) -> tuple[str, str, object]:
    """Return the times of forward, and of forward and gradient, as text, and the answer."""
    import numpy as np
    import tensorflow as tf

    forward = tf.function(method, autograph=False)

    @tf.function(autograph=False)
    def both(x, kernel):
        with tf.GradientTape() as tape:
            tape.watch([x, kernel])
            y = method(x, kernel)
        return tape.gradient(y, [x, kernel], x)

    answer = np.asarray(tf.cast(forward(x, kernel), "float32"))
    if truth is not None and np.abs(answer - truth).max() > (0.05 if x.dtype == "bfloat16" else 1e-4) * truth.max():
        raise SystemExit("two methods disagree")
    times = (milliseconds(function, x, kernel, rounds=rounds) for function in (forward, both))
    return *(f"{wall:.0f} ({processor:.0f})" for wall, processor in times), answer


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kernel-size", type=int, choices=(3, 5), default=3)
    parser.add_argument("--precision", nargs="+", choices=("float32", "bfloat16"), default=("float32", "bfloat16"))
    parser.add_argument("--only", nargs="+", help="methods to measure")
    parser.add_argument("--all", action="store_true", help="the slow methods at 64³ too")
    parser.add_argument("--batch-size", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras
    import tensorflow as tf
    from rich.console import Console
    from rich.table import Table

    for precision in arguments.precision:
        ways = methods(arguments.kernel_size, precision != "float32")
        names = [name for name in ways if not arguments.only or name in arguments.only or name == "planes"]
        table = Table(f"{precision}, kernel {arguments.kernel_size}³", *names)
        for edge, channels in SIZES.items():
            keras.utils.set_random_seed(0)
            x = tf.cast(tf.random.normal((arguments.batch_size, edge, edge, edge, channels)), precision)
            kernel = tf.cast(tf.random.normal((arguments.kernel_size,) * 3 + (1, channels)), precision)
            rows, truth = ([f"{edge}³ × {channels}, forward"], [f"{edge}³ × {channels}, and gradient"]), None
            for name in names:
                skip = edge == 64 and name in SLOW and not arguments.all
                forward, both, answer = ("–", "–", None) if skip else cell(
                    ways[name], x, kernel, rounds=arguments.rounds, truth=truth
                )  # fmt: skip
                truth = answer if truth is None else truth
                rows[0].append(forward)
                rows[1].append(both)
            for row in rows:
                table.add_row(*row)
        Console(width=140).print(table)
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, batch {arguments.batch_size}")


if __name__ == "__main__":
    main()
