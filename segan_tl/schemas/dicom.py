"""series.json: which DICOM series the images of a case come from, for a DICOM SEG that refers to them."""

from typing import Annotated, ClassVar

from pydantic import Field

from segan_tl.schemas.reading import Finite, Schema

Uid = Annotated[str, Field(pattern=r"^[0-9.]{0,64}$")]
Size = Annotated[int, Field(ge=1, le=65535)]
Three = Annotated[list[Finite], Field(min_length=3, max_length=3)]


class Plane(Schema):
    """A slice of the series, and where its first voxel lies (mm, LPS)."""

    sop_instance_uid: Uid
    frame: Annotated[int, Field(ge=1)] | None = None
    position_mm: Three


class ReferenceJson(Schema):
    """A series."""

    study_uid: Uid
    series_uid: Uid
    frame_of_reference_uid: Uid
    sop_class_uid: Uid
    mosaic: bool
    rows: Size
    columns: Size
    spacing_mm: Annotated[list[Finite], Field(min_length=2, max_length=2)]
    thickness_mm: Finite
    orientation: Annotated[list[Finite], Field(min_length=6, max_length=6)]
    planes: Annotated[list[Plane], Field(min_length=2)]


class SeriesJson(Schema):
    """series.json: case → modality → series."""

    remedy: ClassVar[str] = "make it again with python -m segan_tl dicom"

    cases: dict[str, dict[str, ReferenceJson]]
