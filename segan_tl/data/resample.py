"""Volumes on another grid over the same field of view, by scikit-image."""

from collections.abc import Sequence

import numpy as np


def resampled_shape(shape: Sequence[int], spacing_mm: Sequence[float], *, target_mm: float) -> tuple[int, ...]:
    """Return how many voxels of `target_mm` cover what `shape` voxels of `spacing_mm` do, at least 1."""
    return tuple(max(round(size * step / target_mm), 1) for size, step in zip(shape, spacing_mm, strict=True))


def resample_image(image: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """Interpolate linearly, channel by channel; a coarser grid is preceded by a Gaussian against aliasing.

    Args:
        image: (d, h, w, C).
        shape: voxels of the result along d, h, w.

    Returns:
        (*shape, C) of the same type; the image itself where the shape is its own.
    """
    if tuple(shape) == image.shape[:3]:
        return image
    channels = [_resize(image[..., channel], shape) for channel in range(image.shape[-1])]
    return np.stack(channels, axis=-1).astype(image.dtype)


def resample_labels(labels: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """Give each voxel of the new grid the label that has most of it.

    Args:
        labels: (d, h, w) whole numbers.
        shape: voxels of the result along d, h, w.

    Returns:
        `shape` of the same type; the labels themselves where the shape is their own.
    """
    if tuple(shape) == labels.shape:
        return labels
    present = np.unique(labels)
    shares = [_resize(labels == label, shape) for label in present]
    return present[np.argmax(shares, axis=0)]


def _resize(volume: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    from skimage.transform import resize

    coarser = any(new < old for new, old in zip(shape, volume.shape, strict=True))
    return resize(volume.astype(np.float32), shape, order=1, mode="edge", anti_aliasing=coarser)
