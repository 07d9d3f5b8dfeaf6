"""Which modalities each training example keeps: drawn beforehand, as everything that is random."""

import itertools
from collections.abc import Sequence

import numpy as np


def draw_subsets(
    generator: np.random.Generator, available: np.ndarray, *, shares: Sequence[float] | None
) -> np.ndarray:
    """Draw a subset of its modalities for every example, never the empty one.

    Of M modalities, a subset of n has the chance shares[n - 1] / (M over n), or 1 / (2ᴹ − 1) without shares. Where a
    case lacks some, its chances are those of the subsets that it has, scaled to 1; where these are all 0, it keeps all.

    Args:
        generator: of the epoch.
        available: (N, M) boolean, what the case of each example has; each has one at least.
        shares: chance of one modality, two, …; None makes all subsets alike.

    Returns:
        (N, M) float32, 1 where a modality stays and 0 where it is hidden.
    """
    table = subset_table(available.shape[1])
    sizes = table.sum(axis=1)
    chances = np.ones(len(table))
    if shares is not None:
        chances = np.array(shares)[sizes - 1] / np.bincount(sizes)[sizes]
    drawn, place = available.astype(np.float32), generator.random(len(available))
    for pattern in np.unique(available, axis=0):
        mine = (available == pattern).all(axis=1)
        possible = np.flatnonzero((table <= pattern).all(axis=1) & (chances > 0))
        if len(possible):
            ends = np.cumsum(chances[possible])
            drawn[mine] = table[possible[np.searchsorted(ends, place[mine] * ends[-1], side="right")]]
    return drawn


def subset_table(count: int) -> np.ndarray:
    """Return every non-empty subset of `count` modalities, (2 ** count − 1, count) boolean, the small ones first."""
    chosen = itertools.chain.from_iterable(itertools.combinations(range(count), n) for n in range(1, count + 1))
    return np.array([[i in members for i in range(count)] for members in chosen])
