"""Region masks written as one label volume, in the numbers the cohort's own label files use."""

from typing import NamedTuple

import numpy as np

from segan_tl.errors import UserError
from segan_tl.regions import LABEL_NAMES, REGIONS, from_canonical


class LabelScheme(NamedTuple):
    """Which number a region gets in a label file.

    Attributes:
        values: region to the number written where no smaller region of the run lies.
        meanings: number to the name of a label (NCR, ED, …), or of the region where labels cannot be told apart.
    """

    values: dict[str, int]
    meanings: dict[int, str]


def label_scheme(regions: tuple[str, ...], convention: str) -> LabelScheme:
    """Choose the numbers: 1 for a single region, the convention's where regions settle every label, else 1, 2, 3."""
    own = {region: _own_label(region, regions) for region in regions}
    if len(regions) > 1 and None not in own.values() and len(set(own.values())) == len(own):
        try:
            values = {region: int(from_canonical(np.array([label]), convention)[0]) for region, label in own.items()}
        except UserError:  # the convention is unknown, or has no number for one of the labels
            values = {}
        if len(set(values.values())) == len(regions):
            names = {label: name for name, label in LABEL_NAMES.items()}
            return LabelScheme(values, {values[region]: names[label] for region, label in own.items()})
    values = {region: number for number, region in enumerate(regions, start=1)}
    return LabelScheme(values, {number: region for region, number in values.items()})


def paint_labels(masks: np.ndarray, regions: tuple[str, ...], scheme: LabelScheme) -> np.ndarray:
    """Write one number a voxel, that of the smallest region it lies in.

    Args:
        masks: (H, W, D, R) bool, in the order of `regions`.

    Returns:
        (H, W, D) uint8, 0 outside every region.
    """
    labels = np.zeros(masks.shape[:-1], np.uint8)
    for region in sorted(regions, key=lambda name: -len(REGIONS[name])):
        labels[masks[..., regions.index(region)]] = scheme.values[region]
    return labels


def painted_masks(labels: np.ndarray, regions: tuple[str, ...], scheme: LabelScheme) -> np.ndarray:
    """Return the masks (H, W, D, R) that painted labels mean: a region has all that is painted as a part of it.

    Where a network's regions contradict each other, enhancing tumour outside of the whole, these are what was written.
    """
    parts = ([other for other in regions if set(REGIONS[other]) <= set(REGIONS[name])] for name in regions)
    return np.stack([np.isin(labels, [scheme.values[part] for part in own]) for own in parts], axis=-1)


def _own_label(region: str, regions: tuple[str, ...]) -> int | None:
    """Return the one canonical label of a region that none of the smaller regions covers, None where it is not one."""
    inner = [REGIONS[other] for other in regions if set(REGIONS[other]) < set(REGIONS[region])]
    rest = set(REGIONS[region]).difference(*inner)
    return rest.pop() if len(rest) == 1 else None
