"""`python -m segan_tl radiomics`: a table of numbers about the tumour of each case, by the names of PyRadiomics."""

import argparse
import time
from pathlib import Path

from segan_tl.console import case_progress, console, duration
from segan_tl.errors import UserError, some
from segan_tl.regions import MODALITIES
from segan_tl.workflow.numbers import positive, seed

DISCRETISATIONS = ("32-levels", "authors")  # of segan_tl/radiomics/discretise.py, none of which is imported for --help
SCALINGS = ("standard", "l2")  # of segan_tl/radiomics/clusters.py
MAX_JOBS = 8
EPILOG = """examples:
  python -m segan_tl radiomics BraTS2021 features.csv                         386 features a case
  python -m segan_tl radiomics HOSPITAL features.csv --predictions PREDICTIONS    of what predict has segmented
  python -m segan_tl radiomics BraTS2021 features.csv --modalities flair --jobs 4
  python -m segan_tl radiomics BraTS2021 features.csv --clusters groups.npz       and groups of alike tumours

The region is the largest piece (26 neighbours) of the whole tumour. 14 features of its shape and 93 of each modality
have the names and definitions of PyRadiomics and are computed by MIRP: pip install -e '.[radiomics]'.

Grey levels:
  32-levels   z-scores within the head, 32 levels between least and largest intensity of the tumour (the default)
  authors     z-scores of the whole image with its background, bins of 25: one or two levels (Parida 2024)

--clusters groups.npz also writes groups.json (settings, the cluster of each case) and groups.png: features are scaled,
brought to the components that hold 99 % of the variance, and given to 2 to 10 clusters, by the best silhouette.
  standard    each feature to mean 0 and deviation 1 over the cases (the default)
  l2          each case to length 1, so that the features with the largest numbers decide (Parida 2024)

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
    parser.add_argument("--clusters", metavar="FILE.npz", type=Path, help="group the cases; .json and .png beside it")
    parser.add_argument("--scaling", choices=SCALINGS, default=SCALINGS[0], help="before the clusters (%(default)s)")
    parser.add_argument("--seed", type=seed, default=0, metavar="N", help="of the clusters (%(default)s)")
    parser.add_argument("--jobs", type=positive, metavar="N", help="processes (the cores, at most 8)")


def run(arguments: argparse.Namespace) -> int:
    """Compute everything, write the table and say which cases were left out."""
    from segan_tl.data.find.cases import find_cases
    from segan_tl.disk.atomic import write_csv
    from segan_tl.radiomics.ask_mirp import require_mirp
    from segan_tl.radiomics.cohort import compute
    from segan_tl.radiomics.features import columns
    from segan_tl.report.score.preflight import prepare_folder, require_table_path

    # === What can be refused is refused before work begins ===
    require_table_path(arguments.out, option="OUT.csv")
    cohort = find_cases(arguments.data)
    tasks = _tasks(cohort.cases, arguments)
    _require_clusters(arguments.clusters, len(tasks))
    require_mirp()
    for path in filter(None, (arguments.out, arguments.clusters)):
        prepare_folder(path)
    # === The work ===
    started = time.monotonic()
    with case_progress("computing features", total=len(tasks)) as advance:
        found, faults = compute(tasks, jobs=_jobs(arguments), progress=advance)
    _require_some(found, faults)
    names = columns(tasks[0].modalities)
    write_csv(arguments.out, ["case", *names], [{"case": name} | values for name, values in found.items()])
    _print_summary(arguments.out, found, faults, len(names), seconds=time.monotonic() - started)
    if arguments.clusters:
        _write_clusters(arguments, found, names, synthetic=bool(cohort.settings.get("synthetic")))
    return 0


def _tasks(cases, arguments) -> list:
    """Return what is asked of each case."""
    from segan_tl.radiomics.cohort import Task
    from segan_tl.radiomics.discretise import DISCRETISATIONS
    from segan_tl.report.score.masks import Mask, find_predictions

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


def _require_clusters(path: Path | None, cases: int) -> None:
    """Refuse clusters that cannot be written, or of too few cases."""
    from segan_tl.radiomics.clusters import LEAST_CASES

    if path is None:
        return
    if path.suffix != ".npz" or path.is_dir():
        raise UserError(f"expected --clusters to name a file that ends in .npz; found {path}; name one")
    if cases < LEAST_CASES:
        raise UserError(f"expected at least {LEAST_CASES} cases for --clusters; found {cases}; leave it out")


def _write_clusters(arguments, found: dict, names: list[str], *, synthetic: bool) -> None:
    import numpy as np

    from segan_tl.radiomics.clusters import fit, plot, save

    rows = np.array([[values[name] for name in names] for values in found.values()])
    fitted = fit(rows, names, scaling=arguments.scaling, seed=arguments.seed)
    save(arguments.clusters, fitted, cases=list(found), seed=arguments.seed)
    plot(arguments.clusters.with_suffix(".png"), fitted, synthetic=synthetic)
    number, sizes = len(fitted.clusters.centres), " ".join(map(str, np.bincount(fitted.labels)))
    how = f"{len(fitted.explained)} components, silhouette {fitted.silhouettes[number]:.2f}"
    console.print(f"{number} clusters of {sizes} cases, {how}: {arguments.clusters}", soft_wrap=True)


def _print_summary(path: Path, found: dict, faults: dict[str, str], number: int, *, seconds: float) -> None:
    for name, reason in faults.items():
        console.print(f"left out, {name}: {reason}", soft_wrap=True)
    cases = f"{len(found)} case{'s' * (len(found) != 1)}"
    console.print(f"{number} features of {cases} in {duration(seconds)}: {path}", soft_wrap=True)
