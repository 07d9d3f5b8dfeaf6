"""Seconds a case by the rules of BraTS 2026: this project and the challenge's own package in turns, and equal numbers.

The package lives in an environment of its own (python -m venv official; official/bin/pip install
brats-evaluation==0.0.10). It runs in one process that lives as long as the benchmark, so that its imports do not count;
each case is read from its files and scored by one, then by the other. Without folders, three synthetic pairs of
240 × 240 × 155 voxels are scored (metrics_speed.py makes them):

    python benchmarks/challenge_turns.py official/bin/python [PREDICTIONS TRUTHS [--challenge brats2026-met]
        [--prediction-labels brats2023] [--truth-labels brats2017]] [--rounds 3]
"""

import argparse
import json
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

PACKAGE_NAMES = {
    "brats2026-gli": "gli", "brats2026-met": "mets", "brats2026-ped": "ped", "brats2026-men-rt": "MenRT",
    "brats2026-men-pre": "MenPre", "brats2026-goat": "GoAT",
}  # fmt: skip
# The package as its own README calls it; one line of paths in, one line of seconds and a few scores out.
CONVERSATION = """
import json, sys, time
out, sys.stdout = sys.stdout, sys.stderr
from brats_evaluation import config_path, evaluate_single_exam
from panoptica import Panoptica_Evaluator
evaluator = Panoptica_Evaluator.load_from_config(str(config_path(sys.argv[1])))
print("ready", file=out, flush=True)
for line in sys.stdin:
    prediction, truth = line.rstrip("\\n").split("\\t")
    started, cpu = time.perf_counter(), time.process_time()
    found = evaluate_single_exam(
        prediction_filepath=prediction, reference_filepath=truth, subject_identifier="case", evaluator=evaluator
    )
    seconds = time.perf_counter() - started, time.process_time() - cpu
    kept = {name: [one["tp"], one["fp"], one["fn"], one.get("sq_dsc")] for name, one in found.items()
            if isinstance(one, dict) and "tp" in one}
    print(json.dumps([seconds, kept], default=float), file=out, flush=True)
"""
LABELS = {"brats2026-ped": "brats_ped2024", "brats2026-men-rt": "lesion"}


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", metavar="PYTHON", help="of the environment that has brats-evaluation")
    parser.add_argument("predictions", type=Path, nargs="?", metavar="PREDICTIONS")
    parser.add_argument("truths", type=Path, nargs="?", metavar="TRUTHS")
    parser.add_argument("--challenge", choices=PACKAGE_NAMES, default="brats2026-goat")
    parser.add_argument("--prediction-labels", metavar="CONVENTION")
    parser.add_argument("--truth-labels", metavar="CONVENTION")
    parser.add_argument("--rounds", type=int, default=3, help="how often each case is scored; the median counts (3)")
    arguments = parser.parse_args()

    from metrics_speed import pairs_of
    from rich.console import Console
    from rich.table import Table
    from segan_speed import cpu_model

    labels = LABELS.get(arguments.challenge, "brats2023")
    table = Table("case", "ours, s", "package, s", "ratio", "ours, CPU s", "package, CPU s", "ratio", "numbers")
    ratios = []
    command = [arguments.package, "-c", CONVERSATION, PACKAGE_NAMES[arguments.challenge]]
    with tempfile.TemporaryDirectory() as folder, subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as package:
        assert package.stdout.readline() == "ready\n", "the package does not start"
        for name, prediction, truth in pairs_of(arguments, Path(folder), labels):
            turns = [
                (score(prediction, truth, arguments.challenge, labels), ask(package, prediction, truth))
                for _ in range(arguments.rounds)
            ]
            (ours, our_cpu), (theirs, their_cpu) = (
                [statistics.median(turn[side][0][clock] for turn in turns) for clock in (0, 1)] for side in (0, 1)
            )
            ratios.append((theirs / ours, their_cpu / our_cpu))
            wall, cpu = (f"{ours:.3f}", f"{theirs:.2f}"), (f"{our_cpu:.3f}", f"{their_cpu:.2f}")
            equal = agree(turns[0][0][1], turns[0][1][1])
            table.add_row(name, *wall, f"{theirs / ours:.1f}", *cpu, f"{their_cpu / our_cpu:.1f}", equal)
        package.stdin.close()
    console = Console(width=130)
    console.print(table)
    wall, cpu = (statistics.median(side) for side in zip(*ratios))
    console.print(f"median ratio {wall:.1f}, of CPU seconds {cpu:.1f}; {cpu_model()}; {arguments.challenge}")


def score(prediction: Path, truth: Path, challenge: str, labels: str) -> tuple[tuple[float, float], dict]:
    """Return our seconds (by the clock, of the CPU) and a few scores by region."""
    from segan_tl.data.files.images import Source
    from segan_tl.metrics.challenges import CHALLENGES
    from segan_tl.metrics.columns import Plan, score_pair
    from segan_tl.report.score.mask_pairs import read_pairs
    from segan_tl.report.score.masks import Mask

    plan = Plan(CHALLENGES[challenge].regions, hd95=("pooled",), tolerances_mm=(), challenge=challenge)
    started, cpu = time.perf_counter(), time.process_time()
    pairs = read_pairs(Mask("", Source(truth), labels), Mask("", Source(prediction), labels), plan.regions)
    scores = {region: score_pair(pair, plan) for region, pair in pairs.items()}
    seconds = time.perf_counter() - started, time.process_time() - cpu
    names = ("lesions_matched", "predictions_unmatched", "lesions_unmatched", "matched_dice")
    return seconds, {region: [one.get(name) for name in names] for region, one in scores.items()}


def ask(package: subprocess.Popen, prediction: Path, truth: Path) -> tuple[tuple[float, float], dict]:
    """Return the same of the package."""
    package.stdin.write(f"{prediction}\t{truth}\n")
    package.stdin.flush()
    return json.loads(package.stdout.readline())


def agree(ours: dict, theirs: dict) -> str:
    """Return whether counts and the mean Dice of matched lesions are equal to 1e-9; metastases have no such mean."""
    for region, expected in theirs.items():
        for one, other in zip(ours[region], expected):
            both_nothing = other is None or other != other
            if one is not None and not (one != one if both_nothing else abs(one - other) <= 1e-9):
                return f"differ: {region}"
    return "equal"


if __name__ == "__main__":
    main()
