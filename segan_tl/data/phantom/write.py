"""Write a synthetic cohort as a BraTS-style folder; the same seed gives the same bytes on any number of workers.

All of it is made in a folder of a temporary name first. Then cohort.json, which says what is there and has the sha256
of every file, goes first and comes last: a folder without it holds no cohort, one that differs from it is damaged.
"""

import gzip
import multiprocessing
import re
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import nibabel
import numpy as np

from segan_tl.data.phantom.cohorts import COHORTS
from segan_tl.data.phantom.describe import NOTES, RECORD, TABLE, describe
from segan_tl.data.phantom.subject import FIELD_OF_VIEW_MM, SimulatedCase, simulate_case
from segan_tl.data.phantom.variety import VARIETIES
from segan_tl.disk.leftovers import clear_leftovers, temporary_path
from segan_tl.disk.manifest import sha256
from segan_tl.disk.ownership import MARKER, kind_of, mark, refuse_foreign
from segan_tl.disk.reading import require_file
from segan_tl.errors import UserError, cannot_write
from segan_tl.schemas.datasets import PhantomJson
from segan_tl.schemas.reading import read_json

SUFFIXES = {"t1": "t1", "t1c": "t1ce", "t2": "t2", "flair": "flair"}
DESCRIPTION = "SYNTHETIC segan_tl phantom, not a patient"
SMALLEST_SIDE = 16
# Of the command, the configurations and the papers: what was published of their people names them without a seed.
NAMELESS_SEEDS = (0, 2019, 2020, 2024)
CASE_FOLDER = re.compile(rf"phantom-({'|'.join(map(re.escape, COHORTS))})-(seed\d+-(hard-)?)?\d{{4}}")


def case_name(cohort: str, index: int, *, seed: int, variety: str = "plain") -> str:
    """Return the name of a synthetic person, which other seeds have not, those of `NAMELESS_SEEDS` apart."""
    people = "" if seed in NAMELESS_SEEDS else f"seed{seed}-" + ("" if variety == "plain" else f"{variety}-")
    return f"phantom-{cohort}-{people}{index + 1:04d}"


def nifti_bytes(data: np.ndarray, voxel_mm: float) -> bytes:
    """Return a gzipped NIfTI-1 file in the orientation of BraTS (LPS), without time stamp or file name."""
    affine = np.diag([-voxel_mm, -voxel_mm, voxel_mm, 1.0])
    affine[1, 3] = (data.shape[1] - 1) * voxel_mm
    image = nibabel.Nifti1Image(data, affine)
    image.header.set_xyzt_units("mm")
    image.header["descrip"] = DESCRIPTION.encode()
    image.set_qform(affine, code=1)
    image.set_sform(affine, code=1)
    return gzip.compress(image.to_bytes(), compresslevel=3, mtime=0)


def write_case(folder: Path, name: str, case: SimulatedCase, *, voxel_mm: float) -> None:
    """Write the five files of one case."""
    place = folder / name
    place.mkdir()
    for modality, image in case.images.items():
        (place / f"{name}_{SUFFIXES[modality]}.nii.gz").write_bytes(nifti_bytes(image, voxel_mm))
    (place / f"{name}_seg.nii.gz").write_bytes(nifti_bytes(case.labels, voxel_mm))


def make_case(job: tuple) -> tuple:
    """Simulate and write one case; returns its row of participants.tsv."""
    folder, cohort, index, shape, seed, variety = job
    name = case_name(cohort, index, seed=seed, variety=variety)
    case = simulate_case(cohort, case_index=index, shape=shape, seed=seed, variety=variety)
    write_case(Path(folder), name, case, voxel_mm=FIELD_OF_VIEW_MM / shape[0])
    return (name, case.grade, case.site.name, f"{case.site.field_tesla:g}", str(case.age_years), "yes")


def in_processes(make: Callable[[tuple], tuple], work: list[tuple], *, jobs: int) -> Iterator[tuple]:
    """Yield what `make` returns of each piece of work, in order, made here or by worker processes."""
    if min(jobs, len(work)) <= 1:
        yield from map(make, work)
        return
    # "spawn" keeps workers free of whatever the parent has loaded (TensorFlow does not survive a fork).
    with multiprocessing.get_context("spawn").Pool(min(jobs, len(work)), _ignore_interrupts) as pool:
        yield from pool.imap(make, work)


def check_request(
    cohort: str, *, cases: int, shape: tuple[int, int, int], seed: int, jobs: int, variety: str = "plain"
) -> None:
    """Refuse a cohort that cannot be made.

    Raises:
        UserError: unknown cohort or variety, no cases, a grid too small to hold a head, a negative seed or no workers.
    """
    if cohort not in COHORTS:
        raise UserError(f"expected a cohort among {', '.join(COHORTS)}; found {cohort!r}; use --cohort glioma-3t")
    if variety not in VARIETIES:
        raise UserError(f"expected a variety among {', '.join(VARIETIES)}; found {variety!r}; use --variety hard")
    if cases < 1:
        raise UserError(f"expected at least one case; found {cases}; use --cases 8")
    if len(shape) != 3 or min(shape) < SMALLEST_SIDE:
        found = " ".join(map(str, shape))
        least = f"three sides of at least {SMALLEST_SIDE} voxels"
        raise UserError(f"expected {least}; found {found}; use --shape 120 120 77")
    if seed < 0:
        raise UserError(f"expected a seed of zero or more; found {seed}; use --seed 0")
    if jobs < 1:
        raise UserError(f"expected at least one job; found {jobs}; use --jobs 2")


def write_cohort(
    folder: Path | str,
    cohort: str,
    *,
    cases: int,
    shape: tuple[int, int, int] = (240, 240, 155),
    seed: int = 0,
    jobs: int = 1,
    variety: str = "plain",
    progress: Callable[[int, int], None] | None = None,
) -> list[str]:
    """Simulate a cohort and write it as a folder of NIfTI files, participants.tsv, cohort.json and README.txt.

    Args:
        folder: created if absent; synthetic cases of an earlier cohort in it are replaced, nothing else.
        cohort: a name in `COHORTS`.
        cases: how many.
        shape: (H, W, D); H voxels span 240 mm, so (240, 240, 155) has 1 mm and (120, 120, 77) 2 mm voxels.
        seed: of the cohort; case i is the same person in every cohort size and on every grid.
        jobs: worker processes; the bytes do not depend on it.
        variety: how much patients differ, "plain" or "hard"; they are other people.
        progress: called with (cases done, cases) after every case.

    Returns:
        the names of the cases.

    Raises:
        UserError: see `check_request`; a README.txt or table there is not ours; the disk is full, and what stood in the
            folder is still there.

    Example:
        >>> segan_tl.write_cohort("simulated", "glioma-3t", cases=1, shape=(24, 24, 16), seed=0)
        ['phantom-glioma-3t-0001']
        >>> segan_tl.find_cases("simulated").layout
        'brats2021'
    """
    shape = tuple(int(side) for side in shape)
    check_request(cohort, cases=cases, shape=shape, seed=seed, jobs=jobs, variety=variety)
    folder = Path(folder)
    if not (folder.is_dir() and is_unfinished(folder)):
        refuse_foreign(folder, "cohort", (RECORD, TABLE, NOTES), remedy="give another folder")
    fresh = temporary_path(folder / cohort)
    try:
        fresh.mkdir(parents=True)
        clear_leftovers(folder)
        work = [(str(fresh), cohort, index, shape, seed, variety) for index in range(cases)]
        rows = []
        for row in in_processes(make_case, work, jobs=jobs):
            rows.append(row)
            if progress is not None:
                progress(len(rows), cases)
        describe(fresh, cohort, rows, shape=shape, seed=seed, variety=variety)
        _publish(fresh, folder)
    except OSError as error:
        raise cannot_write(folder, error) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return [row[0] for row in rows]


def _publish(fresh: Path, folder: Path) -> None:
    """Put a cohort in the place of an earlier one; what somebody else has put into its folders stays there."""
    mark(folder, "cohort")
    (folder / RECORD).unlink(missing_ok=True)
    _remove_cases(folder)
    for path in sorted(fresh.iterdir(), key=lambda path: (path.is_file(), path.name == RECORD)):
        inside = list(path.iterdir()) if (folder / path.name).is_dir() else [path]
        for part in inside:
            part.replace(folder / part.relative_to(fresh))


def _remove_cases(folder: Path) -> None:
    """Remove the files of a cohort's cases, and their folders where nothing else lies in them."""
    for path in list(folder.iterdir()):
        if CASE_FOLDER.fullmatch(path.name) and path.is_dir() and not path.is_symlink():
            for suffix in (*SUFFIXES.values(), "seg"):
                (path / f"{path.name}_{suffix}.nii.gz").unlink(missing_ok=True)
            if not any(path.iterdir()):
                path.rmdir()


def remove_cohort(folder: Path) -> None:
    """Remove a cohort that is not whole.

    Raises:
        UserError: something in its folder is not of it.
    """
    if kind_of(folder) == "cohort" or any(CASE_FOLDER.fullmatch(path.name) for path in folder.iterdir()):
        for name in (RECORD, TABLE, NOTES, MARKER):
            (folder / name).unlink(missing_ok=True)
    _remove_cases(folder)
    if left := [path.name for path in folder.iterdir()]:
        raise UserError(
            f"{folder} is in the way of a synthetic cohort; segan_tl did not make {', '.join(left[:3])} in it: move it "
            "away, or give another --cache"
        )
    folder.rmdir()


def is_unfinished(folder: Path, *, apart_from: Path | None = None) -> bool:
    """Tell whether a folder holds, apart from a file, nothing but what a killed `write_cohort` left."""
    clear_leftovers(folder)
    names = {path.name for path in folder.iterdir() if path != apart_from} - {MARKER}
    cases = {name for name in names if CASE_FOLDER.fullmatch(name)}
    return not names or bool(cases) and names <= cases | {TABLE, NOTES}


def is_whole(folder: Path) -> bool:
    """Tell whether every file of a cohort is what was written."""
    try:
        recorded = read_json(folder / RECORD, PhantomJson)["sha256"]
        return all(sha256(require_file(folder / name)) == digest for name, digest in recorded.items())
    except UserError:
        return False


def _ignore_interrupts() -> None:
    """Leave Ctrl-C to the parent process, which ends its workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
