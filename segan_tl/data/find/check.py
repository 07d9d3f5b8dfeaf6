"""Every check of a case, run before anything is trained on it."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from segan_tl.data.files.geometry import Geometry, find_grid_fault
from segan_tl.data.files.image_error import ImageError
from segan_tl.data.files.images import Source, Volume, read_volume
from segan_tl.data.find.case import Case, Cohort, Problem
from segan_tl.data.find.layouts import MASK, UNKNOWN_CONVENTION
from segan_tl.data.find.missing import missing_labels, missing_modality, those_there
from segan_tl.data.intensities import MOST_BRAIN, find_background, find_intensity_fault
from segan_tl.disk.paths import fault_of_name
from segan_tl.environment import jobs_that_fit
from segan_tl.errors import UserError
from segan_tl.regions import LABEL_NAMES, convention_labels, to_canonical

# A label that was resampled or scaled by 0.99999997 is still a label; 0.4 is not.
LABEL_TOLERANCE = 1e-3
CHECK_MIB = 150  # of a case while it is checked
REGISTER = "register and resample all files of the case to one grid: python -m segan_tl prepare does it"
STATE_CONVENTION = (
    'state what the labels of all cases mean: write {"label_convention": "…"} to cohort.json beside the cases, with '
    "brats2017 (1 NCR, 2 ED, 4 ET), brats2023 (1 NCR, 2 ED, 3 ET), msd (1 ED, 2 NCR, 3 ET) or your own, such as "
    "1=ED,2=NCR,3=ET"
)


@dataclass(frozen=True, eq=False)
class CheckedCase:
    """What reading a case found.

    Attributes:
        images: (H, W, D) of each modality asked for, in order; a modality that could not be read is absent.
        labels: canonical labels uint8 (H, W, D), None where there are none or they are bad.
        geometry: the grid of the first image as stored, None where none could be read.
        label_voxels: canonical label name to number of voxels.
        problems: why the case cannot be used; none for a good case.
        notes: what is unusual and allowed.
        remarks: of who asked for the check.
        full: modalities whose image is so full that it is no extracted brain, but a head, or noise around one.
    """

    case: Case
    images: dict[str, np.ndarray]
    labels: np.ndarray | None
    geometry: Geometry | None
    label_voxels: dict[str, int]
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]
    remarks: tuple[str, ...] = ()
    full: tuple[str, ...] = ()


def read_case(
    case: Case, modalities: tuple[str, ...], *, need_mask: bool = True, any_subset: bool = False
) -> CheckedCase:
    """Read the modalities asked for and the label map, and check all of it.

    Args:
        need_mask: a missing label map is a problem; where False the label map is not looked at.
        any_subset: a missing modality is no problem, as long as one is there.
    """
    modalities = those_there(case, modalities) if any_subset else modalities
    whole = [problem for problem in case.problems if problem.role is None]
    if fault := fault_of_name(case.id):
        whole.append(Problem(case.id, None, f"{case.id!r} cannot name a file or folder ({fault})", "rename it"))
    if whole:
        return CheckedCase(case, {}, None, None, {}, tuple(whole), ())
    roles = {*modalities, *([MASK] if need_mask else [])}
    problems = [problem for problem in case.problems if problem.role in roles]
    notes, volumes, opened, full = [], {}, {}, []
    for modality in modalities:
        if modality not in case.images:
            problems.append(missing_modality(case, modality))
        elif any(problem.role == modality for problem in problems):
            continue
        elif volume := _try_read(case, case.images[modality], problems, opened=opened):
            background = find_background(volume.data)
            if fault := find_intensity_fault(volume.data, background=background):
                problems.append(Problem(case.id, case.images[modality].path, *fault))
            if np.mean(volume.data != background) > MOST_BRAIN:
                full.append(modality)
            if background:
                volume = replace(volume, data=volume.data.astype(np.float32) - np.float32(background))
                notes.append(f"the background of {modality} is {background:.3g}, not 0: subtracted")
            volumes[modality] = volume
    notes += _remarks(volumes)
    geometry = next(iter(volumes.values())).geometry if volumes else None
    for modality, volume in volumes.items():
        problems.extend(_check_grid(case, case.images[modality], volume.geometry, first=geometry))
    if geometry is not None and geometry.is_sheared:
        notes.append("the grid is sheared")
    labels, counts = None, {}
    if need_mask:
        labels = _read_labels(case, problems, notes, geometry=geometry)
        if labels is not None:
            totals = {name: np.count_nonzero(labels == label) for name, label in LABEL_NAMES.items()}
            counts = {name: int(total) for name, total in totals.items() if total}
    images = {modality: volume.data for modality, volume in volumes.items()}
    return CheckedCase(case, images, labels, geometry, counts, tuple(problems), tuple(notes), full=tuple(full))


def check_case(case: Case, modalities: tuple[str, ...], *, need_mask: bool = True) -> list[Problem]:
    """Return what is wrong with a case; an empty list for a good one."""
    return list(read_case(case, modalities, need_mask=need_mask).problems)


def check_cohort(
    cohort: Cohort,
    modalities: tuple[str, ...],
    *,
    need_mask: bool = True,
    any_subset: bool = False,
    jobs: int | None = None,
    progress: Callable[[CheckedCase], None] | None = None,
    examine: Callable[[CheckedCase], Sequence[str]] | None = None,
) -> tuple[list[Case], list[Problem]]:
    """Read and check all cases of a cohort, several at a time.

    Args:
        any_subset: as for `read_case`.
        jobs: cases read at a time; as many as there are cores and memory for, where None.
        progress: called with each case in the order of the cohort, its arrays dropped.
        examine: called with each good case and its arrays; what it returns are the case's remarks.

    Returns:
        The good cases, and the problems of the others, both in the order of the cohort.
    """

    def check(case: Case) -> CheckedCase:
        try:
            found = read_case(case, modalities, need_mask=need_mask, any_subset=any_subset)
        except Exception as error:  # one strange file must not hide the state of all others
            reason = f"it could not be checked ({type(error).__name__}: {error})"
            found = _unread(case, Problem(case.id, None, reason, "leave the case out, and report this as a bug"))
        remarks = tuple(examine(found)) if examine and not found.problems else ()
        return replace(found, images={}, labels=None, remarks=remarks)

    good, problems = [], []
    pool = ThreadPoolExecutor(max_workers=jobs or jobs_that_fit(CHECK_MIB))
    try:
        for checked in pool.map(check, cohort.cases):
            problems.extend(checked.problems)
            if not checked.problems:
                good.append(checked.case)
            if progress:
                progress(checked)
    finally:
        # Ctrl-C must not wait for the cases that have not begun.
        pool.shutdown(cancel_futures=True)
    return good, problems


def _unread(case: Case, problem: Problem) -> CheckedCase:
    return CheckedCase(case, {}, None, None, {}, (problem,), ())


# === The single checks ===


def _try_read(case: Case, source: Source, problems: list[Problem], *, opened: dict) -> Volume | None:
    try:
        return read_volume(source, opened=opened)
    except ImageError as error:
        problems.append(Problem(case.id, error.path, error.reason, error.remedy))
    return None


def _check_grid(case: Case, source: Source, geometry: Geometry, *, first: Geometry) -> list[Problem]:
    if fault := find_grid_fault(first, geometry, than="the first image"):
        return [Problem(case.id, source.path, fault, REGISTER)]
    return []


def _remarks(volumes: dict[str, Volume]) -> list[str]:
    """Return what is doubtful about where the files lie, each doubt once."""
    doubts = defaultdict(list)
    for name, volume in volumes.items():
        doubts[volume.geometry.remark].append(name)
    return [f"{', '.join(names)}: {remark}" for remark, names in doubts.items() if remark]


def _read_labels(
    case: Case, problems: list[Problem], notes: list[str], *, geometry: Geometry | None
) -> np.ndarray | None:
    """Read the label map as canonical labels; add what is wrong to `problems`."""
    if case.mask is None:
        problems.append(missing_labels(case))
    if case.mask is None or any(problem.role == MASK for problem in problems):
        return None
    volume = _try_read(case, case.mask, problems, opened={})
    if volume is None:
        return None
    notes += _remarks({"label map": volume})
    if geometry is not None:
        problems.extend(_check_grid(case, case.mask, volume.geometry, first=geometry))
    whole, found = _whole_labels(case, volume.data)
    problems.extend(found)
    if whole is None:
        return None
    labels, found = _canonical_labels(case, whole)
    problems.extend(found)
    if labels is not None and not labels.any():
        notes.append("the label map is empty")
    return labels


def _whole_labels(case: Case, data: np.ndarray) -> tuple[np.ndarray | None, list[Problem]]:
    path = case.mask.path
    if data.dtype.kind != "f":
        return data, []
    if not np.isfinite(data).all():
        return None, [Problem(case.id, path, "it holds NaN or infinite voxels", "export the label map again")]
    whole = np.rint(data)
    off = np.abs(data - whole) > LABEL_TOLERANCE
    if off.any():
        values = ", ".join(f"{value:.4g}" for value in np.unique(data[off])[:5])
        reason = f"{int(off.sum())} voxels are no whole numbers ({values})"
        return None, [Problem(case.id, path, reason, "resample the label map with nearest neighbour from the original")]
    return whole.astype(np.int32), []


def _canonical_labels(case: Case, whole: np.ndarray) -> tuple[np.ndarray | None, list[Problem]]:
    if case.convention != UNKNOWN_CONVENTION:
        try:
            return to_canonical(whole, case.convention), []
        except UserError:
            pass
    found = ", ".join(f"{value:g}" for value in np.unique(whole)[:12])
    if case.convention == UNKNOWN_CONVENTION:
        return None, [Problem(case.id, case.mask.path, f"nothing says what its labels {found} mean", STATE_CONVENTION)]
    allowed = ", ".join(map(str, sorted(convention_labels(case.convention))))
    reason = f"its labels are {found}, but the convention {case.convention} knows 0, {allowed}"
    return None, [Problem(case.id, case.mask.path, reason, f"correct the file, or {STATE_CONVENTION}")]
