"""Datasets that describe themselves: MSD and nnU-Net raw by their dataset.json."""

import os
import re
from collections import defaultdict
from pathlib import Path

from segan_tl.data.files.images import Source
from segan_tl.data.find.case import Candidate, FoundCase, list_images, make_case, scan_folder
from segan_tl.data.find.layouts import MASK, UNKNOWN_CONVENTION, label_of, modality_of, region_of, stem_of
from segan_tl.data.find.unused import UnusedFile
from segan_tl.errors import UserError
from segan_tl.regions import ED, ET, NCR, state_convention
from segan_tl.schemas.datasets import DatasetJson
from segan_tl.schemas.reading import read_json


def find_description(folder: Path) -> Path | None:
    """Return the dataset.json of a folder: in it, above its imagesTr or imagesTs, or one level below.

    Raises:
        UserError: several datasets lie below the folder.
    """
    if folder.resolve().name in ("imagesTr", "imagesTs"):
        folder = folder.resolve().parent
    places = [folder, *sorted(Path(entry.path) for entry in scan_folder(folder) if os.path.isdir(entry.path))]
    found = [place / "dataset.json" for place in places if _describes_images(place)]
    if len(found) > 1 and found[0].parent != folder:
        names = ", ".join(path.parent.name for path in found[:5])
        raise UserError(f"expected one dataset in {folder}; found {names}; give one of these folders")
    return found[0] if found else None


def _describes_images(folder: Path) -> bool:
    # os.path says no where pathlib raises: in a neighbour's folder that may not be read.
    return os.path.lexists(folder / "dataset.json") and any(
        os.path.isdir(folder / name) for name in ("imagesTr", "imagesTs")
    )


def read_dataset(description: Path, folder: Path) -> tuple[list[FoundCase], list[UnusedFile]]:
    """Find the cases of an MSD or nnU-Net dataset.

    Args:
        description: dataset.json.
        folder: what the user gave; imagesTs asks for the test cases, all else for the training cases.

    Raises:
        UserError: dataset.json cannot be understood, or its folder of images is empty.
    """
    settings = read_json(description, DatasetJson)
    channels = settings.get("channel_names") or settings.get("modality")
    if not channels:
        raise UserError(
            f'expected "channel_names" or "modality" such as {{"0": "FLAIR"}} in {description}; found {channels!r}; '
            "correct the file"
        )
    roles = {int(key): modality_of(str(name)) for key, name in channels.items()}
    part = "Ts" if folder.resolve().name == "imagesTs" else "Tr"
    files = _list_if_there(description.parent / f"images{part}")
    if not files:
        raise UserError(f"expected images in {description.parent / f'images{part}'}; found none; check the folder")
    is_nnunet = "channel_names" in settings or all(_split_channel(path)[1] in roles for path in files)
    candidates, unused = (_split_files if is_nnunet else _whole_files)(files, roles)
    unused += _elsewhere(description.parent)
    for path in _list_if_there(description.parent / f"labels{part}"):
        if _stem(path) in candidates:
            candidates[_stem(path)].append(Candidate(MASK, Source(path)))
        else:
            unused.append(UnusedFile(path, f"no image of its name lies in images{part}"))
    labels = settings.get("labels")
    convention = convention_of(labels or {})
    found = []
    for case_id, some in candidates.items():
        case, beside = make_case(case_id, some, convention=convention)
        found.append(FoundCase(case, "nnunet" if is_nnunet else "msd", description.parent))
        unused += beside
    return found, unused


def _split_files(files: list[Path], roles: dict[int, str]) -> tuple[dict[str, list[Candidate]], list[UnusedFile]]:
    """Return the candidates of each case of nnU-Net, a file a channel, and the files of other channels."""
    candidates, unused = defaultdict(list), []
    for path in files:
        case_id, channel = _split_channel(path)
        if channel in roles:
            candidates[case_id].append(Candidate(roles[channel], Source(path)))
        else:
            unused.append(UnusedFile(path, f"it ends in none of the channels {_channels(roles)} of dataset.json"))
    return candidates, unused


def _channels(roles: dict[int, str]) -> str:
    return ", ".join(f"_{channel:04d}" for channel in roles)


def _whole_files(files: list[Path], roles: dict[int, str]) -> tuple[dict[str, list[Candidate]], list[UnusedFile]]:
    """Return the candidates of each case of MSD, one file of all channels."""
    whole = {path: [Candidate(role, Source(path, index)) for index, role in sorted(roles.items())] for path in files}
    return {_stem(path): candidates for path, candidates in whole.items()}, []


def _elsewhere(folder: Path) -> list[UnusedFile]:
    """Return the images of a dataset that lie neither in its training nor in its test folders."""
    known = [folder / f"{kind}{part}" for kind in ("images", "labels") for part in ("Tr", "Ts")]
    others = [path for path in list_images(folder) if not any(place in path.parents for place in known)]
    return [UnusedFile(path, "it lies beside imagesTr and labelsTr") for path in others]


def _list_if_there(folder: Path) -> list[Path]:
    return list_images(folder) if folder.is_dir() else []


def _split_channel(path: Path) -> tuple[str, int | None]:
    match = re.fullmatch(r"(.+)_(\d{4})", _stem(path), re.DOTALL)
    return (match[1], int(match[2])) if match else (_stem(path), None)


def _stem(path: Path) -> str:
    return stem_of(path.name) or path.name  # DICOM may come without a suffix


def convention_of(labels: dict) -> str:
    """Turn "labels" of dataset.json into a convention: {name: value or values} (nnU-Net 2), {value: name} before."""
    if labels and all(str(key).isdigit() for key in labels):
        labels = {name: int(value) for value, name in labels.items()}
    named = {name: value for name, value in labels.items() if value != 0 and not str(name).lower().startswith("ignore")}
    if any(isinstance(value, list) for value in named.values()):
        mapping = _nested_labels(named)
    else:
        mapping = {int(value): label_of(str(name)) for name, value in named.items()}
    return state_convention(mapping) if mapping and None not in mapping.values() else UNKNOWN_CONVENTION


def _nested_labels(regions: dict) -> dict[int, int | None]:
    """Tell each value by the nested regions (whole tumour, core, enhancing) that it belongs to."""
    members = defaultdict(set)
    for name, values in regions.items():
        for value in values if isinstance(values, list) else [values]:
            members[int(value)].add(region_of(str(name)))
    known = {frozenset({"wt"}): ED, frozenset({"wt", "tc"}): NCR, frozenset({"wt", "tc", "et"}): ET}
    return {value: known.get(frozenset(names)) for value, names in members.items() if value}
