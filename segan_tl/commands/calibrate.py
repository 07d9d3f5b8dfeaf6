"""`python -m segan_tl calibrate`: make the probabilities of a run mean what they say, and say how far they did."""

import argparse
import shlex
from pathlib import Path

from segan_tl.console import console, start_tensorflow

EPILOG = """examples:
  python -m segan_tl calibrate segan/flair                    its validation cases fit, its test cases judge
  python -m segan_tl calibrate nnunet/BraTS2023               a cross-validation: the test cases of its folds
  python -m segan_tl predict segan/flair PATIENT OUT --probabilities

One temperature a region (of labels that exclude each other one for all) with the smallest negative log-likelihood over
the voxels of the brain, every case alike. calibration.json goes into the run, or into every fold, beside
reliability.png; predict writes calibrated probabilities from then on, and export --portable takes them along. The mask
of a run stays what it was: a temperature moves no probability across 0.5, and other thresholds move along. After more
training it is refused: calibrate again.

Calibration error (15 bins) and Brier score are over the brain and, where it is difficult, within 5 mm of the border of
the truth; before and after, on cases that fitted nothing."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.description = "Fit the temperatures that make a run's probabilities mean what they say."
    parser.epilog = EPILOG
    parser.add_argument("run", metavar="RUN", help="a finished run, or a cross-validation; or its name below --runs")
    parser.add_argument("--runs", type=Path, default=Path("runs"), metavar="DIR", help="where runs are kept (runs)")


def run(arguments: argparse.Namespace) -> int:
    """Find the cases, fit, write and print."""
    from segan_tl.workflow.calibrating import calibrate_folds, calibrate_run
    from segan_tl.workflow.judged import open_judged, own_cases

    judged, folder = open_judged(arguments.run, "validation", runs=arguments.runs)
    if folder is None:
        (only,) = judged.values()
        tests = own_cases(only.member.run, "test")
        start_tensorflow()
        calibrate_run(only, tests)
    else:
        start_tensorflow()
        calibrate_folds(judged, folder)
    for one in judged.values():
        console.print(f"written: {one.member.run.calibration}, {one.member.run.reliability}", soft_wrap=True)
    together = " --ensemble mean" if folder else ""
    then = f"predict {shlex.quote(arguments.run)} PATIENT OUT --probabilities{together}"
    console.print(f"next: python -m segan_tl {then}", soft_wrap=True)
    return 0
