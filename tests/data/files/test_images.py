"""Reading and writing volumes: orientation, damage, lying headers."""

import os

import nibabel as nib
import numpy as np
import pytest

from segan_tl.data.files.geometry import Geometry, corner_shift_mm
from segan_tl.data.files.image_error import ImageError
from segan_tl.data.files.images import Source, read_header, read_volume, write_volume
from segan_tl.data.files.nifti import read_nifti_header

SHAPE = (5, 6, 7)


def make_affine(codes: str, *, spacing=(1.0, 2.0, 3.0), origin=(10.0, -20.0, 30.0)) -> np.ndarray:
    """Return an affine whose voxel axes point as the codes say."""
    affine = np.eye(4)
    affine[:3, :3] = 0
    for column, code in enumerate(codes):
        row = ["RL", "AP", "SI"].index(next(pair for pair in ("RL", "AP", "SI") if code in pair))
        affine[row, column] = spacing[column] * (1 if code in "RAS" else -1)
    affine[:3, 3] = origin
    return affine


def make_oblique(degrees: float) -> np.ndarray:
    turn = np.radians(degrees)
    rotation = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3] = rotation @ np.diag([-1.0, 1.5, 2.5])
    affine[:3, 3] = (3.25, -4.5, 7.75)
    return affine


def make_sheared() -> np.ndarray:
    affine = make_affine("LPS")
    affine[0, 2] = 0.4
    return affine


AFFINES = {
    **{codes: make_affine(codes) for codes in ("LPS", "RAS", "LAS", "RPI", "SLP", "ASR", "PIR")},
    "oblique": make_oblique(20),
    "very oblique": make_oblique(70),
    "sheared": make_sheared(),
}


def write_nifti(path, data, affine=None, *, kind=nib.Nifti1Image):
    nib.save(kind(data, make_affine("LPS") if affine is None else affine), path)
    return Source(path)


def noise(shape=SHAPE, dtype=np.int16):
    return np.random.default_rng(0).integers(0, 1000, shape).astype(dtype)


# === Orientation ===


@pytest.mark.parametrize("name", AFFINES)
def test_reading_brings_the_axes_into_lps_order(tmp_path, name):
    data, affine = noise(), AFFINES[name]
    volume = read_volume(write_nifti(tmp_path / "a.nii.gz", data, affine))
    assert nib.aff2axcodes(volume.affine) == ("L", "P", "S")
    assert volume.data.dtype == np.int16
    # Every voxel keeps its place in space: look up where some of them went.
    for index in [(0, 0, 0), (4, 0, 2), (1, 5, 6), (3, 2, 1)]:
        world = affine @ [*index, 1]
        there = np.rint(np.linalg.solve(volume.affine, world))[:3].astype(int)
        assert volume.data[tuple(there)] == data[index]


@pytest.mark.parametrize("name", AFFINES)
@pytest.mark.parametrize("suffix", [".nii.gz", ".nii"])
def test_writing_restores_grid_and_orientation(tmp_path, name, suffix):
    data, affine = noise(), AFFINES[name]
    volume = read_volume(write_nifti(tmp_path / "a.nii.gz", data, affine))
    write_volume(tmp_path / f"b{suffix}", volume.data, volume.geometry)
    back = nib.load(tmp_path / f"b{suffix}")
    assert np.array_equal(np.asarray(back.dataobj), data)
    assert np.abs(back.affine - affine).max() < 1e-5
    assert back.get_data_dtype() == np.int16
    assert sorted(os.listdir(tmp_path)) == ["a.nii.gz", f"b{suffix}"]  # no temporary file is left


def test_lps_spacing_and_shape_follow_the_axes(tmp_path):
    volume = read_volume(write_nifti(tmp_path / "a.nii.gz", noise((5, 6, 7)), make_affine("SLP")))
    # Stored (S, L, P) with 5, 6, 7 voxels of 1, 2, 3 mm; in memory (L, P, S).
    assert volume.data.shape == (6, 7, 5)
    assert volume.spacing_mm == pytest.approx((2, 3, 1))
    assert volume.geometry.shape == (5, 6, 7)
    assert volume.geometry.spacing_mm == pytest.approx((1, 2, 3))
    assert volume.geometry.voxel_volume_mm3 == pytest.approx(6)


def test_several_channels_are_written_last(tmp_path):
    volume = read_volume(write_nifti(tmp_path / "a.nii.gz", noise(), make_affine("RAS")))
    stacked = np.stack([volume.data, volume.data * 2], axis=-1).astype(np.float16)
    write_volume(tmp_path / "b.nii.gz", stacked, volume.geometry)
    second = read_volume(Source(tmp_path / "b.nii.gz", channel=1))
    assert second.data.dtype == np.float32
    assert np.array_equal(second.data, stacked[..., 1])


def test_equal_data_give_equal_files(tmp_path):
    volume = read_volume(write_nifti(tmp_path / "a.nii.gz", noise()))
    for name in ("b.nii.gz", "c.nii.gz"):
        write_volume(tmp_path / name, volume.data > 500, volume.geometry, dtype=np.uint8)
    assert (tmp_path / "b.nii.gz").read_bytes() == (tmp_path / "c.nii.gz").read_bytes()


def test_data_of_another_grid_are_not_written(tmp_path):
    with pytest.raises(ValueError, match="does not fit the grid"):
        write_volume(tmp_path / "a.nii.gz", np.zeros((2, 2, 2)), Geometry(SHAPE, make_affine("LPS")))


def test_corner_shift(tmp_path):
    one = Geometry(SHAPE, make_affine("LPS"))
    moved = one.affine.copy()
    moved[:3, 3] += (0, 3, 4)
    assert corner_shift_mm(one, Geometry(SHAPE, moved)) == pytest.approx(5)
    # The same grid stored the other way round is the same grid.
    flip = np.diag([-1.0, 1, 1, 1])
    flip[0, 3] = SHAPE[0] - 1
    assert corner_shift_mm(one, Geometry(SHAPE, one.affine @ flip)) == pytest.approx(0)


# === Types and dimensions ===


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64])
@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
def test_the_type_of_the_file_is_kept(tmp_path, dtype, kind):
    volume = read_volume(write_nifti(tmp_path / "a.nii.gz", noise(dtype=dtype), kind=kind))
    assert volume.data.dtype == dtype


def test_big_endian_files_are_read(tmp_path):
    header = nib.Nifti1Header(endianness=">")
    header.set_data_dtype(">i2")
    data = noise()
    (tmp_path / "a.nii").write_bytes(nib.Nifti1Image(data, make_affine("LPS"), header).to_bytes())
    volume = read_volume(Source(tmp_path / "a.nii"))
    assert np.array_equal(volume.data, data)
    assert volume.data.dtype.isnative


def test_scaling_in_the_header_is_applied(tmp_path):
    image = nib.Nifti1Image(np.array([[[0, 1, 2]]], np.int16), np.eye(4))
    image.header.set_slope_inter(0.5, 10)
    nib.save(image, tmp_path / "a.nii.gz")
    content = read_volume(Source(tmp_path / "a.nii.gz")).data
    assert content.dtype == np.float32
    assert np.array_equal(
        np.sort(content.ravel()), np.sort(np.asarray(nib.load(tmp_path / "a.nii.gz").dataobj).ravel())
    )


def test_trailing_axes_of_length_1_vanish(tmp_path):
    assert read_volume(write_nifti(tmp_path / "a.nii.gz", noise((*SHAPE, 1)))).data.shape == SHAPE
    assert read_header(write_nifti(tmp_path / "b.nii.gz", noise((*SHAPE, 1, 1)))).shape == SHAPE


def test_a_channel_of_a_4d_file(tmp_path):
    data = noise((*SHAPE, 3))
    write_nifti(tmp_path / "a.nii.gz", data)
    opened = {}
    for channel in range(3):
        volume = read_volume(Source(tmp_path / "a.nii.gz", channel), opened=opened)
        assert np.array_equal(volume.data, data[..., channel])
    assert list(opened) == [tmp_path / "a.nii.gz"]  # read once


@pytest.mark.parametrize(
    ("shape", "channel", "reason"),
    [((*SHAPE, 2), None, "4-D"), ((*SHAPE, 2), 2, "channel 2"), (SHAPE, 1, "3-D"), (SHAPE[:2], None, "2 dimensions")],
)
def test_other_dimensions_are_refused(tmp_path, shape, channel, reason):
    write_nifti(tmp_path / "a.nii.gz", noise(shape))
    with pytest.raises(ImageError, match=reason):
        read_volume(Source(tmp_path / "a.nii.gz", channel))


def test_an_uncompressed_file_named_gz_is_read(tmp_path):
    write_nifti(tmp_path / "a.nii", noise())
    (tmp_path / "a.nii").rename(tmp_path / "b.nii.gz")
    assert np.array_equal(read_volume(Source(tmp_path / "b.nii.gz")).data, noise())


def test_the_header_alone(tmp_path):
    geometry = read_header(write_nifti(tmp_path / "a.nii.gz", noise(), make_affine("RAS")))
    assert geometry.shape == SHAPE
    assert geometry.spacing_mm == pytest.approx((1, 2, 3))
    assert np.allclose(geometry.affine, make_affine("RAS"))


def test_an_image_too_large_for_the_memory_is_named(tmp_path, monkeypatch):
    def fail(path):
        raise MemoryError

    source = write_nifti(tmp_path / "a.nii", noise())
    monkeypatch.setattr("segan_tl.data.files.images._READERS", (((".nii",), read_nifti_header, fail),))
    with pytest.raises(ImageError, match="not enough memory for this image; crop it"):
        read_volume(source)


# === Real MRI ===


@pytest.mark.real_data
def test_las_files_come_back_as_they_were(real_data, tmp_path):
    path = real_data / "ms" / "patient07" / "FLAIR.nii.gz"
    volume = read_volume(Source(path))
    write_volume(tmp_path / "a.nii.gz", volume.data, volume.geometry)
    one, two = nib.load(path), nib.load(tmp_path / "a.nii.gz")
    assert np.array_equal(np.asarray(one.dataobj), np.asarray(two.dataobj))
    assert np.array_equal(one.affine, two.affine)
