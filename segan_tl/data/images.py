"""Volumes on disk: read in LPS voxel order, written back on the file's own grid and orientation.

Affines are nibabel's everywhere: voxel index to RAS+ mm. A shear is kept as it is; only the order and the direction of
the axes change.
"""

import gzip
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.orientations import apply_orientation, axcodes2ornt, inv_ornt_aff, io_orientation, ornt_transform

from segan_tl.data.formats import NIFTI_SUFFIXES, SUFFIXES, unread_remedy
from segan_tl.data.image_error import ImageError
from segan_tl.data.itk import read_itk, read_itk_header
from segan_tl.data.nifti import read_nifti, read_nifti_header
from segan_tl.runs import atomic_path

# Two grids are the same when no corner of the volume moves farther than this; float32 headers round to about 1e-5 mm.
CORNER_TOLERANCE_MM = 1e-3
SPACING_RANGE_MM = (1e-3, 1e3)

OpenedFiles = dict[Path, tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Source:
    """Where one image is: a file, and the channel where the file is 4-D."""

    path: Path
    channel: int | None = None


@dataclass(frozen=True, eq=False)
class Geometry:
    """A voxel grid in space: shape (three axes) and affine (4, 4), voxel index to RAS+ mm."""

    shape: tuple[int, int, int]
    affine: np.ndarray

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

    @property
    def in_lps(self) -> "Geometry":
        """Return the same grid with its axes in LPS order: the grid of arrays in memory."""
        transform = _to_lps(self.affine)
        shape = np.empty(3, int)
        shape[transform[:, 0].astype(int)] = self.shape
        return Geometry(tuple(shape.tolist()), self.affine @ inv_ornt_aff(transform, self.shape))


@dataclass(frozen=True, eq=False)
class Volume:
    """An image in memory.

    Attributes:
        data: (H, W, D), axes in LPS order.
        affine: (4, 4) of `data`, voxel index to RAS+ mm.
        geometry: the grid of the file as stored; `write_volume` puts data back on it.
    """

    data: np.ndarray
    affine: np.ndarray
    geometry: Geometry

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Return the voxel size along the axes of `data`."""
        return self.geometry.in_lps.spacing_mm


def read_header(source: Source) -> Geometry:
    """Read the grid of a file as stored, without its voxels.

    Raises:
        ImageError: the file is absent, unknown or its header is damaged.
    """
    path = Path(source.path)
    shape, affine = read_nifti_header(path) if _is_nifti(path) else read_itk_header(path)
    return Geometry(_checked_shape(source, shape), _checked_affine(path, affine))


def read_volume(source: Source, *, dtype: np.dtype | type | None = None, opened: OpenedFiles | None = None) -> Volume:
    """Read an image and bring its axes into LPS order.

    Args:
        dtype: type of the data; the file's own where None.
        opened: files read before; a 4-D file that holds several modalities is read only once when the caller passes
            the same dict for all of them.

    Raises:
        ImageError: the file is absent, truncated, damaged or of the wrong dimension.
    """
    path = Path(source.path)
    opened = {} if opened is None else opened
    if path not in opened:
        opened[path] = read_nifti(path) if _is_nifti(path) else read_itk(path)
    array, affine = opened[path]
    if array.ndim != 4:
        del opened[path]
    geometry = Geometry(_checked_shape(source, array.shape), _checked_affine(path, affine))
    array = array if array.ndim == 3 else array[..., source.channel]
    data = apply_orientation(array, _to_lps(affine))
    return Volume(data if dtype is None else data.astype(dtype, copy=False), geometry.in_lps.affine, geometry)


def corner_shift_mm(geometry: Geometry, other: Geometry) -> float:
    """Return how far (mm) the corners of the first grid lie from those of the second at most, both in LPS order."""
    one, two = geometry.in_lps, other.in_lps
    corners = np.array([[*index, 1] for index in np.ndindex(2, 2, 2)], float)
    corners[:, :3] *= np.array(one.shape) - 1
    return float(np.linalg.norm(corners @ (one.affine - two.affine).T, axis=1).max())


def write_volume(path: Path, data: np.ndarray, geometry: Geometry, *, dtype: np.dtype | type | None = None) -> None:
    """Write data to NIfTI on the grid and in the orientation of the file that `geometry` came from.

    The file appears whole or not at all: it is written under a temporary name beside its place and renamed.

    Args:
        path: ends in .nii.gz or .nii.
        data: (H, W, D) or (H, W, D, C) in LPS order.
        geometry: `Volume.geometry`.
        dtype: type of the voxels in the file; that of data where None.

    Raises:
        UserError: the disk is full or the folder cannot be written.
    """
    path = Path(path)
    if not _is_nifti(path):
        raise ValueError(f"{path.name} ends in neither .nii.gz nor .nii")
    if data.shape[:3] != geometry.in_lps.shape:
        raise ValueError(f"data {data.shape} does not fit the grid {geometry.in_lps.shape}")
    back = ornt_transform(axcodes2ornt("LPS"), io_orientation(_rounded(geometry.affine)))
    stored = apply_orientation(np.asarray(data, dtype=dtype), back)
    # NIfTI knows neither.
    stored = stored.astype({"bool": np.uint8, "float16": np.float32}.get(stored.dtype.name, stored.dtype), copy=False)
    image = nib.Nifti1Image(stored, geometry.affine, dtype=stored.dtype)
    image.set_sform(geometry.affine, code="scanner")
    # A quaternion cannot hold a shear; readers then go by the sform alone.
    image.set_qform(geometry.affine, code="unknown" if geometry.is_sheared else "scanner")
    image.header.set_xyzt_units("mm")
    content = image.to_bytes()
    with atomic_path(path) as temporary:
        # Without a time stamp equal data give equal files.
        temporary.write_bytes(gzip.compress(content, 1, mtime=0) if path.name.lower().endswith(".gz") else content)


# === Orientation ===


def _rounded(affine: np.ndarray) -> np.ndarray:
    """Round away noise, so that two files of one scan never get different orientations by their last digit."""
    return np.round(affine, 5)


def _to_lps(affine: np.ndarray) -> np.ndarray:
    return ornt_transform(io_orientation(_rounded(affine)), axcodes2ornt("LPS"))


# === Checks ===


def _is_nifti(path: Path) -> bool:
    name = path.name.lower()
    if not name.endswith(SUFFIXES):
        remedy = unread_remedy(path) or f"convert it to one of {', '.join(SUFFIXES)}"
        raise ImageError(path, "this image format is not read", remedy)
    return name.endswith(NIFTI_SUFFIXES)


def _checked_shape(source: Source, shape: tuple[int, ...]) -> tuple[int, int, int]:
    path = Path(source.path)
    if len(shape) == 4:
        if source.channel is None:
            raise ImageError(path, f"the image is 4-D ({shape[3]} volumes)", "split it into 3-D images")
        if source.channel >= shape[3]:
            reason = f"channel {source.channel} was expected, the file has 0 to {shape[3] - 1}"
            raise ImageError(path, reason, "correct dataset.json")
        return tuple(int(size) for size in shape[:3])
    if len(shape) != 3:
        raise ImageError(path, f"the image has {len(shape)} dimensions, not 3", "give a 3-D image")
    if source.channel:
        raise ImageError(path, f"channel {source.channel} was expected, the file is 3-D", "correct dataset.json")
    return tuple(int(size) for size in shape)


def _checked_affine(path: Path, affine: np.ndarray) -> np.ndarray:
    remedy = "export the image again with its geometry"
    if not np.isfinite(affine).all() or np.isnan(io_orientation(_rounded(affine))).any():
        raise ImageError(path, "the header states no usable orientation (its affine is singular)", remedy)
    spacing_mm = np.linalg.norm(affine[:3, :3], axis=0)
    if spacing_mm.min() < SPACING_RANGE_MM[0] or spacing_mm.max() > SPACING_RANGE_MM[1]:
        sizes = "×".join(f"{length:.3g}" for length in spacing_mm)
        raise ImageError(path, f"the header states a voxel of {sizes} mm, which cannot be", remedy)
    return affine
