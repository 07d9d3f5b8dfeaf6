"""NIfTI files to arrays: the header by nibabel, the voxels checked for truncation, damage and header bombs.

A damaged .nii.gz makes some readers return wrong voxels without a word; here the stream is always read to its
end, so that its length and its CRC are verified.
"""

import gzip
import math
import zlib
from pathlib import Path
from typing import BinaryIO

import nibabel as nib
import numpy as np
from nibabel.spatialimages import HeaderDataError

from segan_tl.data.image_error import ImageError
from segan_tl.reading import find_fault

MAX_BYTES = 8 * 2**30
# deflate cannot compress better than 1032 : 1, so a header that declares more than that lies.
MAX_DEFLATE_RATIO = 1032
_HEADER_BYTES = 540
_CHUNK_BYTES = 2**20

Header = nib.Nifti1Header | nib.Nifti2Header


def read_nifti_header(path: Path) -> tuple[tuple[int, ...], np.ndarray]:
    """Read shape and affine (voxel to RAS+ mm) from the header alone.

    Raises:
        ImageError: no such file, not a NIfTI file, or a header that cannot be true.
    """
    with _open(path) as stream:
        header = _parse_header(path, _read(path, stream, _HEADER_BYTES))
    return _shape(path, header), _affine(path, header)


def read_nifti(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read all voxels and verify the file to its last byte.

    Returns:
        Array as stored (x, y, z[, channel]), trailing axes of length 1 removed; the file's own type, or float32 where
        the header states a scaling; affine (4, 4) voxel to RAS+ mm.

    Raises:
        ImageError: the file is absent, truncated, damaged, or its header cannot be true.
    """
    with _open(path) as stream:
        start = _read(path, stream, _HEADER_BYTES)
        header = _parse_header(path, start)
        dtype = _dtype(path, header)
        offset = _offset(path, header)
        length = math.prod(_full_shape(path, header)) * dtype.itemsize
        _refuse_bomb(path, offset + length)
        content = bytearray(start) + _read(path, stream, max(offset + length - len(start), 0))
        if len(content) < offset + length:
            found = f"{offset + length} bytes were declared, {len(content)} are there"
            raise ImageError(path, f"the file is truncated: {found}")
        _drain(path, stream)
    voxels = np.frombuffer(content, dtype, count=length // dtype.itemsize, offset=offset)
    voxels = _scale(path, voxels.astype(dtype.newbyteorder("="), copy=False), header)
    return voxels.reshape(_shape(path, header), order="F"), _affine(path, header)


# === Bytes ===


def require_file(path: Path) -> None:
    """Refuse what is no readable file with something in it.

    Raises:
        ImageError: it is empty, or anything that `reading.require_file` refuses.
    """
    if fault := find_fault(path):
        raise ImageError(path, *fault)
    if not path.stat().st_size:
        raise ImageError(path, "the file is empty (0 bytes)")


def _open(path: Path) -> BinaryIO:
    """Open a file for reading; a gzip stream is known by its first bytes, whatever the name says."""
    require_file(path)
    with path.open("rb") as stream:
        is_gzip = stream.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rb") if is_gzip else path.open("rb")


def _read(path: Path, stream: BinaryIO, count: int) -> bytes:
    try:
        return stream.read(count)
    except EOFError:
        raise ImageError(path, "the file is truncated: its compressed stream ends early") from None
    except (OSError, zlib.error) as error:
        raise ImageError(path, f"the file is damaged ({error})") from None


def _drain(path: Path, stream: BinaryIO) -> None:
    """Read what follows the voxels, because gzip verifies its CRC only at the end of the stream."""
    for _ in range(64):
        if not _read(path, stream, _CHUNK_BYTES):
            return
    raise ImageError(path, "the file holds far more data than its header declares")


def _refuse_bomb(path: Path, declared: int) -> None:
    size = path.stat().st_size
    if declared > MAX_BYTES or declared > max(size, 1) * MAX_DEFLATE_RATIO:
        raise ImageError(
            path, f"the header declares {declared / 2**20:.0f} MiB of voxels but the file has {size} bytes"
        )


# === Header ===


def _parse_header(path: Path, start: bytes) -> Header:
    sizes = {int.from_bytes(start[:4], "little"), int.from_bytes(start[:4], "big")}
    kind = nib.Nifti1Header if 348 in sizes else nib.Nifti2Header if 540 in sizes else None
    if kind is None:
        raise ImageError(path, "this is not a NIfTI file, or its start is damaged")
    length = kind.template_dtype.itemsize
    if len(start) < length:
        raise ImageError(path, f"the file is truncated: {len(start)} bytes are there, the header alone has {length}")
    header = kind(start[:length], check=False)
    if header["magic"].item()[:2] != b"n+":
        raise ImageError(
            path, "the header has no voxels of its own (a .hdr/.img pair?)", "convert it to a single .nii.gz file"
        )
    if header["pixdim"][0] not in (-1, 1):
        # The standard reads 0 as 1 here; nibabel refuses it.
        header["pixdim"][0] = 1
    return header


def _full_shape(path: Path, header: Header) -> tuple[int, ...]:
    try:
        shape = tuple(int(size) for size in header.get_data_shape())
    except (HeaderDataError, ValueError) as error:
        raise ImageError(path, f"the header is damaged ({error})") from None
    if not 1 <= int(header["dim"][0]) <= 7 or not shape or min(shape) < 1:
        raise ImageError(path, f"the header is damaged (grid {shape})")
    return shape


def _offset(path: Path, header: Header) -> int:
    """Return where the voxels begin; some writers leave 0 there."""
    offset = float(header["vox_offset"])
    if not 0 <= offset < MAX_BYTES:
        raise ImageError(path, f"the header is damaged (voxels from byte {offset:g})")
    return max(int(offset), header.template_dtype.itemsize + 4)


def _shape(path: Path, header: Header) -> tuple[int, ...]:
    shape = _full_shape(path, header)
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    return shape


def _dtype(path: Path, header: Header) -> np.dtype:
    try:
        dtype = header.get_data_dtype()
    except (HeaderDataError, KeyError):
        raise ImageError(path, f"the header names an unknown voxel type ({int(header['datatype'])})") from None
    if dtype.kind not in "iuf":
        raise ImageError(path, f"the voxels are {dtype}, not plain numbers", "convert the image to a scalar type")
    return dtype


def _affine(path: Path, header: Header) -> np.ndarray:
    try:
        affine = header.get_best_affine()
    except (HeaderDataError, ValueError) as error:
        raise ImageError(path, f"the header's orientation is damaged ({error})") from None
    return np.asarray(affine, np.float64)


def _scale(path: Path, voxels: np.ndarray, header: Header) -> np.ndarray:
    try:
        slope, intercept = header.get_slope_inter()
    except HeaderDataError as error:
        raise ImageError(path, f"the header is damaged ({error})") from None
    if slope is None or (slope, intercept) == (1, 0):
        return voxels
    return (voxels.astype(np.float64) * slope + intercept).astype(np.float32)
