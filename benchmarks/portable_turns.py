"""A run beside its portable artefact: start to the first result, seconds a case and peak memory, in turns.

    python benchmarks/portable_turns.py PATIENTS RUN [RUN …] [--rounds 3] [--bare bare/bin/python]

Every turn is a process of its own that segments all patients: with the folder of the run (TensorFlow), then with its
zip (onnxruntime); with --bare by the Python of an environment that has containers/requirements.txt and no TensorFlow.
Best on a machine without other work, which slows the two by turns. The first result is when the first case is written,
counted from the start of the process, imports and tracing included; seconds a case are those of the others. Medians
over the rounds. "computed" is the time that the processor spent on it (Linux), which other work changes less.
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
        first_computed: of these seconds, those that the processor computed.
        case_seconds: of each case after that.
        case_computed: the same of these.
        peak_mb: of memory.
    """

    first_seconds: float
    first_computed: float
    case_seconds: float
    case_computed: float
    peak_mb: float


def take_turn(python: str, network: str, patients: Path) -> Turn:
    """Segment all patients with a run or a zip in a new process of an interpreter."""
    with tempfile.TemporaryDirectory() as out:
        command = [python, "-u", "-m", "segan_tl", "predict", network, str(patients), out]
        started, moments = time.perf_counter(), []
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=of_this_checkout())
        for line in process.stdout:
            if line.lstrip()[:1].isdigit() and "/" in line.split()[0]:  # "  1/3  case …"
                moments.append((time.perf_counter() - started, computed_seconds(process.pid)))
        _, status, used = os.wait4(process.pid, 0)
    if status or len(moments) < 2:
        raise SystemExit(f"{' '.join(command)} ended with {status} after {len(moments)} cases; expected two or more")
    each = [(last - first) / (len(moments) - 1) for first, last in zip(moments[0], moments[-1])]
    return Turn(*moments[0], *each, used.ru_maxrss / 1024)


def of_this_checkout() -> dict[str, str]:
    """Return the environment in which another interpreter finds this segan_tl."""
    return os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[1])}


def has_tensorflow(python: str) -> bool:
    """Return whether an interpreter would find TensorFlow."""
    asked = "import importlib.util, sys; sys.exit(importlib.util.find_spec('tensorflow') is not None)"
    return subprocess.run([python, "-c", asked], check=False).returncode != 0


def computed_seconds(process: int) -> float:
    """Return what a process and those that it waited for have computed so far [proc(5), stat]."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Export the runs, take turns, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("patients", type=Path)
    parser.add_argument("run", nargs="+", help="a folder of a run, or zoo:NAME")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--bare", metavar="PYTHON", help="of an environment without TensorFlow, for the zips")
    arguments = parser.parse_args()
    if arguments.bare and has_tensorflow(arguments.bare):
        parser.error(f"expected an environment without TensorFlow; {arguments.bare} finds it")
    with tempfile.TemporaryDirectory() as folder:
        zips = [Path(folder) / f"{place}.zip" for place in range(len(arguments.run))]
        for run, artefact in zip(arguments.run, zips):
            export = [sys.executable, "-m", "segan_tl", "export", run, str(artefact), "--portable"]
            subprocess.run(export, check=True, stdout=subprocess.DEVNULL, env=of_this_checkout())
        turns = {}
        for _ in range(arguments.rounds):
            for run, artefact in zip(arguments.run, zips):
                zipped = arguments.bare or sys.executable, str(artefact)
                for program, turn in (("TensorFlow", (sys.executable, run)), ("onnxruntime", zipped)):
                    turns.setdefault((run, program), []).append(take_turn(*turn, arguments.patients))
    print("| run | by | first result, s | computed | a case, s | computed | peak, MB |\n|---|---|---|---|---|---|---|")
    for (run, program), found in turns.items():
        first, first_computed, case, computed, peak = (statistics.median(values) for values in zip(*found))
        numbers = f"{first:.1f} | {first_computed:.1f} | {case:.2f} | {computed:.2f} | {peak:.0f}"
        print(f"| {run} | {program} | {numbers} |")


if __name__ == "__main__":
    main()
