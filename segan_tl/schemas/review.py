"""review.json: what a second look has learnt of a run, and what `predict` says of a case by it."""

from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from segan_tl.schemas.provenance import Names
from segan_tl.schemas.reading import Finite, Schema, Text
from segan_tl.schemas.run_config import RunSchema

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class Reviewed(Schema):
    """What predictions.json says of a case after a second look."""

    predicted_dice: Share
    low: Share
    high: Share
    signs: dict[str, Finite | None]
    reasons: list[str] = []


class Sign(Schema):
    """One sign: its mean and standard deviation over the cases learnt from, and what one of the latter costs."""

    name: Text
    mean: Finite
    std: Annotated[Finite, Field(gt=0)]
    weight: Annotated[Finite, Field(le=0)]


class Learnt(Schema):
    """A case that was learnt from, with what the other patients' cases say of its Dice."""

    patient: Text
    dice: Share
    predicted_dice: Share
    signs: dict[str, Finite | None]


class Review(RunSchema):
    """review.json."""

    remedy: ClassVar[str] = "make it again with python -m segan_tl second-look"

    networks_sha256: Annotated[list[str], Field(min_length=1)]
    together: Text  # alone, or the rule of a vote or an ensemble
    regions: Names
    mean_dice: Share
    error: Share
    signs: list[Sign]
    cases: Annotated[dict[str, Learnt], Field(min_length=1)]

    @model_validator(mode="after")
    def _names_are_signs(self):
        names = [sign.name for sign in self.signs]
        if len(set(names)) < len(names):
            raise ValueError(f"expected every sign once, found {', '.join(names)}")
        return self
