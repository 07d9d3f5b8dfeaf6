"""What unused files mean for the cases: those that lie beside a case, and patients of whom nothing else is there."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from segan_tl.data.find.case import Case, FoundCase, Problem
from segan_tl.data.find.layouts import openings
from segan_tl.data.find.unused import NOT_UNDERSTOOD, OTHER, UnusedFile


def name_strangers(found: Sequence[FoundCase], unused: Sequence[UnusedFile]) -> list[FoundCase]:
    """Give each case the files beside it whose names are not understood: one of them may be what it lacks."""
    by_folder = defaultdict(dict)
    for place, item in enumerate(found):
        by_folder[item.folder][item.case.id.lower()] = place
    strangers = defaultdict(list)
    for path in (file.path for file in unused if file.reason == NOT_UNDERSTOOD):
        places = next((by_folder[parent] for parent in path.parents if parent in by_folder), {})
        ids = places.keys() if len(places) == 1 else places.keys() & openings(path.name)
        for case_id in ids:
            strangers[places[case_id]].append(path)
    return [
        replace(item, case=replace(item.case, strangers=tuple(strangers[place]))) for place, item in enumerate(found)
    ]


def find_unread(
    found: Sequence[FoundCase], unused: Sequence[UnusedFile], root: Path
) -> tuple[list[FoundCase], list[UnusedFile]]:
    """Make bad cases of folders like those of the cases in which no file can be used, so that no patient vanishes.

    Returns:
        These cases, and the unused files without theirs.
    """
    folders = {item.folder for item in found}
    used = {place for folder in folders for place in (folder, *folder.parents)}
    shapes = {_shape(folder, root) for folder in folders if folder != root and folder.is_relative_to(root)}
    of_folder, left = defaultdict(list), []
    for file in unused:
        above = (place for place in file.path.parents if place not in used and place.is_relative_to(root))
        place = None if file.reason == OTHER else next((one for one in above if _shape(one, root) in shapes), None)
        if place is None or not folders.isdisjoint(place.parents):
            left.append(file)
        else:
            of_folder[place].append(file)
    return [_unread_case(place, files, found[0].layout, root) for place, files in of_folder.items()], left


def _shape(folder: Path, root: Path) -> str:
    """Return what the path of a folder looks like: letters as a, digits as 0 (HGG/BraTS_001 is a/a_0)."""
    return re.sub(r"\d+", "0", re.sub(r"[^\W\d_]+", "a", str(folder.relative_to(root))))


def _unread_case(folder: Path, files: list[UnusedFile], layout: str, root: Path) -> FoundCase:
    case_id = "_".join(folder.relative_to(root).parts) if layout == "bids" else folder.name
    first = files[0]
    number = f"its {len(files)} image files" if len(files) > 1 else "its image file"
    reason = f"nothing of {number} can be used; of {first.path.name}, {first.reason}"
    problem = Problem(case_id, first.path, reason, first.remedy)
    return FoundCase(Case(case_id, {}, problems=(problem,)), layout, folder)
