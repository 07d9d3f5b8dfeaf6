"""Configuration of the random changes of a training patch."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from segan_tl.config.base import Fraction, Section


def _ascends(span: tuple[float, float]) -> tuple[float, float]:
    if span[0] > span[1]:
        raise ValueError("expected the lower one first")
    return span


Range = Annotated[tuple[Fraction, Fraction], AfterValidator(_ascends)]
Factor = Annotated[float, Field(gt=0, le=10)]
PositiveRange = Annotated[tuple[Factor, Factor], AfterValidator(_ascends)]
Share = Annotated[float, Field(gt=0, le=1)]
ShareRange = Annotated[tuple[Share, Share], AfterValidator(_ascends)]


class AugmentConfig(Section):
    """Random changes of a training patch: a chance for each, and the range its strength is drawn from.

    `scale` is the part of the head that is read over the size of the patch: above 1 the head looks smaller, as in
    nnU-Net. `balanced` draws brightness and contrast factors below 1 as often as above 1 [nnU-Net], else uniformly; the
    exponent of gamma is always balanced. Blur and low resolution change each modality with a chance of a half.
    """

    rotation: Fraction = 0.0  # chance
    rotation_degrees: float = Field(30.0, ge=0, le=180)  # about each axis; a 2-D patch turns in its plane only
    scaling: Fraction = 0.0  # chance
    scale: PositiveRange = (0.7, 1.4)  # range of the factor
    elastic: Fraction = 0.0  # chance
    elastic_deformation: Range = (0.0, 0.25)  # standard deviation of the smoothing over the size of the patch
    mirror: Fraction = 0.0  # of each axis
    mirror_axes: Annotated[tuple[Literal["D", "H", "W"], ...], Field(min_length=1)] = ("D", "H", "W")  # H: left-right
    noise: Fraction = 0.0  # chance
    noise_std: Range = (0.0, 0.1)  # range of its standard deviation
    blur: Fraction = 0.0  # chance
    blur_sigma_voxels: PositiveRange = (0.5, 1.0)  # range, along each axis
    brightness: Fraction = 0.0  # chance
    brightness_factor: PositiveRange = (0.75, 1.25)  # range
    contrast: Fraction = 0.0  # chance
    contrast_factor: PositiveRange = (0.75, 1.25)  # range
    low_resolution: Fraction = 0.0  # chance
    low_resolution_zoom: ShareRange = (0.5, 1.0)  # voxels kept along each axis
    gamma: Fraction = 0.0  # chance
    gamma_inverted: Fraction = 0.0  # chance, of gamma on the inverted image
    gamma_exponent: PositiveRange = (0.7, 1.5)  # range, of both
    gamma_keeps_statistics: bool = True  # mean and standard deviation of the patch
    balanced: bool = True  # factors below 1 as often as above
