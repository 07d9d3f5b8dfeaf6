"""`python -m segan_tl radiomics`: a table of numbers about the tumour of each case, by the names of PyRadiomics."""

import argparse
import time
from collections import Counter
from pathlib import Path

from segan_tl.console import case_progress, console, duration, print_table
from segan_tl.environment import jobs_that_fit
from segan_tl.errors import UserError, some
from segan_tl.regions import MODALITIES
from segan_tl.workflow.numbers import positive, seed

DISCRETISATIONS = ("32-levels", "authors")  # of segan_tl/radiomics/discretise.py, none of which is imported for --help
SCALINGS = ("standard", "l2")  # of segan_tl/radiomics/clusters.py
JOB_MIB = 1500  # of a process that computes features
EPILOG = """examples:
  python -m segan_tl radiomics BraTS2021 features.csv                         386 features a case
  python -m segan_tl radiomics HOSPITAL features.csv --predictions PREDICTIONS    of what predict has segmented
  python -m segan_tl radiomics BraTS2021 features.csv --modalities flair --jobs 4
  python -m segan_tl radiomics BraTS2021 features.csv --clusters groups.npz       and groups of alike tumours
  python -m segan_tl radiomics CLINIC features.csv --assign groups.npz            the group of each new case

The region is the largest piece (26 neighbours) of the whole tumour. 14 features of its shape and 93 of each modality
have the names and definitions of PyRadiomics and are computed by MIRP: pip install -e '.[radiomics]'.

Grey levels:
  32-levels   z-scores within the head, 32 levels between least and largest intensity of the tumour (the default)
  authors     z-scores of the whole image with its background, bins of 25: one or two levels (Parida 2024)

--clusters groups.npz also writes groups.json (settings, the cluster of each case) and groups.png: features are scaled,
brought to the components that hold 99 % of the variance, and given to 2 to 10 clusters, by the best silhouette. What
tells a cluster from the others is printed: the features whose means differ most, in deviations over all cases.
  standard    each feature to mean 0 and deviation 1 over the cases (the default)
  l2          each case to length 1, so that the features with the largest numbers decide (Parida 2024)

--assign groups.npz adds a column cluster: the group of each case, of the same images and grey levels as those had.

exit code: 0 also where cases were left out, each named with its reason; 2 where none has features
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.description = "Write shape, intensities and texture of each case's tumour to a table."
    parser.epilog = EPILOG
    parser.add_argument("data", metavar="DATA", type=Path, help="folder of cases")
    parser.add_argument("out", metavar="OUT.csv", type=Path, help="one row a case")
    parser.add_argument(
        "--predictions", metavar="DIR", type=Path, help="masks to take instead of the truth, a run, or its folds"
    )
    parser.add_argument("--prediction-labels", metavar="CONVENTION", help="what the numbers of the predictions mean")
    parser.add_argument(
        "--modalities", nargs="+", choices=MODALITIES, help="images that count (all four; those of --assign)"
    )
    parser.add_argument(
        "--discretisation", choices=DISCRETISATIONS, help=f"grey levels ({DISCRETISATIONS[0]}; those of --assign)"
    )
    parser.add_argument("--clusters", metavar="FILE.npz", type=Path, help="group the cases; .json and .png beside it")
    parser.add_argument("--assign", metavar="FILE.npz", type=Path, help="add the cluster of each case, of --clusters")
    parser.add_argument("--scaling", choices=SCALINGS, default=SCALINGS[0], help="before the clusters (%(default)s)")
    parser.add_argument("--seed", type=seed, default=0, metavar="N", help="of the clusters (%(default)s)")
    parser.add_argument("--overwrite", action="store_true", help="replace what other images, masks or settings gave")
    parser.add_argument("--jobs", type=positive, metavar="N", help="processes (as cores and memory allow)")


def run(arguments: argparse.Namespace) -> int:
    """Compute everything, write the table and say which cases were left out."""
    from segan_tl.data.find.cases import find_cases
    from segan_tl.disk.atomic import write_csv
    from segan_tl.radiomics.ask_mirp import require_mirp
    from segan_tl.radiomics.cohort import compute, keys_of
    from segan_tl.radiomics.features import columns
    from segan_tl.report.score.preflight import prepare_folder, require_table_path
    from segan_tl.workflow.scored_tables import is_done, open_journal, record

    # === What can be refused is refused before work begins ===
    require_table_path(arguments.out, option="OUT.csv")
    chain = _open_chain(arguments)
    cohort = find_cases(arguments.data)
    tasks = _tasks(cohort.cases, arguments)
    _require_clusters(arguments.clusters, len(tasks))
    keys = keys_of(tasks)
    job = _job_of(arguments, keys)
    if is_done(job) and not arguments.overwrite:
        console.print(f"computed before, and nothing has changed: {arguments.out}", soft_wrap=True)
        return 0
    journal = open_journal(job, overwrite=arguments.overwrite, option="OUT.csv")
    require_mirp()
    for path in filter(None, (arguments.out, arguments.clusters)):
        prepare_folder(path)
    # === The work ===
    started = time.monotonic()
    if before := sum(key in journal.found for key in keys.values()):
        console.print(f"{before} of {len(tasks)} cases were computed before the interruption", soft_wrap=True)
    with case_progress("computing features", total=len(tasks) - before) as advance:
        found, faults = compute(tasks, jobs=_jobs(arguments), progress=advance, journal=journal, keys=keys)
    if not found:
        journal.remove()
    _require_some(found, faults)
    names = columns(tasks[0].modalities)
    clusters = {case: {"cluster": chain.assign(values)} for case, values in found.items()} if chain else {}
    rows = [{"case": case} | clusters.get(case, {}) | values for case, values in found.items()]
    write_csv(arguments.out, list(rows[0]), rows)
    _print_summary(arguments.out, found, faults, len(names), seconds=time.monotonic() - started)
    if chain:
        _print_assigned(Counter(row["cluster"] for row in rows), len(chain.centres))
    if arguments.clusters:
        _write_clusters(arguments, found, names, synthetic=bool(cohort.settings.get("synthetic")))
    record(job)
    journal.remove()
    return 0


def _job_of(arguments, keys: dict[str, str]):
    """Return what is to be computed, and which files it leads to."""
    from segan_tl.disk.journal import key_of
    from segan_tl.disk.manifest import sha256
    from segan_tl.workflow.scored_tables import Job

    made, taken = arguments.clusters, arguments.assign
    made = [made.with_suffix(ending) for ending in (".npz", ".json", ".png")] if made else []
    assigned = [sha256(taken.with_suffix(ending)) for ending in (".npz", ".json")] if taken else []
    of_all = key_of("clusters", arguments.scaling, arguments.seed, assigned)
    return Job(arguments.out, [arguments.out, *made], [*keys.values(), of_all])


def _open_chain(arguments):
    """Return the clusters of --assign, None without; say in the arguments which images and grey levels count.

    Raises:
        UserError: there are none, or others are asked for than theirs.
    """
    if arguments.assign is None:
        arguments.modalities = tuple(name for name in MODALITIES if name in (arguments.modalities or MODALITIES))
        arguments.discretisation = arguments.discretisation or DISCRETISATIONS[0]
        return None
    from segan_tl.radiomics.assign import open_clusters

    if arguments.clusters:
        raise UserError("--clusters makes clusters and --assign takes those that there are; leave one of them out")
    chain = open_clusters(arguments.assign)
    arguments.modalities = tuple(name for name in MODALITIES if name in (arguments.modalities or chain.modalities))
    arguments.discretisation = arguments.discretisation or chain.discretisation
    for option, made in (("modalities", chain.modalities), ("discretisation", chain.discretisation)):
        if (asked := getattr(arguments, option)) != made:
            said, theirs = (one if isinstance(one, str) else " ".join(one) for one in (asked, made))
            raise UserError(f"expected --{option} {theirs}, as {arguments.assign} has it; found {said}; leave it out")
    return chain


def _tasks(cases, arguments) -> list:
    """Return what is asked of each case."""
    from segan_tl.radiomics.cohort import Task, find_masks
    from segan_tl.radiomics.discretise import DISCRETISATIONS
    from segan_tl.report.score.masks import Mask

    known = {case.id: Mask(case.id, case.mask, case.convention) for case in cases}
    masks = {case_id: mask for case_id, mask in known.items() if mask.source}
    if arguments.predictions:
        masks, strangers = find_masks(arguments.predictions, known, meaning=arguments.prediction_labels)
        for path in strangers:
            console.print(f"left out, of no case: {path.name}", soft_wrap=True)
    how = DISCRETISATIONS[arguments.discretisation]
    return [Task(case, masks.get(case.id), arguments.modalities, how) for case in cases]


def _jobs(arguments) -> int:
    return arguments.jobs or jobs_that_fit(JOB_MIB)


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
    settings = {"scaling": arguments.scaling, "seed": arguments.seed, "discretisation": arguments.discretisation}
    fitted = fit(rows, names, **settings)
    save(arguments.clusters, fitted, cases=list(found), seed=arguments.seed)
    plot(arguments.clusters.with_suffix(".png"), fitted, synthetic=synthetic)
    number, sizes = len(fitted.clusters.centres), " ".join(map(str, np.bincount(fitted.labels)))
    how = f"{len(fitted.explained)} components, silhouette {fitted.silhouettes[number]:.2f}"
    console.print(f"{number} clusters of {sizes} cases, {how}: {arguments.clusters}", soft_wrap=True)
    _print_distinctive(fitted)


def _print_distinctive(fitted) -> None:
    """Print what tells each cluster from the others."""
    from rich.table import Table

    table = Table("cluster", "cases", "differs most from the others in", "by deviations", box=None)
    for number, features in fitted.distinctive.items():
        cases = int((fitted.labels == number).sum())
        for place, (feature, difference) in enumerate(features.items()):
            about = ("", "") if place else (str(number), str(cases))
            table.add_row(*about, feature, f"{difference:+.1f}")
    print_table(table)


def _print_assigned(counted: Counter, clusters: int) -> None:
    sizes = " ".join(str(counted[number]) for number in range(clusters))
    console.print(f"{sizes} cases in clusters 0 to {clusters - 1}", soft_wrap=True)


def _print_summary(path: Path, found: dict, faults: dict[str, str], number: int, *, seconds: float) -> None:
    for name, reason in faults.items():
        console.print(f"left out, {name}: {reason}", soft_wrap=True)
    cases = f"{len(found)} case{'s' * (len(found) != 1)}"
    console.print(f"{number} features of {cases} in {duration(seconds)}: {path}", soft_wrap=True)
