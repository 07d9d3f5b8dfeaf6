"""How far the members of an ensemble agree on a case: Dice of each two masks, and the share that says tumour.

Masks are kept as bits, one row of bytes a region, so that ten members cost no more memory than one.
"""

from collections.abc import Callable, Sequence

import numpy as np


def pack(masks: np.ndarray) -> np.ndarray:
    """Return masks (H, W, D, R), bool, as bits: (R, bytes) uint8."""
    return np.stack([np.packbits(masks[..., region]) for region in range(masks.shape[-1])])


def unpack(bits: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """Return one region of `pack` as the mask it was, bool of this shape (H, W, D)."""
    return np.unpackbits(bits, count=int(np.prod(shape))).reshape(shape).view(bool)


def agreement(members: Sequence[Callable[[], np.ndarray]]) -> list[float]:
    """Return for each region the mean Dice of each two members: 1 where all say the same.

    Two empty masks agree (1), an empty one and another do not (0), as in `metrics.overlap`.

    Args:
        members: two or more, each a function that reads its bits (`pack`): two are in memory at a time.
    """
    pairs = []
    for place, read in enumerate(members[:-1]):
        one = read()
        pairs += [_dice(one, other()) for other in members[place + 1 :]]
    return np.mean(pairs, axis=0).tolist()


def tumour_share(members: Sequence[Callable[[], np.ndarray]], shape: Sequence[int]) -> np.ndarray:
    """Return the share of members that have a voxel in any region, (H, W, D) float32."""
    votes = np.zeros(shape, np.uint16)
    for read in members:
        votes += unpack(np.bitwise_or.reduce(read(), axis=0), shape)
    return (votes / np.float32(len(members))).astype(np.float32)


def _dice(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the Dice of two members in each region, (R,)."""
    both, ones, others = (np.bitwise_count(bits).sum(axis=1, dtype=np.int64) for bits in (one & other, one, other))
    voxels = ones + others
    return np.divide(2 * both, voxels, out=np.ones(len(both)), where=voxels > 0)
