"""Case folders and loose case files: every image below a folder, grouped into cases by its name.

What a case is stands here too; `datasets` holds the layouts that come with a description of their own.
"""

import os
import re
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from segan_tl.data.images import Source
from segan_tl.data.naming import MASK, UNKNOWN_CONVENTION, NamedFile, parse_name, recognise_layout, stem_of
from segan_tl.errors import UserError

MAX_DEPTH = 5
MAX_ENTRIES = 200_000
_GRADE_FOLDERS = {"hgg": "HGG", "hg": "HGG", "lgg": "LGG", "lg": "LGG"}

Groups = dict[tuple[Path, str], list[NamedFile]]


@dataclass(frozen=True)
class Problem:
    """What is wrong with one case: the file (None where one is missing), the reason and the remedy."""

    case_id: str
    file: Path | None
    reason: str
    remedy: str


@dataclass(frozen=True)
class Case:
    """One patient at one time.

    Attributes:
        images: modality to source; only what exists.
        mask: label map, None where there is none.
        convention: label convention of the mask (`regions.convention_labels`), "unknown" where nothing states it.
        grade: "HGG", "LGG" or "unknown".
        attributes: what participants.tsv says about the case.
        problems: what was already wrong with the file names.
    """

    id: str
    images: dict[str, Source]
    mask: Source | None = None
    convention: str = UNKNOWN_CONVENTION
    grade: str = "unknown"
    attributes: dict[str, str] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class Cohort:
    """The cases of one folder.

    Attributes:
        layout: the dataset's habit that was recognised, such as "brats2021", "bids" or "msd".
        cases: sorted by id.
        settings: what cohort.json says.
    """

    folder: Path
    layout: str
    cases: tuple[Case, ...]
    settings: dict = field(default_factory=dict)


@dataclass(frozen=True)
class FoundCase:
    """A case, the layout it was recognised by and the folder it lies in."""

    case: Case
    layout: str
    folder: Path


def make_case(case_id: str, sources: list[tuple[str, Source]], *, convention: str, grade: str = "unknown") -> Case:
    """Make a case of (role, source) pairs; a role that comes twice is noted as a problem of the case."""
    images, problems = {}, []
    for role, source in sources:
        if role in images:
            reason = f"there are two files for {role}: {images[role].path.name} and {source.path.name}"
            problems.append(Problem(case_id, source.path, reason, "remove or rename one of the two"))
        images.setdefault(role, source)
    mask = images.pop(MASK, None)
    return Case(case_id, images, mask, convention, grade, problems=tuple(problems))


def list_images(folder: Path) -> list[Path]:
    """List the image files below a folder, sorted, hidden ones left out, down to five levels.

    A folder that is named like an image (an unpacking accident) is listed as if it were one: reading it tells.

    Raises:
        UserError: the folder is far larger than any dataset, or may not be read.
    """
    found, pending, seen, visited = [], [(folder, 0)], 0, set()
    while pending:
        current, depth = pending.pop()
        if (real := os.path.realpath(current)) in visited:
            continue
        visited.add(real)
        for entry in scan_folder(current):
            seen += 1
            if entry.name.startswith(".") or entry.name == "__MACOSX":
                continue
            is_folder = os.path.isdir(entry.path) if entry.is_symlink() else entry.is_dir()
            if stem_of(entry.name) is not None and not (is_folder and entry.name.lower().startswith("vsd.")):
                found.append(Path(entry.path))
            elif is_folder and depth < MAX_DEPTH:
                pending.append((Path(entry.path), depth + 1))
        if seen > MAX_ENTRIES:
            raise UserError(
                f"expected a folder of cases; {folder} holds more than {MAX_ENTRIES} files; give the dataset's folder"
            )
    return sorted(found)


def scan_folder(folder: Path) -> list[os.DirEntry]:
    """List what lies in one folder.

    Raises:
        UserError: the folder may not be read.
    """
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        raise UserError(f"expected a folder to read; {folder}: {error.strerror}; check its permissions") from None


def group_files(files: list[Path]) -> list[FoundCase]:
    """Group the files whose names we know into cases."""
    groups: Groups = defaultdict(list)
    for path in files:
        if named := parse_name(path):
            folder = path.parent
            if named.scheme == "vsd" and folder.name.lower().startswith("vsd."):
                folder = folder.parent
            groups[folder, named.case_id].append(named)
    _adopt_lone_masks(groups)
    _join_mask_folders(groups)
    return [_found_case(folder, named) for (folder, _), named in groups.items()]


def _adopt_lone_masks(groups: Groups) -> None:
    """Give a label map with a name of its own to the only case of its folder (W39_1998.09.19_Segm in BraTS 2020)."""
    by_folder = defaultdict(list)
    for key in groups:
        by_folder[key[0]].append(key)
    for keys in by_folder.values():
        lone = [key for key in keys if _has_only_masks(groups[key])]
        others = [key for key in keys if not _has_mask(groups[key])]
        if len(keys) == 2 and len(lone) == len(others) == 1:
            groups[others[0]].extend(groups.pop(lone[0]))


def _join_mask_folders(groups: Groups) -> None:
    """Join images and label maps of one id that lie in two folders."""
    images = {case_id: key for key in groups if (case_id := key[1]) and not _has_mask(groups[key])}
    for key in [key for key in groups if _has_only_masks(groups[key]) and key[1] in images]:
        groups[images[key[1]]].extend(groups.pop(key))


def _has_mask(files: list[NamedFile]) -> bool:
    return any(file.role == MASK for file in files)


def _has_only_masks(files: list[NamedFile]) -> bool:
    return all(file.role == MASK for file in files)


def _found_case(folder: Path, files: list[NamedFile]) -> FoundCase:
    layout, convention = recognise_layout(files)
    case_id = files[0].case_id or folder.resolve().name
    grade = _grade_of(folder, case_id)
    if grade != "unknown" and re.fullmatch(r"\d+", case_id):
        # BRATS 2013 counts both its high and its low grades from 1.
        case_id = f"{grade}_{case_id}"
    sources = [(file.role, Source(file.path)) for file in files]
    return FoundCase(make_case(case_id, sources, convention=convention, grade=grade), layout, folder)


def _grade_of(folder: Path, case_id: str) -> str:
    if match := re.match(r"(?:sim)?brats_(hg|lg)\d", case_id.lower()):
        return _GRADE_FOLDERS[match[1]]
    parts = (folder.name, folder.parent.name, folder.parent.parent.name)
    return next((_GRADE_FOLDERS[part.lower()] for part in parts if part.lower() in _GRADE_FOLDERS), "unknown")
