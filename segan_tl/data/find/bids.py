"""BIDS: subjects and sessions, the images of their anat folders, and the label maps beside them or in derivatives.

Names are those of the specification, <entity>-<value>_…_<suffix>; of label maps also those that older tools write.
"""

import os
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from segan_tl.data.files.formats import suffix_of, unread_remedy
from segan_tl.data.files.images import Source
from segan_tl.data.find.case import Candidate, FoundCase, list_images, make_case
from segan_tl.data.find.datasets import convention_of
from segan_tl.data.find.layouts import MASK, UNKNOWN_CONVENTION, label_of, stem_of
from segan_tl.data.find.unused import NOT_UNDERSTOOD, OTHER, UnusedFile, unused_by_name
from segan_tl.disk.reading import is_there
from segan_tl.schemas.tables import read_table

_IMAGE_SUFFIXES = {"flair": "flair", "t1w": "t1", "t2w": "t2"}
_MASK_SUFFIXES = ("dseg", "mask", "roi", "seg", "msk")
_NO_AGENT = ("none", "no", "pre", "without", "native")
_AGENT = re.compile(r"gd|gado|contrast|postc|^post$|^ce$|^t1c", re.IGNORECASE)
# Values of label- and desc- of a tumour or lesion: the specification's own L, and what is written beside it.
_LESION = re.compile(r"^l$|(?<!non)(?<!peri)lesion|tumou?r|wmh|glioma|gtv|metasta|stroke|infarct", re.IGNORECASE)
_RENAME = "name a label map SUBJECT_label-lesion_mask, an image SUBJECT_FLAIR, SUBJECT_T1w or SUBJECT_ce-gadolinium_T1w"


class _Name(NamedTuple):
    """What a BIDS name says: subject and session, the other entities, and the suffix in lower case, "" for none."""

    case_id: str
    entities: dict[str, str]
    suffix: str


def is_bids(files: list[Path]) -> bool:
    """Tell whether images lie as sub-*/[ses-*/]anat/sub-*."""
    return any(path.parent.name == "anat" and path.name.startswith("sub-") for path in files)


def read_bids(folder: Path, files: list[Path]) -> tuple[list[FoundCase], list[UnusedFile]]:
    """Find the cases of a BIDS folder; label maps may lie beside the images or in derivatives.

    A subject and session is a case. Of the masks in derivatives only those of a lesion count, by their label, their
    description or the name of the pipeline; `_dseg` files are explained by a .tsv table (index, name).
    """
    root = _root_of(folder)
    if root != folder:
        asked = {name.case_id for path in files if (name := _read_name(path))}
        derived = list_images(root / "derivatives") if (root / "derivatives").is_dir() else []
        files = files + [path for path in derived if (name := _read_name(path)) and _case_of(name.case_id, asked)]
    candidates, folders, masks, unused = defaultdict(list), {}, {}, []
    for path in files:
        name = _read_name(path)
        pipeline = _pipeline_of(path, root)
        if name is None:
            unused.append(unused_by_name(path))
        elif role := _image_role(path, name) if pipeline is None else None:
            is_plain = set(name.entities) <= ({"ce"} if role == "t1c" else set())
            candidates[name.case_id].append(Candidate(role, Source(path), is_plain))
            folders[name.case_id] = path.parent.parent
        elif convention := _mask_convention(path, name, pipeline=pipeline, root=root):
            masks[path] = name, convention
        else:
            unused.append(_unused(path, name, is_derived=pipeline is not None))
    for path, (name, _) in masks.items():
        if case_id := _case_of(name.case_id, folders):
            candidates[case_id].append(Candidate(MASK, Source(path), set(name.entities) <= {"label"}))
        else:
            unused.append(UnusedFile(path, "no image of its subject and session is there"))
    found = []
    for case_id, place in folders.items():
        case, beside = make_case(case_id, candidates[case_id], convention=UNKNOWN_CONVENTION)
        convention = masks[case.mask.path][1] if case.mask else UNKNOWN_CONVENTION
        found.append(FoundCase(replace(case, convention=convention), "bids", place))
        unused += beside
    return found, unused


def _root_of(folder: Path) -> Path:
    """Return the dataset that a folder is or belongs to, as that of a subject or a session does."""
    places = [folder.resolve(), *folder.resolve().parents]
    subjects = [place for place in places if place.name.startswith("sub-")]
    return subjects[-1].parent if subjects else folder


def _read_name(path: Path) -> _Name | None:
    parts = (stem_of(path.name) or "").split("_")
    entities = dict(part.split("-", 1) for part in parts if "-" in part)
    if not parts[0].startswith("sub-"):
        return None
    case_id = "_".join(part for part in parts if part.startswith(("sub-", "ses-")))
    suffix = "" if "-" in parts[-1] else parts[-1].lower()
    return _Name(case_id, {key: value for key, value in entities.items() if key not in ("sub", "ses")}, suffix)


def _case_of(case_id: str, known: Iterable[str]) -> str | None:
    """Return the case that a name belongs to: the same, or the only session of a subject."""
    sessions = [case for case in known if case == case_id or case.startswith(f"{case_id}_ses-")]
    return case_id if case_id in sessions else sessions[0] if len(sessions) == 1 else None


def _pipeline_of(path: Path, root: Path) -> str | None:
    """Return the folder of derivatives that a file lies in; None for raw data."""
    parts = Path(os.path.relpath(path, root)).parts
    return parts[parts.index("derivatives") + 1] if "derivatives" in parts[:-1] else None


def _image_role(path: Path, name: _Name) -> str | None:
    role = _IMAGE_SUFFIXES.get(name.suffix)
    if path.parent.name != "anat" or role is None or "label" in name.entities:
        return None
    if name.entities.get("part", "mag") != "mag":
        return None
    agent = name.entities.get("ce", "none").lower() not in _NO_AGENT or _AGENT.search(name.entities.get("acq", ""))
    return "t1c" if role == "t1" and agent else role


def _mask_convention(path: Path, name: _Name, *, pipeline: str | None, root: Path) -> str | None:
    """Return the convention of a label map of a tumour or lesion; None for every other file."""
    if "lesion" in name.entities or name.suffix == "msk":  # sub-01_T1w_lesion-manual, and ISLES
        return "lesion"
    if name.suffix not in _MASK_SUFFIXES:
        return None
    label, description = name.entities.get("label"), name.entities.get("desc")
    if label is not None:
        return "lesion" if _LESION.search(label) else None
    if description is not None and not _LESION.search(description):
        return None
    if name.suffix != "dseg":
        told = description is not None or pipeline is None or _LESION.search(pipeline)
        return "lesion" if told else None
    table = _label_table(path, root)
    if table is None:
        return UNKNOWN_CONVENTION if description is not None or pipeline is None else None
    return convention_of(table) if any(label_of(name) is not None for name in table) else None


def _unused(path: Path, name: _Name, *, is_derived: bool) -> UnusedFile:
    if remedy := unread_remedy(path):
        return UnusedFile(path, f"the format {suffix_of(path.name)} is not read", remedy)
    if is_derived and name.suffix in _IMAGE_SUFFIXES:
        return UnusedFile(path, "of derivatives only label maps are read")
    unlabelled = name.suffix in _MASK_SUFFIXES and not {"label", "desc"} & set(name.entities)
    return UnusedFile(path, NOT_UNDERSTOOD, _RENAME) if unlabelled or not name.suffix else UnusedFile(path, OTHER)


def _label_table(path: Path, root: Path) -> dict[str, int] | None:
    """Return what the table beside a `_dseg` file, or above it, says: name → number; None without one."""
    tables = [path.with_name(stem_of(path.name) + ".tsv")]
    for place in path.parents:
        tables += sorted(place.glob("*dseg.tsv"))
        if place == root or place.resolve() == root:
            break
    for table in tables:
        if is_there(table):
            rows = read_table(table, ("index", "name"), delimiter="\t", short=True)
            numbered = [row for row in rows if re.fullmatch(r"[0-9]{1,5}", row["index"])]
            return {row["name"]: int(row["index"]) for row in numbered}
    return None
