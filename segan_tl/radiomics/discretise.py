"""How intensities become grey levels, which the texture of a region is counted in."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

Scaling = Literal["head", "image", "none"]


@dataclass(frozen=True)
class Discretisation:
    """Scaling of an image, then so many levels, or bins of so much.

    Attributes:
        scaling: z-score by what is inside the head (deviation over n), or by the whole image with its background
            (deviation over n − 1, as ITK's NormalizeImageFilter), or none.
        levels: number of levels between the least and the largest intensity of the region [IBSI Q3RU, FBN].
        bin_width: else the width of a bin; the first begins at a multiple of it [PyRadiomics].
    """

    scaling: Scaling
    levels: int | None = None
    bin_width: float | None = None


# MRI has no unit: a z-score makes first-order features of two scanners comparable, and a number of levels, unlike a
# width, leaves texture unmoved by any linear change of the intensities [IBSI 2.7; Carré 2020]. 32 is our choice.
DISCRETISATIONS = {
    "32-levels": Discretisation("head", levels=32),
    # z-scores lie within a few units of 0, so that bins of 25 leave one level or two [Parida 2024, params.yaml].
    "authors": Discretisation("image", bin_width=25.0),
}
DEFAULT = "32-levels"


def scale(image: np.ndarray, head: np.ndarray, scaling: Scaling) -> np.ndarray:
    """Return the intensities as features are computed of them, float64.

    Args:
        image: (H, W, D), the whole grid.
        head: (H, W, D) bool.
    """
    image = image.astype(np.float64)
    if scaling == "none":
        return image
    values, lost = (image[head], 0) if scaling == "head" else (image, 1)
    deviation = values.std(ddof=lost)
    return (image - values.mean()) / (deviation or 1.0)


def to_levels(values: np.ndarray, how: Discretisation) -> np.ndarray:
    """Return the grey level of each intensity of a region, whole numbers from 1; one level where all are equal.

    Args:
        values: (n,) scaled intensities.
    """
    lowest, highest = values.min(), values.max()
    if how.levels is None:
        return np.floor((values - how.bin_width * np.floor(lowest / how.bin_width)) / how.bin_width) + 1
    if lowest == highest:
        return np.ones_like(values)
    return np.minimum(np.floor(how.levels * (values - lowest) / (highest - lowest)) + 1, how.levels)
