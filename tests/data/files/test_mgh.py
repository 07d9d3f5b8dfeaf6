"""FreeSurfer's files, held against nibabel; damaged ones are named."""

import gzip

import nibabel as nib
import numpy as np
import pytest

from segan_tl.data.files.image_error import ImageError
from segan_tl.data.files.images import Source, read_header, read_volume, write_volume

SHAPE = (9, 8, 7)
# Coronal slices, as FreeSurfer writes them: x to the left, y down, z to the front.
CORONAL = np.array([[-1.0, 0, 0, 10], [0, 0, 2.0, -20], [0, -1.5, 0, 30], [0, 0, 0, 1]])


def write_mgh(path, *, dtype=np.int16, shape=SHAPE):
    data = np.random.default_rng(0).integers(0, 200, shape).astype(dtype)
    nib.save(nib.MGHImage(data, CORONAL), path)
    return Source(path), data


@pytest.mark.parametrize("suffix", [".mgz", ".mgh", ".mgh.gz"])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int32, np.float32])
def test_voxels_and_place_are_nibabels(tmp_path, suffix, dtype):
    source, data = write_mgh(tmp_path / ("a.mgz" if "z" in suffix else "a.mgh"), dtype=dtype)
    source = Source(source.path.rename(tmp_path / f"b{suffix}"))
    volume = read_volume(source)
    assert volume.data.dtype == dtype and np.allclose(volume.geometry.affine, CORONAL)
    assert volume.data.shape == (9, 7, 8)  # left, back, up
    assert np.array_equal(volume.data, data[:, ::-1, ::-1].transpose(0, 2, 1))
    assert read_header(source).shape == SHAPE
    write_volume(tmp_path / "mask.nii.gz", volume.data > 100, volume.geometry)
    written = nib.load(tmp_path / "mask.nii.gz")
    assert np.allclose(written.affine, CORONAL) and np.array_equal(np.asarray(written.dataobj), data > 100)


def test_a_file_of_several_frames_is_4d(tmp_path):
    source, data = write_mgh(tmp_path / "a.mgh", shape=(*SHAPE, 2))
    assert read_volume(Source(source.path, 1)).data.sum() == data[..., 1].sum()
    with pytest.raises(ImageError, match="4-D"):
        read_volume(source)


@pytest.mark.parametrize("suffix", [".mgz", ".mgh"])
def test_a_file_cut_anywhere_is_refused(tmp_path, suffix):
    source, _ = write_mgh(tmp_path / f"a{suffix}")
    content = source.path.read_bytes()
    lengths = [3, 100, len(content) // 2]
    lengths += [len(content) - 1] if suffix == ".mgz" else [284 + 2 * 9 * 8 * 7 - 1]  # what follows the voxels may lack
    for length in lengths:
        source.path.write_bytes(content[:length])
        with pytest.raises(ImageError, match="truncated|not an MGH"):
            read_volume(source)


@pytest.mark.parametrize(
    ("place", "value", "reason"),
    [
        (0, (2, ">i4"), "not an MGH file"),
        (4, (0, ">i4"), "the header is damaged"),
        (4, (2**31 - 1, ">i4"), "which cannot be"),
        (4, (500, ">i4"), "truncated"),
        (20, (99, ">i4"), "unknown voxel type"),
        (28, (0, ">i2"), "neither voxel size nor orientation"),
        (30, (np.nan, ">f4"), "a voxel of nan"),
        (30, (1e6, ">f4"), "which cannot be"),
        (30, (0, ">f4"), "a voxel of 0"),
    ],
)
def test_a_header_that_cannot_be_true_is_refused(tmp_path, place, value, reason):
    source, _ = write_mgh(tmp_path / "a.mgz")
    content = bytearray(gzip.decompress(source.path.read_bytes()))
    number = np.array(value[0], value[1]).tobytes()
    content[place : place + len(number)] = number
    source.path.write_bytes(gzip.compress(content))
    with pytest.raises(ImageError, match=reason):
        read_volume(source)
