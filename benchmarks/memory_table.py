"""Memory of a training as `doctor` reads it from the graph, beside what the process holds at most when it trains.

    python benchmarks/memory_table.py [--only nnunet mednext_s] [--steps 3] [--set train.checkpointing=true]

Every row is a process of its own: it estimates, trains a few steps on noise, and says what it held at most
(VmHWM of Linux). What TensorFlow holds before there is any network belongs to both. Patches of 64³ voxels, batch 2
(dann: 1, and a classifier for so few voxels; AlbuNet: one of 24 × 128 × 128, and 8 slices of 128 × 128), and the
small configurations as they are; ren_repo is unet3d as Ren's code has it, kaur the network of Çiçek.
"""

import argparse
import multiprocessing
from pathlib import Path

CUBE = ["data.patch=[64,64,64]", "train.batch_size=2"]
ROWS = {
    "segan_cpu": [],
    "segan_cat": [],
    "nnunet_cpu": [],
    "nnunet_small": [],
    "mednext_small": [],
    "unet3d_small": [],
    "albunet3d_small": [],
    "dann_small": [],
    "unet3d": CUBE,
    "ren_repo": ["model.variant=ren_repo", *CUBE],
    "dann": ["data.patch=[64,64,64]", "adversary.classifier=pooled"],
    "kaur": CUBE,
    "nnunet": CUBE,
    "mednext_s": CUBE,
    "mednext_b": CUBE,
    "albunet3d": ["data.patch=[24,128,128]", "train.batch_size=1"],
    "albunet2d": ["data.patch=[1,128,128]", "train.batch_size=8"],
}
CONFIGS = {"ren_repo": "unet3d"}  # of the rows that are not called as their configuration
MIB = 2**20


def measure(name: str, settings: list[str], steps: int) -> tuple[str, float, float]:
    """Return precision, MiB, estimated where no step is to be trained, else measured, and seconds of a step."""
    from segan_tl.environment import settle

    settle()
    import tensorflow as tf

    from segan_tl.config.load import load_config
    from segan_tl.train import probe
    from segan_tl.train.memory import estimate_memory
    from segan_tl.workflow.computer import resident_bytes

    config = load_config(name, settings)
    if steps == 0:
        before = resident_bytes()
        return config.train.precision, (before + estimate_memory(config).total) / MIB, 0.0
    probe.LEAST = steps
    pace = probe.time_steps(config, tf.distribute.OneDeviceStrategy("/cpu:0"), seconds=0)
    return config.train.precision, _most() / MIB, pace.step_seconds


def _most() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=tuple(ROWS), help="of the rows")
    parser.add_argument("--steps", type=int, default=3, help="after the first two (3)")
    parser.add_argument(
        "--set", action="extend", nargs="+", default=[], metavar="KEY=VALUE", help="in every row, after its own"
    )
    arguments = parser.parse_args()
    heads = ("configuration", "precision", "estimated MiB", "measured MiB", "estimated / measured", "s a step")
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for name in arguments.only or ROWS:
        config, settings = CONFIGS.get(name, name), [*ROWS[name], *arguments.set]
        with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
            precision, estimated, _ = pool.apply(measure, (config, settings, 0))
        with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
            _, measured, seconds = pool.apply(measure, (config, settings, arguments.steps))
        shown = " ".join([f"`{config}`", *settings])
        numbers = (f"{estimated:,.0f}", f"{measured:,.0f}", f"{estimated / measured:.2f}", f"{seconds:.2f}")
        cells = (shown, precision, *numbers)
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
