"""Intensities of a prepared patient: as a training would normalise them, Kaur's, or Nyúl's learnt standard scale."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from segan_tl.data.prepare import prepare_volume
from segan_tl.errors import UserError

Intensity = Literal["none", "percentiles", "zscore", "ren", "unit", "nyul"]
ENDS = (1.0, 99.0)  # percentiles of the brain between which Nyúl's scale is defined; what lies beyond goes on straight
DECILES = tuple(range(10, 100, 10))
SCALE = (0.0, 100.0)  # where the ends come to lie


def normalise(
    images: Mapping[str, np.ndarray], brain: np.ndarray, *, how: Intensity, landmarks: Mapping | None = None
) -> dict[str, np.ndarray]:
    """Return the images (H, W, D) with other intensities, 0 outside the brain.

    "percentiles", "zscore", "ren": as `data.prepare.prepare_volume` has them. "unit": mean 0 and deviation 1 inside the
    brain, then its least and largest value to 0 and 1 [Kaur 2019]. "nyul": piecewise linear from the landmarks of the
    image to those of a cohort [Nyúl 2000].

    Args:
        brain: (H, W, D) bool.
        landmarks: modality → the standard landmarks, for "nyul".

    Raises:
        UserError: there are no landmarks of a modality.
    """
    inside = {modality: np.where(brain, image, 0).astype(np.float32) for modality, image in images.items()}
    if how == "none":
        return inside
    if how in ("unit", "nyul"):
        return {name: _within(image, brain, name, how=how, landmarks=landmarks) for name, image in inside.items()}
    stacked = np.stack(list(inside.values()), axis=-1)
    prepared, _ = prepare_volume(stacked, normalise=how, crop=brain.shape)
    return {name: np.moveaxis(prepared[..., channel], 0, 2) for channel, name in enumerate(inside)}


def _within(image: np.ndarray, brain: np.ndarray, modality: str, *, how: str, landmarks) -> np.ndarray:
    result = np.zeros(image.shape, np.float32)
    if how == "unit":
        result[brain] = to_unit(image[brain])
    else:
        if modality not in (landmarks or {}):
            raise UserError(
                f"expected landmarks of {modality} for --intensity nyul; found those of "
                f"{', '.join(landmarks or {}) or 'none'}; give a cohort with {modality} by --like"
            )
        result[brain] = to_standard(image[brain], landmarks[modality])
    return result


def to_unit(values: np.ndarray) -> np.ndarray:
    """Subtract the mean, divide by the deviation, re-map to 0 … 1 [Kaur 2019, slide on preprocessing].

    The last step undoes the first two but for rounding: they are done all the same, as published.
    """
    scores = (values - values.mean(dtype=np.float64)) / (values.std(dtype=np.float64) + 1e-8)
    low, high = scores.min(), scores.max()
    return ((scores - low) / max(high - low, 1e-8)).astype(np.float32)


# === Nyúl's standard scale ===


def landmarks_of(values: np.ndarray) -> np.ndarray:
    """Return the 1st percentile, the nine deciles and the 99th percentile of the intensities in a brain."""
    return np.percentile(values, (ENDS[0], *DECILES, ENDS[1]))


def learn_standard(landmarks: Sequence[np.ndarray]) -> list[float]:
    """Return the standard landmarks of a cohort: each image's ends are mapped to SCALE, and the rest averaged.

    [Nyúl, Udupa, Zhang 2000, III: landmark mean after the linear map of (p1, p2) to (s1, s2).]

    Args:
        landmarks: of each image, as `landmarks_of`.
    """
    rows = np.asarray(landmarks, np.float64)
    low, high = rows[:, :1], rows[:, -1:]
    mapped = SCALE[0] + (rows - low) / np.maximum(high - low, 1e-8) * (SCALE[1] - SCALE[0])
    return mapped.mean(axis=0).tolist()


def to_standard(values: np.ndarray, standard: Sequence[float]) -> np.ndarray:
    """Map the landmarks of an image to the standard ones, straight lines between them and on beyond the ends."""
    own = landmarks_of(values)
    own = own + np.arange(len(own)) * 1e-9 * max(abs(own[-1]), abs(own[0]), 1e-9)  # between equal ones there is no line
    standard = np.asarray(standard, np.float64)
    result = np.interp(values, own, standard)
    for end, inner, beyond in ((0, 1, values < own[0]), (-1, -2, values > own[-1])):
        slope = (standard[end] - standard[inner]) / (own[end] - own[inner])
        result = np.where(beyond, standard[end] + slope * (values - own[end]), result)
    return result.astype(np.float32)
