"""NIfTI files and .hdr/.img pairs to arrays: the header by nibabel, the voxels checked for truncation and damage.

Which of its two orientations counts is nibabel's rule: the sform where its code is above 0, else the qform where its
code is, else the voxel size alone. Units of metres and microns are brought to mm; no unit means mm.
"""

import math
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.spatialimages import HeaderDataError

from segan_tl.data.files.formats import voxels_of
from segan_tl.data.files.geometry import CORNER_TOLERANCE_VOXELS, Frame, NiftiHeader, affine_shift_mm
from segan_tl.data.files.image_error import ImageError
from segan_tl.data.files.streams import MAX_BYTES, read_start, read_to_end

_HEADER_BYTES = 540
_MM = {1: 1000.0, 3: 0.001}  # of one unit, by the three lowest bits of xyzt_units; all else is mm
_MARKS = {nib.Nifti1Header: (b"n+1", b"ni1"), nib.Nifti2Header: (b"n+2", b"ni2")}
_PLACE = (
    "pixdim", "xyzt_units", "qform_code", "sform_code", "quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y",
    "qoffset_z", "srow_x", "srow_y", "srow_z", "intent_code", "intent_p1", "intent_p2", "intent_p3", "intent_name",
)  # fmt: skip
_ANALYZE = "convert it to .nii.gz and state its orientation (FreeSurfer: mri_convert --in_orientation LAS IN OUT)"


def read_nifti_header(path: Path) -> tuple[tuple[int, ...], Frame]:
    """Read shape and place from the header alone.

    Raises:
        ImageError: no such file, not a NIfTI file, or a header that cannot be true.
    """
    header = _parse_header(path, read_start(path, _HEADER_BYTES))
    return _shape(path, header), _frame(path, header)


def read_nifti(path: Path) -> np.ndarray:
    """Read all voxels and verify the file, of a pair both files, to the last byte.

    Returns:
        Array as stored (x, y, z[, channel]), trailing axes of length 1 removed; the file's own type, or float32 where
        the header states a scaling.

    Raises:
        ImageError: the file is absent, truncated, damaged, or its header cannot be true.
    """
    header = _parse_header(path, read_start(path, _HEADER_BYTES))
    place, offset, dtype = path, _offset(path, header), _dtype(path, header)
    if _is_pair(header):
        read_to_end(path, header.template_dtype.itemsize)
        place = _voxel_file(path)
    length = math.prod(_full_shape(path, header)) * dtype.itemsize
    content = read_to_end(place, offset + length)
    voxels = content[offset:].view(dtype).astype(dtype.newbyteorder("="), copy=False)
    return _scale(path, voxels, header).reshape(_shape(path, header), order="F")


def make_nifti(stored: np.ndarray, own: NiftiHeader) -> nib.Nifti1Image:
    """Return an image of other voxels on the grid of `own`: its kind of NIfTI, orientations, codes, units and intent.

    Any program that has its own rule for which orientation counts thus puts both in one place.
    """
    is_second = isinstance(own, nib.Nifti2Header)
    header = nib.Nifti2Header() if is_second else nib.Nifti1Header()
    for field in _PLACE:
        header[field] = own[field]
    kind = nib.Nifti2Image if is_second else nib.Nifti1Image
    return kind(stored, None, header, dtype=stored.dtype)


# === Header ===


def _parse_header(path: Path, start: bytes) -> NiftiHeader:
    sizes = {int.from_bytes(start[:4], "little"), int.from_bytes(start[:4], "big")}
    kind = nib.Nifti1Header if 348 in sizes else nib.Nifti2Header if 540 in sizes else None
    if kind is None:
        raise ImageError(path, "this is not a NIfTI file, or its start is damaged")
    length = kind.template_dtype.itemsize
    if len(start) < length:
        raise ImageError(path, f"the file is truncated: {len(start)} bytes are there, the header alone has {length}")
    header = kind(start[:length], check=False)
    if header["magic"].item() not in _MARKS[kind]:
        raise ImageError(path, "this is Analyze 7.5, which does not tell left from right, or it is damaged", _ANALYZE)
    for name in ("qform_code", "sform_code"):
        if not 0 <= int(header[name]) <= 5:
            raise ImageError(path, f"the header is damaged ({name} {int(header[name])}, which is none)")
    if header["pixdim"][0] not in (-1, 1):
        # The standard reads 0 as 1 here; nibabel refuses it.
        header["pixdim"][0] = 1
    return header


def _is_pair(header: NiftiHeader) -> bool:
    return header["magic"].item()[:2] == b"ni"


def _voxel_file(path: Path) -> Path:
    found = voxels_of(path)
    if not found:
        raise ImageError(path, "its voxels are missing (an .img file of the same name)", "put them beside it")
    if len(found) > 1:
        raise ImageError(path, f"its voxels are in {found[0].name} and in {found[1].name}", "remove one of the two")
    return found[0]


def _full_shape(path: Path, header: NiftiHeader) -> tuple[int, ...]:
    try:
        shape = tuple(int(size) for size in header.get_data_shape())
    except (HeaderDataError, ValueError) as error:
        raise ImageError(path, f"the header is damaged ({error})") from None
    if not 1 <= int(header["dim"][0]) <= 7 or not shape or min(shape) < 1:
        raise ImageError(path, f"the header is damaged (grid {shape})")
    return shape


def _offset(path: Path, header: NiftiHeader) -> int:
    """Return where the voxels begin; some writers leave 0 there."""
    offset, least = float(header["vox_offset"]), 0 if _is_pair(header) else header.template_dtype.itemsize
    if offset and not least <= offset < MAX_BYTES or offset % 1:
        raise ImageError(path, f"the header is damaged (voxels from byte {offset:g})")
    return max(int(offset), least and least + 4)


def _shape(path: Path, header: NiftiHeader) -> tuple[int, ...]:
    shape = _full_shape(path, header)
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    return shape


def _dtype(path: Path, header: NiftiHeader) -> np.dtype:
    try:
        dtype = header.get_data_dtype()
    except (HeaderDataError, KeyError):
        raise ImageError(path, f"the header names an unknown voxel type ({int(header['datatype'])})") from None
    if dtype.kind not in "iuf":
        raise ImageError(path, f"the voxels are {dtype}, not plain numbers", "convert the image to a scalar type")
    return dtype


def _scale(path: Path, voxels: np.ndarray, header: NiftiHeader) -> np.ndarray:
    try:
        slope, intercept = header.get_slope_inter()
    except HeaderDataError as error:
        raise ImageError(path, f"the header is damaged ({error})") from None
    if slope is None or (slope, intercept) == (1, 0):
        return voxels
    return (voxels.astype(np.float64) * slope + intercept).astype(np.float32)


# === Place ===


def _frame(path: Path, header: NiftiHeader) -> Frame:
    edges = header["pixdim"][1:4]
    if not int(header["sform_code"]) and not (edges > 0).all():
        found = "×".join(f"{edge:.3g}" for edge in edges)
        raise ImageError(path, f"the header states a voxel of {found}, which cannot be", "export the image again")
    mm = np.diag([*[_MM.get(int(header["xyzt_units"]) & 7, 1.0)] * 3, 1.0])
    try:
        affine = mm @ np.asarray(header.get_best_affine(), np.float64)
    except (HeaderDataError, ValueError) as error:
        raise ImageError(path, f"the header's orientation is damaged ({error})") from None
    return Frame(affine, header, _doubt(header, mm, affine, _shape(path, header)))


def _doubt(header: NiftiHeader, mm: np.ndarray, affine: np.ndarray, shape: tuple[int, ...]) -> str:
    """Say what is doubtful about the orientation, "" where nothing is."""
    q_code, s_code = int(header["qform_code"]), int(header["sform_code"])
    if not q_code and not s_code:
        return "the header states no orientation (qform and sform code 0): which side is left is a guess"
    if not q_code or not s_code or len(shape) < 3:
        return ""
    try:
        shift_mm = affine_shift_mm(affine, mm @ header.get_qform(), shape[:3])
    except (HeaderDataError, ValueError):
        return "the header's qform is damaged; its sform counts"
    if not shift_mm > CORNER_TOLERANCE_VOXELS * np.linalg.norm(affine[:3, :3], axis=0).min():
        return ""
    return f"qform (code {q_code}) and sform (code {s_code}) put a corner {shift_mm:.3g} mm apart; the sform counts"
