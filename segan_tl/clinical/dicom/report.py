"""The volume of each region, as a DICOM SR that points at the segments of a SEG."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from segan_tl.clinical.dicom.files import quiet, require_highdicom, require_pydicom
from segan_tl.clinical.dicom.segmentation import MAKER, RESEARCH_ONLY, SERIES_NUMBERS, finish
from segan_tl.clinical.dicom.terms import BRAIN, CATEGORY, TERMS
from segan_tl.data.files.geometry import Geometry
from segan_tl.disk.atomic import atomic_path


def volumes_ml(masks: Mapping[str, np.ndarray], geometry: Geometry) -> dict[str, float]:
    """Return region → volume in ml: the voxels of its mask, times the volume of one."""
    return {
        region: int(np.count_nonzero(masks[region])) * geometry.voxel_volume_mm3 / 1000
        for region in TERMS
        if region in masks
    }


def write_volumes_report(
    path: Path, volumes: Mapping[str, float], segmentation: Path, *, identity: Mapping[str, object] | None = None
) -> Path:
    """Write volumes as a DICOM SR of measurements, TID 1500 [PS3.16], each of a segment of a DICOM SEG.

    The file appears whole or not at all; patient and study are those of the SEG.

    Args:
        path: ends in .dcm.
        volumes: of `volumes_ml`, ml.
        segmentation: the SEG of `write_segmentation` with these regions.
        identity: as for the SEG.

    Returns:
        The path.

    Raises:
        UserError: highdicom is not installed, or the disk is full.
        ValueError: a region is no segment of the SEG.
    """
    highdicom = require_highdicom()
    from pydicom.uid import generate_uid

    with quiet():
        seg = require_pydicom().dcmread(segmentation)
        numbers = {str(item.SegmentLabel): int(item.SegmentNumber) for item in seg.SegmentSequence}
        if lacking := [region for region in volumes if TERMS[region].label not in numbers]:
            raise ValueError(f"{segmentation.name} has no segment for {', '.join(lacking)}")
        groups = [
            _measure(seg, numbers[TERMS[region].label], region, volume) for region, volume in volumes.items()
        ]
        report = highdicom.sr.ComprehensiveSR(
            evidence=[seg],
            content=_content(groups),
            series_instance_uid=generate_uid(entropy_srcs=[MAKER, "series of SR", seg.SOPInstanceUID]),
            series_number=SERIES_NUMBERS["SR"],
            sop_instance_uid=generate_uid(entropy_srcs=[MAKER, "SR", seg.SOPInstanceUID]),
            instance_number=1,
            manufacturer=MAKER,
            manufacturer_model_name=MAKER,
            software_versions=seg.SoftwareVersions,
            device_serial_number=seg.DeviceSerialNumber,
            is_complete=True,
            series_description=f"{MAKER} tumour volumes, {RESEARCH_ONLY}",
        )
        finish(report, identity)
        with atomic_path(path) as temporary:
            report.save_as(temporary)
    return path


def _content(groups: list):
    from highdicom import sr
    from pydicom.sr.codedict import codes
    from pydicom.uid import generate_uid

    device = sr.DeviceObserverIdentifyingAttributes(uid=generate_uid(entropy_srcs=[MAKER, "device"]), name=MAKER)
    observer = sr.ObserverContext(observer_type=codes.DCM.Device, observer_identifying_attributes=device)
    return sr.MeasurementReport(
        observation_context=sr.ObservationContext(observer_device_context=observer),
        procedure_reported=codes.LN.BrainMRI,
        imaging_measurements=groups,
        title=codes.DCM.ImagingMeasurementReport,
    )


def _measure(seg, number: int, region: str, volume_ml: float):
    """Return the volume of a segment, TID 1411."""
    from highdicom import sr
    from pydicom.sr.codedict import codes
    from pydicom.uid import generate_uid

    term = TERMS[region]
    source = sr.SourceSeriesForSegmentation(seg.ReferencedSeriesSequence[0].SeriesInstanceUID)
    return sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(
            uid=generate_uid(entropy_srcs=[MAKER, "region", seg.SOPInstanceUID, str(number)]), identifier=term.label
        ),
        referenced_segment=sr.ReferencedSegment(
            sop_class_uid=seg.SOPClassUID, sop_instance_uid=seg.SOPInstanceUID, segment_number=number,
            source_series=source,
        ),
        finding_category=sr.CodedConcept(*CATEGORY),
        finding_type=sr.CodedConcept(term.code, term.scheme, term.meaning),
        finding_sites=[sr.FindingSite(sr.CodedConcept(*BRAIN))],
        measurements=[sr.Measurement(codes.SCT.Volume, round(volume_ml, 3), sr.CodedConcept("mL", "UCUM", "mL"))],
    )  # fmt: skip
