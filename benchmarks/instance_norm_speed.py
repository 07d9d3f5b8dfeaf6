"""What exact statistics of large instances cost: nnU-Net's training step and Ren's forward pass, with and without them.

float32, 4 channels, published widths; "without" is TensorFlow's fused operation with its own running sums. Both sides
live in one process over the same variables and take turns; the ratio is their seconds with over without. The error is
that of one normalisation of 64 × 64 × 64 × 32 numbers against float64.

    python benchmarks/instance_norm_speed.py [--rounds 7] [--size 64]
"""

import argparse
import os
import statistics
import time

import numpy as np
from segan_speed import cpu_model


def main():
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--size", type=int, default=64, help="edge of the patch")
    arguments = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    from segan_tl.models.nnunet import build_nnunet
    from segan_tl.models.unet import build_unet3d

    print(f"{cpu_model()}, {os.cpu_count()} cores, TensorFlow {tf.__version__}, float32, edge {arguments.size}")
    print(f"error of one normalisation: {error(exact=False):.1e} without, {error(exact=True):.1e} with")
    shape = (arguments.size, arguments.size, arguments.size, 4)
    image = tf.constant(np.random.default_rng(0).normal(size=(2, *shape)), tf.float32)
    for name, build, training in (
        ("nnU-Net, training step", build_nnunet, True), ("Ren's U-Net, forward", build_unet3d, False),
    ):  # fmt: skip
        sides = {exact: make_pass(build(shape), image, exact=exact, training=training) for exact in (False, True)}
        seconds = {exact: [] for exact in sides}
        for _ in range(arguments.rounds):
            for exact, run in sides.items():
                started = time.perf_counter()
                run()
                seconds[exact].append(time.perf_counter() - started)
        ratios = [after / before for before, after in zip(seconds[False], seconds[True], strict=True)]
        before, after = (statistics.median(seconds[exact]) for exact in (False, True))
        print(f"{name}: {before:.2f} s without, {after:.2f} s with, ratio {statistics.median(ratios):.2f} "
              f"({min(ratios):.2f} to {max(ratios):.2f})")  # fmt: skip


def make_pass(model, image, *, exact: bool, training: bool):
    """Return a function that runs the model over the image once, traced already."""
    import tensorflow as tf

    from segan_tl.fast import instance_norm as fused

    network = fused.fuse(model)

    @tf.function
    def run(image):
        if not training:
            return tf.reduce_sum(network(image))
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(network(image, training=True)))
        return tf.add_n([tf.reduce_sum(gradient) for gradient in tape.gradient(loss, model.trainable_variables)])

    large, fused.LARGE = fused.LARGE, fused.LARGE if exact else 2**62
    run(image)  # traces
    fused.LARGE = large
    return lambda: run(image).numpy()


def error(*, exact: bool) -> float:
    """Return the largest error of one normalisation of values like those behind a LeakyReLU."""
    from keras import layers

    from segan_tl.fast import instance_norm as fused

    x = np.maximum(np.random.default_rng(0).normal(0.5, 1, (1, 64, 64, 64, 32)), -0.01).astype("float32")
    layer = layers.GroupNormalization(groups=-1, epsilon=1e-5)
    layer.build(x.shape)
    large, fused.LARGE = fused.LARGE, fused.LARGE if exact else 2**62
    found = fused.FusedInstanceNormalisation(layer)(x)
    fused.LARGE = large
    x = x.astype("float64")
    axes = (1, 2, 3)
    expected = (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + 1e-5)
    return float(np.abs(found - expected).max())


if __name__ == "__main__":
    main()
