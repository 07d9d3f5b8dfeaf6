"""MetaImage and NRRD files, held against SimpleITK."""

import nibabel as nib
import numpy as np
import pytest
import SimpleITK

from segan_tl.data.image_error import ImageError
from segan_tl.data.images import Source, read_header, read_volume, write_volume
from segan_tl.data.itk import read_itk

SHAPE = (5, 6, 7)
LPS = np.array([[-1.0, 0, 0, 10], [0, -2.0, 0, -20], [0, 0, 3.0, 30], [0, 0, 0, 1]])


def noise(shape=SHAPE, dtype=np.int16):
    return np.random.default_rng(0).integers(0, 1000, shape).astype(dtype)


def write_itk(path, data, *, compressed, direction=(1, 0, 0, 0, 1, 0, 0, 0, 1), channels=False):
    image = SimpleITK.GetImageFromArray(data.transpose(2, 1, 0, *range(3, data.ndim)), isVector=channels)
    image.SetSpacing((1, 2, 3))
    image.SetOrigin((-10, 20, 30))
    image.SetDirection(direction)
    SimpleITK.WriteImage(image, str(path), useCompression=compressed)
    return Source(path)


@pytest.mark.parametrize("suffix", [".mha", ".nrrd"])
@pytest.mark.parametrize("compressed", [False, True])
def test_itk_files_have_ras_affines(tmp_path, suffix, compressed):
    data = noise()
    volume = read_volume(write_itk(tmp_path / f"a{suffix}", data, compressed=compressed))
    # ITK's world is LPS: identity direction is LPS, and the origin (-10, 20, 30) is (10, -20, 30) in RAS.
    assert np.array_equal(volume.data, data)
    assert np.allclose(volume.affine, LPS)
    write_volume(tmp_path / "b.nii.gz", volume.data, volume.geometry)
    assert np.allclose(nib.load(tmp_path / "b.nii.gz").affine, LPS)
    assert read_header(Source(tmp_path / f"a{suffix}")).shape == SHAPE


@pytest.mark.parametrize("suffix", [".mha", ".nrrd"])
@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.float32, np.float64])
def test_itk_files_are_read_as_simpleitk_reads_them(tmp_path, suffix, dtype):
    turn = np.radians(20)
    oblique = (np.cos(turn), -np.sin(turn), 0, np.sin(turn), np.cos(turn), 0, 0, 0, -1)
    write_itk(tmp_path / f"a{suffix}", noise(dtype=dtype), compressed=True, direction=oblique)
    image = SimpleITK.ReadImage(str(tmp_path / f"a{suffix}"))
    array, affine = read_itk(tmp_path / f"a{suffix}")
    assert array.dtype == dtype
    assert np.array_equal(array, SimpleITK.GetArrayFromImage(image).transpose(2, 1, 0))
    for index in [(0, 0, 0), (4, 0, 2), (1, 5, 6)]:
        expected = np.array(image.TransformIndexToPhysicalPoint(index)) * (-1, -1, 1)
        assert (affine @ [*index, 1])[:3] == pytest.approx(expected)


@pytest.mark.parametrize("suffix", [".mha", ".nrrd"])
def test_channels_of_itk_files_come_last(tmp_path, suffix):
    data = noise((*SHAPE, 3))
    write_itk(tmp_path / f"a{suffix}", data, compressed=False, channels=True)
    assert np.array_equal(read_volume(Source(tmp_path / f"a{suffix}", channel=2)).data, data[..., 2])


def test_nrrd_files_in_ras_space(tmp_path):
    path = tmp_path / "a.nrrd"
    write_itk(path, noise(), compressed=False)
    path.write_bytes(path.read_bytes().replace(b"left-posterior-superior", b"right-anterior-superior"))
    assert np.allclose(read_header(Source(path)).affine[:3, 3], (-10, 20, 30))


@pytest.mark.parametrize(("suffix", "entry"), [(".mha", b"DimSize = 5 6 7"), (".nrrd", b"sizes: 5 6 7")])
def test_an_itk_header_bomb_is_refused(tmp_path, suffix, entry):
    path = tmp_path / f"a{suffix}"
    write_itk(path, noise(), compressed=True)
    content = path.read_bytes()
    assert entry in content
    path.write_bytes(content.replace(entry, entry.replace(b"5 6 7", b"50000 60000 700")))
    with pytest.raises(ImageError, match="declares"):
        read_volume(Source(path))


@pytest.mark.parametrize("suffix", [".mha", ".nrrd"])
@pytest.mark.parametrize("compressed", [False, True])
def test_itk_files_cut_anywhere_are_refused(tmp_path, suffix, compressed):
    path = tmp_path / f"a{suffix}"
    write_itk(path, noise((20, 20, 20)), compressed=compressed)
    content = path.read_bytes()
    for length in [10, 60, len(content) // 2, len(content) - 3]:
        path.write_bytes(content[:length])
        with pytest.raises(ImageError, match="truncated|damaged"):
            read_volume(Source(path))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", ["a.mha", "a.nrrd"])
def test_no_damage_of_a_header_gives_any_other_error(tmp_path, name):
    path, generator = tmp_path / name, np.random.default_rng(0)
    write_itk(path, noise(), compressed=True)
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


@pytest.mark.real_data
def test_published_values_of_the_nrrd_example(real_data):
    image = read_volume(Source(real_data / "nrrd" / "brain1_image.nrrd"))
    mask = read_volume(Source(real_data / "nrrd" / "brain1_label.nrrd")).data > 0
    assert mask.sum() == 4137
    assert mask.sum() * image.geometry.voxel_volume_mm3 == pytest.approx(16412.6587, abs=1e-4)
    assert image.data.mean() == pytest.approx(385.6564, abs=1e-4)
    assert image.data[mask].mean() == pytest.approx(825.2354, abs=1e-4)
