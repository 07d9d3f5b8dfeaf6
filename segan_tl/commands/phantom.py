"""`python -m segan_tl phantom`: make a synthetic cohort."""

import argparse
import shlex
from pathlib import Path

from segan_tl.console import console, progress_bar
from segan_tl.errors import UserError
from segan_tl.workflow.arguments import preparation_jobs
from segan_tl.workflow.numbers import positive, seed, whole

EPILOG = """examples:
  python -m segan_tl phantom data/phantom --cases 40 --shape 120 120 77
  python -m segan_tl phantom data/phantom-low --cohort glioma-1.5t --cases 10 --seed 1
  python -m segan_tl phantom data/phantom-ms --cohort ms --cases 12
  python -m segan_tl phantom data/phantom-hard --variety hard --picture hard.png

The images are SYNTHETIC: a simulation of MR physics, not patients. They serve to learn, to test and to compare.
Case numbers are people: the same seed and number give the same person on every grid and in every cohort size."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.description = "Make a synthetic cohort of brain MRI (T1, T1c, T2, FLAIR and labels) as a BraTS-style folder."
    parser.epilog = EPILOG
    parser.add_argument("out", metavar="OUT", type=Path, help="folder to make")
    parser.add_argument("--cohort", default="glioma-3t", help="glioma-3t (default), glioma-1.5t or ms")
    parser.add_argument(
        "--variety", default="plain", help="how much patients, disease and scans differ: plain (default) or hard"
    )
    parser.add_argument("--cases", type=whole(1, 9999), default=40, help="how many cases (default 40)")
    parser.add_argument(
        "--shape", type=whole(16, 640), nargs=3, metavar=("H", "W", "D"), default=(240, 240, 155),
        help="voxels of the grid; H of them span 240 mm (default 240 240 155: 1 mm)",
    )  # fmt: skip
    parser.add_argument("--seed", type=seed, default=0, help="same seed, same bytes (default 0)")
    parser.add_argument(
        "--jobs", type=positive, default=preparation_jobs(), help="worker processes (as cores and memory allow)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace cases in a folder that is not empty")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="also draw the first three cases into FILE (.png)")


def run(arguments: argparse.Namespace) -> int:
    """Make the cohort and say what to type next."""
    from segan_tl.data.phantom.picture import draw_cases
    from segan_tl.data.phantom.write import check_request, is_unfinished, write_cohort

    folder = arguments.out
    if folder.is_file():
        raise UserError(f"expected a folder; found the file {folder}; give another OUT")
    picture = arguments.picture
    if folder.is_dir() and not arguments.overwrite and not is_unfinished(folder, apart_from=picture):
        remedy = "give another OUT or add --overwrite"
        raise UserError(f"expected an empty or new folder; found files in {folder}; {remedy}")
    shape = tuple(arguments.shape)
    people = {"shape": shape, "seed": arguments.seed, "variety": arguments.variety}
    check_request(arguments.cohort, cases=arguments.cases, jobs=arguments.jobs, **people)
    if picture is not None:  # before the cohort, which makes the work done
        chosen = [(arguments.cohort, index) for index in range(min(3, arguments.cases))]
        draw_cases(chosen, path=picture, **people)
        console.print(f"picture of synthetic cases: {picture}")
    with progress_bar(f"synthetic {arguments.cohort}", total=arguments.cases) as advance:
        names = write_cohort(
            folder, arguments.cohort, cases=arguments.cases, jobs=arguments.jobs, **people,
            progress=lambda *_: advance(),
        )  # fmt: skip
    console.print(f"{len(names)} synthetic cases (simulated, no patients) in {folder}", soft_wrap=True)
    training = f"train-segan --modality flair --data {shlex.quote(str(folder))} --config quickstart"
    console.print(f"next: python -m segan_tl {training}", soft_wrap=True)
    return 0
