"""MetaImage (.mha, .mhd) and NRRD (.nrrd, .nhdr) files to arrays, by SimpleITK behind a guard.

SimpleITK 2.5 ends the whole process on some headers (MetaImage: NDims of -3 or 93, a Name of 300 characters; NRRD: a
long value in nearly any field; both: a path that is not UTF-8; see https://github.com/Kitware/MetaIO/issues/150) and
returns wrong voxels for some truncated files without a word. It is given only files whose header is plain and whose
voxels are all there. It reads units of length past; they are brought to mm here.
"""

import math
import re
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from segan_tl.data.files.geometry import Frame
from segan_tl.data.files.image_error import ImageError
from segan_tl.data.files.streams import refuse_bomb, require_image_file

_HEADER_BYTES = 65536
_CHUNK_BYTES = 2**20
# ITK's world is LPS, nibabel's RAS: x and y change sign.
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_MM = {
    "mm": 1.0, "millimeter": 1.0, "cm": 10.0, "centimeter": 10.0, "m": 1000.0, "meter": 1000.0, "um": 0.001,
    "micrometer": 0.001, "micron": 0.001,
}  # fmt: skip
_NO_LENGTH = {"?", "???", "s", "ms", "sec"}

_SIZE_OF = r"(\d{1,20}\.?\d{0,20}|\.\d{1,20})(e[-+]?\d{1,2})?"
_NUMBER, _POSITIVE = rf"[-+]?{_SIZE_OF}", rf"\+?(?=[0.]*[1-9]){_SIZE_OF}"
_FLAG, _SIZE = "true|false", r"[1-9]\d{0,4}"
_THREE, _FOUR, _NINE = (rf"{_NUMBER}(\s+{_NUMBER}){{{count - 1}}}" for count in (3, 4, 9))
_EDGES = rf"{_POSITIVE}(\s+{_POSITIVE}){{2}}"
_FILE = r"\w[\w+(),. -]{0,199}"  # beside the header, no pattern or list of several
_VECTOR = rf"\(\s*{_NUMBER}(\s*,\s*{_NUMBER}){{2}}\s*\)"
_UNITS = r'("[^"]{0,20}"\s*){3,4}'
# What a field may hold; MetaImage fields of the wrong length take their numbers from the next line. Those of NRRD are
# looked up without spaces: "byteskip" is "byte skip".
_FIELDS = {
    "ObjectType": "image", "NDims": "3", "DimSize": rf"{_SIZE}(\s+{_SIZE}){{2}}", "ElementType": "met_[a-z_]{3,12}",
    "ElementDataFile": _FILE, "ElementNumberOfChannels": r"[1-9]\d{0,3}", "BinaryData": "true", "HeaderSize": "0",
    "BinaryDataByteOrderMSB": _FLAG, "ElementByteOrderMSB": _FLAG, "CompressedData": _FLAG,
    "CompressedDataSize": r"\d{1,12}", "ElementSpacing": _EDGES, "ElementSize": _EDGES, "Offset": _THREE,
    "Position": _THREE, "Origin": _THREE, "CenterOfRotation": _THREE, "TransformMatrix": _NINE, "Rotation": _NINE,
    "Orientation": _NINE, "Color": _FOUR, "SequenceID": _FOUR, "ElementMin": _NUMBER, "ElementMax": _NUMBER,
    "ElementToIntensityFunctionSlope": _NUMBER, "ElementToIntensityFunctionOffset": _NUMBER, "ElementNBits": _SIZE,
    "ID": r"-?\d{1,9}", "ParentID": r"-?\d{1,9}",
    "dimension": "[34]", "type": "[a-z0-9_ ]{3,25}", "encoding": "raw|gzip|gz", "endian": "little|big",
    "sizes": rf"{_SIZE}(\s+{_SIZE}){{2,3}}", "spacedimension": "3", "spaceorigin": _VECTOR,
    "space": "left-posterior-superior|right-anterior-superior|left-anterior-superior|lps|ras|las",
    "spacedirections": rf"((none\s*)?{_VECTOR}\s*){{3}}(none)?", "kinds": r"((domain|space|list|vector)\s*){3,4}",
    "byteskip": "0", "lineskip": "0", "datafile": _FILE, "spacings": rf"(nan\s+)?{_EDGES}(\s+nan)?",
    "spaceunits": _UNITS, "units": _UNITS,
}  # fmt: skip
_TEXT = r"[\x20-\x7e]{0,200}"
# Lines that say nothing about the voxels and may be long: DICOM tags in MetaImage; magic, comments and keys in NRRD.
_ASIDE = {
    True: r"[\da-f]{4}\|[\da-f]{4} = [^\0]*",  # MetaImage
    False: r"nrrd000\d|#[^\0]*|[\w. -]{1,100}:=[^\0]*",
}
_NEEDED = {True: {"NDims", "DimSize", "ElementType"}, False: {"dimension", "type", "sizes", "encoding"}}
_ORIENTED = {"TransformMatrix", "Rotation", "Orientation", "space"}


def read_itk_header(path: Path) -> tuple[tuple[int, ...], Frame]:
    """Read shape and place without the voxels.

    Raises:
        ImageError: the file is absent or no MetaImage or NRRD file.
    """
    reader, header = _open(path)
    channels = reader.GetNumberOfComponents()
    return (*reader.GetSize(), *([channels] if channels > 1 else [])), _frame(reader, header)


def read_itk(path: Path) -> np.ndarray:
    """Read all voxels and verify that the file holds as many as its header declares.

    Returns:
        Array (x, y, z[, channel]) with the file's type.

    Raises:
        ImageError: the file is absent, truncated or damaged.
    """
    import SimpleITK

    reader, header = _open(path)
    try:
        voxel = SimpleITK.Image([1, 1, 1], reader.GetPixelID(), 1)
    except RuntimeError:
        raise ImageError(path, "the voxels are not plain numbers", "convert the image to a scalar type") from None
    numbers = math.prod(reader.GetSize()) * reader.GetNumberOfComponents()
    _check_length(header, declared=numbers * voxel.GetSizeOfPixelComponent())
    try:
        array = SimpleITK.GetArrayFromImage(reader.Execute())
    except RuntimeError:
        raise ImageError(path, "the file is damaged (SimpleITK cannot read it)") from None
    return array.transpose(2, 1, 0, *range(3, array.ndim))


def find_voxels(path: Path) -> list[Path]:
    """Return the file that holds the voxels of a sound header, where it is another one."""
    try:
        voxels = _guard(path).voxels
    except ImageError:
        return []
    return [] if voxels == path else [voxels]


def _open(path: Path) -> tuple:
    """Let SimpleITK read a header that has passed the guard; return the guard's findings, too."""
    import SimpleITK

    header = _guard(path)
    reader = SimpleITK.ImageFileReader()
    reader.SetImageIO("MetaImageIO" if _is_meta(path) else "NrrdImageIO")
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError:
        raise _damaged(path) from None
    if reader.GetDimension() != 3:
        raise ImageError(path, "the image is not 3-D: this is not supported", "convert it to a 3-D .nii.gz file")
    return reader, header


def _frame(reader, header: "_Header") -> Frame:
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(reader.GetDirection(), (3, 3)) * reader.GetSpacing()
    affine[:3, 3] = reader.GetOrigin()
    affine[:3] *= _unit_mm(header)
    stated = _ORIENTED & header.fields.keys()
    return Frame(_LPS_TO_RAS @ affine, None, "" if stated else "the header states no orientation: LPS is assumed")


def _unit_mm(header: "_Header") -> float:
    """Return how many mm the header's unit of length has; 1 where it states none."""
    stated = " ".join(header.fields.get(name, "") for name in ("spaceunits", "units", "DistanceUnits"))
    words = {word for word in stated.replace('"', " ").lower().split() if word not in _NO_LENGTH}
    lengths = {_MM.get(word.rstrip("s").replace("metre", "meter")) for word in words} or {1.0}
    if None in lengths or len(lengths) > 1:
        reason = f"its units of length are {', '.join(sorted(words))}: expected one, such as mm"
        raise ImageError(header.path, reason, "correct the header, or convert the image to .nii.gz")
    return lengths.pop()


# === Guard ===


@dataclass(frozen=True)
class _Header:
    """The fields of a header, the file that holds the voxels, and from which byte on."""

    path: Path
    fields: dict[str, str]
    voxels: Path
    start: int


def _guard(path: Path) -> _Header:
    """Return what a header says; refuse all that SimpleITK may not survive."""
    require_image_file(path)
    if str(path).encode(errors="replace").decode() != str(path):
        raise ImageError(path, "its name or folder is not UTF-8 text", "rename it")
    with path.open("rb") as stream:
        fields, start = _parse(path, stream.read(_HEADER_BYTES))
    for name, value in fields.items():
        if not re.fullmatch(_FIELDS.get(name, _TEXT), value, re.IGNORECASE) or not re.fullmatch(_TEXT, name):
            raise _damaged(path, f"{name}: {value}")
    if not fields.keys() >= _NEEDED[_is_meta(path)]:
        raise _damaged(path)
    beside = fields.get("ElementDataFile", fields.get("datafile", "local"))
    if beside.lower() == "local":
        return _Header(path, fields, path, start)
    require_image_file(path.with_name(beside))
    return _Header(path, fields, path.with_name(beside), 0)


def _parse(path: Path, content: bytes) -> tuple[dict[str, str], int]:
    """Split a header into its fields, none of them twice."""
    fields, position, is_meta = {}, 0, _is_meta(path)
    while (end := content.find(b"\n", position)) >= 0:
        line, position = content[position:end].decode(errors="replace").strip(" \t\r"), end + 1
        if not is_meta and not line:
            return fields, position
        if re.fullmatch(_ASIDE[is_meta], line, re.IGNORECASE):
            continue
        name, separator, value = (part.strip(" \t") for part in line.partition("=" if is_meta else ":"))
        name = name if is_meta else name.lower().replace(" ", "")
        if not separator or name in fields or len(line) > 500:
            raise _damaged(path, line)
        fields[name] = value
        if name == "ElementDataFile":
            return fields, position
    if position and "datafile" in fields:  # nothing follows in a header without voxels, not even an empty line
        return fields, position
    raise ImageError(path, f"the header is truncated, or this is not a {path.suffix.lower()} file")


def _check_length(header: _Header, *, declared: int) -> None:
    """Refuse a file that does not hold the bytes of voxels that its header declares."""
    path, fields, start = header.voxels, header.fields, header.start
    refuse_bomb(path, declared)
    size = path.stat().st_size
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
    return path.suffix.lower() in (".mha", ".mhd")


def _damaged(path: Path, line: str = "") -> ImageError:
    found = f" ({ascii(line[:80])})" if line else ""
    return ImageError(path, f"this is not a {path.suffix.lower()} file, or its header is damaged{found}")
