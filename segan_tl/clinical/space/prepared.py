"""A patient that was prepared: the images in their space, what was done to them, and whether it can be believed."""

from dataclasses import dataclass, field

import numpy as np

from segan_tl.clinical.space.steps import Step, timed
from segan_tl.data.files.geometry import Geometry


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

    def do(self, name: str, sequence: str | None, settings: dict, function, *arguments, **options):
        """Do a step, record it and return what it gives."""
        result, seconds = timed(function, *arguments, **options)
        self.steps.append(Step(name, sequence, settings, seconds))
        return result
