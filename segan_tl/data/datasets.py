"""Datasets that describe themselves: MSD and nnU-Net raw by their dataset.json, BIDS by its sub-* folders."""

import csv
import json
import os
import re
from collections import defaultdict
from pathlib import Path

from segan_tl.data.images import Source
from segan_tl.data.layouts import FoundCase, list_images, make_case, scan_folder
from segan_tl.data.naming import MASK, UNKNOWN_CONVENTION, label_of, modality_of, region_of, stem_of
from segan_tl.errors import UserError
from segan_tl.reading import is_there, require_file
from segan_tl.regions import ED, ET, NCR, state_convention

# === dataset.json: MSD and nnU-Net ===


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


def read_dataset(description: Path, folder: Path) -> list[FoundCase]:
    """Find the cases of an MSD or nnU-Net dataset.

    Args:
        description: dataset.json.
        folder: what the user gave; imagesTs asks for the test cases, all else for the training cases.

    Raises:
        UserError: dataset.json cannot be understood, or its folder of images is empty.
    """
    settings = _read_json(description)
    channels = settings.get("channel_names") or settings.get("modality")
    if not isinstance(channels, dict) or not all(str(key).isdigit() for key in channels):
        raise UserError(
            f'expected "channel_names" or "modality" such as {{"0": "FLAIR"}} in {description}; found {channels!r}; '
            "correct the file"
        )
    roles = {int(key): modality_of(str(name)) for key, name in channels.items()}
    part = "imagesTs" if folder.resolve().name == "imagesTs" else "imagesTr"
    files = _list_if_there(description.parent / part)
    if not files:
        raise UserError(f"expected images in {description.parent / part}; found none; check the folder")
    channel_files = {path: _split_channel(path) for path in files}
    is_nnunet = all(channel in roles for _, channel in channel_files.values())
    labels = settings.get("labels")
    convention = _convention(labels if isinstance(labels, dict) else {})
    sources = defaultdict(list)
    for path, (case_id, channel) in channel_files.items():
        if is_nnunet:
            sources[case_id].append((roles[channel], Source(path)))
        else:
            sources[stem_of(path.name)] += [(role, Source(path, index)) for index, role in sorted(roles.items())]
    for path in _list_if_there(description.parent / "labelsTr"):
        if stem_of(path.name) in sources:
            sources[stem_of(path.name)].append((MASK, Source(path)))
    layout = "nnunet" if is_nnunet else "msd"
    return [
        FoundCase(make_case(case_id, pairs, convention=convention), layout, description.parent)
        for case_id, pairs in sources.items()
    ]


def _list_if_there(folder: Path) -> list[Path]:
    return list_images(folder) if folder.is_dir() else []


def _split_channel(path: Path) -> tuple[str, int | None]:
    match = re.fullmatch(r"(.+)_(\d{4})", stem_of(path.name))
    return (match[1], int(match[2])) if match else (stem_of(path.name), None)


def _read_json(path: Path) -> dict:
    try:
        settings = json.loads(require_file(path).read_text(encoding="utf-8-sig"))
    except (ValueError, OSError) as error:
        raise UserError(f"expected JSON in {path}; found an error ({error}); correct the file") from None
    if not isinstance(settings, dict):
        raise UserError(f"expected a JSON object in {path}; found {type(settings).__name__}; correct the file")
    return settings


def _convention(labels: dict) -> str:
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


# === BIDS ===

_BIDS_IMAGE = re.compile(r"(?P<id>sub-[^_]+(_ses-[^_]+)?)(?P<entities>(_[a-zA-Z]+-[^_]+)*)_(?P<suffix>[A-Za-z0-9]+)")
_BIDS_SUFFIXES = {"flair": "flair", "t1w": "t1", "t2w": "t2"}


def is_bids(files: list[Path]) -> bool:
    """Tell whether images lie as sub-*/[ses-*/]anat/sub-*."""
    return any(path.parent.name == "anat" and path.name.startswith("sub-") for path in files)


def read_bids(folder: Path, files: list[Path]) -> list[FoundCase]:
    """Find the cases of a BIDS folder; label maps may lie beside the images or in derivatives.

    A subject and session is a case. `_mask` and `_roi` files hold a lesion; `_dseg` files are explained by a .tsv table
    beside them (index, name), else their convention is unknown.
    """
    root = folder.resolve().parent if folder.resolve().name.startswith("sub-") else folder
    if root != folder and (root / "derivatives").is_dir():
        files = files + list_images(root / "derivatives")
    sources, conventions, folders = defaultdict(list), {}, {}
    for path in files:
        match = _BIDS_IMAGE.fullmatch(stem_of(path.name))
        if match is None:
            continue
        suffix, entities = match["suffix"].lower(), match["entities"].lower()
        is_derived = "derivatives" in Path(os.path.relpath(path, root)).parts
        if path.parent.name == "anat" and suffix in _BIDS_SUFFIXES and not is_derived:
            role = "t1c" if suffix == "t1w" and "_ce-" in entities else _BIDS_SUFFIXES[suffix]
            folders[match["id"]] = path.parent
        elif suffix in ("dseg", "mask", "roi") and "brain" not in entities:
            role = MASK
            conventions[match["id"]] = _dseg_convention(path, folder) if suffix == "dseg" else "lesion"
        else:
            continue
        sources[match["id"]].append((role, Source(path)))
    return [
        FoundCase(
            make_case(case_id, sources[case_id], convention=conventions.get(case_id, UNKNOWN_CONVENTION)), "bids", place
        )
        for case_id, place in folders.items()
    ]


def _dseg_convention(path: Path, folder: Path) -> str:
    tables = [path.with_name(stem_of(path.name) + ".tsv")]
    for place in path.parents:
        tables += sorted(place.glob("*dseg.tsv"))
        if place == folder:
            break
    for table in tables:
        if is_there(table):
            with require_file(table).open(newline="", encoding="utf-8-sig") as stream:
                rows = list(csv.DictReader(stream, delimiter="\t"))
            rows = [row for row in rows if (row.get("index") or "").isdigit()]
            return _convention({row.get("name") or "": int(row["index"]) for row in rows})
    return UNKNOWN_CONVENTION
