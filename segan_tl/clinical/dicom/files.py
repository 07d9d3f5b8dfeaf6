"""Which files of a folder are DICOM, and their headers up to the pixels; names of files are never told."""

import contextlib
import logging
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from segan_tl.data.files.formats import SUFFIXES, is_dicom
from segan_tl.errors import UserError

MAX_FILES = 200_000
INSTALL = "pip install -e '.[clinical]'"
# Files without the 128 bytes before DICM begin with an element of group 2 or 8, little-endian.
_GROUPS = (b"\x02\x00", b"\x08\x00")
_NEVER = (*SUFFIXES, ".json", ".csv", ".tsv", ".txt", ".png", ".jpg", ".pdf", ".zip", ".gz", ".html", ".py", ".keras")
KEYWORDS = (
    "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "Modality",
    "PatientID", "PatientName", "PatientBirthDate", "StudyDate", "StudyTime", "SeriesNumber", "InstanceNumber",
    "AcquisitionNumber", "AcquisitionTime", "TemporalPositionIdentifier", "TriggerTime", "ImageType",
    "SeriesDescription", "ProtocolName", "SequenceName", "PulseSequenceName", "ScanningSequence", "EchoPulseSequence",
    "RepetitionTime", "EchoTime", "InversionTime", "ContrastBolusAgent", "ContrastBolusAgentSequence",
    "DiffusionBValue", "AcquisitionContrast", "ComplexImageComponent", "BodyPartExamined", "Rows", "Columns",
    "NumberOfFrames", "SamplesPerPixel", "PixelSpacing", "SliceThickness", "SpacingBetweenSlices",
    "ImagePositionPatient", "ImageOrientationPatient", "RescaleSlope", "RescaleIntercept",
    "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence",
)  # fmt: skip
MOSAIC_TAGS = (0x00190010, 0x0019100A, 0x00290010, 0x00291010, 0x00291020)  # what Siemens says of the tiles


class Header(NamedTuple):
    """A file and its attributes without the pixels, a `pydicom.Dataset`."""

    path: Path
    values: object


class Headers(NamedTuple):
    """What lies in a folder: DICOM headers, how many files are damaged DICOM, and how many are none."""

    headers: list[Header]
    damaged: int
    others: int


def holds_dicom(path: Path | str) -> bool:
    """Tell whether a folder of any depth holds a DICOM file, or a file is one; nothing but the first bytes is read."""
    path = Path(path)
    files = [path] if path.is_file() else walk(path) if path.is_dir() else []
    return any(_may_be_dicom(file) for file in files)


def read_headers(folder: Path) -> Headers:
    """Read every DICOM header below a folder, in the order of the paths.

    Raises:
        UserError: pydicom is not installed, or the folder is far larger than the scans of some patients.
    """
    pydicom = require_pydicom()
    found, damaged, others = [], 0, 0
    wanted = [pydicom.tag.Tag(tag) for tag in (*KEYWORDS, *MOSAIC_TAGS)]  # converted once, not for each file
    with quiet():
        for path in [folder] if folder.is_file() else walk(folder):
            if not _may_be_dicom(path):
                others += 1
                continue
            try:
                values = pydicom.dcmread(path, stop_before_pixels=True, force=True, specific_tags=wanted)
                if values.get("SOPInstanceUID") is not None:  # all but a DICOMDIR, which only lists the files
                    found.append(Header(path, values))
                elif values.file_meta.get("MediaStorageSOPClassUID") != "1.2.840.10008.1.3.10":
                    damaged += 1
            except Exception:  # pydicom raises what it meets in damaged bytes: struct.error, KeyError, EOFError ...
                damaged += 1
    return Headers(found, damaged, others)


def walk(folder: Path) -> Iterator[Path]:
    """Yield the regular files below a folder, sorted, hidden ones left out.

    Raises:
        UserError: there are more than `MAX_FILES`.
    """
    seen = 0
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.startswith("."):
                continue
            seen += 1
            if seen > MAX_FILES:
                raise UserError(
                    f"expected the scans of some patients; {folder} holds more than {MAX_FILES} files; give a part"
                )
            path = Path(place, name)
            if path.is_file():
                yield path


def require_pydicom():
    """Return the module of pydicom.

    Raises:
        UserError: it is not installed.
    """
    try:
        import pydicom
    except ImportError:
        raise UserError(f"expected pydicom, which reads DICOM; it is not installed; type: {INSTALL}") from None
    return pydicom


def require_highdicom():
    """Return the module of highdicom.

    Raises:
        UserError: it is not installed.
    """
    try:
        import highdicom
    except ImportError:
        raise UserError(
            f"expected highdicom, which writes DICOM SEG and SR; it is not installed; type: {INSTALL}"
        ) from None
    return highdicom


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silence pydicom, whose warnings quote what stands in a file, and with it a patient's name."""
    from pydicom import config

    logger = logging.getLogger("pydicom")
    was_disabled, mode = logger.disabled, config.settings.reading_validation_mode
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logger.disabled, config.settings.reading_validation_mode = True, config.IGNORE
        try:
            yield
        finally:
            logger.disabled, config.settings.reading_validation_mode = was_disabled, mode


def _may_be_dicom(path: Path) -> bool:
    """Tell by its first bytes whether a file is DICOM, with its preamble or without."""
    if path.name.lower().endswith(_NEVER):
        return False
    try:
        if is_dicom(path):
            return True
        with path.open("rb") as stream:
            start = stream.read(8)
    except OSError:
        return False
    # Group 8 or 2, a low element, and a value representation or a short length.
    return len(start) == 8 and start[:2] in _GROUPS and start[3] == 0 and (start[4:6].isalpha() or start[6:] == b"\0\0")
