"""What a case is, how one is made of the files that were found for it, and the listing of a folder's images."""

import os
import re
import shlex
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from segan_tl.data.files.formats import SUFFIXES, header_of, is_dicom, suffix_of, unread_remedy
from segan_tl.data.files.images import Source
from segan_tl.data.find.layouts import MASK, UNKNOWN_CONVENTION
from segan_tl.data.find.patients import patient_of
from segan_tl.data.find.unused import ANOTHER_IS_USED, SEVERAL_ARE_THERE, UnusedFile
from segan_tl.errors import UserError

MAX_DEPTH = 12
MAX_ENTRIES = 200_000


@dataclass(frozen=True)
class Problem:
    """What is wrong with one case.

    Attributes:
        file: None where one is missing.
        role: the modality, or MASK, that it concerns, so that it counts only where that one is needed; None for all.
    """

    case_id: str
    file: Path | None
    reason: str
    remedy: str
    role: str | None = None


@dataclass(frozen=True)
class Case:
    """One patient at one time.

    Attributes:
        images: modality to source; only what exists.
        mask: label map, None where there is none.
        convention: label convention of the mask (`regions.convention_labels`), "unknown" where nothing states it.
        grade: "HGG", "LGG" or "unknown".
        attributes: what participants.tsv says about the case.
        stated_patient: whose scan it is, where the data or the user says it; None leaves it to the name.
        problems: what was already wrong with the file names.
        strangers: image files beside it whose names are not understood.
    """

    id: str
    images: dict[str, Source]
    mask: Source | None = None
    convention: str = UNKNOWN_CONVENTION
    grade: str = "unknown"
    attributes: dict[str, str] = field(default_factory=dict)
    stated_patient: str | None = None
    problems: tuple[Problem, ...] = ()
    strangers: tuple[Path, ...] = ()

    @property
    def patient(self) -> str:
        """Return whose scan it is."""
        return self.stated_patient or patient_of(self.id)


@dataclass(frozen=True)
class Cohort:
    """The cases of one folder.

    Attributes:
        layout: the dataset's habit that was recognised, such as "brats2021", "bids" or "msd".
        cases: sorted by id.
        settings: what cohort.json says.
        unused: image files that no case uses.
    """

    folder: Path
    layout: str
    cases: tuple[Case, ...]
    settings: dict = field(default_factory=dict)
    unused: tuple[UnusedFile, ...] = ()

    @property
    def patients(self) -> dict[str, str]:
        """Return case id → patient."""
        return {case.id: case.patient for case in self.cases}


@dataclass(frozen=True)
class FoundCase:
    """A case, the layout it was recognised by and the folder it lies in."""

    case: Case
    layout: str
    folder: Path


class Candidate(NamedTuple):
    """A file that may be a modality or the label map of a case; a plain one counts more than a variant."""

    role: str
    source: Source
    is_plain: bool = True


def make_case(
    case_id: str, candidates: list[Candidate], *, convention: str, grade: str = "unknown"
) -> tuple[Case, list[UnusedFile]]:
    """Make a case of the files that were found for it; return it, and those of them that it does not use.

    Of several files for one role the only plain one counts, in a format that is read; where that does not decide,
    it is a problem of the role.
    """
    chosen, problems, unused = {}, [], []
    by_role = defaultdict(list)
    for candidate in candidates:
        by_role[candidate.role].append(candidate)
    for role, several in by_role.items():
        least = min(map(_rank, several))
        best = [candidate for candidate in several if _rank(candidate) == least]
        chosen[role] = best[0].source
        if len(best) > 1:
            problems.append(_ambiguity(case_id, role, [candidate.source.path for candidate in best]))
        reason = ANOTHER_IS_USED if len(best) == 1 else SEVERAL_ARE_THERE
        unused += [UnusedFile(other.source.path, reason) for other in several if other is not best[0]]
    mask = chosen.pop(MASK, None)
    return Case(case_id, chosen, mask, convention, grade, problems=tuple(problems)), unused


def _rank(candidate: Candidate) -> tuple[bool, bool]:
    return unread_remedy(candidate.source.path) is not None, not candidate.is_plain


def _ambiguity(case_id: str, role: str, paths: list[Path]) -> Problem:
    number = "two" if len(paths) == 2 else str(len(paths))
    names = ", ".join(path.name for path in paths[:-1]) + f" and {paths[-1].name}"
    reason = f"there are {number} files for {role}: {names}"
    remedy = f"keep one and move the others out of the folder, such as: mv {shlex.quote(str(paths[-1]))} ELSEWHERE"
    return Problem(case_id, paths[-1], reason, remedy, role)


def list_images(folder: Path) -> list[Path]:
    """List the image files below a folder, sorted, hidden ones left out, down to twelve levels.

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
            if _is_image(Path(entry.path), is_folder=is_folder):
                found.append(Path(entry.path))
            elif is_folder and depth < MAX_DEPTH:
                pending.append((Path(entry.path), depth + 1))
        if seen > MAX_ENTRIES:
            raise UserError(
                f"expected a folder of cases; {folder} holds more than {MAX_ENTRIES} files; give the dataset's folder"
            )
    return sorted(found)


def _is_image(path: Path, *, is_folder: bool) -> bool:
    """Tell by its name whether a file is an image, read or not; voxels beside their header are a part of it."""
    suffix = suffix_of(path.name)
    if is_folder:
        return suffix in SUFFIXES and not path.name.lower().startswith("vsd.")
    if suffix is None:
        has_suffix = re.search(r"\.[a-z]\w*$", path.name.lower())  # an identifier of DICOM ends in digits
        return not has_suffix and is_dicom(path)
    return path.name.lower() != suffix and header_of(path) is None


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
