"""From probabilities to masks: threshold, then drop what is far smaller than the tumour.

How small that is may be left to the validation cases (`smallest_component` with several values): where a false
component is the largest, a share that is right elsewhere deletes the true one.
"""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from segan_tl.config.base import open_shares
from segan_tl.config.predict import PredictConfig
from segan_tl.config.schema import Config

NEIGHBOURS = np.ones((3, 3, 3), bool)  # 26-connected


def binarise(probability: np.ndarray, config: PredictConfig) -> np.ndarray:
    """Decide each region and keep its large components.

    Args:
        probability: (three spatial axes, R) in [0, 1]; with `decision` "largest" (…, 1 + R), background first.
        config: `decision`: "threshold" for each region by itself, or "largest" for the most probable class;
            `threshold`, of what `held_against_threshold` says; `smallest_component`, one number (`settle`).

    Returns:
        Boolean array (three spatial axes, R).
    """
    return drop_small_components(decide(probability, config), config.smallest_component)


def binarise_each(
    probability: np.ndarray, config: PredictConfig
) -> dict[float, np.ndarray]:
    """Do what `binarise` does for each share that the configuration leaves open, and for 0, which drops nothing."""
    mask = decide(probability, config)
    return {share: drop_small_components(mask, share) for share in sorted({0.0, *open_shares(config)})}


def settle(config: Config, state: dict) -> Config:
    """Return the configuration with the one `smallest_component` that validation chose, as run.json says."""
    if not isinstance(config.predict.smallest_component, tuple):
        return config
    settled = {"smallest_component": state.get("smallest_component", min(open_shares(config.predict)))}
    return config.model_copy(update={"predict": config.predict.model_copy(update=settled)})


def decide(
    probability: np.ndarray, config: PredictConfig, *, thresholds: Sequence[float] | None = None
) -> np.ndarray:
    """Decide each region and keep every component; arguments and result as of `binarise`.

    Args:
        thresholds: one a region, as of networks that were calibrated; None for `config.threshold` of all.
    """
    each = (config.threshold,) if thresholds is None else tuple(thresholds)
    if config.decision == "largest" and set(each) == {0.5}:
        winner = probability.argmax(axis=-1)  # of equals the background
        mask = np.stack([winner == region for region in range(1, probability.shape[-1])], axis=-1)
    else:
        held = held_against_threshold(probability, config.decision)
        mask = held >= np.asarray(each, held.dtype)  # 0.7 in float32 is a little less than 0.7
    return mask


def drop_small_components(mask: np.ndarray, share: float) -> np.ndarray:
    """Return masks (three spatial axes, R) with the large components of each region; a share of 0 keeps all."""
    if not share:
        return mask
    return np.stack([keep_large_components(mask[..., i], share) for i in range(mask.shape[-1])], axis=-1)


def held_against_threshold(probability: np.ndarray, decision: str) -> np.ndarray:
    """Return the number of each region that a threshold is held against, (…, R).

    "threshold": its probability. "largest": for the most probable of the tumour's classes, p / (p + p of background),
    -1 for the others. A threshold t is then a weight of the background of t / (1 - t) before the most probable class
    wins; 1/2 is the plain decision.

    Args:
        probability: (…, R), or with "largest" (…, 1 + R), background first.
        decision: of a configuration.
    """
    if decision == "threshold":
        return probability
    tumour = probability[..., 1:]
    best = tumour.max(axis=-1)
    total = best + probability[..., 0]
    share = np.divide(best, total, out=np.zeros_like(best), where=total > 0)  # 0 of 0 outside of what was segmented
    winner = np.arange(tumour.shape[-1]) == tumour.argmax(axis=-1)[..., None]
    return np.where(winner, share[..., None], np.float32(-1))


def label_components(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of the 26-connected component of each voxel, 0 outside, and the voxels of 0, 1, 2, ….

    The voxels of number 0, which is no component, count as 0.
    """
    numbers, count = ndimage.label(mask, structure=NEIGHBOURS)
    voxels = np.bincount(numbers.ravel(), minlength=count + 1)
    voxels[0] = 0
    return numbers, voxels


def keep_large_components(mask: np.ndarray, fraction: float) -> np.ndarray:
    """Keep the 26-connected components that have at least `fraction` of the voxels of the largest.

    A 2-D network sees no context above and below a slice, and its false positives are many and small; a second focus of
    a tumour seldom is. An empty mask stays empty.

    Args:
        mask: (three spatial axes), bool.
        fraction: 1 keeps the largest alone, 0 keeps everything.
    """
    numbers, voxels = label_components(mask)
    if len(voxels) < 3:
        return mask
    return (voxels >= fraction * voxels.max())[numbers] & mask
