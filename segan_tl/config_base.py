"""What every configuration has: frozen sections whose unknown keys are errors, the synthetic cohort, its comparison."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from segan_tl.paths import fault_of_name

Positive = Annotated[int, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]

RUN_NAME = r"^[A-Za-z0-9][\w.-]*$"


def _names_a_folder(name: str) -> str:
    if fault := fault_of_name(name):
        raise ValueError(f"it cannot name the folder of a run ({fault})")
    return name


RunName = Annotated[str, Field(pattern=RUN_NAME), AfterValidator(_names_a_folder)]


class Section(BaseModel):
    """A part of the configuration: unknown keys are errors, values never change."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PhantomConfig(Section):
    """The synthetic cohort that is made when no data is given."""

    cohort: Literal["glioma-3t", "glioma-1.5t", "ms"] = "glioma-3t"
    cases: Positive = 40
    shape: tuple[Positive, Positive, Positive] = (240, 240, 155)
    seed: int = 2020


def comparable(values: dict) -> dict:
    """Return a config.json as it is held against another one: the source's sha256 identifies it, not its path."""
    transfer = values.get("transfer")
    return values | {"transfer": transfer | {"source": None}} if transfer else values
