"""Volumes of regions: a table, and a DICOM SR that points at the segments."""

import numpy as np
import pytest

pydicom = pytest.importorskip("pydicom", reason="the extra clinical is not installed")
highdicom = pytest.importorskip("highdicom", reason="the extra clinical is not installed")

from segan_tl.clinical.dicom.reference import reference_of  # noqa: E402
from segan_tl.clinical.dicom.report import volumes_ml, write_volumes_report  # noqa: E402
from segan_tl.clinical.dicom.segmentation import masks_of_labels, write_segmentation  # noqa: E402
from tests.small_dicom import labels_of, oblique, require_valid, study  # noqa: E402


def test_volumes_by_hand(tmp_path):
    series, volume = study(tmp_path / "in")  # 1 × 1 × 5 mm
    mask = np.zeros(volume.data.shape, bool)
    mask[:10, :10, :4] = True  # 400 voxels of 5 mm³ are 2 ml
    reference = reference_of(series)
    path = write_segmentation(tmp_path / "seg.dcm", {"wt": mask}, volume.geometry, reference, case="P7")
    volumes = volumes_ml({"wt": mask}, volume.geometry)
    assert volumes == {"wt": pytest.approx(2.0)}
    report = write_volumes_report(tmp_path / "sr.dcm", volumes, path)
    (group,) = highdicom.sr.srread(report).content.get_volumetric_roi_measurement_groups()
    (measured,) = group.get_measurements()
    assert (measured.value, measured.unit.value, measured.name.meaning) == (2.0, "mL", "Volume")
    assert group.tracking_identifier == "Whole tumour"
    assert group.finding_type.meaning == "Neoplasm"
    seg = pydicom.dcmread(path)
    assert seg.SOPInstanceUID in str(pydicom.dcmread(report))
    require_valid(report)
    with pytest.raises(ValueError, match="has no segment for et"):
        write_volumes_report(tmp_path / "sr2.dcm", {"et": 1.0}, path)


def test_everything_written_is_valid(tmp_path):
    series, volume = study(tmp_path / "in", oblique())
    for path in (tmp_path / "in").iterdir():
        require_valid(path)
    masks = masks_of_labels(labels_of(volume))
    path = write_segmentation(tmp_path / "seg.dcm", masks, volume.geometry, reference_of(series), case="patient-1")
    require_valid(path)
    require_valid(write_volumes_report(tmp_path / "sr.dcm", volumes_ml(masks, volume.geometry), path))
