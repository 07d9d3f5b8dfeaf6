"""A mask as DICOM SEG: its frames lie where the mask lies, refer to the source, and pass a check of the standard."""

import numpy as np
import pytest
from nibabel.orientations import apply_orientation

pydicom = pytest.importorskip("pydicom", reason="the extra clinical is not installed")
highdicom = pytest.importorskip("highdicom", reason="the extra clinical is not installed")

from segan_tl.clinical.dicom.reference import reference_of  # noqa: E402
from segan_tl.clinical.dicom.report import write_volumes_report  # noqa: E402
from segan_tl.clinical.dicom.segmentation import masks_of_labels, write_segmentation  # noqa: E402
from segan_tl.clinical.dicom.series import find_series  # noqa: E402
from segan_tl.clinical.dicom.simulate import write_series  # noqa: E402
from segan_tl.clinical.dicom.source import identity_of  # noqa: E402
from segan_tl.clinical.dicom.volume import read_series  # noqa: E402
from segan_tl.data.files.geometry import from_lps  # noqa: E402
from segan_tl.errors import UserError  # noqa: E402
from tests.clinical.dicom.test_volume import AFFINES  # noqa: E402
from tests.small_dicom import (  # noqa: E402
    labels_of,
    oblique,
    require_valid,
    siemens_mosaic,
    small_volume,
    study,
)


def frames_of(path):
    """Return {(segment, position rounded): pixels} of a SEG, read by pydicom alone."""
    values = pydicom.dcmread(path)
    pixels = values.pixel_array.reshape(-1, values.Rows, values.Columns)
    found = {}
    for place, frame in enumerate(values.PerFrameFunctionalGroupsSequence):
        position = tuple(round(float(x), 3) + 0.0 for x in frame.PlanePositionSequence[0].ImagePositionPatient)
        found[frame.SegmentIdentificationSequence[0].ReferencedSegmentNumber, position] = pixels[place]
    return found


@pytest.mark.parametrize("affine", AFFINES.values(), ids=AFFINES)
def test_frames_lie_where_the_mask_lies(tmp_path, affine):
    series, volume = study(tmp_path / "in", affine)
    labels = labels_of(volume)
    path = write_segmentation(
        tmp_path / "seg.dcm", masks_of_labels(labels), volume.geometry, reference_of(series), case="patient-1"
    )
    found = frames_of(path)
    # Every voxel of the mask, by its own place in space, is set in the frame at that place, and no other voxel is.
    plane = pydicom.dcmread(path).SharedFunctionalGroupsSequence[0]
    orientation = np.array(plane.PlaneOrientationSequence[0].ImageOrientationPatient, float)
    spacing = np.array(plane.PixelMeasuresSequence[0].PixelSpacing, float)
    for segment, label in enumerate((3, 2, 1), 1):  # et, ed, ncr
        places_mm = np.argwhere(labels == label) @ volume.affine[:3, :3].T + volume.affine[:3, 3]
        places_mm = {tuple(np.round(place * (-1, -1, 1), 2) + 0.0) for place in places_mm}
        seen_mm = set()
        for (number, position), pixels in found.items():
            if number == segment:
                for row, column in np.argwhere(pixels):
                    along = orientation[:3] * spacing[1] * column + orientation[3:] * spacing[0] * row
                    seen_mm.add(tuple(np.round(position + along, 2) + 0.0))
        assert len(seen_mm) == (labels == label).sum() and _near(seen_mm, places_mm)


def _near(one, two):
    one, two = (np.array(sorted(places)) for places in (one, two))
    distances = np.linalg.norm(one[:, None] - two[None], axis=-1)
    return distances.min(axis=0).max() < 0.02 and distances.min(axis=1).max() < 0.02


def test_it_refers_to_the_slices_of_the_source(tmp_path):
    series, volume = study(tmp_path / "in")
    masks, reference = {"wt": labels_of(volume) > 0}, reference_of(series)
    path = write_segmentation(
        tmp_path / "seg.dcm", masks, volume.geometry, reference, case="P7", model="segan/t2"
    )
    values = pydicom.dcmread(path)
    assert (values.StudyInstanceUID, values.PatientID) == (series.study_uid, "P7")
    assert values.FrameOfReferenceUID == series.frame_of_reference_uid
    by_position = {one.position_mm: one.sop_instance_uid for one in series.slices}
    for frame in values.PerFrameFunctionalGroupsSequence:
        position = tuple(map(float, frame.PlanePositionSequence[0].ImagePositionPatient))
        source = frame.DerivationImageSequence[0].SourceImageSequence[0]
        assert source.ReferencedSOPInstanceUID == by_position[position]
    referred = values.ReferencedSeriesSequence[0].ReferencedInstanceSequence
    assert {one.ReferencedSOPInstanceUID for one in referred} == set(by_position.values())
    (segment,) = values.SegmentSequence
    assert segment.SegmentedPropertyTypeCodeSequence[0].CodeValue == "108369006"
    assert segment.SegmentationAlgorithmIdentificationSequence[0].AlgorithmName == "segan_tl segan/t2"
    assert "research only" in values.SeriesDescription


def test_highdicom_reads_it_back(tmp_path):
    series, volume = study(tmp_path / "in", oblique())
    labels = labels_of(volume)
    path = write_segmentation(
        tmp_path / "seg.dcm", masks_of_labels(labels), volume.geometry, reference_of(series), case="P7"
    )
    found = highdicom.seg.segread(path)
    segments = [found.get_segment_description(number) for number in (1, 2, 3)]
    labelled = [(one.segment_label, one.segmented_property_type.meaning) for one in segments]
    assert labelled == [
        ("Enhancing tumour", "Enhancing Lesion"), ("Peritumoural oedema", "Edema"),
        ("Necrotic and non-enhancing core", "Necrosis"),
    ]  # fmt: skip
    uids = [one.sop_instance_uid for one in series.slices]
    array = found.get_pixels_by_source_instance(uids, combine_segments=False)  # slice, row, column, segment
    for place, label in enumerate((3, 2, 1)):
        stored = apply_orientation(labels == label, from_lps(volume.geometry.affine))
        np.testing.assert_array_equal(array[..., place], stored.T)


def test_regions_may_overlap_and_be_empty(tmp_path):
    series, volume = study(tmp_path / "in")
    whole = labels_of(volume) > 0
    masks = {"et": np.zeros_like(whole), "wt": whole, "tc": labels_of(volume) == 3}
    path = write_segmentation(tmp_path / "seg.dcm", masks, volume.geometry, reference_of(series), case="P7")
    counts = {1: 0, 2: 0, 3: 0}
    for (segment, _), pixels in frames_of(path).items():
        counts[segment] += int(pixels.sum())
    assert counts == {1: whole.sum(), 2: masks["tc"].sum(), 3: 0}  # wt, tc, et
    require_valid(path)


def test_no_tumour_at_all_is_a_file_too(tmp_path):
    series, volume = study(tmp_path / "in")
    masks = masks_of_labels(np.zeros(volume.data.shape, np.uint8))
    path = write_segmentation(tmp_path / "seg.dcm", masks, volume.geometry, reference_of(series), case="P7")
    assert not pydicom.dcmread(path).pixel_array.any()
    require_valid(path)


def test_enhanced_sources_are_referred_to_by_frame(tmp_path):
    paths = write_series(tmp_path / "classic", small_volume(oblique()), "flair")
    enhanced = highdicom.legacy.LegacyConvertedEnhancedMRImage(
        [pydicom.dcmread(path) for path in paths], "1.2.3.4", 7, "1.2.3.4.5", 1,
        transfer_syntax_uid=pydicom.uid.ExplicitVRLittleEndian,
    )  # fmt: skip
    (tmp_path / "in").mkdir()
    enhanced.save_as(tmp_path / "in" / "one")
    (series,) = find_series(tmp_path / "in").series
    volume = read_series(series)
    path = write_segmentation(
        tmp_path / "seg.dcm", masks_of_labels(labels_of(volume)), volume.geometry, reference_of(series), case="P7"
    )
    by_position = {tuple(np.round(one.position_mm, 3)): one.frame for one in series.slices}
    for frame in pydicom.dcmread(path).PerFrameFunctionalGroupsSequence:
        position = tuple(np.round(np.array(frame.PlanePositionSequence[0].ImagePositionPatient, float), 3))
        source = frame.DerivationImageSequence[0].SourceImageSequence[0]
        assert source.ReferencedFrameNumber == by_position[position] and source.ReferencedSOPInstanceUID == "1.2.3.4.5"
    require_valid(path)


def test_two_enhanced_files_are_referred_to_as_a_whole(tmp_path):
    paths = write_series(tmp_path / "classic", small_volume(oblique()), "flair")
    (tmp_path / "in").mkdir()
    for place, part in enumerate((paths[:3], paths[3:])):
        enhanced = highdicom.legacy.LegacyConvertedEnhancedMRImage(
            [pydicom.dcmread(path) for path in part], "1.2.3.4", 7, f"1.2.3.4.{place}", place + 1,
            transfer_syntax_uid=pydicom.uid.ExplicitVRLittleEndian,
        )  # fmt: skip
        enhanced.save_as(tmp_path / "in" / f"{place}")
    (series,) = find_series(tmp_path / "in").series
    volume, mask = read_series(series), small_volume(oblique()).data > 2000
    path = write_segmentation(tmp_path / "seg.dcm", {"wt": mask}, volume.geometry, reference_of(series), case="P7")
    values = pydicom.dcmread(path)
    assert values.pixel_array.sum() == mask.sum()
    referred = values.ReferencedSeriesSequence[0].ReferencedInstanceSequence
    assert {one.ReferencedSOPInstanceUID for one in referred} == {"1.2.3.4.0", "1.2.3.4.1"}
    require_valid(path)


def test_a_mosaic_is_referred_to_as_a_whole(tmp_path):
    siemens_mosaic().save_as(tmp_path / "mosaic.dcm")
    (series,) = find_series(tmp_path).series
    volume = read_series(series)
    mask = np.zeros(volume.data.shape, bool)
    mask[40:60, 50:60, 20:23] = True
    path = write_segmentation(tmp_path / "seg.dcm", {"wt": mask}, volume.geometry, reference_of(series), case="P7")
    values = pydicom.dcmread(path)
    assert values.NumberOfFrames == 3 and values.pixel_array.sum() == 600
    assert values.ReferencedSeriesSequence[0].SeriesInstanceUID == series.uid
    require_valid(path)


# === Refused ===


def test_a_mask_of_another_grid(tmp_path):
    series, volume = study(tmp_path / "in")
    other = small_volume(np.diag([-1.0, -1.0, 4.0, 1.0]))
    mask = np.ones(other.data.shape, bool)
    sentence = "expected masks on the grid of the series; it lies elsewhere in space than the series"
    with pytest.raises(UserError, match=sentence):
        write_segmentation(tmp_path / "seg.dcm", {"wt": mask}, other.geometry, reference_of(series), case="P7")
    assert not (tmp_path / "seg.dcm").exists()
    with pytest.raises(ValueError, match="expected regions out of"):
        write_segmentation(tmp_path / "seg.dcm", {"tumour": mask}, volume.geometry, reference_of(series), case="P7")


def test_the_patient_is_a_pseudonym_unless_the_archive_needs_him(tmp_path):
    series, volume = study(tmp_path / "in")
    mask, reference = {"wt": volume.data > 100}, reference_of(series)
    path = write_segmentation(tmp_path / "seg.dcm", mask, volume.geometry, reference, case="patient-1")
    values = pydicom.dcmread(path)
    assert (str(values.PatientName), values.PatientID, values.PatientBirthDate) == ("patient-1^", "patient-1", "")
    assert values.PatientIdentityRemoved == "YES"
    identity = identity_of(series)
    path = write_segmentation(
        tmp_path / "own.dcm", mask, volume.geometry, reference, case="patient-1", identity=identity
    )
    values = pydicom.dcmread(path)
    assert (str(values.PatientName), values.PatientBirthDate) == ("Simulated^Patient", "19700101")
    assert "PatientIdentityRemoved" not in values
    report = write_volumes_report(tmp_path / "sr.dcm", {"wt": 1.0}, path, identity=identity)
    assert str(pydicom.dcmread(report).PatientName) == "Simulated^Patient"
    require_valid(path)
    require_valid(report)
