"""Peak memory of the sliding window over a volume of 240 × 240 × 155 × 4, and what of it is whose.

Each row has a process of its own, so that its peak is its own. The network is one convolution: its own memory, which
the window cannot help, is next to nothing. "beside" is what is left when the image, the result and a batch that the
network has just seen are taken off: what the window itself needs. Pages of memory maps count as long as they are in
memory, though the system may drop them at any time.

    python benchmarks/sliding_memory.py [--patch 128 128 128] [--batch-size 1 2] [--mirror]
"""

import argparse
import itertools
import multiprocessing
import os
import tempfile
import time
from pathlib import Path

import numpy as np

SHAPE, CHANNELS, CLASSES = (155, 240, 240), 4, 3
MIB = 2**20


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patch", type=int, nargs=3, default=(128, 128, 128), help="voxels along D, H, W")
    parser.add_argument("--batch-size", type=int, nargs="+", default=(1, 2))
    parser.add_argument("--mirror", action="store_true", help="average over the eight flips")
    arguments = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

    from rich.console import Console
    from rich.table import Table
    from segan_speed import cpu_model

    table = Table("image and result", "batch", "image, MiB", "result, MiB", "batch, MiB", "peak, MiB", "beside", "s")
    with tempfile.TemporaryDirectory() as folder:
        for kind, batch_size in itertools.product(("in memory", "memory maps"), arguments.batch_size):
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                row = pool.apply(measure, (kind, batch_size, tuple(arguments.patch), arguments.mirror, folder))
            table.add_row(kind, str(batch_size), *(f"{value:.0f}" for value in row[:-1]), f"{row[-1]:.1f}")
    console = Console(width=120)
    console.print(table)
    console.print(f"{cpu_model()}; {SHAPE} voxels, {CHANNELS} → {CLASSES} channels, patch {tuple(arguments.patch)}")


def measure(kind: str, batch_size: int, patch: tuple[int, ...], mirror: bool, folder: str) -> tuple[float, ...]:
    """Return MiB of image, result and one batch, the peak above the start, what is left of it, and seconds."""
    from segan_tl.predict.sliding import segment_volume

    model, mapped = _network(), kind == "memory maps"
    model(np.zeros((batch_size, *patch, CHANNELS), np.float32), training=False)
    warm, before = _resident_mib("VmHWM"), _resident_mib("VmRSS")
    image = _array(Path(folder) / "image.npy", CHANNELS, mapped)
    out = _array(Path(folder) / "result.npy", CLASSES, mapped)
    _reset_peak()
    start = time.perf_counter()
    segment_volume(
        model, image, patch=patch, batch_size=batch_size, mirror_axes=(0, 1, 2) if mirror else (), out=out
    )
    seconds, peak = time.perf_counter() - start, _resident_mib("VmHWM") - before
    batch = batch_size * int(np.prod(patch)) * (CHANNELS + CLASSES) * 4 / MIB
    sizes = image.nbytes / MIB, out.nbytes / MIB
    return *sizes, batch, peak, peak - sum(sizes) - max(warm - before, batch), seconds


def _network():
    import keras

    image = keras.Input((None, None, None, CHANNELS), name="image")
    x = keras.layers.Conv3D(CLASSES, 1, name="logits")(image)
    return keras.Model(image, keras.layers.Activation("sigmoid", name="probability")(x))


def _array(path: Path, channels: int, mapped: bool) -> np.ndarray:
    shape = (*SHAPE, channels)
    array = np.lib.format.open_memmap(path, "w+", np.float32, shape) if mapped else np.empty(shape, np.float32)
    array[:] = 1
    return array


def _reset_peak() -> None:
    """Let the peak count from now on; Linux only."""
    Path("/proc/self/clear_refs").write_text("5")


def _resident_mib(name: str) -> float:
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(name)) / 1024


if __name__ == "__main__":
    main()
