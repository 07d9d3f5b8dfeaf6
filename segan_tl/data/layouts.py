"""The folder layouts of public datasets, recognised by what lies in them.

Walks a folder once, groups the image files into cases, and tells the dataset by its names (`naming`) or by the files it
comes with (dataset.json of MSD and nnU-Net, sub-* folders of BIDS).
"""

import os
import re
from collections import defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path

from segan_tl.data.images import Source
from segan_tl.data.naming import MASK, UNKNOWN_CONVENTION, NamedFile, parse_name, recognise_layout, stem_of
from segan_tl.errors import UserError

MAX_DEPTH = 5
MAX_FILES = 200_000
_GRADE_FOLDERS = {"hgg": "HGG", "hg": "HGG", "lgg": "LGG", "lg": "LGG"}


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
class FoundCase:
    """A case, the layout it was recognised by and the folder it lies in."""

    case: Case
    layout: str
    folder: Path


def list_images(folder: Path) -> list[Path]:
    """List the image files below a folder, hidden ones left out, sorted, down to five levels.

    A folder that is named like an image (an unpacking accident) is listed as if it were one: reading it tells.

    Raises:
        UserError: the folder is far larger than any dataset.
    """
    found, pending, seen = [], [(folder, 0)], 0
    while pending:
        current, depth = pending.pop()
        for entry in os.scandir(current):
            seen += 1
            if entry.name.startswith(".") or entry.name == "__MACOSX":
                continue
            if stem_of(entry.name) is not None and not _is_vsd_folder(entry):
                found.append(Path(entry.path))
            elif depth < MAX_DEPTH and entry.is_dir():
                pending.append((Path(entry.path), depth + 1))
        if seen > MAX_FILES:
            raise UserError(
                f"expected a folder of cases; {folder} holds more than {MAX_FILES} files; give the dataset's own folder"
            )
    return sorted(found)


def _is_vsd_folder(entry: os.DirEntry) -> bool:
    return entry.name.lower().startswith("vsd.") and entry.is_dir()


def group_files(files: list[Path]) -> list[FoundCase]:
    """Group the files whose names we know into cases."""
    groups: dict[tuple[Path, str], list[NamedFile]] = defaultdict(list)
    for path in files:
        named = parse_name(path)
        if named is None:
            continue
        folder = path.parent
        if named.scheme == "vsd" and folder.name.lower().startswith("vsd."):
            folder = folder.parent
        groups[folder, named.case_id].append(named)
    return [_make_case(folder, named) for (folder, _), named in _adopt_lone_masks(groups).items()]


def _adopt_lone_masks(groups: dict) -> dict:
    """Give a label map with a name of its own to the only case of its folder (BraTS20_Training_355's W39…_Segm)."""
    by_folder = defaultdict(list)
    for key, files in groups.items():
        by_folder[key[0]].append(key)
    for keys in by_folder.values():
        lone = [key for key in keys if all(file.role == MASK for file in groups[key])]
        others = [key for key in keys if key not in lone]
        if len(lone) == 1 and len(others) == 1 and not any(file.role == MASK for file in groups[others[0]]):
            groups[others[0]].extend(groups.pop(lone[0]))
    return groups


def _make_case(folder: Path, files: list[NamedFile]) -> FoundCase:
    layout, convention = recognise_layout(files)
    case_id = files[0].case_id or folder.name
    grade = _grade_by_folder(folder)
    if grade != "unknown" and re.fullmatch(r"\d+", case_id):
        # BRATS 2013 counts its high and low grades from 1 both.
        case_id = f"{grade}_{case_id}"
    if re.match(r"(sim)?brats_(hg|lg)\d", case_id.lower()):
        grade = "HGG" if "brats_hg" in case_id.lower() else "LGG"
    return FoundCase(
        case_of(case_id, [(file.role, Source(file.path)) for file in files], convention, grade), layout, folder
    )


def case_of(case_id: str, sources: list[tuple[str, Source]], convention: str, grade: str = "unknown") -> Case:
    """Make a case of (role, source) pairs; a role that comes twice is noted as a problem of the case."""
    images, problems = {}, []
    for role, source in sources:
        if role in images:
            problems.append(
                Problem(
                    case_id,
                    source.path,
                    f"two files for {role}: {images[role].path.name} and {source.path.name}",
                    "remove one of the two",
                )
            )
        images.setdefault(role, source)
    mask = images.pop(MASK, None)
    return Case(case_id, images, mask, convention, grade, {}, tuple(problems))


def _grade_by_folder(folder: Path) -> str:
    for part in (folder.name, folder.parent.name, folder.parent.parent.name):
        if part.lower() in _GRADE_FOLDERS:
            return _GRADE_FOLDERS[part.lower()]
    return "unknown"


def with_convention(case: Case, convention: str) -> Case:
    """Return the case with another label convention."""
    return replace(case, convention=convention)
