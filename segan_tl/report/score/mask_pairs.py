"""Truth and prediction of a case, read, checked against each other and cut into regions."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from segan_tl.data.files.geometry import Geometry, find_grid_fault
from segan_tl.data.files.images import read_volume
from segan_tl.data.find.check import LABEL_TOLERANCE
from segan_tl.errors import UserError
from segan_tl.metrics.distances import bounding_box
from segan_tl.metrics.pair import MaskPair
from segan_tl.regions import region_values, scored_values
from segan_tl.report.score.masks import Mask


class LabelMaps(NamedTuple):
    """Both masks of a case, cut to the box that holds them, in the numbers of their files."""

    truth: np.ndarray
    prediction: np.ndarray
    spacing_mm: tuple[float, float, float]
    grid_voxels: int  # of the whole grid


def read_label_maps(truth: Mask, prediction: Mask) -> LabelMaps:
    """Read both masks of a case.

    Raises:
        UserError: a file is damaged, the grids differ, or a number means nothing.
    """
    volumes = [read_volume(mask.source) for mask in (truth, prediction)]
    require_one_grid(truth.case_id, prediction.source.path, *(volume.geometry for volume in volumes))
    box = bounding_box((volumes[0].data != 0) | (volumes[1].data != 0))
    boxes = [np.ascontiguousarray(volume.data[box]) for volume in volumes]
    cut = map(_whole_numbers, (truth, prediction), boxes)
    return LabelMaps(*cut, volumes[0].spacing_mm, volumes[0].data.size)


def read_pairs(truth: Mask, prediction: Mask, regions: tuple[str, ...]) -> dict[str, MaskPair]:
    """Read both masks of a case; return region → the two volumes to be compared.

    Raises:
        UserError: as `read_label_maps`.
    """
    maps = read_label_maps(truth, prediction)
    tables = [scored_values(mask.meaning) for mask in (truth, prediction)]
    pairs = {}
    for region in regions:
        masks = [_is_any(labels, table[region]) for labels, table in zip((maps.truth, maps.prediction), tables)]
        pairs[region] = MaskPair(*masks, maps.spacing_mm, grid_voxels=maps.grid_voxels)
    return pairs


def read_region(mask: Mask, regions: tuple[str, ...]) -> tuple[np.ndarray, Geometry]:
    """Read a mask; return the first of the regions that its labels can tell, (H, W, D) bool, and its grid.

    Raises:
        UserError: the file is damaged, a number means nothing, or its labels can tell none of the regions.
    """
    table = region_values(mask.meaning)
    region = next((name for name in regions if name in table), None)
    if region is None:
        raise UserError(f"expected labels that tell {' or '.join(regions)}; {mask.source.path} has {mask.meaning}")
    found, geometry = read_regions(mask, (region,))
    return found[..., 0], geometry


def read_regions(mask: Mask, regions: tuple[str, ...]) -> tuple[np.ndarray, Geometry]:
    """Read a mask; return those of the regions, which its labels can tell, (H, W, D, R) bool, and its grid.

    Raises:
        UserError: the file is damaged, or a number means nothing.
    """
    table, volume = region_values(mask.meaning), read_volume(mask.source)
    labels = _whole_numbers(mask, volume.data)
    return np.stack([_is_any(labels, table[region]) for region in regions], axis=-1), volume.geometry


def require_one_grid(case_id: str, path: Path, truth: Geometry, prediction: Geometry) -> None:
    """Refuse a prediction that does not lie, voxel by voxel, where its truth does.

    Raises:
        UserError: the sizes differ, or a corner lies elsewhere.
    """
    if fault := find_grid_fault(truth, prediction, than="the truth"):
        raise UserError(
            f"expected the prediction of {case_id} where its truth lies; {path}: {fault}; resample it to the grid of "
            "the truth with nearest neighbour"
        )


def _whole_numbers(mask: Mask, data: np.ndarray) -> np.ndarray:
    """Return the numbers of a label file as integers, all of them known."""
    path = mask.source.path
    if data.dtype.kind == "f":
        if number := int(np.count_nonzero(~np.isfinite(data))):
            kind = "NaN" if np.isnan(data).any() else "infinity"
            raise UserError(
                f"expected labels in {path}; found {kind} ({number} voxel{'s' * (number > 1)}); write the right label "
                "there, 0 for the background"
            )
        whole = np.rint(data)
        if (np.abs(data - whole) > LABEL_TOLERANCE).any():
            raise UserError(
                f"expected labels in {path}; found numbers that are not whole; give the mask, not probabilities"
            )
        data = whole.astype(np.int32)
    known = sorted({value for values in region_values(mask.meaning).values() for value in values})
    strange = ~_is_any(data, (0, *known))
    if strange.any():
        found = ", ".join(str(value) for value in np.unique(data[strange])[:8])
        raise UserError(
            f"expected the labels 0, {', '.join(map(str, known))} ({mask.meaning}) in {path}; found {found}; state the "
            "right convention with --truth-labels or --prediction-labels"
        )
    return data.astype(np.uint8, copy=False)  # known numbers are below 256


def _is_any(labels: np.ndarray, values: Iterable[int]) -> np.ndarray:
    found = np.zeros(labels.shape, bool)
    for value in values:
        found |= labels == value
    return found
