"""What every configuration has: frozen sections whose unknown keys are errors, and the synthetic cohort."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Positive = Annotated[int, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]


class Section(BaseModel):
    """A part of the configuration: unknown keys are errors, values never change."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PhantomConfig(Section):
    """The synthetic cohort that is made when no data is given."""

    cohort: Literal["glioma-3t", "glioma-1.5t", "ms"] = "glioma-3t"
    cases: Positive = 40
    shape: tuple[Positive, Positive, Positive] = (240, 240, 155)
    seed: int = 2020
