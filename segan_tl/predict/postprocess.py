"""From probabilities to masks: threshold, then drop what is far smaller than the tumour."""

import numpy as np
from scipy import ndimage

from segan_tl.config import PredictConfig
from segan_tl.config_volume import VolumePredictConfig

NEIGHBOURS = np.ones((3, 3, 3), bool)  # 26-connected


def binarise(probability: np.ndarray, config: PredictConfig | VolumePredictConfig) -> np.ndarray:
    """Decide each region and keep its large components.

    Args:
        probability: (three spatial axes, R) in [0, 1]; with `decision` "largest" (…, 1 + R), background first.
        config: `decision`: "threshold" for each region by itself, or "largest" for the most probable class;
            `threshold` and `smallest_component`.

    Returns:
        Boolean array (three spatial axes, R).
    """
    if config.decision == "largest":
        winner = probability.argmax(axis=-1)
        mask = np.stack([winner == region for region in range(1, probability.shape[-1])], axis=-1)
    else:
        mask = probability >= config.threshold
    if config.smallest_component:
        for region in range(mask.shape[-1]):
            mask[..., region] = keep_large_components(mask[..., region], config.smallest_component)
    return mask


def keep_large_components(mask: np.ndarray, fraction: float) -> np.ndarray:
    """Keep the 26-connected components that have at least `fraction` of the voxels of the largest.

    A 2-D network sees no context above and below a slice, and its false positives are many and small; a second focus of
    a tumour seldom is. An empty mask stays empty.

    Args:
        mask: (three spatial axes), bool.
        fraction: 1 keeps the largest alone, 0 keeps everything.
    """
    labels, count = ndimage.label(mask, structure=NEIGHBOURS)
    if count < 2:
        return mask
    voxels = np.bincount(labels.ravel())
    voxels[0] = 0  # background
    return (voxels >= fraction * voxels.max())[labels] & mask
