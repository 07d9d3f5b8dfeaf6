"""`python -m segan_tl radiomics`: a table of numbers about the tumour of each case, by the names of PyRadiomics."""

import argparse
import time
from pathlib import Path

from segan_tl.console import case_progress, console, duration
from segan_tl.errors import UserError, some
from segan_tl.regions import MODALITIES
from segan_tl.workflow.numbers import positive

DISCRETISATIONS = ("32-levels", "authors")  # of segan_tl/radiomics/discretise.py, which is not imported for --help
MAX_JOBS = 8
EPILOG = """examples:
  python -m segan_tl radiomics BraTS2021 features.csv                         386 features a case
  python -m segan_tl radiomics HOSPITAL features.csv --predictions PREDICTIONS    of what predict has segmented
  python -m segan_tl radiomics BraTS2021 features.csv --modalities flair --jobs 4

The region is the largest piece (26 neighbours) of the whole tumour. 14 features of its shape and 93 of each modality have
the names and definitions of PyRadiomics and are computed by MIRP: pip install -e '.[radiomics]'.

Grey levels:
  32-levels   z-scores within the head, 32 levels between least and largest intensity of the tumour (the default)
  authors     z-scores of the whole image with its background, bins of 25: one or two levels (Parida 2024)

exit code: 0 also where cases were left out, each named with its reason; 2 where none has features
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.description = "Write shape, intensities and texture of each case's tumour to a table."
    parser.epilog = EPILOG
    parser.add_argument("data", metavar="DATA", type=Path, help="folder of cases")
    parser.add_argument("out", metavar="OUT.csv", type=Path, help="one row a case")
    parser.add_argument("--predictions", metavar="DIR", type=Path, help="masks to take instead of the truth, or a run")
    parser.add_argument("--prediction-labels", metavar="CONVENTION", help="what the numbers of the predictions mean")
    parser.add_argument(
        "--modalities", nargs="+", choices=MODALITIES, default=MODALITIES, help="images that count (all four)"
    )
    parser.add_argument(
        "--discretisation", choices=DISCRETISATIONS, default=DISCRETISATIONS[0], help="grey levels (%(default)s)"
    )
    parser.add_argument("--jobs", type=positive, metavar="N", help="processes (the cores, at most 8)")


def run(arguments: argparse.Namespace) -> int:
    """Compute everything, write the table and say which cases were left out."""
    from segan_tl.disk.atomic import write_csv
    from segan_tl.radiomics.ask_mirp import require_mirp
    from segan_tl.radiomics.cohort import compute
    from segan_tl.radiomics.features import columns
    from segan_tl.report.score.preflight import prepare_folder, require_table_path

    # === What can be refused is refused before work begins ===
    require_table_path(arguments.out, option="OUT.csv")
    tasks = _tasks(arguments)
    require_mirp()
    prepare_folder(arguments.out)
    # === The work ===
    started = time.monotonic()
    with case_progress("computing features", total=len(tasks)) as advance:
        found, faults = compute(tasks, jobs=_jobs(arguments), progress=advance)
    _require_some(found, faults)
    names = columns(tasks[0].modalities)
    write_csv(arguments.out, ["case", *names], [{"case": name} | values for name, values in found.items()])
    _print_summary(arguments.out, found, faults, len(names), seconds=time.monotonic() - started)
    return 0


def _tasks(arguments) -> list:
    """Return what is asked of each case."""
    from segan_tl.data.find.cases import find_cases
    from segan_tl.radiomics.cohort import Task
    from segan_tl.radiomics.discretise import DISCRETISATIONS
    from segan_tl.report.score.masks import Mask, find_predictions

    cases = find_cases(arguments.data).cases
    known = {case.id: Mask(case.id, case.mask, case.convention) for case in cases}
    masks = {case_id: mask for case_id, mask in known.items() if mask.source}
    if arguments.predictions:
        masks, strangers = find_predictions(arguments.predictions, known, meaning=arguments.prediction_labels)
        for path in strangers:
            console.print(f"left out, of no case: {path.name}", soft_wrap=True)
    modalities = tuple(name for name in MODALITIES if name in arguments.modalities)
    how = DISCRETISATIONS[arguments.discretisation]
    return [Task(case, masks.get(case.id), modalities, how) for case in cases]


def _jobs(arguments) -> int:
    import os

    return arguments.jobs or min(len(os.sched_getaffinity(0)), MAX_JOBS)


def _require_some(found: dict, faults: dict[str, str]) -> None:
    if not found:
        reasons = [f"{name}: {reason}" for name, reason in faults.items()]
        raise UserError(f"expected a case whose features can be computed; found none of {len(faults)}: {some(reasons)}")


def _print_summary(path: Path, found: dict, faults: dict[str, str], number: int, *, seconds: float) -> None:
    for name, reason in faults.items():
        console.print(f"left out, {name}: {reason}", soft_wrap=True)
    cases = f"{len(found)} case{'s' * (len(found) != 1)}"
    console.print(f"{number} features of {cases} in {duration(seconds)}: {path}", soft_wrap=True)
