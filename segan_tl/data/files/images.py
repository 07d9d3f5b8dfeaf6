"""Volumes on disk: read in LPS voxel order, written back on the file's own grid and orientation."""

import gzip
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.orientations import apply_orientation

from segan_tl.data.files.formats import (
    ITK_SUFFIXES,
    MGH_SUFFIXES,
    NIFTI_SUFFIXES,
    SUFFIXES,
    header_of,
    unread_remedy,
    voxels_of,
)  # fmt: skip
from segan_tl.data.files.geometry import Geometry, from_lps, orientation_of, to_lps
from segan_tl.data.files.image_error import ImageError
from segan_tl.data.files.itk import find_voxels, read_itk, read_itk_header
from segan_tl.data.files.mgh import read_mgh, read_mgh_header
from segan_tl.data.files.nifti import make_nifti, read_nifti, read_nifti_header
from segan_tl.disk.atomic import atomic_path

SPACING_RANGE_MM = (1e-3, 1e3)
# Along the longest axis. No scanner sees more than 550 mm at once; a head in metres taken for mm is below 0.6 mm, one
# in microns above 100 000 mm, the brain of a mouse 15 mm.
EXTENT_RANGE_MM = (2.0, 600.0)
READING_VERSION = 2  # of what reading an image gives: 2 applies the units of the header
_READERS = (
    (NIFTI_SUFFIXES, read_nifti_header, read_nifti),
    (MGH_SUFFIXES, read_mgh_header, read_mgh),
    (ITK_SUFFIXES, read_itk_header, read_itk),
)
_EXPORT_AGAIN = "export the image again with its geometry"

OpenedFiles = dict[Path, np.ndarray]


@dataclass(frozen=True)
class Source:
    """Where one image is: a file, and the channel where the file is 4-D."""

    path: Path
    channel: int | None = None


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


def files_of(path: Path) -> list[Path]:
    """Return the files that an image is made of: its own and, where its voxels are apart, theirs."""
    apart = find_voxels(path) if path.name.lower().endswith(ITK_SUFFIXES) else voxels_of(path)
    return [path, *(file for file in apart if file.is_file())]


def read_header(source: Source) -> Geometry:
    """Read the grid of a file as stored, without its voxels.

    Raises:
        ImageError: the file is absent, unknown, its header is damaged, or what it states cannot be a head.
    """
    path = Path(source.path)
    read, _ = _readers(path)
    shape, frame = read(path)
    geometry = Geometry(_checked_shape(source, shape), *frame)
    _check_place(path, geometry)
    return geometry


def read_volume(source: Source, *, dtype: np.dtype | type | None = None, opened: OpenedFiles | None = None) -> Volume:
    """Read an image and bring its axes into LPS order.

    Args:
        dtype: type of the data; the file's own where None.
        opened: files read before; a 4-D file that holds several modalities is read only once when the caller passes
            the same dict for all of them.

    Raises:
        ImageError: the file is absent, truncated, damaged, of the wrong dimension, no head, or too large.
    """
    path, geometry = Path(source.path), read_header(source)  # before memory is asked for
    opened = {} if opened is None else opened
    if path not in opened:
        opened[path] = _read_voxels(path)
    array = opened[path]
    if array.ndim != 4:
        del opened[path]
    array = array if array.ndim == 3 else array[..., source.channel]
    data = apply_orientation(array, to_lps(geometry.affine))
    return Volume(data if dtype is None else data.astype(dtype, copy=False), geometry.in_lps.affine, geometry)


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
        ValueError: another format, or data on another grid.

    Example:
        >>> scan = segan_tl.load_case(segan_tl.find_cases("patients").cases[0], ("flair",))
        >>> tumour = segan_tl.region_masks(scan.labels, ("wt",))[..., 0]
        >>> segan_tl.write_volume("tumour.nii.gz", tumour, scan.geometry)
    """
    path = Path(path)
    if not path.name.lower().endswith((".nii.gz", ".nii")):
        raise ValueError(f"{path.name} ends in neither .nii.gz nor .nii")
    if data.shape[:3] != geometry.in_lps.shape:
        raise ValueError(f"data {data.shape} does not fit the grid {geometry.in_lps.shape}")
    stored = apply_orientation(np.asarray(data, dtype=dtype), from_lps(geometry.affine))
    # NIfTI knows neither.
    stored = stored.astype({"bool": np.uint8, "float16": np.float32}.get(stored.dtype.name, stored.dtype), copy=False)
    image = _make_scanner_image(stored, geometry) if geometry.header is None else make_nifti(stored, geometry.header)
    content = image.to_bytes()
    with atomic_path(path) as temporary:
        # Without a time stamp equal data give equal files.
        temporary.write_bytes(gzip.compress(content, 1, mtime=0) if path.name.lower().endswith(".gz") else content)


def _make_scanner_image(stored: np.ndarray, geometry: Geometry) -> nib.Nifti1Image:
    """Return a NIfTI image for a file of another format, both orientations the scanner's."""
    image = nib.Nifti1Image(stored, geometry.affine, dtype=stored.dtype)
    image.set_sform(geometry.affine, code="scanner")
    # A quaternion cannot hold a shear; readers then go by the sform alone.
    image.set_qform(geometry.affine, code="unknown" if geometry.is_sheared else "scanner")
    image.header.set_xyzt_units("mm")
    return image


# === Checks ===


def _read_voxels(path: Path) -> np.ndarray:
    _, read = _readers(path)
    try:
        return read(path)
    except MemoryError:
        raise ImageError(path, "there is not enough memory for this image", "crop it or use a larger machine") from None


def _readers(path: Path) -> tuple:
    """Return what reads the header and what reads the voxels of a file, by its suffix."""
    for suffixes, read_frame, read_voxels in _READERS:
        if path.name.lower().endswith(suffixes):
            return read_frame, read_voxels
    beside = header_of(path) and f"name the header beside it, {header_of(path).name}"
    remedy = beside or unread_remedy(path) or f"convert it to one of {', '.join(SUFFIXES)}"
    raise ImageError(path, "this image format is not read", remedy)


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


def _check_place(path: Path, geometry: Geometry) -> None:
    """Refuse a geometry that cannot be a head's."""
    with np.errstate(over="ignore"):
        spacing_mm = np.array(geometry.spacing_mm)
    if not (SPACING_RANGE_MM[0] <= spacing_mm.min() and spacing_mm.max() <= SPACING_RANGE_MM[1]):
        reason = f"the header states a voxel of {_times(spacing_mm)} mm, which cannot be"
        raise ImageError(path, reason, _EXPORT_AGAIN)
    extent_mm = spacing_mm * geometry.shape
    if not EXTENT_RANGE_MM[0] <= extent_mm.max() <= EXTENT_RANGE_MM[1]:
        reason = f"the header states a head of {_times(extent_mm)} mm, which cannot be"
        raise ImageError(path, reason, "correct the voxel size or its unit in the header")
    if not np.isfinite(geometry.affine).all() or np.isnan(orientation_of(geometry.affine)).any():
        reason = "the header states no usable orientation (its affine is singular)"
        raise ImageError(path, reason, _EXPORT_AGAIN)


def _times(lengths: np.ndarray) -> str:
    return "×".join(f"{length:.3g}" for length in lengths)
