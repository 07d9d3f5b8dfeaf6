"""A patient that was prepared: the images in their space, what was done to them, and whether it can be believed."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from segan_tl.clinical.space.steps import Step, timed
from segan_tl.data.files.geometry import Geometry

STAGES = {
    "bias": "bias field of", "rigid": "registration of", "atlas": "registration to the cohort's space of",
    "brain": "brain mask", "intensity": "intensities",
}  # fmt: skip


@dataclass(eq=False)
class Prepared:
    """A patient that was prepared.

    Attributes:
        images: modality → (H, W, D) float32 on `geometry`.
        brain: (H, W, D) bool; None where the brain was not extracted.
        labels: (H, W, D) of a label map that came along, None without one.
        geometry: the grid of all of them, axes in LPS order.
        native: sequence → its grid as stored.
        reference: the sequence that the others were registered to.
        substituted: modality → the one that stands in for it.
        steps: what was done, in order.
        quality: numbers by sequence, and those of the whole.
        failed: why it cannot be believed, a sentence each; empty where it can.
        seconds: of what is no step: reading, judging, writing.
        tell: is called with what is done next, in words.
    """

    images: dict[str, np.ndarray]
    geometry: Geometry
    native: dict[str, Geometry]
    reference: str
    substituted: dict[str, str]
    brain: np.ndarray | None = None
    labels: np.ndarray | None = None
    steps: list[Step] = field(default_factory=list)
    quality: dict = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    tell: Callable[[str], None] = lambda stage: None

    def begin(self, name: str, sequence: str | None) -> None:
        """Say which step is next; those of a second are passed over."""
        if name in STAGES:
            self.tell(" ".join(filter(None, (STAGES[name], sequence))))

    def seconds_of_each(self) -> dict[str, float]:
        """Return the seconds of every step, of all sequences together, and of what is no step."""
        found = {}
        for step in self.steps:
            found[step.name] = found.get(step.name, 0.0) + step.seconds
        spent = {name: round(value, 1) for name, value in (found | self.seconds).items() if value >= 0.05}
        return spent | {"all": round(sum((found | self.seconds).values()), 1)}

    def do(self, name: str, sequence: str | None, settings: dict, function, *arguments, **options):
        """Do a step, record it and return what it gives."""
        self.begin(name, sequence)
        result, seconds = timed(function, *arguments, **options)
        self.steps.append(Step(name, sequence, settings, seconds))
        return result
