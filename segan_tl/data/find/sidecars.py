"""What lies beside the cases: cohort.json (the folder's own statements), participants.tsv, BraTS' name_mapping.csv."""

import re
from dataclasses import replace
from pathlib import Path

from segan_tl.data.files.images import Source
from segan_tl.data.find.case import Case, FoundCase, Problem
from segan_tl.data.find.patients import COLUMNS, check_statement, patient_by, patient_of
from segan_tl.disk.reading import is_there
from segan_tl.errors import UserError
from segan_tl.regions import LABEL_NAMES, convention_labels, state_convention
from segan_tl.schemas.datasets import CohortJson
from segan_tl.schemas.reading import read_json
from segan_tl.schemas.tables import read_table

GRADES = ("HGG", "LGG")
NOT_SAID = ("", "n/a", "na", "nan", "none", "unknown")  # of a cell of participants.tsv


def annotate(folder: Path, found: list[FoundCase]) -> tuple[list[Case], dict]:
    """Add convention, modalities, grade and attributes that the sidecars state; return the cases and cohort.json.

    Sidecars count in the folder itself, between it and the cases, and above it where it is a case folder.

    Raises:
        UserError: cohort.json cannot be understood.
    """
    settings, participants = {}, {}
    for place in _places(folder, found):
        settings = settings or read_cohort_json(place / "cohort.json")
        for row in _read_table(place / "participants.tsv", "participant_id", delimiter="\t"):
            participants.setdefault(row.get("participant_id", ""), row)
        for path in sorted(place.glob("*name_mapping*.csv")):
            for row in _read_table(path, delimiter=","):
                about = {"grade": row.get("Grade", "")} | _patient_before(row)
                for name in row.values():
                    participants.setdefault(name, about)
    return [_annotate(item.case, settings, participants) for item in found], settings


def read_cohort_json(path: Path) -> dict:
    """Read cohort.json; an absent one is empty. "label_convention" comes back as a string, checked.

    Raises:
        UserError: no JSON object, an unknown convention, an unknown modality, or patients of another form.
    """
    if not is_there(path):
        return {}
    settings = read_json(path, CohortJson)
    if settings.get("label_convention") is None:
        settings.pop("label_convention", None)
    else:
        settings["label_convention"] = _stated_convention(path, settings["label_convention"])
    if settings.get("patients") is not None:
        check_statement(settings["patients"], path)
    settings.setdefault("modalities", {})
    return settings


def _stated_convention(path: Path, stated: str | dict) -> str:
    if isinstance(stated, dict):
        stated = ",".join(f"{value}={name}" for value, name in stated.items())
    try:
        return state_convention(convention_labels(str(stated)))
    except UserError as error:
        raise UserError(f"{path}: {error} (labels are {', '.join(LABEL_NAMES)})") from None


def _places(folder: Path, found: list[FoundCase]) -> list[Path]:
    places = [folder]
    for item in found:
        places += [place for place in (item.folder, *item.folder.parents) if place.is_relative_to(folder)]
    if any(item.folder == folder for item in found) or folder.resolve().name.startswith(("sub-", "images")):
        places.append(folder.resolve().parent)
    return list(dict.fromkeys(places))


def _read_table(path: Path, *columns: str, delimiter: str) -> list[dict[str, str]]:
    if not is_there(path):
        return []
    rows = read_table(path, columns, delimiter=delimiter, short=True, remedy="correct the file, and save it as UTF-8")
    return [{key: value for key, value in row.items() if key and value} for row in rows]


def _patient_before(row: dict[str, str]) -> dict[str, str]:
    """Return the patient by the names of 2017 to 2019 in a line of BraTS' mapping: 2020 numbered all anew."""
    named = (patient_of(name) for name in row.values() if re.match("brats1[789]_", name, re.IGNORECASE))
    return {"patient": patient} if (patient := next(named, None)) else {}


def _annotate(case: Case, settings: dict, participants: dict[str, dict[str, str]]) -> Case:
    names = (case.id, f"sub-{case.id}", case.id.split("_ses-")[0])
    attributes = next((participants[name] for name in names if name in participants), {})
    grade = attributes.get("grade", case.grade).upper()
    images, problems = _renamed(case, settings.get("modalities", {}))
    by_column = (attributes.get(column, "") for column in COLUMNS)
    named = next((name for name in by_column if name.lower() not in NOT_SAID), None)
    return replace(
        case,
        images=images,
        problems=problems,
        convention=settings.get("label_convention", case.convention),
        grade=grade if grade in GRADES else case.grade,
        stated_patient=patient_by(settings.get("patients") or {}, case.id) or named,
        attributes={key: value for key, value in attributes.items() if key != "participant_id"},
    )


def _renamed(case: Case, names: dict[str, str]) -> tuple[dict[str, Source], tuple[Problem, ...]]:
    """Return images and problems under the modalities that cohort.json gives them."""
    images, problems = {}, [replace(problem, role=names.get(problem.role, problem.role)) for problem in case.problems]
    for name, source in case.images.items():
        modality = names.get(name, name)
        if modality in images:
            reason = f"cohort.json makes {modality} of {images[modality].path.name} and of {source.path.name}"
            remedy = "correct its modalities, or leave only one of the two files there"
            problems.append(Problem(case.id, source.path, reason, remedy, modality))
        images.setdefault(modality, source)
    return images, tuple(problems)
