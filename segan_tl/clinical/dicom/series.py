"""The series of a folder: sorted into patients and studies by their headers, each with what it shows."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from segan_tl.clinical.dicom.files import Header, Headers, quiet, read_headers
from segan_tl.clinical.dicom.names import name_patients, name_series, name_studies, patient_of, study_of
from segan_tl.clinical.dicom.place import find_fault, geometry_of, split, twins
from segan_tl.clinical.dicom.sequence import OTHER, Sequence, recognise
from segan_tl.clinical.dicom.slices import Slice, number_of, slices_of, text_of, uid_of
from segan_tl.data.files.geometry import Geometry
from segan_tl.errors import UserError

# What may be said of a file that is no MR image; anything else in its place might be somebody's name.
KINDS = (
    "CT", "PT", "NM", "US", "CR", "DX", "MG", "XA", "RF", "SEG", "SR", "PR", "KO", "RTSTRUCT", "RTDOSE", "RTPLAN",
    "REG", "DOC", "OT", "SC", "ECG",
)  # fmt: skip
MR_IMAGES = ("1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.4.1", "1.2.840.10008.5.1.4.1.1.4.4")
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


@dataclass(frozen=True)
class Series:
    """A volume of a study: a series, or a part of one that holds several.

    Attributes:
        name: by which it is stated: its number, with the case or a part before or behind it where that is not enough.
        case: pseudonym of the patient, and the study where there are several.
        patient: pseudonym.
        study: from 1, in the order of time.
        number: SeriesNumber; None where the file has none.
        uid: SeriesInstanceUID.
        slices: in order, each place once.
        twins: a slice and another one in its place, which reading leaves out where their voxels are equal.
        sequence: t1, t1c, t2, flair or other.
        reason: what tells the sequence.
        aside: why it is not taken by itself; "" where it may be.
        fault: why it cannot be read as a volume; "" where it can.
    """

    name: str
    case: str
    patient: str
    study: int
    number: int | None
    uid: str = field(repr=False)
    study_uid: str = field(repr=False)
    frame_of_reference_uid: str = field(repr=False)
    slices: tuple[Slice, ...] = field(repr=False)
    sequence: str = OTHER
    reason: str = ""
    aside: str = ""
    fault: str = ""
    twins: tuple[tuple[Slice, Slice], ...] = field(default=(), repr=False)

    @property
    def geometry(self) -> Geometry | None:
        """Return the grid (columns, rows, slices), without a pixel having been read; None where there is a fault."""
        return None if self.fault else geometry_of(self.slices)


@dataclass(frozen=True)
class Found:
    """What lies in a folder.

    Attributes:
        series: of all patients and studies, in the order of their numbers.
        copies: how many DICOM files are copies of others, by SOPInstanceUID.
        damaged: how many begin as DICOM and cannot be parsed.
        others: how many are no DICOM.
    """

    series: tuple[Series, ...]
    copies: int
    damaged: int
    others: int

    @property
    def cases(self) -> tuple[str, ...]:
        """Return the cases in order, one a patient and study."""
        return tuple(dict.fromkeys(one.case for one in self.series))


def find_series(folder: Path | str, *, name: str | None = None) -> Found:
    """Sort the DICOM files of a folder of any depth into patients, studies and series, by their headers alone.

    Args:
        name: what to call the only patient; None for patient-1, patient-2 … in the order of the paths.

    Raises:
        UserError: no folder, no DICOM in it, no MR among it, a series of two patients, or a name for several.
    """
    folder = Path(folder)
    if not folder.exists():
        raise UserError(f"expected a folder of DICOM files; {folder} does not exist; check the path")
    headers = read_headers(folder)
    with quiet():
        _require_mr(headers, folder)
        unique = {uid_of(header.values, "SOPInstanceUID"): header for header in reversed(headers.headers)}
        found = _sort(list(reversed(unique.values())), name)
    return Found(tuple(found), len(headers.headers) - len(unique), headers.damaged, headers.others)


def _sort(headers: list[Header], name: str | None) -> list[Series]:
    by_series = defaultdict(list)
    for header in headers:
        by_series[uid_of(header.values, "SeriesInstanceUID")].append(header)
    patients = name_patients(by_series.values(), name)
    studies = name_studies(by_series.values(), patients)
    series = [
        one
        for group in by_series.values()
        for one in _volumes(group, patients[patient_of(group[0])], *studies[study_of(group[0])])
    ]
    order = list(patients.values())
    series.sort(key=lambda one: (order.index(one.patient), *_order(one)))
    names = name_series([(one.case, one.number) for one in series])
    return [replace(one, name=name) for one, name in zip(series, names, strict=True)]


def _order(series: Series) -> tuple:
    number = series.number if series.number is not None else 10**9
    return series.study, number, series.uid, -len(series.slices)


def _require_mr(headers: Headers, folder: Path) -> None:
    if not headers.headers:
        damaged = f"; {headers.damaged} begin as DICOM and are damaged or cut off" if headers.damaged else ""
        count = headers.others + headers.damaged
        found = f"{count} file{'s' * (count != 1)} of other kinds{damaged}" if count else "no file"
        raise UserError(f"expected DICOM files in {folder}; found {found}; give the folder that was exported")
    if not any(_modality(header) == "MR" for header in headers.headers):
        kinds = Counter(_kind(header) for header in headers.headers)
        listed = ", ".join(f"{count} of {kind}" for kind, count in kinds.most_common(3))
        raise UserError(f"expected MR images in {folder}; found files {listed}; give the folder of the MR study")


def _modality(header: Header) -> str:
    return text_of(header.values, "Modality")


def _kind(header: Header) -> str:
    return _modality(header) if _modality(header) in KINDS else "another kind"


# === Volumes of one series ===


def _volumes(group: list[Header], patient: str, study: int, case: str) -> Iterator[Series]:
    first = group[0].values
    number = number_of([first], "SeriesNumber")
    empty = Series(
        "", case, patient, study, None if number is None else int(number), uid_of(first, "SeriesInstanceUID"),
        uid_of(first, "StudyInstanceUID"), uid_of(first, "FrameOfReferenceUID"), (),
    )  # fmt: skip
    if aside := _no_image(group[0]):
        yield replace(empty, aside=aside, fault="it holds no MR image")
        return
    by_path = {header.path: header.values for header in group}
    slices, fault = [], ""
    for header in group:
        try:
            slices += slices_of(header)
        except Exception:  # damaged functional groups or a damaged header of Siemens raise what they please
            fault = "the header of one of its files is damaged"
    for part in split(slices) if slices else [[]]:
        values = by_path[part[0].path] if part else first
        yield _volume(empty, part, recognise(values), fault)


def _no_image(header: Header) -> str:
    """Say why a series is no MR image; "" where it is one."""
    if _modality(header) != "MR":
        return f"no MR image ({_kind(header)})"
    uid = uid_of(header.values, "SOPClassUID")
    if uid.startswith(SECONDARY_CAPTURE):
        return "a secondary capture"
    if uid not in MR_IMAGES:
        return "no image (spectroscopy, raw data or a presentation)"
    if (number_of([header.values], "SamplesPerPixel") or 1) > 1:
        return "a picture in colour"
    return ""


def _volume(empty: Series, slices: list[Slice], sequence: Sequence, fault: str) -> Series:
    doubled = tuple(twins(slices))
    kept = tuple(one for one in slices if not any(one is second for _, second in doubled))
    return replace(
        empty, slices=kept, twins=doubled, sequence=sequence.name, reason=sequence.reason, aside=sequence.aside,
        fault=fault or find_fault(kept) or "",
    )  # fmt: skip
