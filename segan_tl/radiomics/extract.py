"""All features of one case: shape once, intensities and texture of each modality."""

import math
from collections.abc import Mapping

import numpy as np

from segan_tl.errors import UserError
from segan_tl.radiomics.ask_mirp import ask_intensities, ask_shape
from segan_tl.radiomics.discretise import Discretisation, scale, to_levels
from segan_tl.radiomics.features import INTENSITY, SHAPE, Measured, named
from segan_tl.radiomics.own import cooccurrence_features, plane_diameters
from segan_tl.radiomics.region import Region, cut_region

TEXTURE = ("ih", "cm", "rlm", "szm", "ngtdm", "ngldm")


def extract(
    images: Mapping[str, np.ndarray],
    mask: np.ndarray,
    *,
    spacing_mm: tuple[float, float, float],
    head: np.ndarray,
    how: Discretisation,
) -> dict[str, float]:
    """Return column → value of a case, in the order of `features.columns`.

    Args:
        images: modality → (H, W, D), axes in LPS order.
        mask: (H, W, D) bool, the whole tumour; its largest component counts.
        head: (H, W, D) bool, where z-scores are taken.

    Raises:
        UserError: there is no tumour, it is too small, or a feature is not finite.
    """
    region = cut_region(mask, spacing_mm)
    values = shape_features(region)
    for modality, image in images.items():
        cut = scale(image, head, how.scaling)[region.box]
        found = intensity_features(cut, region, how)
        values |= {f"{modality}_{name}": value for name, value in found.items()}
    if strange := [name for name, value in values.items() if not math.isfinite(value)]:
        raise UserError(f"{strange[0]} is not finite ({len(strange)} of {len(values)} features)")
    return values


def shape_features(region: Region) -> dict[str, float]:
    """Return the 14 features of the shape, by column."""
    asked, own = ask_shape(region.mask, region.spacing_mm), plane_diameters(region.mask, region.spacing_mm)
    return named(SHAPE, asked, own, Measured(region.voxels, region.voxel_volume_mm3))


def intensity_features(image: np.ndarray, region: Region, how: Discretisation) -> dict[str, float]:
    """Return the 93 features of an image, by column.

    Args:
        image: scaled intensities in the region's box.
    """
    inside = image[region.mask]
    levels = np.ones(image.shape)
    levels[region.mask] = to_levels(inside, how)
    asked = ask_intensities(image, region.mask, ["stat"]) | ask_intensities(levels, region.mask, TEXTURE)
    flat = bool(inside.min() == inside.max())
    of = Measured(region.voxels, region.voxel_volume_mm3, flat)
    return named(INTENSITY, asked, cooccurrence_features(levels, region.mask), of)
