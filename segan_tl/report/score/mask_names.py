"""Which mask belongs to which case, by the names of files."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from segan_tl.data.find.case import list_images
from segan_tl.data.find.layouts import MASK, parse_name, stem_of
from segan_tl.errors import UserError, some

MAP_ENDINGS = ("_probability", "_agreement", "_missed", "_false")  # of what `predict` writes beside a mask
ANY_MASK = {"seg", "mask", "label", "pred", "prediction"}
FEWEST_DIGITS = 3  # of one of the numbers: a 1 alone tells no patient


def loose_masks(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return the image files that can be masks, but our probabilities, and those whose names tell a modality."""
    paths = [path for path in list_images(folder) if not _stem(path).endswith(MAP_ENDINGS)]
    images = [path for path in paths if (named := parse_name(path)) and named.role != MASK]
    return [path for path in paths if path not in set(images)], images


def match_names(folder: Path, truths: Iterable[str]) -> tuple[dict[str, Path], list[Path]]:
    """Return the mask of each case of the truth, and the masks that belong to none."""
    files: dict[str, Path] = {}
    strangers = []
    for path in loose_masks(folder)[0]:
        case_id = next((name for name in possible_names(path) if name in truths), None)
        if case_id is None:
            strangers.append(path)
        elif case_id in files:
            raise UserError(
                f"expected one prediction of {case_id}; found {files[case_id]} and {path}; remove one of the two"
            )
        else:
            files[case_id] = path
    by_number = _match_numbers(strangers, [case_id for case_id in truths if case_id not in files])
    files |= by_number
    strangers = [path for path in strangers if path not in by_number.values()]
    if not files:
        seen = some([path.name for path in strangers]) or "no image files"
        raise UserError(
            f"expected predictions named after the cases of the truth, such as {next(iter(truths))}.nii.gz, in "
            f"{folder}; found {seen}; rename them, or give another folder"
        )
    return files, strangers


def _match_numbers(paths: Sequence[Path], case_ids: Sequence[str]) -> dict[str, Path]:
    """Return the mask of each case whose numbers end as those of one file, and of no other case and file."""
    by_last: dict[str, list[str]] = {}
    for case_id in case_ids:
        by_last.setdefault(str(_parts(case_id)[0][-1:]), []).append(case_id)
    found: dict[str, list[Path]] = {}
    for path in paths:
        numbers, words = _parts(_stem(path))
        alike = [
            case_id for case_id in by_last.get(str(numbers[-1:]), ()) if _fit(numbers, words, *_parts(case_id))
        ]
        if len(alike) == 1:
            found.setdefault(alike[0], []).append(path)
    return {case_id: files[0] for case_id, files in found.items() if len(files) == 1}


def _parts(name: str) -> tuple[list[str], set[str]]:
    """Return the numbers of a name in their order, and its words but those that any mask may have."""
    return re.findall(r"\d+", name), set(re.findall(r"[a-z]+", name.lower())) - ANY_MASK


def _fit(numbers: Sequence[str], words: set[str], of_case: Sequence[str], case_words: set[str]) -> bool:
    """Return whether the last numbers agree, all of the name that has fewer, and no word speaks of another cohort."""
    number = min(len(numbers), len(of_case))
    same = number > 0 and list(numbers[-number:]) == list(of_case[-number:])
    return same and max(map(len, numbers[-number:])) >= FEWEST_DIGITS and words <= case_words


def _stem(path: Path) -> str:
    return stem_of(path.name) or path.name


def possible_names(path: Path) -> list[str]:
    """Return the cases that a file may be the mask of, the likeliest last."""
    named = parse_name(path)
    names = [_stem(path)]
    if named is not None and named.role == MASK:
        names.append(named.case_id or path.parent.name)
    return names
