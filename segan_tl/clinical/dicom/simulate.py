"""A volume as the DICOM series that a scanner would have written, for tests and demonstrations without patients.

Classic single-frame MR images with every attribute of type 1 and 2 [DICOM PS3.3, A.4], and the times, the sequence and
the contrast agent by which a T1, T1c, T2 or FLAIR is recognised.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from nibabel.orientations import apply_orientation

from segan_tl.clinical.dicom.files import require_pydicom
from segan_tl.clinical.dicom.place import LPS_TO_RAS
from segan_tl.data.files.geometry import from_lps
from segan_tl.data.files.images import Volume

MR_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.4"
# Of a spin-echo protocol at 3 T: repetition, echo and inversion time in ms.
PROTOCOLS = {
    "t1": {"ScanningSequence": "SE", "RepetitionTime": 600, "EchoTime": 12, "EchoTrainLength": 1},
    "t1c": {"ScanningSequence": "SE", "RepetitionTime": 600, "EchoTime": 12, "EchoTrainLength": 1},
    "t2": {"ScanningSequence": "SE", "RepetitionTime": 4500, "EchoTime": 100, "EchoTrainLength": 15},
    "flair": {
        "ScanningSequence": ["SE", "IR"], "RepetitionTime": 9000, "EchoTime": 110, "InversionTime": 2500,
        "EchoTrainLength": 16,
    },
}  # fmt: skip
DESCRIPTIONS = {"t1": "ax T1 se", "t1c": "ax T1 se +C", "t2": "ax T2 tse", "flair": "ax T2 FLAIR tse"}
IDENTITY = {"PatientName": "Simulated^Patient", "PatientID": "SIMULATED", "PatientBirthDate": "19700101"}


def write_series(
    folder: Path, volume: Volume, modality: str, *, number: int = 1, study: str = "study",
    attributes: Mapping[str, object] = IDENTITY,
) -> list[Path]:  # fmt: skip
    """Write a volume as a series, one file a slice, along the axis of the largest voxel edge.

    Args:
        volume: whole numbers of 16 bits are stored as they are, others in 65 535 steps with slope and intercept.
        modality: t1, t1c, t2 or flair.
        number: SeriesNumber.
        study: series of one study share it, and the frame of reference; the identifiers are made of it.
        attributes: keyword → value of any others, those of the patient among them.

    Returns:
        The files, in the order of the slices.

    Raises:
        UserError: pydicom is not installed.
        ValueError: the axes within a slice are not at right angles.
    """
    require_pydicom()
    folder.mkdir(parents=True, exist_ok=True)
    data, affine = _in_slices(volume)
    stored, slope, intercept = _stored(data)
    common = _common(modality, number, study, stored, slope, intercept) | _plane(affine) | dict(attributes)
    paths = []
    for place in range(stored.shape[2]):
        path = folder / f"{modality}-{number}-{place + 1:04d}.dcm"
        position_mm = affine[:3] @ (0, 0, place, 1)
        own = {
            "SOPInstanceUID": _uid(study, number, place), "InstanceNumber": place + 1,
            "ImagePositionPatient": _numbers(position_mm),
        }  # fmt: skip
        _write(path, common | own, np.ascontiguousarray(stored[:, :, place].T))
        paths.append(path)
    return paths


def _in_slices(volume: Volume) -> tuple[np.ndarray, np.ndarray]:
    """Return voxels (columns, rows, slices), slices along the largest edge, and the affine to LPS mm."""
    data = apply_orientation(volume.data, from_lps(volume.geometry.affine))
    across = int(np.argmax(np.round(volume.geometry.spacing_mm, 3)[::-1]))  # of equal edges the last axis
    order = [axis for axis in range(3) if axis != 2 - across] + [2 - across]
    affine = (LPS_TO_RAS @ volume.geometry.affine)[:, [*order, 3]]
    if abs(np.dot(affine[:3, 0], affine[:3, 1])) > 1e-4 * np.prod(np.linalg.norm(affine[:3, :2], axis=0)):
        raise ValueError("the axes within a slice are not at right angles, which DICOM cannot say")
    return data.transpose(order), affine


def _stored(data: np.ndarray) -> tuple[np.ndarray, float, float]:
    if data.dtype.kind in "iub" and -(2**15) <= data.min() and data.max() < 2**15:
        return data.astype(np.int16), 1.0, 0.0
    low, high = float(data.min()), float(data.max())
    slope = (high - low) / 65535 or 1.0
    return np.round((data.astype(np.float64) - low) / slope).astype(np.uint16), slope, low


def _uid(*parts: object) -> str:
    from pydicom.uid import generate_uid

    return generate_uid(entropy_srcs=["segan_tl", *map(str, parts)])


def _numbers(values) -> list[str]:
    from pydicom.valuerep import format_number_as_ds

    return [format_number_as_ds(float(value)) for value in np.asarray(values) + 0.0]


def _plane(affine: np.ndarray) -> dict[str, object]:
    spacing_mm = np.linalg.norm(affine[:3, :3], axis=0)
    row, column = affine[:3, 0] / spacing_mm[0], affine[:3, 1] / spacing_mm[1]
    between_mm = abs(np.cross(row, column) @ affine[:3, 2])
    return {
        "PixelSpacing": _numbers([spacing_mm[1], spacing_mm[0]]), "ImageOrientationPatient": _numbers([*row, *column]),
        "SliceThickness": _numbers([between_mm])[0], "SpacingBetweenSlices": _numbers([between_mm])[0],
    }  # fmt: skip


def _common(modality: str, number: int, study: str, stored: np.ndarray, slope: float, intercept: float) -> dict:
    """Return the attributes that all slices share."""
    columns, rows, _ = stored.shape
    day, time = "20200102", "101500"
    values = {
        "SOPClassUID": MR_IMAGE_STORAGE, "StudyInstanceUID": _uid(study), "SeriesInstanceUID": _uid(study, number),
        "FrameOfReferenceUID": _uid(study, "frame"), "PositionReferenceIndicator": "", "Modality": "MR",
        "SpecificCharacterSet": "ISO_IR 100", "ImageType": ["ORIGINAL", "PRIMARY", "OTHER"],
        "StudyDate": day, "SeriesDate": day, "AcquisitionDate": day, "ContentDate": day,
        "StudyTime": time, "SeriesTime": time, "AcquisitionTime": time, "ContentTime": time,
        "AccessionNumber": "", "ReferringPhysicianName": "", "StudyID": "1", "SeriesNumber": number,
        "AcquisitionNumber": 1, "PatientSex": "O", "PatientPosition": "HFS", "BodyPartExamined": "BRAIN",
        "Manufacturer": "segan_tl", "ManufacturerModelName": "simulated", "MagneticFieldStrength": 3,
        "SeriesDescription": DESCRIPTIONS[modality], "ProtocolName": DESCRIPTIONS[modality],
        "SequenceVariant": "SK", "ScanOptions": "", "MRAcquisitionType": "2D", "FlipAngle": 90,
        "SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2", "Rows": rows, "Columns": columns,
        "BitsAllocated": 16, "BitsStored": 16, "HighBit": 15, "PixelRepresentation": int(stored.dtype == np.int16),
    } | PROTOCOLS[modality]  # fmt: skip
    if modality == "t1c":
        values |= {"ContrastBolusAgent": "Gadolinium"}
    if (slope, intercept) != (1, 0):
        values |= {
            "RescaleSlope": _numbers([slope])[0], "RescaleIntercept": _numbers([intercept])[0], "RescaleType": "US"
        }  # fmt: skip
    return values


def _write(path: Path, attributes: Mapping[str, object], pixels: np.ndarray) -> None:
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    values = Dataset()
    for keyword, value in attributes.items():
        setattr(values, keyword, value)
    values.PixelData = pixels.tobytes()
    values.file_meta = FileMetaDataset()
    values.file_meta.MediaStorageSOPClassUID = values.SOPClassUID
    values.file_meta.MediaStorageSOPInstanceUID = values.SOPInstanceUID
    values.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    values.save_as(path, enforce_file_format=True)
