"""Random changes of training patches: drawn beforehand, applied as TensorFlow operations to one example.

Every parameter is drawn with NumPy from the epoch's generator (`draw`), one row an example: the result depends on seed
and epoch alone, neither on the order of work nor on replicas. A parameter that keeps its neutral value costs nothing:
the change stands behind a tf.cond. The order is nnU-Net's: space, noise, blur, brightness, contrast, low resolution,
inverted gamma, gamma. Mirroring comes with space, which is the same, for everything after it knows no direction.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from segan_tl.config.augment import AugmentConfig
from segan_tl.data import intensity, space

CHANNEL_CHANCE = 0.5  # of blur and low resolution, in nnU-Net and Wacker alike


def draw(
    generator: np.random.Generator, config: AugmentConfig, *, count: int, patch: Sequence[int], channels: int,
    axes: str = "DHW",
) -> dict[str, np.ndarray]:  # fmt: skip
    """Draw the parameters of `count` examples.

    Args:
        patch: voxels along D, H, W; with D = 1 nothing moves along D.
        channels: M.
        axes: the names that those of the patch have in the head, of which `mirror_axes` speaks.

    Returns:
        Arrays of `count` rows; shifts and deviations of 0 and factors of 1 change nothing. matrix (3, 3) from the patch
        to what is read, both from their centre and along D, H, W; mirror (3,); elastic_sigma (3,) and elastic_voxels,
        its largest shift; noise, its standard deviation; blur (M, 3) in voxels; brightness, contrast, zoom,
        gamma_inverted, gamma (M,); seed of noise and elastic.
    """
    chance, flat = _Chance(generator, count), patch[0] == 1
    angles = chance.between((-1, 1), 3) * math.radians(config.rotation_degrees) * chance.of(config.rotation)[:, None]
    angles[:, 1:] *= not flat
    scales = np.where(chance.of(config.scaling), chance.between(config.scale), 1)[:, None]
    deformation = chance.between(config.elastic_deformation) * chance.of(config.elastic)
    sigma = deformation[:, None] * np.array(patch)
    drawn = {
        "matrix": space.rotations(angles) * np.where([flat, False, False], 1, scales)[:, :, None],
        "mirror": chance.of(config.mirror, 3) & (np.array(patch) > 1) & [axis in config.mirror_axes for axis in axes],
        "elastic_sigma": sigma,
        # At most half a standard deviation: the displaced grid never folds.
        "elastic_voxels": chance.between((0, 0.5)) * sigma[:, flat:].min(axis=1),
        "noise": chance.of(config.noise) * chance.between(config.noise_std),
        "blur": (chance.of(config.blur)[:, None] & chance.of(CHANNEL_CHANCE, channels))[:, :, None]
        * chance.between(config.blur_sigma_voxels, channels, 3),
        "seed": generator.integers(0, 2**62, count, dtype=np.int64),
    }
    some = chance.of(config.low_resolution)[:, None] & chance.of(CHANNEL_CHANCE, channels)
    drawn["zoom"] = np.where(some, chance.between(config.low_resolution_zoom, channels), 1)
    for name, probability, limits, balanced in (
        ("brightness", config.brightness, config.brightness_factor, config.balanced),
        ("contrast", config.contrast, config.contrast_factor, config.balanced),
        ("gamma_inverted", config.gamma_inverted, config.gamma_exponent, True),
        ("gamma", config.gamma, config.gamma_exponent, True),
    ):
        factors = chance.factor(limits, channels, balanced=balanced)
        drawn[name] = np.where(chance.of(probability)[:, None], factors, 1)
    return {name: values.astype(np.float32) if values.dtype.kind == "f" else values for name, values in drawn.items()}


@dataclass(frozen=True)
class _Chance:
    """Draws for all examples at once; `shape` is what one example has."""

    generator: np.random.Generator
    count: int

    def of(self, probability: float, *shape: int) -> np.ndarray:
        return self.generator.random((self.count, *shape)) < probability

    def between(self, limits: tuple[float, float], *shape: int) -> np.ndarray:
        return self.generator.uniform(*limits, (self.count, *shape))

    def factor(self, limits: tuple[float, float], *shape: int, balanced: bool) -> np.ndarray:
        low, high = limits
        if not balanced or low >= 1 or high <= 1:
            return self.between(limits, *shape)
        below, above = self.between((low, 1), *shape), self.between((1, high), *shape)
        return np.where(self.of(0.5, *shape), below, above)


def augment(
    image, labels, drawn, *, patch: Sequence[int], keeps_statistics: bool = True, intensities: bool = True,
    neighbours: int = 0,
):  # fmt: skip
    """Change one example.

    Args:
        image: (D, H, W, M) that is read, its size at least `patch`; 0 outside the brain.
        labels: (D, H, W) uint8, on the same grid.
        drawn: one row of `draw`, and `centre` (3,): where the centre of the patch lies in `image`, in voxels.
        patch: voxels along D, H, W of the result; known when traced.
        keeps_statistics: gamma keeps mean and standard deviation of each modality.
        intensities: False only moves the patch; `intensity.change_batch` does the rest later.
        neighbours: n on either side of a slice, whose channels `image` (1, H, W, (2 n + 1) M) has, too.

    Returns:
        The patch (d, h, w, M), still 0 wherever it was 0 in every modality after moving, and its labels (d, h, w).
    """
    image, labels = space.move(image, labels, drawn, patch=patch)
    if intensities and neighbours:
        change = intensity.change_slab(image[0], drawn, keeps_statistics=keeps_statistics, neighbours=neighbours)
        image = change[None]
    elif intensities:
        image = intensity.change(image, drawn, keeps_statistics=keeps_statistics)
    return image, labels
