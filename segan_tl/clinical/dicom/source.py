"""The source images as highdicom wants them, made of a reference: all that a segmentation takes over, and no more."""

from collections.abc import Mapping

import numpy as np

from segan_tl.clinical.dicom.files import quiet, require_pydicom
from segan_tl.clinical.dicom.reference import Reference
from segan_tl.clinical.dicom.series import Series

# What a hospital's archive files a result by.
IDENTITY = (
    "PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime",
    "StudyID", "AccessionNumber", "ReferringPhysicianName", "SpecificCharacterSet",
)  # fmt: skip
KEPT_METHOD = "pseudonym; no dates, no numbers; study and series UIDs kept"
_NOWHERE_MM = 1e6


def identity_of(series: Series) -> dict[str, object]:
    """Return what an archive files a result by, from the first file of a series: keyword → value.

    It is for `write_segmentation` and `write_volumes_report` alone, of a hospital that sends the result to its own
    archive; nothing else takes it.
    """
    with quiet():
        values = require_pydicom().dcmread(series.slices[0].path, force=True, specific_tags=list(IDENTITY))
        return {keyword: values[keyword].value for keyword in IDENTITY if keyword in values}


def source_images(reference: Reference, case: str, identity: Mapping[str, object] | None) -> list:
    """Return datasets that stand for the instances of a series, with the pseudonym of the patient or an identity."""
    by_instance = {}
    for plane in reference.planes:
        by_instance.setdefault(plane.sop_instance_uid, []).append(plane)
    framed = reference.planes[0].frame is not None
    make = _framed if framed else _single
    return [make(reference, _common(reference, uid, case, identity), group) for uid, group in by_instance.items()]


def _common(reference: Reference, uid: str, case: str, identity: Mapping[str, object] | None):
    from pydicom.dataset import Dataset
    from pydicom.uid import generate_uid

    values = Dataset()
    for keyword in IDENTITY:
        if keyword not in ("IssuerOfPatientID", "SpecificCharacterSet"):
            setattr(values, keyword, "")
    values.PatientName, values.PatientID = f"{case}^", case
    for keyword, value in (identity or {}).items():
        setattr(values, keyword, value)
    values.SOPClassUID, values.SOPInstanceUID = reference.sop_class_uid, uid
    values.StudyInstanceUID, values.SeriesInstanceUID = reference.study_uid, reference.series_uid
    # A file without a frame of reference has one nevertheless, that of its series.
    frame = reference.frame_of_reference_uid or generate_uid(entropy_srcs=["segan_tl frame", reference.series_uid])
    values.FrameOfReferenceUID = frame
    values.Modality, values.Rows, values.Columns = "MR", reference.rows, reference.columns
    return values


def _single(reference: Reference, values, planes: list):
    values.ImagePositionPatient = list(planes[0].position_mm)
    values.ImageOrientationPatient = list(reference.orientation)
    values.PixelSpacing, values.SliceThickness = list(reference.spacing_mm), reference.thickness_mm
    return values


def _framed(reference: Reference, values, planes: list):
    """Complete an enhanced image; frames that are no part of the volume stand where no slice is."""
    from highdicom import PixelMeasuresSequence, PlaneOrientationSequence, PlanePositionSequence
    from pydicom.dataset import Dataset

    positions = {plane.frame: plane.position_mm for plane in planes}
    shared, frames = Dataset(), []
    shared.PixelMeasuresSequence = PixelMeasuresSequence(list(reference.spacing_mm), reference.thickness_mm)
    shared.PlaneOrientationSequence = PlaneOrientationSequence("PATIENT", list(reference.orientation))
    for frame in range(1, max(positions) + 1):
        own = Dataset()
        position_mm = positions.get(frame, (_NOWHERE_MM,) * 3)
        own.PlanePositionSequence = PlanePositionSequence("PATIENT", list(np.asarray(position_mm, float)))
        frames.append(own)
    values.NumberOfFrames = len(frames)
    values.SharedFunctionalGroupsSequence = [shared]
    values.PerFrameFunctionalGroupsSequence = frames
    return values
