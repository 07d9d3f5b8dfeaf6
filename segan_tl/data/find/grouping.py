"""Case folders and loose case files: every image below a folder, grouped into cases by its name."""

import re
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

from segan_tl.data.files.images import Source
from segan_tl.data.find.case import Candidate, FoundCase, make_case
from segan_tl.data.find.layouts import MASK, NamedFile, openings, parse_name, recognise_layout
from segan_tl.data.find.patients import is_visit
from segan_tl.data.find.unused import NOT_UNDERSTOOD, RENAME, UnusedFile, unused_by_name

_GRADE_FOLDERS = {"hgg": "HGG", "hg": "HGG", "lgg": "LGG", "lg": "LGG"}
# Folders that divide the files of one case (WMH, MSSEG, EGD): those given to work with, and what they were made from.
_PARTS = re.compile(r"pre|preprocessed(_data)?|masks?|nifti|\d_(t1|t1gd|t2|flair|mask|seg)", re.IGNORECASE)
_RAW_PARTS = re.compile(r"orig|raw(_data)?", re.IGNORECASE)
_MASK_FOLDER = re.compile(r"mask|label|seg|truth|annotation", re.IGNORECASE)

# The files of a case by the folder it lies in and its id, "" where the folder gives it.
Groups = dict[tuple[Path, str], list[NamedFile]]


def group_files(files: list[Path], root: Path) -> tuple[list[FoundCase], list[UnusedFile]]:
    """Group the files whose names we know into cases; return those, and the files that belong to none."""
    groups: Groups = defaultdict(list)
    unused = []
    for path in files:
        named = parse_name(path)
        if named is None:
            unused.append(unused_by_name(path))
        else:
            folder, named = _case_folder(named, root)
            groups[folder, named.case_id].append(named)
    _join_nested(groups, root)
    _join_one_folder(groups)
    _join_folders(groups)
    unused += _strange_masks(groups)
    found = []
    for (folder, case_id), case_id_shown in _case_ids(groups).items():
        case, beside = _found_case(folder, case_id_shown, groups[folder, case_id])
        found.append(case)
        unused += beside
    return found, unused


def _case_folder(named: NamedFile, root: Path) -> tuple[Path, NamedFile]:
    """Return the folder of a file's case, and the file, no longer the plain one where it lies among raw data."""
    folder = named.path.parent
    if named.scheme == "vsd" and folder.name.lower().startswith("vsd."):
        return folder.parent, named
    while named.scheme == "plain" and folder != root:
        if _RAW_PARTS.fullmatch(folder.name):
            named = replace(named, is_plain=False)
        elif not _PARTS.fullmatch(folder.name):
            break
        folder = folder.parent
    return folder, named


def _join_nested(groups: Groups, root: Path) -> None:
    """Give what lies in a folder of a case, under its id or under none, to the case: a variant of its files."""
    for folder, case_id in sorted(groups, key=lambda key: len(key[0].parts), reverse=True):
        above = [place for place in folder.parents if place.is_relative_to(root) and (place != root or case_id)]
        if place := next((place for place in above if (place, case_id) in groups), None):
            inner = groups.pop((folder, case_id))
            groups[place, case_id] += [replace(file, is_plain=False) for file in inner]


def _join_one_folder(groups: Groups) -> None:
    """Join files with and without an id that lie in the folder of a single case.

    So a label map with a name of its own finds its case (W39_1998.09.19_Segm in BraTS 2020).
    """
    by_folder = defaultdict(list)
    for folder, case_id in groups:
        by_folder[folder].append(case_id)
    for folder, ids in by_folder.items():
        cases = [case_id for case_id in ids if not _has_only_masks(groups[folder, case_id])]
        other = [case_id for case_id in ids if case_id not in cases]
        if len(cases) == 2 and "" in cases:
            cases, other = [case_id for case_id in cases if case_id], [*other, ""]
        if len(cases) != 1:
            continue
        for case_id in other:
            masked = any(file.role == MASK for file in groups[folder, cases[0]])
            named_apart = re.search(r"\d", case_id) and cases[0].lower() not in openings(case_id)
            if not case_id or (named_apart and not masked):
                groups[folder, cases[0]] += groups.pop((folder, case_id))


def _join_folders(groups: Groups) -> None:
    """Join images and label maps of one case in several folders, and what are only variants of its images.

    A folder's name says which case it is in folders of label maps only: week-1 may be one of any patient.
    """
    by_id = defaultdict(list)
    for key in groups:
        by_id[key[1] or key[0].name].append(key)
    for keys in by_id.values():
        whole = [key for key in keys if any(file.role != MASK and file.is_plain for file in groups[key])]
        for key in keys:
            named_by_id = key[1] or _MASK_FOLDER.search(str(key[0].parent.name))
            if len(whole) == 1 and key not in whole and named_by_id:
                groups[whole[0]] += groups.pop(key)


def _strange_masks(groups: Groups) -> list[UnusedFile]:
    """Take out label maps of no case: a word that is not known before the role, or a name for the whole folder."""
    strange, beside = [], defaultdict(set)
    for folder, case_id in groups:
        beside[folder].add(case_id.lower())
    above = {place for folder in beside for place in folder.parents}
    for folder, case_id in [key for key in groups if _has_only_masks(groups[key])]:
        is_of_all = not case_id and (len(beside[folder]) > 1 or folder in above)
        if is_of_all or openings(case_id) & beside[folder]:
            strange += [UnusedFile(file.path, NOT_UNDERSTOOD, RENAME) for file in groups.pop((folder, case_id))]
    return strange


def _has_only_masks(files: list[NamedFile]) -> bool:
    return all(file.role == MASK for file in files)


def _case_ids(groups: Groups) -> dict[tuple[Path, str], str]:
    """Return the id of each group.

    The name of the folder above is a part of it where case folders of one name lie in several folders (P1/1, P2/1; then
    of P1/2, too), and where names of visits do (P1/2019-03-12, P2/2020-01-07).
    """
    above = {key: key[0] if key[1] else key[0].parent for key in groups}
    own = {key: key[1] or key[0].resolve().name for key in groups}
    names = Counter(folder.name for folder, case_id in groups if not case_id)
    crowded = {above[key] for key in groups if not key[1] and names[key[0].name] > 1}
    patients = {above[key] for key in groups if is_visit(own[key])}
    ids = {}
    for key, name in own.items():
        is_part = not key[1] and above[key] in crowded or len(patients) > 1 and is_visit(name)
        ids[key] = f"{above[key].resolve().name}_{name}" if is_part else name
    return ids


def _found_case(folder: Path, case_id: str, files: list[NamedFile]) -> tuple[FoundCase, list[UnusedFile]]:
    layout, convention = recognise_layout(files)
    grade = _grade_of(folder, case_id)
    digits = files[0].case_id or folder.resolve().name
    if grade != "unknown" and re.fullmatch(r"\d+", digits):
        # BRATS 2013 counts both its high and its low grades from 1.
        case_id = f"{grade}_{digits}"
    candidates = [Candidate(file.role, Source(file.path), file.is_plain) for file in files]
    case, unused = make_case(case_id, candidates, convention=convention, grade=grade)
    return FoundCase(case, layout, folder), unused


def _grade_of(folder: Path, case_id: str) -> str:
    if match := re.match(r"(?:sim)?brats_(hg|lg)\d", case_id.lower()):
        return _GRADE_FOLDERS[match[1]]
    parts = (folder.name, folder.parent.name, folder.parent.parent.name)
    return next((_GRADE_FOLDERS[part.lower()] for part in parts if part.lower() in _GRADE_FOLDERS), "unknown")
