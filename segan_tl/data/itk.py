"""MetaImage (.mha) and NRRD (.nrrd) files to arrays, by SimpleITK behind a guard.

SimpleITK 2.5 ends the whole process on some headers (MetaImage: NDims of -3 or 93, a Name of 300 characters; NRRD: a
long value in nearly any field; both: a path that is not UTF-8; see https://github.com/Kitware/MetaIO/issues/150) and
returns wrong voxels for some truncated files without a word. It is given only files whose header is plain and whose
voxels are all there.
"""

import math
import re
import zlib
from pathlib import Path

import numpy as np

from segan_tl.data.image_error import ImageError
from segan_tl.data.nifti import MAX_BYTES, MAX_DEFLATE_RATIO, require_file

_HEADER_BYTES = 65536
_CHUNK_BYTES = 2**20
# ITK's world is LPS, nibabel's RAS: x and y change sign.
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])

_NUMBER = r"[-+]?(\d{1,20}\.?\d{0,20}|\.\d{1,20})(e[-+]?\d{1,2})?"
_FLAG, _SIZE = "true|false", r"[1-9]\d{0,4}"
_THREE, _FOUR, _NINE = (rf"{_NUMBER}(\s+{_NUMBER}){{{count - 1}}}" for count in (3, 4, 9))
_VECTOR = rf"\(\s*{_NUMBER}(\s*,\s*{_NUMBER}){{2}}\s*\)"
# What a field may hold; MetaImage fields of the wrong length take their numbers from the next line. Those of NRRD are
# looked up without spaces: "byteskip" is "byte skip".
_FIELDS = {
    "ObjectType": "image", "NDims": "3", "DimSize": rf"{_SIZE}(\s+{_SIZE}){{2}}", "ElementType": "met_[a-z_]{3,12}",
    "ElementDataFile": "local", "ElementNumberOfChannels": r"[1-9]\d{0,3}", "BinaryData": "true", "HeaderSize": "0",
    "BinaryDataByteOrderMSB": _FLAG, "ElementByteOrderMSB": _FLAG, "CompressedData": _FLAG,
    "CompressedDataSize": r"\d{1,12}", "ElementSpacing": _THREE, "ElementSize": _THREE, "Offset": _THREE,
    "Position": _THREE, "Origin": _THREE, "CenterOfRotation": _THREE, "TransformMatrix": _NINE, "Rotation": _NINE,
    "Orientation": _NINE, "Color": _FOUR, "SequenceID": _FOUR, "ElementMin": _NUMBER, "ElementMax": _NUMBER,
    "ElementToIntensityFunctionSlope": _NUMBER, "ElementToIntensityFunctionOffset": _NUMBER, "ElementNBits": _SIZE,
    "ID": r"-?\d{1,9}", "ParentID": r"-?\d{1,9}",
    "dimension": "[34]", "type": "[a-z0-9_ ]{3,25}", "encoding": "raw|gzip|gz", "endian": "little|big",
    "sizes": rf"{_SIZE}(\s+{_SIZE}){{2,3}}", "spacedimension": "3", "spaceorigin": _VECTOR,
    "space": "left-posterior-superior|right-anterior-superior|left-anterior-superior|lps|ras|las",
    "spacedirections": rf"((none\s*)?{_VECTOR}\s*){{3}}(none)?", "kinds": r"((domain|space|list|vector)\s*){3,4}",
    "byteskip": "0", "lineskip": "0",
}  # fmt: skip
_TEXT = r"[\x20-\x7e]{0,200}"
# Lines that say nothing about the voxels and may be long: DICOM tags in MetaImage; magic, comments and keys in NRRD.
_ASIDE = {".mha": r"[\da-f]{4}\|[\da-f]{4} = [^\0]*", ".nrrd": r"nrrd000\d|#[^\0]*|[\w. -]{1,100}:=[^\0]*"}
_NEEDED = {".mha": {"NDims", "DimSize", "ElementType"}, ".nrrd": {"dimension", "type", "sizes", "encoding"}}


def read_itk_header(path: Path) -> tuple[tuple[int, ...], np.ndarray]:
    """Read shape and affine (voxel to RAS+ mm) without the voxels.

    Raises:
        ImageError: the file is absent or no MetaImage or NRRD file.
    """
    reader, _, _ = _open(path)
    channels = reader.GetNumberOfComponents()
    return (*reader.GetSize(), *([channels] if channels > 1 else [])), _affine(reader)


def read_itk(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read all voxels and verify that the file holds as many as its header declares.

    Returns:
        Array (x, y, z[, channel]) with the file's type; affine (4, 4) voxel to RAS+ mm.

    Raises:
        ImageError: the file is absent, truncated or damaged.
    """
    import SimpleITK

    reader, fields, start = _open(path)
    try:
        voxel = SimpleITK.Image([1, 1, 1], reader.GetPixelID(), 1)
    except RuntimeError:
        raise ImageError(path, "the voxels are not plain numbers", "convert the image to a scalar type") from None
    numbers = math.prod(reader.GetSize()) * reader.GetNumberOfComponents()
    _check_length(path, fields, start, declared=numbers * voxel.GetSizeOfPixelComponent())
    try:
        array = SimpleITK.GetArrayFromImage(reader.Execute())
    except RuntimeError:
        raise ImageError(path, "the file is damaged (SimpleITK cannot read it)") from None
    return array.transpose(2, 1, 0, *range(3, array.ndim)), _affine(reader)


def _open(path: Path) -> tuple:
    """Let SimpleITK read a header that has passed the guard; return the guard's findings, too."""
    import SimpleITK

    fields, start = _guard(path)
    reader = SimpleITK.ImageFileReader()
    reader.SetImageIO("MetaImageIO" if _is_meta(path) else "NrrdImageIO")
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError:
        raise _damaged(path) from None
    if reader.GetDimension() != 3:
        raise ImageError(path, "the image is not 3-D: this is not supported", "convert it to a 3-D .nii.gz file")
    return reader, fields, start


def _affine(reader) -> np.ndarray:
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(reader.GetDirection(), (3, 3)) * reader.GetSpacing()
    affine[:3, 3] = reader.GetOrigin()
    return _LPS_TO_RAS @ affine


# === Guard ===


def _guard(path: Path) -> tuple[dict[str, str], int]:
    """Return the fields of a header and where its voxels start; refuse all that SimpleITK may not survive."""
    require_file(path)
    if str(path).encode(errors="replace").decode() != str(path):
        raise ImageError(path, "its name or folder is not UTF-8 text", "rename it")
    with path.open("rb") as stream:
        fields, start = _parse(path, stream.read(_HEADER_BYTES))
    if "datafile" in fields or fields.get("ElementDataFile", "local").lower() != "local":
        raise ImageError(path, "the voxels are in another file", "save the image as one .nii.gz file")
    for name, value in fields.items():
        if not re.fullmatch(_FIELDS.get(name, _TEXT), value, re.IGNORECASE) or not re.fullmatch(_TEXT, name):
            raise _damaged(path)
    if not fields.keys() >= _NEEDED[path.suffix.lower()]:
        raise _damaged(path)
    return fields, start


def _parse(path: Path, content: bytes) -> tuple[dict[str, str], int]:
    """Split a header into its fields, none of them twice."""
    fields, position, is_meta = {}, 0, _is_meta(path)
    while (end := content.find(b"\n", position)) >= 0:
        line, position = content[position:end].decode("latin-1").strip(" \t\r"), end + 1
        if not is_meta and not line:
            return fields, position
        if re.fullmatch(_ASIDE[path.suffix.lower()], line, re.IGNORECASE):
            continue
        name, separator, value = (part.strip(" \t") for part in line.partition("=" if is_meta else ":"))
        name = name if is_meta else name.lower().replace(" ", "")
        if not separator or name in fields or len(line) > 500:
            raise _damaged(path)
        fields[name] = value
        if name == "ElementDataFile":
            return fields, position
    raise ImageError(path, f"the header is truncated, or this is not a {path.suffix.lower()} file")


def _check_length(path: Path, fields: dict[str, str], start: int, *, declared: int) -> None:
    """Refuse a file that does not hold the bytes of voxels that its header declares."""
    size = path.stat().st_size
    if declared > MAX_BYTES or declared > size * MAX_DEFLATE_RATIO:
        raise ImageError(
            path, f"the header declares {declared / 2**20:.0f} MiB of voxels but the file has {size} bytes"
        )
    held = size - start
    if fields.get("CompressedData", "").lower() == "true":
        end = start + min(held, int(fields.get("CompressedDataSize", 0)))
        held = _inflated_bytes(path, start, end, limit=declared, window_bits=15)
    elif fields.get("encoding", "raw").lower() != "raw":
        held = _inflated_bytes(path, start, size, limit=declared, window_bits=31)
    if held != declared:
        state = "truncated" if held < declared else "damaged"
        raise ImageError(path, f"the file is {state}: {declared} bytes of voxels were declared, {held} are there")


def _inflated_bytes(path: Path, start: int, end: int, *, limit: int, window_bits: int) -> int:
    """Count what a stream inflates to, a little beyond `limit` at most; its end verifies its checksum."""
    inflater, held = zlib.decompressobj(window_bits), 0
    with path.open("rb") as stream:
        stream.seek(start)
        while not inflater.eof and held <= limit:
            piece = inflater.unconsumed_tail or stream.read(min(_CHUNK_BYTES, end - stream.tell()))
            try:
                inflated = len(inflater.decompress(piece, _CHUNK_BYTES))
            except zlib.error as error:
                raise ImageError(path, f"the file is damaged ({error})") from None
            if not piece and not inflated and not inflater.eof:
                raise ImageError(path, "the file is truncated: its compressed stream ends early")
            held += inflated
    return held


def _is_meta(path: Path) -> bool:
    return path.suffix.lower() == ".mha"


def _damaged(path: Path) -> ImageError:
    return ImageError(path, f"this is not a {path.suffix.lower()} file, or its header is damaged")
