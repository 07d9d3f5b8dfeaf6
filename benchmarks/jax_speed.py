"""Speed and memory of the published networks on a GPU: Keras' JAX backend beside PyTorch's originals.

No TensorFlow is needed: the networks are plain Keras models, whose layers JAX computes and XLA compiles. A training
step of a network of volumes is the forward pass with deep supervision, Dice + BCE, the backward pass, clipping and SGD
with Nesterov momentum, whatever the configuration names, so that both sides do the same; of SegAN-CAT it is the game as
configured: multi-scale L1 + Dice, one backward pass for both players, RMSprop. Batch, patch, channels and depth are
those of the configurations. A case is a head of 140 × 170 × 140 voxels (SegAN-CAT: 128 slices) in the configured tiles,
without mirroring; it lies on the device and the answer is fetched. float32 may be TensorFloat-32 on both sides.

The originals: nnU-Net's own network (dynamic-network-architectures); MONAI's MedNeXt with the authors' down blocks;
SegAN-CAT written plainly (torch_segan.py). PyTorch runs eagerly, in the faster of its memory formats, with cuDNN's
trials. What no package has gets a row for JAX alone; `mednext_s_grouped` is MedNeXt-S with cuDNN's grouped convolutions
in place of the dense blocks and sums of planes that are fast on processors. Each side of a row has a process of its
own, so that its peak memory is its own; both start from the same weights, and their first loss, or the mean probability
of a case, must agree. They take turns; a ratio is that of neighbouring turns, above 1 where JAX is the faster one.
Compilation (of PyTorch: trials of cuDNN and of memory formats) is timed apart. JAX' peak memory includes the trials of
its compiler; in brackets stands what XLA plans to hold in a step.

Rows are printed, and written to OUT/jax_speed.csv, as they come, the most wanted ones first; after `--minutes` those
that are left are said to be left out. A row that takes longer than `--row-minutes` is stopped, so that it does not take
those of others. Run it in a clone; nothing of segan_tl need be installed.

    pip install keras pydantic "jax[cuda12]" torch monai dynamic-network-architectures
    python benchmarks/jax_speed.py --out jax_speed --minutes 9

A trial of small patches, in which every row is run through on a processor:

    python benchmarks/jax_speed.py --out trial --device cpu --size 32 --batch-size 2 --steps 2 --minutes 90 \\
        --row-minutes 9
"""

import argparse
import csv
import datetime
import os
import platform
import signal
import sys
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from jax_rows import KINDS, NETWORKS, PRECISIONS, Row  # noqa: E402
from jax_turns import measure, start_sides  # noqa: E402

PACKAGES = ("jax", "keras", "torch", "monai", "dynamic-network-architectures")
COLUMNS = (
    "ended", "network", "kind", "precision", "batch", "patch", "unit", "jax", "torch", "ratio", "ratio_least",
    "ratio_most", "jax_compile_seconds", "torch_warm_up_seconds", "jax_peak_gib", "jax_planned_gib", "torch_peak_gib",
    "torch_memory_format", "jax_check", "torch_check", "parameters", "note", "device", "versions",
)  # fmt: skip


def rows_of(options: argparse.Namespace) -> list[Row]:
    """Return the rows that are asked for, the most wanted first."""
    return [
        Row(network, kind, precision)
        for network in NETWORKS if network in options.only
        for kind in KINDS if kind in options.kinds
        for precision in PRECISIONS if precision in options.precisions
    ]  # fmt: skip


def run(options: argparse.Namespace, path: Path) -> None:
    """Measure row after row until the minutes are over; whatever is known is in the file at once."""
    until, rows = time.monotonic() + 60 * options.minutes, rows_of(options)
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        if new:
            writer.writeheader()
        print(line_of(HEADINGS), flush=True)
        for row, found in measured(rows, options, until):
            ended = datetime.datetime.now().isoformat(timespec="seconds")
            writer.writerow(row._asdict() | {"ended": ended, "versions": versions()} | found)
            file.flush()
            print(line_of(cells(row, found)), flush=True)


def measured(rows: list[Row], options: argparse.Namespace, until: float) -> Iterator[tuple[Row, dict]]:
    """Yield every row and what is known of it; no process is left behind.

    On a GPU the next row's processes build their networks, on the host, while this one's are timed.
    """
    ahead, sides, waiting = options.device != "cpu", {}, {}
    try:
        for row, following in zip(rows, [*rows[1:], None], strict=True):
            if time.monotonic() >= until:
                yield row, {"note": "left out: the minutes are over"}
                continue
            sides = waiting or start_sides(row, options)
            waiting = start_sides(following, options) if ahead and following else {}
            found = measure(row, sides, options, min(until, time.monotonic() + 60 * options.row_minutes))
            for side in sides.values():
                side.end()
            yield row, found
    finally:
        for side in [*sides.values(), *waiting.values()]:
            side.end()


HEADINGS = ("network", "kind", "precision", "JAX", "PyTorch", "ratio", "of a turn", "compile, s", "GiB", "note")
WIDTHS = (18, 10, 10, 10, 10, 6, 13, 13, 21)


def cells(row: Row, found: dict) -> list[str]:
    """Return a row as it is printed: patches a second or ms a case, JAX' numbers before PyTorch's."""

    def said(name: str, digits: int) -> str:
        return f"{found[name]:.{digits}f}" if found.get(name) is not None else "–"

    digits = 2 if row.kind == "training" else 1
    spread = f"{said('ratio_least', 2)} … {said('ratio_most', 2)}" if "ratio" in found else "–"
    memory = f"{said('jax_peak_gib', 2)} ({said('jax_planned_gib', 2)}) / {said('torch_peak_gib', 2)}"
    compiled = f"{said('jax_compile_seconds', 1)} / {said('torch_warm_up_seconds', 1)}"
    return [
        *row, said("jax", digits), said("torch", digits), said("ratio", 2), spread, compiled, memory, found["note"],
    ]  # fmt: skip


def line_of(texts) -> str:
    """Return texts in columns."""
    *first, note = texts
    return " ".join(text.ljust(width) for text, width in zip(first, WIDTHS, strict=True)) + f" {note}"


def versions() -> str:
    """Return the versions of what computes."""
    found = []
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"{name} –")
    return ", ".join([*found, f"Python {platform.python_version()}", f"{os.cpu_count()} CPUs"])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("jax_speed"), help="folder of jax_speed.csv (jax_speed)")
    parser.add_argument("--minutes", type=float, default=9, help="for everything (9)")
    parser.add_argument("--row-minutes", type=float, default=2.5, help="for one row, compilation included (2.5)")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each side (5)")
    parser.add_argument("--steps", type=int, help="of a turn; as many as half a second has, where it is left out")
    parser.add_argument("--size", type=int, help="edge of patches in a trial; published patches where it is left out")
    parser.add_argument("--batch-size", type=int, help="at most, in a trial")
    parser.add_argument("--only", choices=NETWORKS, nargs="+", default=tuple(NETWORKS), metavar="NETWORK")
    parser.add_argument("--kinds", choices=KINDS, nargs="+", default=KINDS)
    parser.add_argument("--precisions", choices=PRECISIONS, nargs="+", default=PRECISIONS)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # `timeout` ends the sides, too
    options.out.mkdir(parents=True, exist_ok=True)
    begun = time.monotonic()
    print(f"{options.device}; {versions()}", flush=True)
    run(options, options.out / "jax_speed.csv")
    print(f"{time.monotonic() - begun:.0f} s; {options.out / 'jax_speed.csv'}", flush=True)


if __name__ == "__main__":
    main()
