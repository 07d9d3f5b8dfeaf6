"""What a user wants segmented, whatever they point at: a folder of cases, a case or one file."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from segan_tl.data.find.cases import Case, LoadedCase, case_from_file, find_cases, load_case
from segan_tl.data.find.layouts import MASK, UNKNOWN_CONVENTION, UNNAMED, parse_name
from segan_tl.data.find.missing import missing_modality
from segan_tl.data.find.unused import OTHER, tell_briefly, unused_by_name
from segan_tl.disk.paths import fault_of_name
from segan_tl.errors import UserError
from segan_tl.regions import MODALITIES, convention_regions


def find_inputs(path: Path, *, modalities: tuple[str, ...], stated: str | None) -> tuple[list[Case], list[str]]:
    """Find the cases at `path` and see that files whose name tells a modality are of the run's.

    Args:
        path: folder of cases, case folder or image file.
        modalities: what the run's segmentor sees.
        stated: the modality the user says the file has; it counts more than a file name.

    Returns:
        The cases, and remarks for the user.

    Raises:
        UserError: nothing there, a file of another modality, or one file for a run that needs several.
    """
    if path.is_file():
        return _find_file(path, modalities, stated)
    cohort = find_cases(path)
    remarks = [tell_briefly(cohort.unused, path)] if cohort.unused else []
    if stated is None:
        return list(cohort.cases), remarks
    renamed = [_state_modality(case, stated) for case in cohort.cases]
    if changed := sum(new is not old for new, old in zip(renamed, cohort.cases)):
        remarks.append(f"{changed} images without a modality in their name were taken as {stated}")
    return renamed, remarks


def find_any_inputs(path: Path, *, modalities: tuple[str, ...], stated: str | None) -> tuple[list[Case], list[str]]:
    """Find the cases at `path` for what works with any of `modalities`, be it several runs; so may a single file.

    Raises:
        UserError: as `find_inputs`, or a file does not tell its modality.
    """
    if not path.is_file() or len(modalities) == 1:
        return find_inputs(path, modalities=modalities, stated=stated)
    named = parse_name(path)
    found = stated or (named.role if named is not None and named.role != UNNAMED else None)
    if found in modalities or found == MASK:
        return find_inputs(path, modalities=(found if found != MASK else modalities[0],), stated=stated)
    what = f"is a {found} image" if found else "does not name its modality"
    raise UserError(
        f"{path.name} {what}, expected one of {', '.join(modalities)}; "
        + ("add a run of that modality" if found else "say which it is with --modality")
    )


def missing_modalities(case: Case, modalities: Sequence[str]) -> str | None:
    """Say in one sentence which modalities a case lacks, or that no file can be named after it; None where neither."""
    if fault := fault_of_name(case.id):
        return f"case {case.id!r} cannot name a file ({fault}); rename it"
    if reason := _fault_of_files(case, modalities):
        return reason
    missing = [modality for modality in modalities if modality not in case.images]
    if not missing:
        return None
    there = ", ".join(modality for modality in case.images if modality in MODALITIES)
    remedy = "add the file, or use a run of a modality that is there"
    if UNNAMED in case.images:
        remedy = f"its image names no modality: if it is {missing[0]}, add --modality {missing[0]}"
    elif case.strangers:
        remedy = missing_modality(case, missing[0]).remedy
    return f"case {case.id} has no {', '.join(missing)} (it has {there or 'no named modality'}); {remedy}"


def without_any(case: Case, modalities: Sequence[str]) -> str | None:
    """Say in one sentence that a case has none of these modalities, or a name for no file; None where neither."""
    if fault_of_name(case.id):
        return missing_modalities(case, modalities)
    if reason := _fault_of_files(case, modalities):
        return reason
    if any(modality in case.images for modality in modalities):
        return None
    there = ", ".join(modality for modality in case.images if modality in MODALITIES)
    remedy = "add a file, or a run of a modality that is there"
    if UNNAMED in case.images:
        remedy = "its image names no modality: say which it is with --modality"
    return f"case {case.id} has none of {', '.join(modalities)} (it has {there or 'no named modality'}); {remedy}"


def _fault_of_files(case: Case, modalities: Sequence[str]) -> str | None:
    """Say what is wrong with the files of these modalities before one is read; None where nothing is."""
    for problem in case.problems:
        if problem.role is None or problem.role in modalities:
            return f"case {case.id}: {problem.reason}; {problem.remedy}"
    return None


def load_input(
    case: Case, modalities: tuple[str, ...], *, regions: Sequence[str], any_subset: bool = False
) -> LoadedCase:
    """Load a case, with its labels where they can tell the regions; `any_subset` as for `load_case`.

    Raises:
        UserError: an image cannot be used.
    """
    if labels_tell(case, regions):
        try:
            return load_case(case, modalities, any_subset=any_subset)
        except UserError:  # a bad label map is no reason not to segment; a bad image fails again below
            pass
    return load_case(case, modalities, with_mask=False, any_subset=any_subset)


def labels_tell(case: Case, regions: Sequence[str]) -> bool:
    """Return whether a case has a label map whose convention tells the regions."""
    known = case.mask is not None and case.convention != UNKNOWN_CONVENTION
    return known and set(regions) <= set(convention_regions(case.convention))


def _find_file(path: Path, modalities: tuple[str, ...], stated: str | None) -> tuple[list[Case], list[str]]:
    if len(modalities) > 1:
        raise UserError(
            f"this run needs {', '.join(modalities)}, a single file holds one of them; give the folder of the case, or "
            "use a run of one modality"
        )
    wanted = modalities[0]
    named = parse_name(path)
    role = None if named is None or named.role == UNNAMED else named.role
    if stated is None and role == MASK:
        raise UserError(f"{path.name} is a label map by its name, expected a {wanted} image; give the image's file")
    if stated is None and role is None and unused_by_name(path).reason == OTHER:
        raise UserError(
            f"{path.name} is no {wanted} image by its name; give the image's file, or --modality {wanted} if it is one"
        )
    found = stated or role or wanted
    if found != wanted:
        reason = "as --modality says" if stated else "by its name"
        remedy = "" if stated else f", or --modality {wanted} if it is one"
        raise UserError(
            f"{path.name} is a {found} image {reason}, this run segments {wanted}; use a run of that modality{remedy}"
        )
    case = case_from_file(path, wanted)
    if stated is None and role is None:
        return [case], [f"{path.name} does not name its modality: taken as {wanted} (--modality states another)"]
    return [case], []


def _state_modality(case: Case, modality: str) -> Case:
    if UNNAMED not in case.images or modality in case.images:
        return case
    images = dict(case.images)
    images[modality] = images.pop(UNNAMED)
    problems = (replace(item, role=modality if item.role == UNNAMED else item.role) for item in case.problems)
    return replace(case, images=images, problems=tuple(problems))
