"""Damaged NIfTI files and files that are none: nothing but an ImageError, which names the file."""

import bz2
import gzip
import io
import os

import nibabel as nib
import numpy as np
import pytest

from segan_tl.data.files.image_error import ImageError
from segan_tl.data.files.images import Source, files_of, read_volume, write_volume

SHAPE = (5, 6, 7)
LPS = np.array([[-1.0, 0, 0, 10], [0, -2.0, 0, -20], [0, 0, 3.0, 30], [0, 0, 0, 1]])


def noise(shape=SHAPE, dtype=np.int16):
    return np.random.default_rng(0).integers(0, 1000, shape).astype(dtype)


def write_nifti(path, data, affine=LPS):
    nib.save(nib.Nifti1Image(data, affine), path)
    return Source(path)


def test_a_file_cut_anywhere_is_refused(tmp_path):
    path = tmp_path / "a.nii.gz"
    write_nifti(path, noise((20, 20, 20)))
    content = path.read_bytes()
    for length in [1, 5, 40, len(content) // 2, len(content) - 9, len(content) - 4, len(content) - 1]:
        path.write_bytes(content[:length])
        with pytest.raises(ImageError, match="truncated|damaged|not a NIfTI"):
            read_volume(Source(path))


def test_an_uncompressed_file_cut_anywhere_is_refused(tmp_path):
    path = tmp_path / "a.nii"
    write_nifti(path, noise())
    content = path.read_bytes()
    for length in [3, 200, 347, 352, len(content) - 1]:
        path.write_bytes(content[:length])
        with pytest.raises(ImageError, match="truncated|not a NIfTI"):
            read_volume(Source(path))


@pytest.mark.parametrize("place", [0.2, 0.5, 0.8])
def test_a_flipped_byte_is_found(tmp_path, place):
    path = tmp_path / "a.nii.gz"
    write_nifti(path, noise((20, 20, 20)))
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= 0x55
    path.write_bytes(content)
    with pytest.raises(ImageError, match="copy or download it again"):
        read_volume(Source(path))


def test_a_wrong_checksum_is_found(tmp_path):
    path = tmp_path / "a.nii.gz"
    write_nifti(path, noise())
    content = bytearray(path.read_bytes())
    content[-8] ^= 1
    path.write_bytes(content)
    with pytest.raises(ImageError, match="damaged"):
        read_volume(Source(path))


# === Pairs and bzip2 ===


@pytest.mark.parametrize("kind", [nib.Nifti1Pair, nib.Nifti2Pair])
@pytest.mark.parametrize(
    "names", [("a.hdr", "a.img"), ("a.hdr.gz", "a.img.gz"), ("A.HDR", "A.IMG"), ("a.hdr", "a.img.gz")]
)
def test_a_pair_is_one_image_named_by_its_header(tmp_path, kind, names):
    header, voxels = (tmp_path / name for name in names)
    files = (tmp_path / "x.hdr", tmp_path / "x.img")
    nib.save(kind(noise(), LPS), files[1])
    for file, place in zip(files, (header, voxels)):
        content = file.read_bytes()
        place.write_bytes(gzip.compress(content) if place.suffix == ".gz" else content)
    volume = read_volume(Source(header))
    assert np.array_equal(volume.data, noise()) and np.allclose(volume.affine, LPS)
    assert files_of(header) == [header, voxels]
    write_volume(tmp_path / "mask.nii.gz", volume.data > 500, volume.geometry)
    assert np.allclose(nib.load(tmp_path / "mask.nii.gz").affine, LPS)
    with pytest.raises(ImageError, match="this image format is not read; name the header beside it"):
        read_volume(Source(voxels))


def write_pair(folder):
    nib.save(nib.Nifti1Pair(noise(), LPS), folder / "a.img")
    return folder / "a.hdr", folder / "a.img"


def test_damage_of_a_pair_is_named_with_the_file_it_is_in(tmp_path):
    header, voxels = write_pair(tmp_path)
    content = voxels.read_bytes()
    voxels.write_bytes(content[:-1])
    with pytest.raises(ImageError, match=r"a.img: the file is truncated: 420 bytes were declared, 419 are there"):
        read_volume(Source(header))
    (tmp_path / "a.img.gz").write_bytes(gzip.compress(content))
    with pytest.raises(ImageError, match="its voxels are in a.img and in a.img.gz; remove one"):
        read_volume(Source(header))
    voxels.unlink()
    damaged = bytearray(gzip.compress(content))
    damaged[-5] ^= 1
    (tmp_path / "a.img.gz").write_bytes(damaged)
    with pytest.raises(ImageError, match="a.img.gz: the file is damaged"):
        read_volume(Source(header))
    (tmp_path / "a.img.gz").unlink()
    with pytest.raises(ImageError, match="a.hdr: its voxels are missing"):
        read_volume(Source(header))
    os.mkfifo(voxels)
    with pytest.raises(ImageError, match="a.img: this is a named pipe"):
        read_volume(Source(header))


def test_analyze_is_refused_because_left_and_right_are_unknown(tmp_path):
    nib.save(nib.AnalyzeImage(noise(), LPS), tmp_path / "a.img")
    with pytest.raises(ImageError, match="Analyze 7.5, which does not tell left from right.*--in_orientation"):
        read_volume(Source(tmp_path / "a.hdr"))


def test_bzip2_is_read_to_its_end(tmp_path):
    write_nifti(tmp_path / "a.nii", noise((20, 20, 20)))
    content = bz2.compress((tmp_path / "a.nii").read_bytes())
    path = tmp_path / "a.nii.bz2"
    path.write_bytes(content)
    assert np.array_equal(read_volume(Source(path)).data, noise((20, 20, 20)))
    for length in (3, 50, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        with pytest.raises(ImageError, match="truncated"):
            read_volume(Source(path))
    for place in (20, len(content) // 2, len(content) - 4):
        damaged = bytearray(content)
        damaged[place] ^= 0x55
        path.write_bytes(damaged)
        with pytest.raises(ImageError, match="damaged|truncated"):
            read_volume(Source(path))


def test_an_empty_mask_in_bzip2_is_no_bomb_but_more_than_1_gib_is(tmp_path):
    # bzip2 brings 8.9 MB of zeros to some 50 bytes, which deflate could not.
    write_nifti(tmp_path / "a.nii", np.zeros((240, 240, 155), np.uint8))
    content = (tmp_path / "a.nii").read_bytes()
    path = tmp_path / "a.nii.bz2"
    path.write_bytes(bz2.compress(content))
    assert path.stat().st_size * 1032 < len(content)
    assert not read_volume(Source(path)).data.any()
    header = nib.Nifti1Header.from_fileobj(io.BytesIO(content))
    header.set_data_shape((1100, 1000, 1000))
    header["sform_code"], header["pixdim"][1:4] = 0, 0.5
    path.write_bytes(bz2.compress(header.binaryblock + bytes(4)))
    with pytest.raises(ImageError, match="declares 1049 MiB"):
        read_volume(Source(path))


@pytest.mark.parametrize("shape", [(30000, 30000, 1000), (2000, 2000, 200)])
def test_a_header_bomb_is_refused_before_memory_is_taken(tmp_path, shape):
    header = nib.Nifti1Header()
    header.set_data_dtype(np.float64)
    header.set_data_shape(shape)
    header["pixdim"][1:4] = 0.01  # the size of a head
    header["vox_offset"], header["magic"] = 352, b"n+1"
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress(header.binaryblock + bytes(4)))
    with pytest.raises(ImageError, match="declares"):
        read_volume(Source(tmp_path / "a.nii.gz"))


def test_more_data_than_declared_are_not_read_forever(tmp_path):
    path = tmp_path / "a.nii.gz"
    write_nifti(tmp_path / "a.nii", noise())
    path.write_bytes(gzip.compress((tmp_path / "a.nii").read_bytes() + bytes(80 * 2**20), 1))
    with pytest.raises(ImageError, match="far more data"):
        read_volume(Source(path))


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.nii.gz", b"", "empty"),
        ("a.nii.gz", b"no image at all" * 100, "not a NIfTI"),
        ("a.nii.gz", gzip.compress(bytes(2000), mtime=0), "not a NIfTI"),
        ("a.mha", b"", "empty"),
        ("a.mha", b"no image", "header is truncated, or this is not a .mha"),
        ("a.nrrd", b"no image\n\n", "header is damaged"),
        ("a.dcm", b"DICM", "make cases of its folder with python -m segan_tl dicom"),
    ],
)
def test_no_image(tmp_path, name, content, reason):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ImageError, match=reason):
        read_volume(Source(tmp_path / name))


@pytest.mark.parametrize("name", ["a.nii.gz", "a.nii", "a.mha", "a.nrrd"])
def test_no_file(tmp_path, name):
    with pytest.raises(ImageError, match="no such file"):
        read_volume(Source(tmp_path / name))
    (tmp_path / name).mkdir()
    with pytest.raises(ImageError, match="folder, not a file"):
        read_volume(Source(tmp_path / name))


def test_a_dangling_link(tmp_path):
    (tmp_path / "a.nii.gz").symlink_to(tmp_path / "gone.nii.gz")
    with pytest.raises(ImageError, match="which does not exist"):
        read_volume(Source(tmp_path / "a.nii.gz"))


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_an_affine_without_size_is_refused(tmp_path, value):
    affine = LPS.copy()
    affine[:3, 1] = value
    image = nib.Nifti1Image(noise(), np.eye(4))
    image.header["srow_x"], image.header["srow_y"], image.header["srow_z"] = affine[:3]
    image.header["sform_code"] = 1
    # The header says here that its voxels begin at byte 0: some writers do so.
    (tmp_path / "a.nii").write_bytes(image.header.binaryblock + bytes(4) + noise().tobytes("F"))
    with pytest.raises(ImageError, match=f"a voxel of 1×{value:.3g}×3 mm, which cannot be"):
        read_volume(Source(tmp_path / "a.nii"))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_no_damage_of_a_header_gives_any_other_error(tmp_path):
    path, generator = tmp_path / "a.nii", np.random.default_rng(0)
    write_nifti(path, noise())
    content = path.read_bytes()
    for _ in range(200):
        damaged = bytearray(content)
        for place in generator.integers(0, min(352, len(content)), 3):
            damaged[place] = generator.integers(256)
        path.write_bytes(damaged)
        try:
            read_volume(Source(path))
        except ImageError as error:
            assert error.path == path and error.reason and error.remedy


def test_an_impossible_voxel_size_is_refused(tmp_path):
    write_nifti(tmp_path / "a.nii.gz", noise(), np.diag([-1.0, -1, 5000, 1]))
    with pytest.raises(ImageError, match="1×1×5e\\+03 mm"):
        read_volume(Source(tmp_path / "a.nii.gz"))


def test_two_axes_in_one_direction_are_refused(tmp_path):
    write_nifti(tmp_path / "a.nii", noise(), np.array([[1.0, 2, 0, 0], [0, 0, 0, 0], [0, 0, 3, 0], [0, 0, 0, 1]]))
    with pytest.raises(ImageError, match="affine is singular"):
        read_volume(Source(tmp_path / "a.nii"))


@pytest.mark.parametrize(
    ("place", "number", "reason"),
    [
        (108, np.float32(22).tobytes(), "voxels from byte 22"),
        (108, np.float32(352.5).tobytes(), "voxels from byte 352.5"),
        (252, np.int16(-3).tobytes(), "qform_code -3"),
        (254, np.int16(257).tobytes(), "sform_code 257"),
        (344, b"n+12", "Analyze"),
    ],
)
def test_fields_that_hold_what_they_cannot(tmp_path, place, number, reason):
    write_nifti(tmp_path / "a.nii", noise())
    content = bytearray((tmp_path / "a.nii").read_bytes())
    content[place : place + len(number)] = number
    (tmp_path / "a.nii").write_bytes(content)
    with pytest.raises(ImageError, match=reason):
        read_volume(Source(tmp_path / "a.nii"))
