"""What every configuration has: frozen sections whose unknown keys are errors, the synthetic cohort, its comparison."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from segan_tl.disk.paths import fault_of_name
from segan_tl.regions import MODALITIES, REGIONS

# What a number may be: limits that no training of this kind comes near, so that beyond them is a slip of the keyboard.
LARGEST = 1_000_000_000
Positive = Annotated[int, Field(gt=0, le=LARGEST)]
LARGEST_SEED = 2**31 - 1  # TensorFlow's and NumPy's
Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Fractions = Fraction | Annotated[tuple[Fraction, ...], Field(min_length=1, max_length=10)]
Decay = Annotated[float, Field(ge=0, lt=1)]  # of an average over steps: 1 would never change
Rate = Annotated[float, Field(gt=0, le=10)]
Weight = Annotated[float, Field(ge=0, le=1e6)]
PositiveWeight = Annotated[float, Field(gt=0, le=1e6)]
Side = Annotated[int, Field(ge=16, le=640)]  # voxels of a synthetic head

Threshold = Annotated[float, Field(gt=0, lt=1)]
Percentile = Annotated[float, Field(ge=0, le=100)]


def _each_once(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        raise ValueError("expected every name once")
    return names


Modalities = Annotated[tuple[Literal[MODALITIES], ...], Field(min_length=1), AfterValidator(_each_once)]
Regions = Annotated[tuple[Literal[tuple(REGIONS)], ...], Field(min_length=1), AfterValidator(_each_once)]
RUN_NAME = r"^[A-Za-z0-9][\w.-]*$"


def _names_a_folder(name: str) -> str:
    if fault := fault_of_name(name):
        raise ValueError(f"it cannot name the folder of a run ({fault})")
    return name


RunName = Annotated[str, Field(pattern=RUN_NAME), AfterValidator(_names_a_folder)]


class Section(BaseModel):
    """A part of the configuration: unknown keys are errors, numbers are finite, values never change."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class PhantomConfig(Section):
    """The synthetic cohort that is made when no data is given."""

    # field strength and disease: glioma at 3 T or 1.5 T, multiple sclerosis
    cohort: Literal["glioma-3t", "glioma-1.5t", "ms"] = "glioma-3t"
    cases: Annotated[int, Field(gt=0, le=9999)] = 40  # how many patients
    shape: tuple[Side, Side, Side] = (240, 240, 155)  # voxels of the grid along H, W, D; H of them span 240 mm
    seed: Seed = 2020  # same seed, same patients
    variety: Literal["plain", "hard"] = "plain"  # how much patients, disease and scans differ
    # of the training examples: the simulated sequences, a contrast drawn anew each time [Billot 2023], half of each
    contrast: Literal["physics", "random", "both"] = "physics"

    @property
    def painted(self) -> float:
        """Return the share of the training examples whose contrast is drawn anew."""
        return {"physics": 0.0, "both": 0.5, "random": 1.0}[self.contrast]

    def same_people(self, other: "PhantomConfig") -> bool:
        """Return whether it is the same cohort, whatever the contrast of its training examples."""
        return self.model_copy(update={"contrast": other.contrast}) == other


def open_shares(predict) -> tuple[float, ...]:
    """Return the values of `predict.smallest_component` to choose from; one where it is settled."""
    share = predict.smallest_component
    return share if isinstance(share, tuple) else (share,)
