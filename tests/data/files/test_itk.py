"""MetaImage and NRRD files, held against headers written by hand; no damage may end the process."""

import os
import subprocess
import sys
import zlib

import nibabel as nib
import numpy as np
import pytest
import SimpleITK

from segan_tl.data.files.image_error import ImageError
from segan_tl.data.files.images import Source, files_of, read_header, read_volume, write_volume
from segan_tl.data.files.itk import read_itk

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
def test_voxels_of_every_type_come_back(tmp_path, suffix, dtype):
    write_itk(tmp_path / f"a{suffix}", noise(dtype=dtype), compressed=True)
    array = read_itk(tmp_path / f"a{suffix}")
    assert array.dtype == dtype
    assert np.array_equal(array, noise(dtype=dtype))


@pytest.mark.parametrize(
    ("suffix", "voxels"), [(".mhd", "a.raw"), (".mhd", "a.zraw"), (".nhdr", "a.raw"), (".nhdr", "a.raw.gz")]
)
def test_voxels_in_a_file_of_their_own(tmp_path, suffix, voxels):
    path = tmp_path / f"a{suffix}"
    source = write_itk(path, noise(), compressed="z" in voxels)
    volume = read_volume(source)
    assert np.array_equal(volume.data, noise()) and np.allclose(volume.affine, LPS) and volume.geometry.remark == ""
    assert files_of(path) == [path, tmp_path / voxels]
    content = (tmp_path / voxels).read_bytes()
    for damaged in (content[:-1], content[: len(content) // 2], b""):
        (tmp_path / voxels).write_bytes(damaged)
        with pytest.raises(ImageError, match="truncated|empty"):
            read_volume(source)
    (tmp_path / voxels).unlink()
    os.mkfifo(tmp_path / voxels)
    with pytest.raises(ImageError, match="named pipe"):
        read_volume(source)
    (tmp_path / voxels).unlink()
    with pytest.raises(ImageError, match=f"{voxels}: no such file"):
        read_volume(source)


@pytest.mark.parametrize(
    "name", ["../a.raw", "/etc/passwd", "LIST", "a%03d.raw 1 6 1", "..", ".", "b c.raw", "Größe.raw"]
)
@pytest.mark.parametrize("suffix", [".mhd", ".nhdr"])
def test_voxels_lie_beside_their_header(tmp_path, suffix, name):
    path = tmp_path / f"a{suffix}"
    write_itk(path, noise(), compressed=False)
    path.write_bytes(path.read_bytes().replace(b"a.raw", name.encode()))
    if name in ("b c.raw", "Größe.raw"):
        (tmp_path / "a.raw").rename(tmp_path / name)
        assert np.array_equal(read_volume(Source(path)).data, noise())
    else:
        with pytest.raises(ImageError, match="header is damaged|no such file"):
            read_volume(Source(path))


@pytest.mark.parametrize(
    ("units", "in_mm"),
    [('"mm" "mm" "mm"', 1.0), ('"m" "m" "m"', 1000.0), ('"um" "micron" "micrometers"', 0.001), ('"cm" "cm" "cm"', 10.0),
     ('"metres" "Meter" "m"', 1000.0), ('"" "" ""', 1.0), ('"???" "???" "???"', 1.0)],
)  # fmt: skip
def test_units_of_nrrd_are_applied(tmp_path, units, in_mm):
    path = tmp_path / "a.nrrd"
    image = SimpleITK.GetImageFromArray(noise())
    image.SetSpacing([edge / in_mm for edge in (10, 20, 30)])
    image.SetOrigin([place / in_mm for place in (-10, 20, 30)])
    SimpleITK.WriteImage(image, str(path), useCompression=False)
    path.write_bytes(path.read_bytes().replace(b"encoding:", f"space units: {units}\nencoding:".encode()))
    geometry = read_header(Source(path))
    assert geometry.spacing_mm == pytest.approx((10, 20, 30))
    assert geometry.affine[:3, 3] == pytest.approx((10, -20, 30))


def test_units_that_are_no_lengths_or_differ_are_refused(tmp_path):
    path = tmp_path / "a.nrrd"
    write_itk(path, noise(), compressed=False)
    content = path.read_bytes()
    for units, found in (('"furlong" "furlong" "furlong"', "furlong"), ('"mm" "mm" "cm"', "cm, mm")):
        path.write_bytes(content.replace(b"encoding:", f"space units: {units}\nencoding:".encode()))
        with pytest.raises(ImageError, match=f"its units of length are {found}: expected one, such as mm"):
            read_header(Source(path))


def test_a_unit_of_metaimage_is_applied(tmp_path):
    path = tmp_path / "a.mha"
    write_itk(path, noise(), compressed=False)
    path.write_bytes(path.read_bytes().replace(b"ElementType", b"DistanceUnits = cm\nElementType"))
    assert read_header(Source(path)).spacing_mm == pytest.approx((10, 20, 30))


@pytest.mark.parametrize("edge", ["0", "-1", "nan", "inf", "1e-30", "1e30", "1e300"])
@pytest.mark.parametrize(
    ("suffix", "spacing"), [(".mha", b"ElementSpacing = 1"), (".nrrd", b"(1,0,0)"), (".nrrd", b"spacings: 1")]
)
def test_an_absurd_voxel_size_is_refused(tmp_path, suffix, spacing, edge):
    path = tmp_path / f"a{suffix}"
    write_itk(path, noise(), compressed=False)
    content = path.read_bytes()
    if spacing.startswith(b"spacings"):
        start, end = content.index(b"space directions"), content.index(b"kinds")
        content = content[:start] + b"spacings: 1 2 3\n" + content[end:]
        content = content.replace(b"space: left-posterior-superior\n", b"").replace(b"space origin: (-10,20,30)\n", b"")
    assert spacing in content
    path.write_bytes(content.replace(spacing, spacing.replace(b"1", edge.encode(), 1)))
    if spacing.startswith(b"(") and edge == "-1":  # a direction, and no size
        assert read_header(Source(path)).spacing_mm == pytest.approx((1, 2, 3))
        return
    with pytest.raises(ImageError, match="header is damaged|which cannot be"):
        read_volume(Source(path))


@pytest.mark.parametrize(
    ("suffix", "field"),
    [(".mha", b"TransformMatrix = 1 0 0 0 1 0 0 0 1\n"), (".nrrd", b"space: left-posterior-superior\n")],
)
def test_a_header_without_orientation_is_remarked_upon(tmp_path, suffix, field):
    path = tmp_path / f"a{suffix}"
    assert read_volume(write_itk(path, noise(), compressed=False)).geometry.remark == ""
    content = path.read_bytes()
    assert field in content
    path.write_bytes(content.replace(field, b"space dimension: 3\n" if suffix == ".nrrd" else b""))
    assert read_header(Source(path)).remark == "the header states no orientation: LPS is assumed"


def test_a_metaimage_header_written_by_hand(tmp_path):
    # The first three numbers of the matrix are the direction of the first axis: x runs to the patient's back (LPS y),
    # y to the right (LPS -x). With voxels of 2×3×4 mm and a change of sign for RAS, index (1, 0, 0) is 2 mm towards -y.
    header = (
        "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = True\nCompressedData = True\n"
        "CompressedDataSize = {}\nTransformMatrix = 0 1 0 -1 0 0 0 0 1\nOffset = 5 6 7\nElementSpacing = 2 3 4\n"
        "0008|103e = a description that is not plain text: é\nDimSize = 2 2 1\nElementType = MET_SHORT\n"
        "ElementDataFile = LOCAL\n"
    )
    body = zlib.compress(np.array([1, 2, 3, 400], ">i2").tobytes())
    (tmp_path / "a.mha").write_bytes(header.format(len(body)).encode() + body)
    array, affine = read_itk(tmp_path / "a.mha"), read_header(Source(tmp_path / "a.mha")).affine
    assert array[:, :, 0].tolist() == [[1, 3], [2, 400]]
    assert affine == pytest.approx(np.array([[0, 3, 0, -5], [-2, 0, 0, -6], [0, 0, 4, 7], [0, 0, 0, 1.0]]))


def test_a_nrrd_header_written_by_hand(tmp_path):
    header = (
        "NRRD0004\n# a comment\ntype: unsigned short\ndimension: 3\nspace: left-posterior-superior\nsizes: 2 1 2\n"
        "space directions: (0,2,0) (-3,0,0) (0,0,4)\nkinds: domain domain domain\nendian: big\nencoding: raw\n"
        f"space origin: (5,6,7)\nkey:={'long ' * 400}\n\n"
    )
    (tmp_path / "a.nrrd").write_bytes(header.encode() + np.array([1, 2, 3, 40000], ">u2").tobytes())
    array, affine = read_itk(tmp_path / "a.nrrd"), read_header(Source(tmp_path / "a.nrrd")).affine
    assert array[:, 0, :].tolist() == [[1, 3], [2, 40000]]
    assert affine == pytest.approx(np.array([[0, 3, 0, -5], [-2, 0, 0, -6], [0, 0, 4, 7], [0, 0, 0, 1.0]]))


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
    path.write_bytes(content.replace(entry, entry.replace(b"5 6 7", b"500 200 70")))
    # The size of a head (edges of 1, 2 and 3 mm), but 500 × 200 × 70 × 2 bytes are 13 MiB.
    with pytest.raises(ImageError, match="declares 13 MiB"):
        read_volume(Source(path))
    path.write_bytes(content.replace(entry, entry.replace(b"5 6 7", b"50000 60000 700")))
    with pytest.raises(ImageError, match="which cannot be"):
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


@pytest.mark.parametrize(
    ("name", "entry", "damage"),
    [
        ("a.mha", b"NDims = 3", b"NDims = -3"),
        ("a.mha", b"NDims = 3", b"NDims = 93"),
        ("a.mha", b"NDims = 3", b"NDims = 3\nName = " + b"9" * 300),
        ("a.mha", b"CompressedDataSize", b"CompressedDataSiz"),
        ("a.mha", b"Offset", b"Color = 1\nOffset"),
        ("a.mha", b"ElementSpacing", b"ElementSpacing\xa0"),
        ("a.nrrd", b"dimension: 3", b"dimension: 3\naxis mins: " + b"1 " * 1500),
        ("a.nrrd", b"type: short", b"type: short\ntype: short"),
        ("a.nrrd", b"type: short", b"type: short\nbyteskip: -3"),
    ],
)
def test_headers_that_simpleitk_does_not_survive_or_misreads(tmp_path, name, entry, damage):
    write_itk(tmp_path / name, noise(), compressed=True)
    content = (tmp_path / name).read_bytes()
    assert entry in content
    (tmp_path / name).write_bytes(content.replace(entry, damage))
    with pytest.raises(ImageError):
        read_volume(Source(tmp_path / name))


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_a_name_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / os.fsdecode(b"a\xff.mha")
    write_itk(tmp_path / "a.mha", noise(), compressed=True).path.rename(path)
    with pytest.raises(ImageError, match="UTF-8"):
        read_volume(Source(path))


# Reads damaged copies of one file; a crash of SimpleITK ends this process and not the tests.
FUZZ = """
import sys, warnings
from pathlib import Path
import numpy as np
from segan_tl.data.files.image_error import ImageError
from segan_tl.data.files.images import Source, read_volume

warnings.simplefilter("ignore")
path, generator, read = Path(sys.argv[1]), np.random.default_rng(0), 0
content = path.read_bytes()
start = content.index(b"LOCAL") + 6 if path.suffix == ".mha" else content.index(b"\\n\\n") + 2
odd = [b"-3", b"93", b"nan", b"", b"1e9", b"A" * 3000, b"1 " * 1500, b"LIST", b"0 0 0", b"MET_STRING", b"none"]
for turn in range(150):
    damaged = bytearray(content)
    if turn % 2:
        # Another value for one word of the header.
        words = content[:start].split(b" ")
        word = odd[generator.integers(len(odd))] + b"\\n" * int(generator.integers(2))
        words[generator.integers(1, len(words))] = word
        damaged = b" ".join(words) + content[start:]
    else:
        for place in generator.integers(0, start + 100, 3):
            damaged[place] = generator.integers(256)
    path.write_bytes(damaged)
    try:
        read_volume(Source(path))
        read += 1
    except ImageError as error:
        assert error.path == path and error.reason and error.remedy
print("survived", read)
"""


@pytest.mark.parametrize("suffix", [".mha", ".nrrd"])
@pytest.mark.parametrize("compressed", [False, True])
def test_no_damage_ends_the_process_or_gives_any_other_error(tmp_path, suffix, compressed):
    write_itk(tmp_path / f"a{suffix}", noise(), compressed=compressed)
    command = [sys.executable, "-c", FUZZ, str(tmp_path / f"a{suffix}")]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, result.stderr[-2000:]
    assert "survived" in result.stdout


@pytest.mark.real_data
def test_published_values_of_the_nrrd_example(real_data):
    image = read_volume(Source(real_data / "nrrd" / "brain1_image.nrrd"))
    mask = read_volume(Source(real_data / "nrrd" / "brain1_label.nrrd")).data > 0
    assert mask.sum() == 4137
    assert mask.sum() * image.geometry.voxel_volume_mm3 == pytest.approx(16412.6587, abs=1e-4)
    assert image.data.mean() == pytest.approx(385.6564, abs=1e-4)
    assert image.data[mask].mean() == pytest.approx(825.2354, abs=1e-4)
