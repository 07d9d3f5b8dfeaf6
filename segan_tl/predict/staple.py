"""STAPLE: from the masks of several, how far each can be trusted, and from that the mask that they all aim at."""

from collections.abc import Sequence

import numpy as np

CERTAIN = 0.5  # the least probability of tumour
MOST_STEPS = 1000


def staple(masks: Sequence[np.ndarray]) -> np.ndarray:
    """Return the probability that a voxel is tumour, by expectation-maximisation [Warfield 2004], SimpleITK's.

    Sensitivity and specificity of each mask are estimated together with the truth; the prior is the mean share of
    tumour in all masks, so it counts how much air is around.

    Args:
        masks: one or more, bool, three axes, of one shape. Where all are empty, or all are full, STAPLE has no answer:
            it is theirs.

    Returns:
        Float32 of the same shape.
    """
    import SimpleITK

    agreed = masks[0].any(), masks[0].all()
    if all((mask.any(), mask.all()) == agreed for mask in masks) and agreed in ((False, False), (True, True)):
        return masks[0].astype(np.float32)
    judge = SimpleITK.STAPLEImageFilter()
    judge.SetForegroundValue(1)
    judge.SetMaximumIterations(MOST_STEPS)
    found = judge.Execute([SimpleITK.GetImageFromArray(mask.view(np.uint8)) for mask in masks])
    return SimpleITK.GetArrayViewFromImage(found).astype(np.float32)


def decide_staple(probability: np.ndarray, *, exclusive: bool) -> np.ndarray:
    """Return masks (…, R) where STAPLE's probability (…, R) of a region is at least 0.5.

    Args:
        exclusive: whether the regions are labels, of which a voxel has one: the most probable, of equals the first.
    """
    masks = probability >= CERTAIN
    if exclusive:
        masks &= np.arange(probability.shape[-1]) == probability.argmax(axis=-1)[..., None]
    return masks
