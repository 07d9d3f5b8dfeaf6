"""MetaImage (.mha) and NRRD (.nrrd) files to arrays, with a check of every byte.

Read here and not by ITK: SimpleITK 2.5 returns wrong voxels for some truncated files without a word, and crashes the
whole process on some damaged headers. Tests hold the result against SimpleITK's.
"""

import bz2
import math
import re
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from segan_tl.data.image_error import ImageError
from segan_tl.data.nifti import MAX_BYTES, MAX_DEFLATE_RATIO, require_file

_HEADER_BYTES = 65536
_META_TYPES = {
    "MET_CHAR": "i1", "MET_UCHAR": "u1", "MET_SHORT": "i2", "MET_USHORT": "u2", "MET_INT": "i4", "MET_UINT": "u4",
    "MET_LONG": "i4", "MET_ULONG": "u4", "MET_LONG_LONG": "i8", "MET_ULONG_LONG": "u8", "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}  # fmt: skip
_NRRD_TYPES = {
    "char": "i1", "short": "i2", "int": "i4", "longlong": "i8", "long long": "i8", "float": "f4", "double": "f8",
    "int8": "i1", "int16": "i2", "int32": "i4", "int64": "i8",
}  # fmt: skip
_INFLATERS = {
    "zlib": zlib.decompressobj,
    "gzip": lambda: zlib.decompressobj(wbits=31),
    "gz": lambda: zlib.decompressobj(wbits=31),
    "bzip2": bz2.BZ2Decompressor,
    "bz2": bz2.BZ2Decompressor,
}
# ITK's world is LPS, nibabel's RAS: x and y change sign.
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_NRRD_TO_RAS = {
    "left-posterior-superior": _LPS_TO_RAS,
    "right-anterior-superior": np.eye(4),
    "left-anterior-superior": np.diag([-1.0, 1.0, 1.0, 1.0]),
}


@dataclass(frozen=True, eq=False)
class _Layout:
    """What a header says: grid as stored (fastest axis first), which axis holds channels, type, encoding, affine."""

    sizes: tuple[int, ...]
    channel_axis: int | None
    dtype: np.dtype
    encoding: str
    affine: np.ndarray
    start: int

    @property
    def shape(self) -> tuple[int, ...]:
        if self.channel_axis is None:
            return self.sizes
        return (*np.delete(self.sizes, self.channel_axis).tolist(), self.sizes[self.channel_axis])


def read_itk_header(path: Path) -> tuple[tuple[int, ...], np.ndarray]:
    """Read shape and affine (voxel to RAS+ mm) without the voxels.

    Raises:
        ImageError: the file is absent or no MetaImage or NRRD file.
    """
    require_file(path)
    with path.open("rb") as stream:
        layout = _parse(path, stream.read(_HEADER_BYTES))
    return layout.shape, layout.affine


def read_itk(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read all voxels and verify that the file holds as many as its header declares.

    Returns:
        Array (x, y, z[, channel]) with the file's type; affine (4, 4) voxel to RAS+ mm.

    Raises:
        ImageError: the file is absent, truncated or damaged.
    """
    require_file(path)
    content = path.read_bytes()
    layout = _parse(path, content)
    declared = math.prod(layout.sizes) * layout.dtype.itemsize
    if declared > MAX_BYTES or declared > len(content) * MAX_DEFLATE_RATIO:
        size = f"{declared / 2**20:.0f} MiB of voxels but the file has {len(content)} bytes"
        raise ImageError(path, f"the header declares {size}")
    payload = memoryview(content)[layout.start :]
    if layout.encoding != "raw":
        payload = _inflate(path, payload, _INFLATERS[layout.encoding](), limit=declared)
    if len(payload) < declared:
        found = f"{declared} bytes of voxels were declared, {len(payload)} are there"
        raise ImageError(path, f"the file is truncated: {found}")
    array = np.frombuffer(bytearray(payload[:declared]), layout.dtype).reshape(layout.sizes, order="F")
    array = array.astype(layout.dtype.newbyteorder("="), copy=False)
    return array if layout.channel_axis is None else np.moveaxis(array, layout.channel_axis, -1), layout.affine


def _inflate(path: Path, payload: memoryview, inflater, *, limit: int) -> bytes:
    """Decompress a little beyond `limit` at most; reaching the end verifies the checksum of the stream."""
    try:
        inflated = inflater.decompress(payload, limit + 1)
    except (zlib.error, OSError) as error:
        raise ImageError(path, f"the file is damaged ({error})") from None
    if len(inflated) <= limit and not inflater.eof:
        raise ImageError(path, "the file is truncated: its compressed stream ends early")
    return inflated


# === Headers ===


def _parse(path: Path, content: bytes) -> _Layout:
    parse = _parse_meta if path.suffix.lower() == ".mha" else _parse_nrrd
    try:
        layout = parse(path, content)
    except (KeyError, ValueError, IndexError):
        raise ImageError(path, f"this is not a {path.suffix.lower()} file, or its header is damaged") from None
    if len(layout.shape) not in (3, 4) or min(layout.shape) < 1 or layout.encoding not in ("raw", *_INFLATERS):
        reason = f"the image is {'×'.join(map(str, layout.shape))}, encoding {layout.encoding}: this is not supported"
        raise ImageError(path, reason, "convert it to a 3-D .nii.gz file")
    return layout


def _lines(path: Path, content: bytes):
    """Yield the lines of a header and where the next one begins."""
    position = 0
    while True:
        end = content.find(b"\n", position, _HEADER_BYTES)
        if end < 0:
            raise ImageError(path, f"the header is truncated, or this is not a {path.suffix.lower()} file")
        line, position = content[position:end].decode("latin-1").strip(), end + 1
        yield line, position


def _parse_meta(path: Path, content: bytes) -> _Layout:
    fields = {}
    for line, position in _lines(path, content):
        name, _, value = line.partition("=")
        fields[name.strip()] = value.strip()
        if "ElementDataFile" in fields:
            break
    if fields["ElementDataFile"].upper() != "LOCAL":
        raise ImageError(path, "the voxels are in another file", "save the image as one .nii.gz file")
    if fields.get("BinaryData", "True").lower() != "true" or int(fields["NDims"]) != 3:
        raise ValueError
    big = fields.get("BinaryDataByteOrderMSB", fields.get("ElementByteOrderMSB", "False")).lower() == "true"
    sizes, channels = tuple(map(int, fields["DimSize"].split())), int(fields.get("ElementNumberOfChannels", "1"))
    spacing = fields.get("ElementSpacing") or fields.get("ElementSize") or "1 1 1"
    directions = (
        fields.get("TransformMatrix") or fields.get("Rotation") or fields.get("Orientation") or "1 0 0 0 1 0 0 0 1"
    )
    affine = np.eye(4)
    # The first three numbers of the matrix are the direction of the first axis.
    affine[:3, :3] = np.reshape(_numbers(directions), (3, 3)).T * _numbers(spacing)
    affine[:3, 3] = _numbers(fields.get("Offset") or fields.get("Position") or fields.get("Origin") or "0 0 0")
    return _Layout(
        sizes=sizes if channels == 1 else (channels, *sizes),
        channel_axis=None if channels == 1 else 0,
        dtype=np.dtype((">" if big else "<") + _META_TYPES[fields["ElementType"]]),
        encoding="zlib" if fields.get("CompressedData", "False").lower() == "true" else "raw",
        affine=_LPS_TO_RAS @ affine,
        start=position,
    )


def _parse_nrrd(path: Path, content: bytes) -> _Layout:
    fields = {}
    for line, position in _lines(path, content):
        if not line:
            break
        name, _, value = line.partition(":")
        fields[name.strip().lower()] = value.strip()
    if not content.startswith(b"NRRD") or fields.get("byte skip", "0") != "0" or fields.get("line skip", "0") != "0":
        raise ValueError
    if "data file" in fields or "datafile" in fields:
        raise ImageError(path, "the voxels are in another file", "save the image as one .nii.gz file")
    sizes = tuple(map(int, fields["sizes"].split()))
    affine, channel_axis = _nrrd_affine(fields, len(sizes))
    return _Layout(
        sizes=sizes,
        channel_axis=channel_axis,
        dtype=_nrrd_type(fields["type"].lower(), big=fields.get("endian", "little").lower() == "big"),
        encoding=fields["encoding"].lower(),
        affine=affine,
        start=position,
    )


def _nrrd_type(name: str, *, big: bool) -> np.dtype:
    unsigned = name.startswith(("u", "unsigned"))
    name = re.sub(r"^(signed |unsigned |u(?=int|char|short|long))", "", name).removesuffix("_t")
    code = _NRRD_TYPES[name]
    return np.dtype((">" if big else "<") + (code.replace("i", "u") if unsigned else code))


def _nrrd_affine(fields: dict[str, str], dimension: int) -> tuple[np.ndarray, int | None]:
    """Return the affine and the axis without a direction, which holds the channels."""
    affine = np.eye(4)
    if "space directions" not in fields:
        spacings = _numbers(fields.get("spacings", "1 " * dimension))
        affine[:3, :3] = np.diag(spacings[:3])
        return _LPS_TO_RAS @ affine, None
    vectors = re.findall(r"none|\([^)]*\)", fields["space directions"])
    axes = [axis for axis, vector in enumerate(vectors) if vector != "none"]
    if len(vectors) != dimension or len(axes) != 3:
        raise ValueError
    affine[:3, :3] = np.array([_numbers(vectors[axis]) for axis in axes]).T
    affine[:3, 3] = _numbers(fields.get("space origin", "(0,0,0)"))
    space = fields.get("space", "left-posterior-superior").lower()
    names = {"lps": "left-posterior-superior", "ras": "right-anterior-superior", "las": "left-anterior-superior"}
    channel_axes = [axis for axis in range(dimension) if axis not in axes]
    return _NRRD_TO_RAS[names.get(space, space)] @ affine, channel_axes[0] if channel_axes else None


def _numbers(text: str) -> np.ndarray:
    return np.array([float(number) for number in re.split(r"[\s,()]+", text) if number])
