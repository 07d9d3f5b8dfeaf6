"""Cases: found in a folder whatever its layout, checked, and loaded into memory."""

import json
import csv
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from segan_tl.data.check import CheckedCase, check_case, check_cohort, read_case
from segan_tl.data.images import Geometry, Source
from segan_tl.data.layouts import Case, FoundCase, Problem, group_files, list_images
from segan_tl.data.naming import UNNAMED, parse_name, stem_of
from segan_tl.errors import UserError
from segan_tl.regions import MODALITIES, convention_labels

__all__ = [
    "Case", "CheckedCase", "Cohort", "LoadedCase", "Problem", "case_from_file", "check_case", "check_cohort", "find_cases",
    "load_case", "read_case",
]  # fmt: skip

_SOUGHT = (
    "BraTS 2012-2024 case folders, MSD or nnU-Net (dataset.json with imagesTr), BIDS (sub-*/anat), "
    "or one folder a case with FLAIR, T1, T1C, T2 (.nii.gz, .nii, .mha, .nrrd)"
)


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
    settings: dict


@dataclass(frozen=True, eq=False)
class LoadedCase:
    """A case in memory.

    Attributes:
        image: float32 (H, W, D, M), modalities in the order asked for, axes in LPS order.
        labels: canonical uint8 (H, W, D), None where there is no label map.
        geometry: the grid of the first modality's file, for `images.write_volume`.
    """

    image: np.ndarray
    labels: np.ndarray | None
    geometry: Geometry

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Return the voxel size along H, W and D."""
        return self.geometry.in_lps.spacing_mm


def load_case(case: Case, modalities: tuple[str, ...], *, with_mask: bool = True) -> LoadedCase:
    """Read a case into memory.

    Args:
        with_mask: read the label map where the case has one.

    Raises:
        UserError: anything that `check_case` reports.
    """
    checked = read_case(case, modalities, need_mask=with_mask and case.mask is not None)
    if checked.problems:
        problem = checked.problems[0]
        place = f" ({problem.file})" if problem.file else ""
        raise UserError(f"case {case.id}{place}: {problem.reason}; {problem.remedy}")
    image = np.empty((*checked.geometry.in_lps.shape, len(modalities)), np.float32)
    for channel, modality in enumerate(modalities):
        image[..., channel] = checked.images[modality]
    labels = None if checked.labels is None else np.ascontiguousarray(checked.labels)
    return LoadedCase(image, labels, checked.geometry)


def case_from_file(path: Path, modality: str) -> Case:
    """Make a case of a single image file.

    Raises:
        UserError: no such file, not an image, or the modality is unknown.
    """
    path = Path(path)
    if modality not in MODALITIES:
        raise UserError(
            f"expected a modality out of {', '.join(MODALITIES)}; found {modality!r}; name the modality of {path.name}"
        )
    stem = stem_of(path.name)
    if stem is None or not path.is_file():
        raise UserError(f"expected an image file (.nii.gz, .nii, .mha, .nrrd); found {path}; check the name")
    return Case(stem, {modality: Source(path)})


def find_cases(folder: Path) -> Cohort:
    """Find the cases of a folder and recognise its layout.

    A single case folder gives a cohort of one, and so does a single file whose name tells the modality.

    Raises:
        UserError: nothing was recognised, layouts are mixed, or a case comes twice.
    """
    folder = Path(folder)
    if folder.is_file():
        named = parse_name(folder)
        if named is None or named.role not in MODALITIES:
            raise UserError(
                f"expected a folder of cases; found the file {folder}, whose name tells no modality; name the modality"
            )
        return Cohort(folder, "file", (case_from_file(folder, named.role),), {})
    if not folder.is_dir():
        raise UserError(f"expected a folder of cases; {folder} does not exist; check the path")
    files = list_images(folder)
    found = group_files(files)
    if not found:
        raise UserError(
            f"expected {_SOUGHT}; found {_glance(folder)} in {folder}; give the folder that holds the cases"
        )
    _refuse_mixture(found)
    _refuse_twins(found)
    settings, participants = _read_settings(folder, found)
    cases = [_annotate(item.case, settings, participants) for item in found]
    return Cohort(folder, found[0].layout, tuple(sorted(cases, key=lambda case: case.id)), settings)


def _glance(folder: Path) -> str:
    names = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "") or "nothing"


def _refuse_mixture(found: list[FoundCase]) -> None:
    examples = {}
    for item in found:
        examples.setdefault(item.layout, item.case.id)
    if len(examples) > 1:
        listed = " and ".join(f"{layout} ({case_id})" for layout, case_id in sorted(examples.items()))
        raise UserError(f"expected one layout; found {listed}; give each dataset's own folder")


def _refuse_twins(found: list[FoundCase]) -> None:
    folders = {}
    for item in found:
        if item.case.id in folders:
            raise UserError(
                f"expected each case once; found {item.case.id} in {folders[item.case.id]} and in {item.folder}; "
                "remove one of them or give one of the two folders"
            )
        folders[item.case.id] = item.folder


# === cohort.json, participants.tsv, name_mapping.csv ===


def _read_settings(folder: Path, found: list[FoundCase]) -> tuple[dict, dict[str, dict]]:
    """Read what lies beside the cases: in the folder given, between it and the cases, or above a single case folder."""
    places = [folder]
    for item in found:
        places += [place for place in (item.folder, *item.folder.parents) if place.is_relative_to(folder)]
    if any(item.folder == folder for item in found):
        places.append(folder.resolve().parent)
    settings, participants = {}, {}
    for place in dict.fromkeys(places):
        settings = settings or _read_cohort_json(place / "cohort.json")
        for row in _read_table(place / "participants.tsv", delimiter="\t"):
            participants.setdefault(row.get("participant_id", ""), row)
        for table in sorted(place.glob("*name_mapping*.csv")):
            for row in _read_table(table, delimiter=","):
                for case_id in row.values():
                    participants.setdefault(case_id, {"grade": row.get("Grade", "unknown")})
    return settings, participants


def _read_cohort_json(path: Path) -> dict:
    if not path.is_file():
        return {}
    try:
        settings = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise UserError(f"expected JSON in {path}; found an error ({error}); correct the file") from None
    if not isinstance(settings, dict):
        raise UserError(
            f'expected an object such as {{"label_convention": "brats2017"}} in {path}; found {settings!r}; correct the file'
        )
    if "label_convention" in settings:
        convention_labels(str(settings["label_convention"]))
    return settings


def _read_table(path: Path, *, delimiter: str) -> Iterable[dict]:
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as stream:
        return [
            {key: value for key, value in row.items() if key and value}
            for row in csv.DictReader(stream, delimiter=delimiter)
        ]


def _annotate(case: Case, settings: dict, participants: dict[str, dict]) -> Case:
    attributes = participants.get(case.id) or participants.get(f"sub-{case.id}") or {}
    grade = str(attributes.get("grade", case.grade)).upper()
    images = dict(case.images)
    for name, modality in settings.get("modalities", {}).items() if UNNAMED in images else ():
        if name in images:
            images[modality] = images.pop(name)
    return replace(
        case,
        images=images,
        convention=settings.get("label_convention", case.convention),
        grade=grade if grade in ("HGG", "LGG") else "unknown",
        attributes={key: value for key, value in attributes.items() if key != "participant_id"},
    )
