"""MetaImage (.mha) and NRRD (.nrrd) files to arrays, by SimpleITK, after a check that every voxel is in the file.

SimpleITK returns wrong voxels for some truncated files without a word, hence the check.
"""

import bz2
import math
import zlib
from pathlib import Path

import numpy as np

from segan_tl.data.image_error import ImageError
from segan_tl.data.nifti import MAX_BYTES, MAX_DEFLATE_RATIO

_HEADER_BYTES = 65536
_META_ITEM_BYTES = {
    "MET_CHAR": 1, "MET_UCHAR": 1, "MET_SHORT": 2, "MET_USHORT": 2, "MET_INT": 4, "MET_UINT": 4, "MET_LONG": 4,
    "MET_ULONG": 4, "MET_LONG_LONG": 8, "MET_ULONG_LONG": 8, "MET_FLOAT": 4, "MET_DOUBLE": 8,
}  # fmt: skip
_NRRD_ITEM_BYTES = {
    "char": 1, "uchar": 1, "short": 2, "ushort": 2, "int": 4, "uint": 4, "longlong": 8, "ulonglong": 8, "float": 4,
    "double": 8, "int8": 1, "uint8": 1, "int16": 2, "uint16": 2, "int32": 4, "uint32": 4, "int64": 8, "uint64": 8,
    "signed char": 1, "unsigned char": 1, "signed short": 2, "unsigned short": 2, "signed int": 4, "unsigned int": 4,
    "int8_t": 1, "uint8_t": 1, "int16_t": 2, "uint16_t": 2, "int32_t": 4, "uint32_t": 4, "int64_t": 8, "uint64_t": 8,
}  # fmt: skip


def read_itk_header(path: Path) -> tuple[tuple[int, ...], np.ndarray]:
    """Read shape and affine (voxel to RAS+ mm) without the voxels.

    Raises:
        ImageError: the file is absent or no MetaImage or NRRD file.
    """
    reader = _open(path)
    affine = _affine(reader.GetSpacing(), reader.GetOrigin(), reader.GetDirection(), path)
    shape = tuple(reader.GetSize())
    components = reader.GetNumberOfComponents()
    return shape if components == 1 else (*shape, components), affine


def read_itk(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read all voxels after checking that the file holds as many as its header declares.

    Returns:
        Array (x, y, z[, channel]) with the file's type; affine (4, 4) voxel to RAS+ mm.

    Raises:
        ImageError: the file is absent, truncated or damaged.
    """
    import SimpleITK

    reader = _open(path)
    _check_length(path)
    try:
        image = reader.Execute()
    except RuntimeError:
        raise ImageError(path, "the file is damaged: its voxels cannot be read") from None
    array = SimpleITK.GetArrayFromImage(image)
    # SimpleITK's arrays are (z, y, x[, channel]).
    array = array.transpose(2, 1, 0, *range(3, array.ndim))
    return array, _affine(image.GetSpacing(), image.GetOrigin(), image.GetDirection(), path)


def _open(path: Path):
    import SimpleITK

    if path.is_dir():
        raise ImageError(path, "this is a folder, not a file", "move the image out of the folder and remove the folder")
    if not path.exists():
        raise ImageError(path, "no such file", "check the name")
    if path.stat().st_size == 0:
        raise ImageError(path, "the file is empty (0 bytes)")
    SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)
    reader = SimpleITK.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError:
        raise ImageError(path, f"this is not a {path.suffix} file, or its header is damaged") from None
    if reader.GetDimension() != 3:
        raise ImageError(path, f"the image has {reader.GetDimension()} dimensions, not 3", "convert it to 3-D images")
    return reader


def _affine(spacing: tuple, origin: tuple, direction: tuple, path: Path) -> np.ndarray:
    if len(spacing) != 3:
        raise ImageError(path, f"the image has {len(spacing)} dimensions, not 3", "convert it to 3-D images")
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(direction, (3, 3)) * np.asarray(spacing)
    affine[:3, 3] = origin
    # ITK's world is LPS, nibabel's RAS: x and y change sign.
    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine


# === Length of the voxels in the file ===


def _check_length(path: Path) -> None:
    content = path.read_bytes()
    if path.suffix.lower() == ".mha":
        start, declared, encoding = _meta_layout(path, content)
    else:
        start, declared, encoding = _nrrd_layout(path, content)
    if declared > MAX_BYTES or declared > len(content) * MAX_DEFLATE_RATIO:
        raise ImageError(
            path, f"the header declares {declared / 2**20:.0f} MiB of voxels but the file has {len(content)} bytes"
        )
    payload = memoryview(content)[start:]
    if encoding == "raw":
        found = len(payload)
    elif encoding in ("zlib", "gzip", "gz"):
        found = _inflated_length(path, payload, wbits=31 if encoding != "zlib" else 15)
    elif encoding in ("bzip2", "bz2"):
        found = _bunzipped_length(path, payload)
    else:
        return
    if found < declared:
        raise ImageError(path, f"the file is truncated: {declared} bytes of voxels were declared, {found} are there")


def _meta_layout(path: Path, content: bytes) -> tuple[int, int, str]:
    """Return the start of the voxels, their uncompressed length in bytes and their encoding."""
    fields, position = {}, 0
    while "ElementDataFile" not in fields:
        end = content.find(b"\n", position, _HEADER_BYTES)
        if end < 0:
            raise ImageError(path, "the header is truncated")
        name, _, value = content[position:end].decode("latin-1").partition("=")
        fields[name.strip()] = value.strip()
        position = end + 1
    if fields["ElementDataFile"].upper() != "LOCAL":
        raise ImageError(
            path, f"the voxels are in another file ({fields['ElementDataFile']})", "save it as one .mha file"
        )
    size = [int(number) for number in fields["DimSize"].split()]
    item = _META_ITEM_BYTES.get(fields.get("ElementType", ""), 1) * int(fields.get("ElementNumberOfChannels", "1"))
    compressed = fields.get("CompressedData", "False").lower() == "true"
    return position, math.prod(size) * item, "zlib" if compressed else "raw"


def _nrrd_layout(path: Path, content: bytes) -> tuple[int, int, str]:
    """Return the start of the voxels, their uncompressed length in bytes and their encoding."""
    fields, position = {}, 0
    while True:
        end = content.find(b"\n", position, _HEADER_BYTES)
        if end < 0:
            raise ImageError(path, "the header is truncated")
        line = content[position:end].decode("latin-1").strip()
        position = end + 1
        if not line:
            break
        name, _, value = line.partition(":")
        fields[name.strip().lower()] = value.strip()
    if "data file" in fields or "datafile" in fields:
        raise ImageError(path, "the voxels are in another file", "save it as one .nrrd file")
    size = [int(number) for number in fields["sizes"].split()]
    return position, math.prod(size) * _NRRD_ITEM_BYTES.get(fields["type"].lower(), 1), fields["encoding"].lower()


def _inflated_length(path: Path, payload: memoryview, *, wbits: int) -> int:
    inflater = zlib.decompressobj(wbits)
    try:
        length = len(inflater.decompress(payload))
    except zlib.error as error:
        raise ImageError(path, f"the file is damaged ({error})") from None
    if not inflater.eof:
        raise ImageError(path, "the file is truncated: its compressed stream ends early")
    return length


def _bunzipped_length(path: Path, payload: memoryview) -> int:
    inflater = bz2.BZ2Decompressor()
    try:
        length = len(inflater.decompress(payload))
    except (OSError, EOFError) as error:
        raise ImageError(path, f"the file is damaged ({error})") from None
    if not inflater.eof:
        raise ImageError(path, "the file is truncated: its compressed stream ends early")
    return length
