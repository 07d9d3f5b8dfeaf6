"""What a DICOM SEG has to say of the series that it belongs to, and series.json, the one file that keeps it.

It holds the identifiers of study, series and instances, with which a hospital finds the patient again, and nothing
else that could: no name, no date, no free text.
"""

from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from segan_tl.clinical.dicom.place import LPS_TO_RAS
from segan_tl.clinical.dicom.series import Series
from segan_tl.data.files.geometry import Geometry
from segan_tl.disk.atomic import write_json
from segan_tl.disk.reading import is_there
from segan_tl.errors import UserError, some
from segan_tl.schemas.dicom import SeriesJson
from segan_tl.schemas.reading import read_json

SERIES_JSON = "series.json"


@dataclass(frozen=True)
class Plane:
    """A slice: the instance, its frame (from 1; None of a single-frame file), and the centre of its first voxel."""

    sop_instance_uid: str = field(repr=False)
    frame: int | None
    position_mm: tuple[float, ...]


@dataclass(frozen=True)
class Reference:
    """A series, as far as a segmentation refers to it.

    Attributes:
        mosaic: its instances hold all slices as tiles of a picture; frames then cannot refer to them one by one.
        spacing_mm: between rows, between columns.
        orientation: along a row, along a column (LPS).
        planes: in the order of the slices of the volume.
    """

    study_uid: str = field(repr=False)
    series_uid: str = field(repr=False)
    frame_of_reference_uid: str = field(repr=False)
    sop_class_uid: str
    mosaic: bool
    rows: int
    columns: int
    spacing_mm: tuple[float, ...]
    thickness_mm: float
    orientation: tuple[float, ...]
    planes: tuple[Plane, ...]

    @property
    def spacing_between_mm(self) -> float:
        """Return the distance between slices along their normal."""
        normal = np.cross(self.orientation[:3], self.orientation[3:])
        step_mm = np.subtract(self.planes[-1].position_mm, self.planes[0].position_mm) / (len(self.planes) - 1)
        return float(abs(normal @ step_mm))

    @property
    def geometry(self) -> Geometry:
        """Return the grid (columns, rows, slices) of the volume."""
        affine = np.eye(4)
        affine[:3, 0] = np.array(self.orientation[:3]) * self.spacing_mm[1]
        affine[:3, 1] = np.array(self.orientation[3:]) * self.spacing_mm[0]
        first, last = self.planes[0].position_mm, self.planes[-1].position_mm
        affine[:3, 2] = np.subtract(last, first) / (len(self.planes) - 1)
        affine[:3, 3] = first
        return Geometry((self.columns, self.rows, len(self.planes)), LPS_TO_RAS @ affine)


def reference_of(series: Series) -> Reference:
    """Return the reference of a series.

    Raises:
        UserError: it is no volume.
    """
    if series.fault:
        raise UserError(f"series {series.name} of {series.case} cannot be referred to: {series.fault}; export it again")
    first, last = series.slices[0], series.slices[-1]
    step_mm = np.linalg.norm(np.subtract(last.position_mm, first.position_mm)) / (len(series.slices) - 1)
    return Reference(
        series.study_uid, series.uid, series.frame_of_reference_uid, first.sop_class_uid, first.tile is not None,
        *first.shape, first.spacing_mm, first.thickness_mm or float(step_mm), first.orientation,
        tuple(Plane(one.sop_instance_uid, one.frame, one.position_mm) for one in series.slices),
    )  # fmt: skip


def write_references(folder: Path, references: dict[str, dict[str, Reference]]) -> None:
    """Write case → modality → reference to series.json, beside those of other cases that stand in it."""
    path = folder / SERIES_JSON
    known = read_json(path, SeriesJson)["cases"] if is_there(path) else {}
    fresh = {case: {name: asdict(one) for name, one in group.items()} for case, group in references.items()}
    write_json(path, {"cases": known | fresh})


def read_reference(path: Path, case: str, modality: str) -> Reference:
    """Return the series that an image of a case comes from.

    Args:
        path: series.json of `dicom`, or its folder.

    Raises:
        UserError: there is no such file, or no such case or modality in it.
    """
    path = path / SERIES_JSON if path.is_dir() else path
    cases = read_json(path, SeriesJson, absent=SeriesJson.remedy)["cases"]
    if case not in cases or modality not in cases[case]:
        there = list(cases[case]) if case in cases else list(cases)
        raise UserError(f"expected {modality} of {case} in {path}; found {some(there, 8)}; name one that is there")
    stated = dict(cases[case][modality])
    planes = tuple(
        Plane(one["sop_instance_uid"], one.get("frame"), tuple(one["position_mm"])) for one in stated.pop("planes")
    )
    stated = {name: tuple(value) if isinstance(value, list) else value for name, value in stated.items()}
    return Reference(**{name: stated[name] for name in Reference.__dataclass_fields__ if name in stated}, planes=planes)
