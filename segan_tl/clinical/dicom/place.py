"""Where the slices of a series lie: their order, the affine, and what keeps them from being a volume."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from segan_tl.clinical.dicom.slices import Slice
from segan_tl.data.files.geometry import CORNER_TOLERANCE_VOXELS, Geometry
from segan_tl.data.files.images import EXTENT_RANGE_MM, SPACING_RANGE_MM
from segan_tl.errors import some

SAME_PLACE_MM = 1e-2
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def in_order(slices: Sequence[Slice]) -> list[Slice]:
    """Return the slices along their normal, of the first slice, from its far side to its near one; as they come where
    places are missing.
    """
    if not slices or any(one.position_mm is None or one.orientation is None for one in slices):
        return list(slices)
    normal = slices[0].normal
    ordered = sorted(slices, key=lambda one: (round(float(normal @ one.position_mm), 4), one.instance))
    # The scanner's own direction, so that a series reads as it was numbered.
    return ordered[::-1] if ordered[0].instance > ordered[-1].instance else ordered


def split(slices: Sequence[Slice]) -> list[list[Slice]]:
    """Divide what stands under one series into volumes: by grid and direction, then by what tells places apart that
    come twice (`Slice.marks`): echoes, kinds of image, b-values, time points, acquisitions.
    """
    if any(None in (one.position_mm, one.orientation, one.spacing_mm) for one in slices):
        return [list(slices)]
    by_grid = defaultdict(list)
    for one in slices:
        by_grid[one.shape, *np.round(one.spacing_mm, 3), *(np.round(one.orientation, 2) + 0.0)].append(one)
    return [in_order(part) for group in by_grid.values() for part in _split_by_marks(group, 0)]


def _split_by_marks(slices: list[Slice], mark: int) -> list[list[Slice]]:
    if mark == len(slices[0].marks) or not twins(slices):
        return [slices]
    parts = defaultdict(list)
    for one in slices:
        parts[one.marks[mark]].append(one)
    if min(map(len, parts.values())) == 1:  # as the time of each slice, or a lone one that was taken again
        parts = {None: slices}
    return [part for _, group in sorted(parts.items(), key=_first) for part in _split_by_marks(group, mark + 1)]


def _first(item: tuple) -> int:
    return min(one.instance for one in item[1])


def twins(slices: Sequence[Slice]) -> list[tuple[Slice, Slice]]:
    """Return pairs of slices in one place; empty where places are missing."""
    ordered = in_order(slices)
    if any(one.position_mm is None for one in slices):
        return []
    pairs = zip(ordered, ordered[1:], strict=False)
    return [(a, b) for a, b in pairs if np.linalg.norm(np.subtract(a.position_mm, b.position_mm)) < SAME_PLACE_MM]


def find_fault(slices: Sequence[Slice]) -> str | None:
    """Say in half a sentence why slices in order, each place once, are no volume; None where they are one."""
    for what, found in (
        ("no place in space (ImagePositionPatient)", [one.position_mm for one in slices]),
        ("no direction (ImageOrientationPatient)", [one.orientation for one in slices]),
        ("no voxel size (PixelSpacing)", [one.spacing_mm for one in slices]),
    ):
        if lacking := sum(value is None for value in found):
            return f"{lacking} of its {len(slices)} slices state {what}"
    if len({one.shape for one in slices}) > 1 or min(slices[0].shape) < 1:
        return "its slices are of several sizes"
    if len(slices) < 2:
        return "it has one slice, which is no volume"
    directions = np.array([one.orientation for one in slices])
    if np.abs(directions - directions[0]).max() > 1e-3:
        return "its slices lie in several directions"
    return _find_gap(slices) or _find_nonsense(slices)


def _find_gap(slices: Sequence[Slice]) -> str | None:
    places = np.array([one.position_mm for one in slices])
    steps_mm = np.abs(np.diff(places @ slices[0].normal))
    usual = float(np.sort(steps_mm)[(len(steps_mm) - 1) // 2])
    if usual < SAME_PLACE_MM:
        return "its slices do not lie one behind another"
    if found := [place for place, step in enumerate(steps_mm) if step > 1.5 * usual]:
        number = sum(max(round(steps_mm[place] / usual) - 1, 1) for place in found)
        where = [f"between slices {place + 1} and {place + 2}" for place in found]
        lie = "1 slice is missing" if number == 1 else f"{number} slices are missing"
        return f"{lie} {some(where)} (up to {steps_mm.max():.4g} mm apart, the others {usual:.4g} mm)"
    equal = places[0] + np.outer(np.arange(len(places)), (places[-1] - places[0]) / (len(places) - 1))
    off_mm = np.linalg.norm(places - equal, axis=1).max()
    if off_mm > CORNER_TOLERANCE_VOXELS * min(*slices[0].spacing_mm, usual):
        least, most = steps_mm.min(), steps_mm.max()
        return f"its slices are not equally spaced ({least:.4g} to {most:.4g} mm apart)"
    return None


def _find_nonsense(slices: Sequence[Slice]) -> str | None:
    spacing_mm = np.array(geometry_of(slices).spacing_mm)
    extent_mm = spacing_mm * geometry_of(slices).shape
    if not (SPACING_RANGE_MM[0] <= spacing_mm.min() and spacing_mm.max() <= SPACING_RANGE_MM[1]):
        return "its voxel size cannot be"
    if not EXTENT_RANGE_MM[0] <= extent_mm.max() <= EXTENT_RANGE_MM[1]:
        return f"it is {'×'.join(f'{length:.3g}' for length in extent_mm)} mm large, which no head is"
    return None


def geometry_of(slices: Sequence[Slice]) -> Geometry:
    """Return the grid (columns, rows, slices) of slices in order without a fault.

    The step between slices is that from the first to the last, so that a tilted gantry's shear is in the affine
    [DICOM PS3.3, C.7.6.2.1.1].
    """
    first, last = slices[0], slices[-1]
    between_rows_mm, between_columns_mm = first.spacing_mm
    affine = np.eye(4)
    affine[:3, 0] = np.array(first.orientation[:3]) * between_columns_mm
    affine[:3, 1] = np.array(first.orientation[3:]) * between_rows_mm
    affine[:3, 2] = np.subtract(last.position_mm, first.position_mm) / (len(slices) - 1)
    affine[:3, 3] = first.position_mm
    return Geometry((first.shape[1], first.shape[0], len(slices)), LPS_TO_RAS @ affine)
