"""Where voxels lie in space: the grid of a file, and whether two grids are the same.

Affines are nibabel's everywhere: voxel index to RAS+ mm. A shear is kept as it is; only the order and the direction of
the axes change.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import nibabel as nib
import numpy as np
from nibabel.orientations import axcodes2ornt, inv_ornt_aff, io_orientation, ornt_transform

# Two grids are the same when no corner of the volume moves farther than this part of a voxel (of its shortest edge):
# quaternions in float32 are off by some 0.003 mm, a shift of half a voxel blurs every border.
CORNER_TOLERANCE_VOXELS = 0.1

NiftiHeader = nib.Nifti1Header | nib.Nifti2Header


class Frame(NamedTuple):
    """What a file says of the place of its voxels.

    Attributes:
        affine: (4, 4), voxel index to RAS+ mm.
        header: the file's own where it is NIfTI; masks of the image are written with its orientation and units.
        remark: what is doubtful about the place, "" where nothing is.
    """

    affine: np.ndarray
    header: NiftiHeader | None = None
    remark: str = ""


@dataclass(frozen=True, eq=False)
class Geometry:
    """A voxel grid in space: shape (three axes), and the rest as in Frame."""

    shape: tuple[int, int, int]
    affine: np.ndarray
    header: NiftiHeader | None = None
    remark: str = ""

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Return the voxel size along the three axes of this grid."""
        return tuple(float(length) for length in np.linalg.norm(self.affine[:3, :3], axis=0))

    @property
    def voxel_volume_mm3(self) -> float:
        """Return the volume of one voxel."""
        return float(abs(np.linalg.det(self.affine[:3, :3])))

    @property
    def is_sheared(self) -> bool:
        """Tell whether the axes are not at right angles, as ITK and quaternions would have them."""
        directions = self.affine[:3, :3] / np.linalg.norm(self.affine[:3, :3], axis=0)
        return not np.allclose(directions.T @ directions, np.eye(3), atol=1e-4)

    @cached_property
    def in_lps(self) -> "Geometry":
        """Return the same grid with its axes in LPS order: the grid of arrays in memory."""
        transform = to_lps(self.affine)
        shape = np.empty(3, int)
        shape[transform[:, 0].astype(int)] = self.shape
        return Geometry(tuple(shape.tolist()), self.affine @ inv_ornt_aff(transform, self.shape))


def corner_shift_mm(geometry: Geometry, other: Geometry) -> float:
    """Return how far (mm) the corners of the first grid lie from those of the second at most, both in LPS order."""
    one, two = geometry.in_lps, other.in_lps
    return affine_shift_mm(one.affine, two.affine, one.shape)


def affine_shift_mm(one: np.ndarray, two: np.ndarray, shape: tuple[int, int, int]) -> float:
    """Return how far (mm) apart two affines put the corners of a grid of `shape` at most."""
    corners = np.array([[*index, 1] for index in np.ndindex(2, 2, 2)], float)
    corners[:, :3] *= np.array(shape) - 1
    return float(np.linalg.norm(corners @ (one - two).T, axis=1).max())


def find_grid_fault(geometry: Geometry, other: Geometry, *, than: str = "the first") -> str | None:
    """Say how the second grid differs from the first, called `than`; None where they are the same, voxel by voxel."""
    one, two = ("×".join(map(str, grid.in_lps.shape)) for grid in (geometry, other))
    if one != two:
        return f"its grid is {two}, {than}'s {one}"
    shift_mm, edge_mm = corner_shift_mm(geometry, other), min(geometry.spacing_mm)
    if shift_mm > CORNER_TOLERANCE_VOXELS * edge_mm:
        return f"it lies elsewhere in space than {than}: a corner is {shift_mm:.3g} mm away"
    return None


# === Orientation ===


def to_lps(affine: np.ndarray) -> np.ndarray:
    """Return nibabel's transform from the axes of an affine to LPS order."""
    return ornt_transform(orientation_of(affine), axcodes2ornt("LPS"))


def from_lps(affine: np.ndarray) -> np.ndarray:
    """Return nibabel's transform from LPS order to the axes of an affine."""
    return ornt_transform(axcodes2ornt("LPS"), orientation_of(affine))


def orientation_of(affine: np.ndarray) -> np.ndarray:
    """Return nibabel's orientation, without noise: two files of one scan never differ by their last digit."""
    return io_orientation(np.round(affine, 5))
