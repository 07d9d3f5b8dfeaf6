"""Voxels of series: simulated, of real scanners, compressed, enhanced, doubled, cut off."""

import nibabel as nib
import numpy as np
import pytest
from nibabel.orientations import apply_orientation

pydicom = pytest.importorskip("pydicom", reason="the extra clinical is not installed")

from segan_tl.clinical.dicom.series import find_series  # noqa: E402
from segan_tl.clinical.dicom.simulate import write_series  # noqa: E402
from segan_tl.clinical.dicom.volume import read_series  # noqa: E402
from segan_tl.data.files.geometry import Geometry, corner_shift_mm, to_lps  # noqa: E402
from segan_tl.data.files.images import Source, read_volume  # noqa: E402
from segan_tl.errors import UserError  # noqa: E402
from tests.small_dicom import edit, oblique, siemens_mosaic, small_volume, write_study  # noqa: E402

TILTED = np.array([[-1.0, 0, 0, 5], [0, -1, 0.8, 7], [0, 0, 4, 9], [0, 0, 0, 1]])
AFFINES = {
    "axial": np.diag([-1.0, -1.0, 5.0, 1.0]),
    "from top": np.diag([-1.0, -1.0, -5.0, 1.0]),
    "sagittal": np.array([[0, 0, -4.0, 3], [-1, 0, 0, 5], [0, -1, 0, 7], [0, 0, 0, 1]]),
    "coronal": np.array([[-1.0, 0, 0, 3], [0, 0, 4.0, 5], [0, -1, 0, 7], [0, 0, 0, 1]]),
    "oblique": oblique(20),
    "very oblique": oblique(50),
    "tilted": TILTED,
}


def only(folder):
    (series,) = find_series(folder).series
    return series


def assert_same(found, expected):
    assert found.data.dtype == expected.data.dtype
    np.testing.assert_array_equal(found.data, expected.data)
    assert corner_shift_mm(found.geometry, expected.geometry) < 1e-9


@pytest.mark.parametrize("affine", AFFINES.values(), ids=AFFINES)
def test_what_is_written_is_read(tmp_path, affine):
    volume = small_volume(affine)
    write_series(tmp_path, volume, "flair")
    assert_same(read_series(only(tmp_path)), volume)


def test_slices_lie_across_the_largest_edge(tmp_path):
    affine = np.diag([5.0, 1.0, 1.0, 1.0])  # the first axis
    volume = small_volume(affine)
    assert len(write_series(tmp_path, volume, "t2")) == 12
    assert_same(read_series(only(tmp_path)), volume)


def test_slope_and_intercept_of_each_slice_count(tmp_path):
    volume = small_volume()
    paths = write_series(tmp_path, volume, "t1")
    edit(paths, lambda values, place: setattr(values, "RescaleSlope", place + 1), RescaleIntercept=-5)
    found = read_series(only(tmp_path))
    assert found.data.dtype == np.float32
    np.testing.assert_array_equal(found.data, volume.data * np.arange(1, 7) - 5)


def test_fractions_come_back_within_half_a_step(tmp_path):
    volume = small_volume()
    data = volume.data.astype(np.float32) / 7 - 100
    write_series(tmp_path, type(volume)(data, volume.affine, volume.geometry), "t1")
    found = read_series(only(tmp_path)).data
    assert np.abs(found - data).max() <= 0.51 * (data.max() - data.min()) / 65535


def transcode(path, syntax):
    """Compress a file by GDCM."""
    gdcm = pytest.importorskip("gdcm", reason="the extra clinical is not installed")
    reader, change, writer = gdcm.ImageReader(), gdcm.ImageChangeTransferSyntax(), gdcm.ImageWriter()
    reader.SetFileName(str(path))
    assert reader.Read()
    change.SetTransferSyntax(gdcm.TransferSyntax(getattr(gdcm.TransferSyntax, syntax)))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer.SetFileName(str(path))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()


@pytest.mark.parametrize(
    ("syntax", "uid"),
    [
        ("JPEGLosslessProcess14_1", "1.2.840.10008.1.2.4.70"),  # of most archives
        ("JPEG2000Lossless", "1.2.840.10008.1.2.4.90"),
        ("JPEGLSLossless", "1.2.840.10008.1.2.4.80"),
        ("RLELossless", "1.2.840.10008.1.2.5"),
    ],
)
def test_compressed_series(tmp_path, syntax, uid):
    volume = small_volume(shape=(32, 32, 4))
    for path in write_series(tmp_path, volume, "t2"):
        transcode(path, syntax)
    assert pydicom.dcmread(path).file_meta.TransferSyntaxUID == uid
    assert_same(read_series(only(tmp_path)), volume)


def test_an_enhanced_file_reads_as_the_series_that_it_was_made_of(tmp_path):
    legacy = pytest.importorskip("highdicom.legacy", reason="the extra clinical is not installed")
    volume = small_volume(oblique())
    paths = write_series(tmp_path / "classic", volume, "flair")
    enhanced = legacy.LegacyConvertedEnhancedMRImage(
        [pydicom.dcmread(path) for path in paths], "1.2.3.4", 7, "1.2.3.4.5", 1,
        transfer_syntax_uid=pydicom.uid.ExplicitVRLittleEndian,
    )  # fmt: skip
    (tmp_path / "enhanced").mkdir()
    enhanced.save_as(tmp_path / "enhanced" / "one")
    series = only(tmp_path / "enhanced")
    assert [one.frame for one in series.slices] == [1, 2, 3, 4, 5, 6] and series.sequence == "flair"
    assert_same(read_series(series), volume)


def test_a_mosaic_of_siemens(tmp_path):
    values = siemens_mosaic()
    values.save_as(tmp_path / "mosaic.dcm")
    found = read_series(only(tmp_path))
    assert found.data.shape == (128, 128, 48)
    # A tile is 128 × 128 of the 896 × 896 picture, seven in a row: slice 9 is the third of the second row.
    np.testing.assert_array_equal(found.data[:, :, 9], values.pixel_array[128:256, 256:384].T)
    from nibabel.nicom.dicomwrappers import wrapper_from_data

    by_nibabel = np.diag([-1, -1, 1, 1]) @ wrapper_from_data(values).affine  # of row, column, slice
    shift_mm = corner_shift_mm(found.geometry, Geometry((128, 128, 48), by_nibabel[:, [1, 0, 2, 3]]))
    assert shift_mm < 1e-9


FOLDERS = (
    "compressed_j2k", "ge", "hitachi", "philips", "philips_enhanced", "siemens", "siemens_multiframe"
)  # fmt: skip


@pytest.mark.real_data
@pytest.mark.parametrize("name", FOLDERS)
def test_the_scanners_of_dicom2nifti(real_data, name):
    folder = real_data / "dicom" / name
    truth = nib.load(folder / "001_ground_truth.nii.gz")
    voxels = np.asanyarray(truth.dataobj)
    voxels = apply_orientation(voxels.reshape(voxels.shape[:3]), to_lps(truth.affine))
    found = read_series(only(folder))
    assert corner_shift_mm(found.geometry, Geometry(truth.shape[:3], truth.affine)) < 1e-3
    if found.data.dtype == np.float32:  # stored × slope, which two programs round differently in the last bit
        np.testing.assert_allclose(found.data, voxels, rtol=2e-7)
    else:
        np.testing.assert_array_equal(found.data, voxels)


@pytest.mark.real_data
def test_a_patient_as_he_left_the_scanner(real_data, tmp_path):
    images = {"flair": "fla", "t1": "t1", "t1c": "t1c", "t2": "t2"}
    volumes = {
        modality: read_volume(Source(real_data / "unprocessed" / "TCGA-FG-6692" / f"{name}.nii.gz"))
        for modality, name in images.items()
    }
    for number, (modality, volume) in enumerate(volumes.items(), 1):
        write_series(tmp_path / modality, volume, modality, number=number)
    found = find_series(tmp_path)
    assert [one.sequence for one in found.series] == list(volumes)
    for series in found.series:
        assert_same(read_series(series), volumes[series.sequence])


# === Slices that come twice ===


def doubled(tmp_path, *, seed):
    """Return a series in which the second slice came a second time, with the voxels of a seed."""
    (paths,) = write_study(tmp_path, ("t1",)).values()
    second = write_series(tmp_path / "again", small_volume(seed=seed), "t1", number=9)
    values = pydicom.dcmread(paths[0])
    for path in (*second[:1], *second[2:]):
        path.unlink()
    edit(second[1:2], SeriesInstanceUID=values.SeriesInstanceUID, SeriesNumber=1)
    return only(tmp_path)


def test_equal_slices_in_one_place_count_once(tmp_path):
    series = doubled(tmp_path, seed=1)
    assert len(series.twins) == 1 and len(series.slices) == 6
    np.testing.assert_array_equal(read_series(series).data, small_volume(seed=1).data)


def test_different_slices_in_one_place_are_refused(tmp_path):
    with pytest.raises(UserError, match="1 of its slices lie where others do and differ"):
        read_series(doubled(tmp_path, seed=5))


# === What cannot be read ===


def test_one_sentence_each(tmp_path):
    def refused(name, change):
        (paths,) = write_study(tmp_path / name, ("t1",)).values()
        change(paths)
        with pytest.raises(UserError) as error:
            read_series(only(tmp_path / name))
        assert str(tmp_path) not in str(error.value) and len(str(error.value).splitlines()) == 1
        return str(error.value)

    assert "1 slice is missing between slices 2 and 3" in refused("gap", lambda paths: paths[2].unlink())
    assert "6 of its 6 slices state no place" in refused("place", lambda paths: edit(paths, ImagePositionPatient=None))
    assert "1 of its 6 slices state no direction" in refused(
        "direction", lambda paths: edit(paths[:1], ImageOrientationPatient=None)
    )
    cut = refused("cut", lambda paths: paths[3].write_bytes(paths[3].read_bytes()[:-100]))
    assert "the file of instance 4 is cut off: 140 of 240 bytes of its pixels are there; copy it again" in cut


def test_a_compressed_file_that_is_cut_off(tmp_path):
    (paths,) = write_study(tmp_path, ("t2",)).values()
    for path in paths:
        values = pydicom.dcmread(path)
        values.compress(pydicom.uid.RLELossless, generate_instance_uid=False)
        values.save_as(path)
    paths[2].write_bytes(paths[2].read_bytes()[:-120])
    with pytest.raises(UserError, match="the file of instance 3 is damaged or cut off; copy it again"):
        read_series(only(tmp_path))


def test_a_compression_that_nothing_reads(tmp_path):
    (paths,) = write_study(tmp_path, ("t2",)).values()
    for path in paths:
        values = pydicom.dcmread(path)
        values.PixelData = pydicom.encaps.encapsulate([b"\0" * 100])
        values["PixelData"].is_undefined_length = True
        values.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.102"  # MPEG-4
        values.save_as(path)
    with pytest.raises(UserError, match="which nothing installed decodes; type: pip install"):
        read_series(only(tmp_path))
