"""artefact.json and the manifest of a portable artefact."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from segan_tl.schemas.reading import Count, Finite, Schema, Text
from segan_tl.schemas.runs import File, RunState

Multiple = Annotated[int, Field(gt=0)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class PortableSchema(Schema):
    """A part of an artefact."""

    remedy: ClassVar[str] = "export the run again"


class PortableFile(File):
    """A part, as it was written."""

    sha256: Digest


class PortableManifest(PortableSchema):
    """MANIFEST.json: what the other parts are."""

    format: Literal[1]
    files: Annotated[dict[Text, PortableFile], Field(min_length=1)]


class About(RunState):
    """artefact.json: what the artefact is, of what run, and what a network needs to know beside its graph."""

    remedy: ClassVar[str] = PortableSchema.remedy

    licence: Text | None = None
    segmentor_sha256: Digest  # of the .keras file that the graph was made of
    grid_multiple: Annotated[list[Multiple], Field(min_length=2, max_length=2)]
    parameters: Count | None = None
    best_dice: Finite | None = None
