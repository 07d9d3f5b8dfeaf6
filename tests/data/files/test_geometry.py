"""Where voxels lie: qform, sform and their codes, units, grids that are the same and heads that cannot be."""

import itertools

import nibabel as nib
import numpy as np
import pytest
import SimpleITK

from segan_tl.data.files.geometry import Geometry, find_grid_fault
from segan_tl.data.files.image_error import ImageError
from segan_tl.data.files.images import Source, read_header, read_volume, write_volume
from segan_tl.data.find.cases import find_cases, load_case
from segan_tl.predict.outputs import write_probability

SHAPE = (20, 24, 16)
SFORM = np.array([[-2.0, 0, 0, 60], [0, -2.0, 0, 70], [0, 0, 2.0, -50], [0, 0, 0, 1]])
FLIPPED = np.diag([-1.0, 1, 1, 1]) @ SFORM  # left and right exchanged: 60 mm become -60 mm at the first voxel
PLACE = (
    "qform_code", "sform_code", "quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y", "qoffset_z",
    "srow_x", "srow_y", "srow_z", "pixdim", "xyzt_units", "intent_code", "intent_p1", "intent_name",
)  # fmt: skip


def write_image(path, *, codes=(1, 1), qform=SFORM, kind=nib.Nifti1Image, units="mm", in_mm=1.0):
    """Write voxels 0, 1, 2, … with both orientations in the header, whatever the codes are, in units of `in_mm` mm."""
    scale = np.diag([1 / in_mm] * 3 + [1])
    image = kind(np.arange(np.prod(SHAPE), dtype=np.int16).reshape(SHAPE), np.eye(4))
    image.set_sform(scale @ SFORM, 1)
    image.set_qform(scale @ qform, 1)
    image.header["qform_code"], image.header["sform_code"] = codes
    image.header.set_xyzt_units(units, "sec")
    image.header.set_intent("t test", (8,), name="own")
    nib.save(kind(np.asarray(image.dataobj), None, image.header), path)
    return Source(path)


def distance_mm(path, other) -> float:
    """Return how far apart ITK puts the same voxels of two files."""
    one, two = SimpleITK.ReadImage(str(path)), SimpleITK.ReadImage(str(other))
    corners = itertools.product(*((0, size - 1) for size in SHAPE))
    places = [[image.TransformIndexToPhysicalPoint(corner) for image in (one, two)] for corner in corners]
    return max(float(np.linalg.norm(np.subtract(*pair))) for pair in places)


# === Two orientations ===


@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
@pytest.mark.parametrize("codes", [(1, 1), (1, 2), (1, 4), (2, 1), (0, 0), (1, 0), (0, 1), (3, 0)])
@pytest.mark.parametrize("qform", [SFORM, FLIPPED], ids=["same", "flipped"])  # flipped: pixdim[0] is -1
def test_masks_and_probabilities_have_the_orientations_of_their_own_image(tmp_path, kind, codes, qform):
    volume = read_volume(write_image(tmp_path / "a.nii.gz", codes=codes, qform=qform, kind=kind))
    write_volume(tmp_path / "mask.nii.gz", (volume.data > 100).astype(np.uint8), volume.geometry)
    write_probability(tmp_path / "both.nii.gz", np.stack([volume.data > 100] * 2, -1) / 2, volume.geometry)
    image, mask = nib.load(tmp_path / "a.nii.gz"), nib.load(tmp_path / "mask.nii.gz")
    both = nib.load(tmp_path / "both.nii.gz")
    assert mask.get_data_dtype() == np.uint8 and both.shape == (*SHAPE, 2)
    assert np.array_equal(np.asarray(mask.dataobj), np.asarray(image.dataobj) > 100)
    for written in (mask, both):
        assert type(written) is kind
        assert all(np.array_equal(image.header[field], written.header[field]) for field in PLACE)
    if kind is nib.Nifti1Image:  # SimpleITK reads no NIfTI-2
        assert distance_mm(tmp_path / "a.nii.gz", tmp_path / "mask.nii.gz") == 0


def test_a_loaded_case_knows_the_header_of_its_first_image(tmp_path):
    for name in ("flair", "t1"):
        write_image(tmp_path / f"P_{name}.nii.gz", codes=(1, 2) if name == "flair" else (0, 1), qform=FLIPPED)
    loaded = load_case(find_cases(tmp_path).cases[0], ("flair", "t1"), with_mask=False)
    write_volume(tmp_path / "mask.nii.gz", loaded.image[..., 0] > 100, loaded.geometry)
    assert distance_mm(tmp_path / "P_flair.nii.gz", tmp_path / "mask.nii.gz") == 0


@pytest.mark.parametrize(
    ("codes", "qform", "remark"),
    [
        ((1, 1), SFORM, ""),
        # The corner that moves farthest lies at x = 60 mm and becomes -60 mm.
        ((1, 2), FLIPPED, "qform (code 1) and sform (code 2) put a corner 120 mm apart; the sform counts"),
        ((0, 2), FLIPPED, ""),
        ((1, 0), FLIPPED, ""),
        ((0, 0), SFORM, "the header states no orientation (qform and sform code 0): which side is left is a guess"),
    ],
)
def test_what_is_doubtful_about_an_orientation_is_said(tmp_path, codes, qform, remark):
    for units, in_mm in (("mm", 1.0), ("meter", 1000.0)):
        geometry = read_header(write_image(tmp_path / "a.nii", codes=codes, qform=qform, units=units, in_mm=in_mm))
        assert geometry.remark == remark


def test_the_sform_counts_and_the_qform_where_there_is_no_sform(tmp_path):
    assert read_header(write_image(tmp_path / "a.nii", qform=FLIPPED)).affine[0, 3] == 60
    assert read_header(write_image(tmp_path / "b.nii", qform=FLIPPED, codes=(1, 0))).affine[0, 3] == -60


# === Units ===


@pytest.mark.parametrize(("units", "in_mm"), [("meter", 1000.0), ("micron", 0.001), ("mm", 1.0), ("unknown", 1.0)])
@pytest.mark.parametrize("codes", [(1, 1), (1, 0), (0, 0)])
def test_units_of_the_header_are_applied_and_kept(tmp_path, units, in_mm, codes):
    volume = read_volume(write_image(tmp_path / "a.nii", units=units, in_mm=in_mm, codes=codes))
    assert volume.spacing_mm == pytest.approx((2, 2, 2))
    assert volume.geometry.voxel_volume_mm3 == pytest.approx(8)
    if codes != (0, 0):
        assert np.allclose(volume.geometry.affine, SFORM, atol=1e-4)
    write_volume(tmp_path / "b.nii", volume.data, volume.geometry)
    own, written = nib.load(tmp_path / "a.nii").header, nib.load(tmp_path / "b.nii").header
    assert own.get_xyzt_units() == written.get_xyzt_units() == (units, "sec")
    assert np.array_equal(own["pixdim"], written["pixdim"])


@pytest.mark.parametrize(
    ("units", "in_mm", "reason"),
    [
        ("mm", 1000.0, "a head of 0.04×0.048×0.032 mm"),  # metres that are said to be mm
        ("micron", 1.0, "a head of 0.04×0.048×0.032 mm"),  # mm that are said to be microns
        ("meter", 1.0, r"a voxel of 2e\+03×2e\+03×2e\+03 mm"),  # and metres: 2 m
        ("mm", 0.001, r"a voxel of 2e\+03×2e\+03×2e\+03 mm"),
        ("mm", 0.05, "a head of 800×960×640 mm"),
    ],
)
def test_what_cannot_be_a_head_is_refused_by_its_header(tmp_path, units, in_mm, reason):
    source = write_image(tmp_path / "a.nii", units=units, in_mm=in_mm)
    for read in (read_header, read_volume):
        with pytest.raises(ImageError, match=f"{reason}, which cannot be; "):
            read(source)


@pytest.mark.parametrize(
    ("shape", "spacing_mm"),
    [((512, 512, 25), (0.45, 0.45, 6.5)),
     ((256, 256, 1), (0.9, 0.9, 5)), ((550, 55, 30), (1, 10, 10)), ((8, 7, 6), (1, 1, 2))],
)  # fmt: skip
def test_heads_and_parts_of_heads_are_read(tmp_path, shape, spacing_mm):
    nib.save(nib.Nifti1Image(np.zeros(shape, np.uint8), np.diag([*spacing_mm, 1.0])), tmp_path / "a.nii.gz")
    assert read_header(Source(tmp_path / "a.nii.gz")).spacing_mm == pytest.approx(spacing_mm)


@pytest.mark.parametrize("edge", [0.0, -1.0, np.nan, np.inf, 1e-30, 1e30])
@pytest.mark.parametrize("codes", [(1, 0), (0, 0)])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_an_absurd_voxel_size_is_refused(tmp_path, edge, codes):
    source = write_image(tmp_path / "a.nii", codes=codes)
    content = bytearray(source.path.read_bytes())
    content[80:84] = np.float32(edge).tobytes()  # pixdim[1]
    source.path.write_bytes(content)
    with pytest.raises(ImageError, match="orientation|voxel"):
        read_volume(source)


# === One grid or two ===


@pytest.mark.parametrize(("voxels", "same"), [(0.0, True), (0.004, True), (0.09, True), (0.11, False), (0.5, False)])
@pytest.mark.parametrize("spacing_mm", [(1.0, 1.0, 1.0), (0.5, 2.0, 6.5)])
def test_a_tenth_of_the_shortest_edge_makes_another_grid(voxels, same, spacing_mm):
    one = Geometry(SHAPE, np.diag([-spacing_mm[0], -spacing_mm[1], spacing_mm[2], 1.0]))
    moved = one.affine.copy()
    moved[2, 3] += voxels * min(spacing_mm)
    fault = find_grid_fault(one, Geometry(SHAPE, moved), than="the truth")
    assert (fault is None) == same
    away = f"a corner is {voxels * min(spacing_mm):.3g} mm away"
    assert same or fault == f"it lies elsewhere in space than the truth: {away}"


def test_another_shape_is_another_grid():
    one, two = Geometry(SHAPE, SFORM), Geometry((20, 24, 17), SFORM)
    assert find_grid_fault(one, two) == "its grid is 20×24×17, the first's 20×24×16"


def test_a_file_with_its_qform_alone_lies_where_its_neighbours_lie(tmp_path):
    # A rotation by angles without a short number: quaternions in float32 are off by some micrometres.
    turn = np.array([[0.9998, -0.0175, 0.0101], [0.0174, 0.9998, 0.0088], [-0.0103, -0.0086, 0.9999]])
    left, _, right = np.linalg.svd(turn)
    affine = np.eye(4)
    affine[:3, :3] = left @ right @ np.diag([-1.0, -1, 1])
    image = nib.Nifti1Image(np.zeros((240, 240, 16), np.uint8), affine)
    image.set_sform(affine, 1)
    image.set_qform(affine, 1)
    nib.save(image, tmp_path / "both.nii.gz")
    image.header["sform_code"] = 0
    nib.save(nib.Nifti1Image(np.asarray(image.dataobj), None, image.header), tmp_path / "qform.nii.gz")
    both, alone = (read_header(Source(tmp_path / f"{name}.nii.gz")) for name in ("both", "qform"))
    assert not np.array_equal(both.affine, alone.affine)
    assert find_grid_fault(both, alone) is None and both.remark == ""
