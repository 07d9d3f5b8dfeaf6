"""What `prepare` writes: prepare.json of a patient, space.json of a cohort."""

from typing import Annotated, ClassVar

from pydantic import Field

from segan_tl.schemas.reading import Count, Finite, Schema, Text

Row = Annotated[list[Finite], Field(min_length=4, max_length=4)]
Matrix = Annotated[list[Row], Field(min_length=4, max_length=4)]
Side = Annotated[int, Field(ge=1, le=10_000)]


class GridJson(Schema):
    """A grid: how many voxels along each axis, and where they are."""

    shape: Annotated[list[Side], Field(min_length=3, max_length=3)]
    affine: Matrix


class StepJson(Schema):
    """One step of a preparation."""

    name: Text
    sequence: Text | None = None
    settings: dict = {}
    transform: Matrix | None = None
    seconds: Finite


class PreparedJson(Schema):
    """prepare.json: what was done to a patient."""

    remedy: ClassVar[str] = "prepare the patient again"

    case: Text
    reference: Text
    grid: GridJson
    native: dict[str, GridJson]
    steps: list[StepJson]
    substituted: dict[str, str] = {}
    failed: list[str] = []
    seconds: dict[str, Finite] = {}
    key: Text


class SpaceJson(Schema):
    """space.json: the mean image of a cohort."""

    remedy: ClassVar[str] = "remove its folder, and it is made again"

    name: Text
    digest: Text
    cases: Count
    images: Annotated[list[Text], Field(min_length=1)]
    landmarks: dict[str, list[Finite]]
