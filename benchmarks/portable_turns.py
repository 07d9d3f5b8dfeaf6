"""A run beside its portable artefact: start to the first result, seconds a case and peak memory, in turns.

    python benchmarks/portable_turns.py PATIENTS RUN [RUN …] [--rounds 3]

Every turn is a process of its own that segments all patients: with the folder of the run (TensorFlow), then with its
zip (onnxruntime). The first result is when the first case is written, counted from the start of the process, imports
and tracing included; seconds a case are those of the others. Medians over the rounds. "computed" is the time that the
processor spent, which other work on the machine changes less.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple


class Turn(NamedTuple):
    """One process.

    Attributes:
        first_seconds: from its start to the first result.
        case_seconds: of each case after that.
        computed_seconds: of all processor cores.
        peak_mb: of memory.
    """

    first_seconds: float
    case_seconds: float
    computed_seconds: float
    peak_mb: float


def take_turn(network: Path, patients: Path) -> Turn:
    """Segment all patients with a run or a zip in a new process."""
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-u", "-m", "segan_tl", "predict", str(network), str(patients), out]
        started, moments = time.perf_counter(), []
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        for line in process.stdout:
            if line.lstrip()[:1].isdigit() and "/" in line.split()[0]:  # "  1/3  case …"
                moments.append(time.perf_counter() - started)
        _, status, used = os.wait4(process.pid, 0)
    if status or len(moments) < 2:
        raise SystemExit(f"{' '.join(command)} ended with {status} after {len(moments)} cases; expected two or more")
    each = (moments[-1] - moments[0]) / (len(moments) - 1)
    return Turn(moments[0], each, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def main() -> None:
    """Export the runs, take turns, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("patients", type=Path)
    parser.add_argument("run", type=Path, nargs="+")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        zips = [Path(folder) / f"{place}.zip" for place in range(len(arguments.run))]
        for run, artefact in zip(arguments.run, zips):
            export = [sys.executable, "-m", "segan_tl", "export", str(run), str(artefact), "--portable"]
            subprocess.run(export, check=True, stdout=subprocess.DEVNULL)
        turns = {}
        for _ in range(arguments.rounds):
            for run, artefact in zip(arguments.run, zips):
                for program, network in (("TensorFlow", run), ("onnxruntime", artefact)):
                    turns.setdefault((str(run), program), []).append(take_turn(network, arguments.patients))
    print("| run | computed by | first result | s a case | computed, s | peak, MB |\n|---|---|---|---|---|---|")
    for (run, program), found in turns.items():
        first, case, computed, peak = (statistics.median(values) for values in zip(*found))
        print(f"| {run} | {program} | {first:.1f} | {case:.2f} | {computed:.1f} | {peak:.0f} |")


if __name__ == "__main__":
    main()
