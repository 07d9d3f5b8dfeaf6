"""What is asked of a preparation, and what is recorded of each of its steps."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from segan_tl.clinical.space.bias import Method
from segan_tl.clinical.space.intensity import Intensity

STEPS = ("bias", "rigid", "atlas", "brain")  # that --without leaves out; intensity and size are done when asked for
BRAINS = ("hd-bet", "cohort", "stripped", "mask")
Brain = Literal["hd-bet", "cohort", "stripped", "mask"]


@dataclass(frozen=True)
class Settings:
    """How patients are prepared.

    Attributes:
        without: steps of STEPS that are left out.
        reference: the sequence that the others are registered to; None takes the finest.
        bias: which correction.
        brain: where the mask comes from: HD-BET, the cohort's mean brain, an image that is nothing but brain, a file.
        intensity: what becomes of the intensities; "none" leaves them.
        size: voxels along H, W, D to crop or pad to; None keeps the grid of the space.
        substitute: modality that may be missing → the one that stands in for it [Wacker 2020, 3].
        required: modalities that a patient must have in the end.
    """

    without: tuple[str, ...] = ()
    reference: str | None = None
    bias: Method = "n4"
    brain: Brain = "hd-bet"
    intensity: Intensity = "none"
    size: tuple[int, int, int] | None = None
    substitute: dict[str, str] = field(default_factory=dict)
    required: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Step:
    """One step: its name, the sequence it was done to (None: all), settings, a transform (RAS+ mm) and seconds."""

    name: str
    sequence: str | None
    settings: dict
    seconds: float
    transform: np.ndarray | None = None

    def as_json(self) -> dict:
        """Return what prepare.json says of it."""
        found = {"name": self.name} | ({"sequence": self.sequence} if self.sequence else {})
        found |= {"settings": self.settings}
        if self.transform is not None:
            found["transform"] = [[float(f"{value:.9g}") for value in row] for row in self.transform]
        return found | {"seconds": round(self.seconds, 2)}


def timed(function: Callable, *arguments, **options) -> tuple[Any, float]:
    """Return what a function returns, and the seconds it took."""
    started = time.monotonic()
    result = function(*arguments, **options)
    return result, time.monotonic() - started
