"""A whole volume prepared for a network: cropped, normalised and, where asked for, resampled."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from segan_tl.data.intensities import require_finite
from segan_tl.data.resample import resample_image, resampled_shape

Normalisation = Literal["zscore", "ren", "percentiles"]


@dataclass(frozen=True)
class Box:
    """Where a prepared volume lies in its case; everything along H, W, D. It may reach beyond it: that part is 0."""

    start: tuple[int, int, int]
    size: tuple[int, int, int]
    shape: tuple[int, int, int]  # of the whole case

    @property
    def inside(self) -> tuple[slice, ...]:
        """Return what of the case lies in the box, as slices of an array (H, W, D, …)."""
        spans = zip(self.start, self.size, self.shape)
        return tuple(slice(max(start, 0), max(min(start + size, length), 0)) for start, size, length in spans)

    @property
    def filled(self) -> tuple[slice, ...]:
        """Return where `inside` lies in the box."""
        return tuple(slice(part.start - start, part.stop - start) for part, start in zip(self.inside, self.start))

    def cut(self, array: np.ndarray) -> np.ndarray:
        """Return the box of `array` (H, W, D, …) with slices first: (d, h, w, …), a view where it lies inside."""
        part = array[self.inside]
        if part.shape[:3] != tuple(self.size):
            whole = np.zeros((*self.size, *array.shape[3:]), array.dtype)
            whole[self.filled] = part
            part = whole
        return np.moveaxis(part, 2, 0)

    def paste(self, array: np.ndarray) -> np.ndarray:
        """Put `array` (d, h, w, R) back into a case (H, W, D, R) of zeros: the inverse of `cut`.

        An array on another grid is brought to the box's own first, by linear interpolation.
        """
        result = np.zeros((*self.shape, *array.shape[3:]), array.dtype)
        height, width, depth = self.size
        result[self.inside] = np.moveaxis(resample_image(array, (depth, height, width)), 0, 2)[self.filled]
        return result

    def middle(self, rows: int, columns: int, axes: str = "DHW") -> "Box":
        """Return the box of so many voxels in the middle of every slice of this one; axes as of DataConfig."""
        size = in_plane(self.size, (rows, columns), axes=axes)
        start = tuple(a + b for a, b in zip(self.start, centred(self.size, size)))
        return Box(start, size, self.shape)


def in_plane(size: Sequence[int], slice_: Sequence[int], *, axes: str) -> tuple[int, int, int]:
    """Return a size (H, W, D) whose slices have so many rows and columns; axes as of DataConfig."""
    lengths = dict(zip("HWD", size)) | dict(zip(axes[1:], slice_))
    return tuple(lengths[axis] for axis in "HWD")


def centred(shape: Sequence[int], size: Sequence[int]) -> tuple[int, ...]:
    """Return where `size` voxels begin in the middle of `shape`; below 0 where they are more."""
    return tuple(
        (length - wanted) // 2 if length >= wanted else -((wanted - length) // 2) for length, wanted in zip(shape, size)
    )


def crop_box(
    shape: Sequence[int], crop: Sequence[int], *, spacing_mm: Sequence[float], target_mm: float | None
) -> Box:
    """Return what the middle of an image is cropped to.

    Args:
        shape: of the image along H, W, D.
        crop: voxels along H, W, D, of the grid that is resampled to where there is one.
        spacing_mm: of the image along H, W, D.
        target_mm: edge of the cubic voxels to resample to; None leaves the grid as it is.
    """
    size = tuple(crop)
    if target_mm is not None:
        size = tuple(max(round(length * target_mm / step), 1) for length, step in zip(crop, spacing_mm, strict=True))
    return Box(centred(shape, size), size, tuple(shape))


def prepare_volume(
    image: np.ndarray,
    *,
    normalise: Normalisation = "zscore",
    spacing_mm: Sequence[float] = (1.0, 1.0, 1.0),
    target_mm: float | None = None,
    crop: Sequence[int] | None = None,
    percentiles: Sequence[float] = (2.0, 98.0),
) -> tuple[np.ndarray, Box]:
    """Crop, normalise each modality, and resample.

    "zscore": mean 0 and standard deviation 1 inside the brain (any modality ≠ 0), (x − mean) / (std + 1e-8); 0 outside
    [nnU-Net, ZScoreNormalization with use_mask_for_norm; Wacker 2020]. "ren": rescale to [0, 1] between the 1st and
    99th percentile of the whole volume, background included [Ren 2024]. "percentiles": clip to the percentiles of the
    crop, background included, and scale to [0, 1] [Giacomello 2020, IV-B, as in the authors' code].

    Args:
        image: (H, W, D, M) intensities.
        normalise: which of them.
        spacing_mm: of the image along H, W, D.
        target_mm: edge of the cubic voxels to resample to; None leaves the grid as it is.
        crop: voxels of the result along H, W, D, from the middle of the image, with zeros where it is smaller; None
            crops to the bounding box of all voxels that are not 0 in every modality.
        percentiles: for "percentiles", the lower one first.

    Returns:
        (d, h, w, M) float32 and the box. A volume of zeros is not cropped to a head; a constant modality becomes 0.

    Raises:
        UserError: the image holds NaN or infinity.
    """
    brain = np.any(image != 0, axis=-1)
    grid = {"spacing_mm": spacing_mm, "target_mm": target_mm}
    box = crop_box(brain.shape, crop, **grid) if crop else _bounding_box(brain)
    inside = box.cut(brain)
    prepared = np.empty((*inside.shape, image.shape[-1]), np.float32)
    for channel in range(image.shape[-1]):
        whole = image[..., channel]
        if normalise == "zscore":
            prepared[..., channel] = _zscore(box.cut(whole), inside)
        elif normalise == "ren":
            prepared[..., channel] = box.cut(_rescale(whole))
        else:
            prepared[..., channel] = _clip(box.cut(whole), percentiles)
    size = np.roll(crop, 1).tolist() if crop else _target_shape(box, **grid)
    return require_finite(resample_image(prepared, size)), box


def _target_shape(box: Box, spacing_mm: Sequence[float], target_mm: float | None) -> tuple[int, int, int]:
    """Return the size along D, H, W of what lies in the box, on the grid to resample to."""
    size, spacing_mm = (np.roll(values, 1).tolist() for values in (box.size, spacing_mm))
    return tuple(size) if target_mm is None else resampled_shape(size, spacing_mm, target_mm=target_mm)


def _bounding_box(brain: np.ndarray) -> Box:
    starts, sizes = [], []
    for axis, length in enumerate(brain.shape):
        found = np.flatnonzero(brain.any(axis=tuple({0, 1, 2} - {axis})))
        first, last = (int(found[0]), int(found[-1])) if len(found) else (0, length - 1)
        starts.append(first)
        sizes.append(last - first + 1)
    return Box(tuple(starts), tuple(sizes), brain.shape)


def _zscore(image: np.ndarray, brain: np.ndarray) -> np.ndarray:
    values = image[brain].astype(np.float64)
    result = np.zeros(image.shape, np.float32)
    if len(values):
        result[brain] = (values - values.mean()) / (values.std() + 1e-8)
    return result


def _clip(image: np.ndarray, percentiles: Sequence[float]) -> np.ndarray:
    """Clip to two percentiles and scale to [0, 1]; a constant image becomes 0."""
    image = image.astype(np.float32)
    low, high = (np.float32(value) for value in np.percentile(image, percentiles))
    return np.clip((image - low) / (high - low if high > low else np.float32(1)), 0, 1)


def _rescale(image: np.ndarray) -> np.ndarray:
    """Scale to 0 … 255 with two decimals, then the 1st to 99th percentile to 0 … 1, clipped [Ren 2024].

    The authors take z-scores first; scaling to 0 … 255 undoes any affine map, so nothing of them is left.
    """
    low, high = float(image.min()), float(image.max())
    if low == high:
        return np.zeros(image.shape, np.float32)
    scaled = np.round((image.astype(np.float32) - low) * (255 / (high - low)), 2)
    first, last = np.percentile(scaled, (1, 99))
    return np.clip((scaled - first) / max(last - first, 1e-8), 0, 1).astype(np.float32)
