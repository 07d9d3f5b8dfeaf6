"""Seconds and peak memory a case: reading two label files, and all whole and lesion-wise scores of WT, TC and ET.

Without folders, three synthetic pairs of 240 × 240 × 155 voxels are scored: one tumour, one tumour and far false
lesions, and many metastases. Each case has a process of its own, so that its peak memory is its own. Another program
can be timed on the same files in turn, such as the official script of BraTS 2023, by a command line of its own (labels
are given to it in the numbers of 2023):

    python benchmarks/metrics_speed.py [PREDICTIONS TRUTHS [--prediction-labels brats2023]]
        [--beside "python official.py {prediction} {truth}"] [--rounds 3]
"""

import argparse
import multiprocessing
import shlex
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

SHAPE = (240, 240, 155)
CHALLENGE = "brats-gli"
LABELS = "brats2023"


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("predictions", type=Path, nargs="?", metavar="PREDICTIONS")
    parser.add_argument("truths", type=Path, nargs="?", metavar="TRUTHS")
    parser.add_argument("--prediction-labels", metavar="CONVENTION")
    parser.add_argument("--truth-labels", metavar="CONVENTION")
    parser.add_argument("--beside", metavar="COMMAND", help="another program, with {prediction} and {truth} in it")
    parser.add_argument("--rounds", type=int, default=3, help="how often each case is scored; the median counts (3)")
    arguments = parser.parse_args()

    from rich.console import Console
    from rich.table import Table
    from segan_speed import cpu_model

    table = Table("case", "reading, s", "scores, s", "together, s", "peak, MiB", "of it imports", "beside, s", "ratio")
    with tempfile.TemporaryDirectory() as folder:
        for name, prediction, truth in pairs_of(arguments, Path(folder)):
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                reading, scores, peak, imports = pool.apply(measure, (prediction, truth, arguments.rounds))
            other = _time_beside(arguments.beside, prediction, truth) if arguments.beside else None
            shown = (f"{reading:.3f}", f"{scores:.3f}", f"{reading + scores:.3f}", f"{peak:.0f}", f"{imports:.0f}")
            beside = (f"{other:.2f}", f"{other / (reading + scores):.0f}") if other else ("", "")
            table.add_row(name, *shown, *beside)
    console = Console(width=120)
    console.print(table)
    console.print(f"{cpu_model()}; {CHALLENGE}, one process")


def measure(prediction: Path, truth: Path, rounds: int) -> tuple[float, float, float, float]:
    """Return the median seconds of reading and of scoring, and the peak memory in MiB: all, and before any case."""
    from segan_tl.data.files.images import Source
    from segan_tl.metrics.columns import Plan, score_pair
    from segan_tl.report.score.mask_pairs import read_pairs
    from segan_tl.report.score.masks import Mask

    before = _peak_mib()
    plan = Plan(("wt", "tc", "et"), challenge=CHALLENGE)
    seconds = []
    for _ in range(rounds):
        started = time.perf_counter()
        pairs = read_pairs(Mask("", Source(truth), LABELS), Mask("", Source(prediction), LABELS), plan.regions)
        read = time.perf_counter()
        for pair in pairs.values():
            score_pair(pair, plan)
        seconds.append((read - started, time.perf_counter() - read))
    reading, scoring = (statistics.median(column) for column in zip(*seconds, strict=True))
    return reading, scoring, _peak_mib(), before


def _peak_mib() -> float:
    """Return the most memory this process has had; getrusage would count the one that started it as well."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024


def _time_beside(command: str, prediction: Path, truth: Path) -> float:
    words = [word.format(prediction=prediction, truth=truth) for word in shlex.split(command)]
    started = time.perf_counter()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


# === The cases ===


def pairs_of(arguments, folder: Path, labels: str = LABELS):
    """Yield name, prediction and truth, both as files in the numbers of a convention, BraTS 2023 by default."""
    from segan_tl.data.files.images import Geometry, read_volume, write_volume
    from segan_tl.regions import from_canonical, to_canonical
    from segan_tl.report.score.masks import find_predictions, find_truths

    if arguments.predictions is None:
        geometry = Geometry(SHAPE, np.diag([-1.0, -1.0, 1.0, 1.0]))
        for name, (truth, prediction) in synthetic_pairs().items():
            paths = folder / f"{name}_prediction.nii.gz", folder / f"{name}_truth.nii.gz"
            write_volume(paths[0], prediction, geometry)
            write_volume(paths[1], truth, geometry)
            yield name, *paths
        return
    truths, _ = find_truths(arguments.truths, meaning=arguments.truth_labels, otherwise=labels)
    predictions, _ = find_predictions(
        arguments.predictions, truths, meaning=arguments.prediction_labels, otherwise=labels
    )
    for name, prediction in predictions.items():
        paths = []
        for side, mask in (("prediction", prediction), ("truth", truths[name])):
            volume = read_volume(mask.source)
            numbers = from_canonical(to_canonical(volume.data, mask.meaning), labels)
            paths.append(folder / f"{name}_{side}.nii.gz")
            write_volume(paths[-1], numbers, volume.geometry)
        yield name, *paths


def synthetic_pairs() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return truth and prediction, labels of BraTS 2023, of three kinds of case."""
    generator = np.random.default_rng(0)
    one = [((120, 100, 80), 30)]
    false = [(tuple(generator.integers(30, 120, 3)), 3) for _ in range(6)]
    many = [(tuple(generator.integers(25, 130, 3)), int(generator.integers(2, 9))) for _ in range(30)]
    shaken = [(tuple(np.add(centre, generator.integers(-1, 2, 3))), radius) for centre, radius in many[:25]]
    return {
        "one tumour": (_balls(one), _balls([((122, 101, 80), 29)])),
        "false lesions": (_balls(one), _balls(one + false)),
        "metastases": (_balls(many), _balls(shaken)),
    }


def _balls(places: list[tuple[tuple[int, int, int], int]]) -> np.ndarray:
    """Return wobbly balls of necrosis within enhancing tumour within oedema."""
    labels = np.zeros(SHAPE, np.uint8)
    i, j, k = np.ogrid[tuple(slice(size) for size in SHAPE)]
    wobble = 1 + 0.1 * np.sin(i / 3) * np.sin(j / 4) * np.sin(k / 5)
    for (x, y, z), radius in places:
        reach = np.sqrt((i - x) ** 2 + (j - y) ** 2 + (k - z) ** 2) * wobble / radius
        for label, share in ((2, 1.0), (3, 0.6), (1, 0.3)):
            labels[reach <= share] = label
    return labels


if __name__ == "__main__":
    main()
