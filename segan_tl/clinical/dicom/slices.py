"""The slices that a file holds, each with its place: one of a classic file, a frame of an enhanced one, or a tile.

Positions are DICOM's: mm in patient space, x to the left, y to the back, z to the head (LPS).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from segan_tl.clinical.dicom.files import Header, quiet

Vector = tuple[float, ...]


@dataclass(frozen=True)
class Slice:
    """One plane of voxels.

    Attributes:
        frame: of a multi-frame file, from 1; None where the file is the slice.
        tile: of a Siemens mosaic, from 0; None elsewhere.
        shape: rows, columns.
        spacing_mm: between rows, between columns; None where the file does not say it, as with the two below.
        orientation: unit vectors along a row and along a column, six numbers.
        position_mm: centre of the first voxel.
        slope: stored value × slope + intercept is the intensity.
        thickness_mm: 0 where unknown.
        instance: InstanceNumber, or the frame.
        marks: what tells apart slices of one place: echo time, kind of image, b-value, time point, acquisition, time.
    """

    path: Path = field(repr=False)
    sop_class_uid: str
    sop_instance_uid: str
    frame: int | None
    tile: int | None
    shape: tuple[int, int]
    spacing_mm: Vector | None
    orientation: Vector | None
    position_mm: Vector | None
    slope: float
    intercept: float
    thickness_mm: float
    instance: int
    marks: tuple

    @property
    def normal(self) -> np.ndarray:
        """Return the unit vector across the slice, row × column."""
        normal = np.cross(self.orientation[:3], self.orientation[3:])
        return normal / np.linalg.norm(normal)


def slices_of(header: Header) -> list[Slice]:
    """Return the slices of a file; their places are None where it does not state them."""
    if value_of([header.values], "PerFrameFunctionalGroupsSequence"):
        return list(_frames(header))
    if is_mosaic(header.values):
        return list(_tiles(header))
    return [_slice(header, [header.values])]


def is_mosaic(values) -> bool:
    """Tell whether a file of Siemens holds all slices as tiles of one picture."""
    return "MOSAIC" in words_of(value_of([values], "ImageType")) and 0x0019100A in values


def value_of(groups: list, keyword: str):
    """Return the value of an attribute out of the first dataset that has it; None where none does, or it is empty."""
    for values in groups:
        try:
            value = values.get(keyword)
        except Exception:  # converted when asked for; damaged values raise what they please
            continue
        if value is not None and value != "" and value != []:
            return value
    return None


def text_of(values, keyword: str) -> str:
    """Return an attribute as text; "" where there is none."""
    value = value_of([values], keyword)
    return "" if value is None else str(value).strip()


def uid_of(values, keyword: str) -> str:
    """Return an identifier; one of its own for a text that is none, which may be anything; "" where there is none."""
    from pydicom.uid import generate_uid

    text = text_of(values, keyword)
    return text if not text or re.fullmatch(r"[0-9.]{1,64}", text) else generate_uid(entropy_srcs=["segan_tl", text])


def number_of(groups: list, keyword: str) -> float | None:
    """Return an attribute as a number, of several the first; None where it is none."""
    found = numbers_of(groups, keyword)
    return found[0] if found else None


def numbers_of(groups: list, keyword: str, count: int | None = None) -> Vector | None:
    """Return an attribute as numbers; None where there are not `count` finite ones."""
    value = value_of(groups, keyword)
    try:
        found = tuple(float(part) for part in (value if hasattr(value, "__iter__") else [value]))
    except (TypeError, ValueError):
        return None
    return found if np.isfinite(found).all() and len(found) == (count or len(found)) else None


def words_of(value) -> tuple[str, ...]:
    """Return an attribute of one or several codes as words in capitals."""
    several = hasattr(value, "__iter__") and not isinstance(value, str | bytes)
    return tuple(str(part).upper() for part in (value if several else [] if value is None else [value]))


def flat_groups(values, frame: int) -> list:
    """Return the datasets with the attributes of a frame (from 0) of an enhanced file, its own before shared ones."""
    groups = []
    for container in (values.PerFrameFunctionalGroupsSequence[frame : frame + 1], _shared(values)):
        for item in container:
            groups += [element.value[0] for element in item if element.VR == "SQ" and element.value]
    return [*groups, values]


def _shared(values) -> list:
    return list(value_of([values], "SharedFunctionalGroupsSequence") or [])


def _frames(header: Header) -> Iterator[Slice]:
    for place in range(len(header.values.PerFrameFunctionalGroupsSequence)):
        yield _slice(header, flat_groups(header.values, place), frame=place + 1)


def _slice(header: Header, groups: list, *, frame: int | None = None) -> Slice:
    values = header.values
    orientation = numbers_of(groups, "ImageOrientationPatient", 6)
    return Slice(
        header.path,
        uid_of(values, "SOPClassUID"),
        uid_of(values, "SOPInstanceUID"),
        frame,
        None,
        (int(number_of([values], "Rows") or 0), int(number_of([values], "Columns") or 0)),
        numbers_of(groups, "PixelSpacing", 2),
        orientation if orientation and np.linalg.norm(np.cross(orientation[:3], orientation[3:])) > 0.9 else None,
        numbers_of(groups, "ImagePositionPatient", 3),
        number_of(groups, "RescaleSlope") or 1.0,
        number_of(groups, "RescaleIntercept") or 0.0,
        number_of(groups, "SliceThickness") or 0.0,
        frame or int(number_of([values], "InstanceNumber") or 0),
        _marks(groups),
    )


def _marks(groups: list) -> tuple:
    echo_ms = number_of(groups, "EffectiveEchoTime") or number_of(groups, "EchoTime")
    kind = words_of(value_of(groups, "FrameType") or value_of(groups, "ImageType"))
    return (
        round(echo_ms, 1) if echo_ms else 0,
        (*kind, *words_of(value_of(groups, "ComplexImageComponent"))),
        number_of(groups, "DiffusionBValue") or 0,
        number_of(groups, "TemporalPositionIndex") or number_of(groups, "TemporalPositionIdentifier") or 0,
        number_of(groups, "AcquisitionNumber") or 0,
        number_of(groups, "TriggerTime") or 0,
        text_of(groups[-1], "AcquisitionTime"),
    )


def _tiles(header: Header) -> Iterator[Slice]:
    """Yield the tiles of a mosaic, whose places nibabel finds in Siemens' own part of the header."""
    with quiet():
        from nibabel.nicom.dicomwrappers import wrapper_from_data

        wrapper = wrapper_from_data(header.values)
        affine, (rows, columns, count) = wrapper.affine, wrapper.image_shape  # of row, column, slice, LPS
    steps_mm = np.linalg.norm(affine[:3, :3], axis=0)
    whole = _slice(header, [header.values])
    orientation = (*(affine[:3, 1] / steps_mm[1]), *(affine[:3, 0] / steps_mm[0]))
    for tile in range(count):
        yield Slice(
            header.path, whole.sop_class_uid, whole.sop_instance_uid, None, tile, (rows, columns),
            (float(steps_mm[0]), float(steps_mm[1])), tuple(map(float, orientation)),
            tuple(map(float, affine[:3, 3] + tile * affine[:3, 2])), whole.slope, whole.intercept, whole.thickness_mm,
            tile + 1, (*whole.marks[:-1], f"{whole.marks[-1]} {whole.instance}"),
        )  # fmt: skip
