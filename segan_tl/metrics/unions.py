"""Regions that labels which exclude each other add up to, so that their Dice can be set beside that of regions."""

import numpy as np

from segan_tl.regions import REGIONS


def unions(regions: tuple[str, ...]) -> dict[str, tuple[int, ...]]:
    """Return the regions that labels which exclude each other add up to: ncr, ed, et → wt of all, tc of ncr and et.

    Args:
        regions: names out of REGIONS.

    Returns:
        Region that is not in `regions` → places in `regions`; empty where regions overlap, such as wt, tc, et.
    """
    labels = [set(REGIONS[region]) for region in regions]
    if len(set().union(*labels)) < sum(map(len, labels)):
        return {}
    found = {}
    for region, wanted in REGIONS.items():
        places = tuple(place for place, part in enumerate(labels) if part <= set(wanted))
        if len(places) > 1 and set().union(*(labels[place] for place in places)) == set(wanted):
            found[region] = places
    return found


def with_unions(masks: np.ndarray, regions: tuple[str, ...]) -> tuple[np.ndarray, tuple[str, ...]]:
    """Add the regions that labels add up to: the Dice of a network of labels can then be set beside other ones'.

    Args:
        masks: (..., R) bool.
        regions: their names.

    Returns:
        Masks (..., R + unions) and names, the given ones first.
    """
    added = unions(regions)
    joined = [masks[..., list(places)].any(axis=-1) for places in added.values()]
    return (np.stack([*np.moveaxis(masks, -1, 0), *joined], axis=-1) if joined else masks), (*regions, *added)
