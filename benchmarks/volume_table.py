"""Parameters, seconds and peak memory of every volumetric network: a training step, and a whole case.

Parameters are those that train, heads of deep supervision included. A step is one of 64³ voxels (AlbuNet: 24 × 128 ×
128, and 8 slices of 128 × 128), batch 1, 4 → 3 channels (AlbuNet 3 → 3), mixed bfloat16. The case is a head of 140 ×
170 × 140 voxels in tiles of that size that overlap by a quarter (slices: by none), without mirroring. Every network has
a process of its own, so that its peak memory is its own.

    python benchmarks/volume_table.py [--only nnunet mednext_s]
"""

import argparse
import multiprocessing
import os
import time

import numpy as np
from metrics_speed import _peak_mib
from segan_speed import cpu_model

CUBE, SLAB, SLICE = (64, 64, 64), (24, 128, 128), (1, 128, 128)
HEAD = (140, 170, 140)
# Network → configuration of the model, patch, and the published number of parameters with its source.
NETWORKS = {
    "unet3d": ({"family": "unet3d"}, CUBE, "–"),
    "unet3d, ren_repo": ({"family": "unet3d", "variant": "ren_repo"}, CUBE, "50,687,817 [Ren's code]"),
    "cicek": ({"family": "cicek"}, CUBE, "19,069,955 [Çiçek 2016]"),
    "nnunet": ({"family": "nnunet"}, CUBE, "31,198,991 [nnU-Net's code]"),
    "nnunet, resenc_m": ({"family": "nnunet", "variant": "resenc_m"}, CUBE, "102,353,167 [nnU-Net's code]"),
    "mednext_s": ({"family": "mednext", "variant": "s"}, CUBE, "5,553,935 [MedNeXt's code]"),
    "mednext_b": ({"family": "mednext", "variant": "b"}, CUBE, "10,529,327 [MedNeXt's code]"),
    "mednext_m": ({"family": "mednext", "variant": "m"}, CUBE, "17,551,983 [MedNeXt's code]"),
    "mednext_l": ({"family": "mednext", "variant": "l"}, CUBE, "61,782,287 [MedNeXt's code]"),
    "albunet3d": ({"family": "albunet3d", "deep_supervision": False}, SLAB, "26,673,172 [Wacker's code]"),
    "albunet2d": ({"family": "albunet2d", "deep_supervision": False}, SLICE, "–"),
}


def measure(name: str, threads: int) -> tuple[int, float, float, float, float]:
    """Return parameters, seconds a step and its peak memory in MiB, seconds a case and the peak memory of both."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import keras
    import tensorflow as tf

    from segan_tl.config.schema import Config
    from segan_tl.models import build_model
    from segan_tl.predict.sliding import segment_volume
    from segan_tl.train.recipes import build_judge, build_training

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    keras.config.set_dtype_policy("mixed_bfloat16")
    model, patch, _ = NETWORKS[name]
    channels = 3 if name.startswith("albunet") else 4
    config = Config.model_validate(
        {
            "name": "table", "model": model, "train": {"schedule": "constant"},
            "data": {"modalities": ["t1", "t1c", "t2", "flair"][-channels:]},
        }
    )  # fmt: skip
    batch, shape = (8, patch[1:]) if patch == SLICE else (1, patch)
    generator = np.random.default_rng(0)
    image = generator.normal(size=(batch, *shape, channels)).astype(np.float32)
    mask = (image[..., :1].repeat(3, axis=-1) > 1).astype(np.float32)
    game = build_training(config, replicas=1, steps=1)
    strategy = tf.distribute.get_strategy()
    train = tf.function(lambda data: strategy.run(game.step, args=(data,)))
    data = {"image": tf.constant(image), "mask": tf.constant(mask)}
    step = _median_seconds(lambda: train(data), 3)
    step_peak = _peak_mib()
    judge = build_judge(config)
    head = generator.normal(size=(*HEAD, channels)).astype(np.float32)
    options = {"patch": patch, "overlap": 0.25 if patch != SLICE else 0.0, "batch_size": batch}
    segment_volume(judge, head[: patch[0], : patch[1], : patch[2]], **options)  # traces
    case = _median_seconds(lambda: segment_volume(judge, head, **options), 1, warm=False)
    network = build_model(config.model, channels=channels, classes=4 if name.startswith("albunet") else 3)
    parameters = sum(int(np.prod(variable.shape)) for variable in network.trainable_variables)
    return parameters, step, step_peak, case, _peak_mib()


def _median_seconds(run, times: int, *, warm: bool = True) -> float:
    seconds = []
    for number in range(times + warm):
        start = time.perf_counter()
        run()
        if number >= warm:
            seconds.append(time.perf_counter() - start)
    return float(np.median(seconds))


def main() -> None:
    """Measure every network and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--only", choices=NETWORKS, nargs="+", default=tuple(NETWORKS), metavar="NETWORK")
    arguments = parser.parse_args()
    from rich.console import Console
    from rich.table import Table

    columns = ("network", "parameters", "published", "step, s", "step, GiB", "case, s", "case, GiB")
    table = Table(*columns)
    for name in arguments.only:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            parameters, step, step_peak, case, peak = pool.apply(measure, (name, arguments.threads))
        row = (f"{parameters:,}", NETWORKS[name][2], f"{step:.2f}", f"{step_peak / 1024:.1f}", f"{case:.0f}")
        table.add_row(name, *row, f"{peak / 1024:.1f}")
        print(name, *row, flush=True)
    console = Console(width=140)
    console.print(table)
    console.print(f"{cpu_model()}, {arguments.threads} threads")


if __name__ == "__main__":
    main()
