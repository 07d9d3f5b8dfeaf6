"""Crop and intensity scaling of a volume [Giacomello 2020, IV-B]."""

from collections.abc import Sequence

import numpy as np

from segan_tl.data.intensities import require_finite

LEAST_BACKGROUND = 0.2  # of an image; skull-stripped ones have 0.7 and more


def prepare_image(image: np.ndarray, *, crop: Sequence[int], percentiles: Sequence[float]) -> np.ndarray:
    """Cut the centre out, clip each modality to its percentiles and scale it to [0, 1].

    The percentiles are those of the crop, background included, as in the authors' code. A constant modality becomes 0.

    Args:
        image: (H, W, D, M).
        crop: voxels along H, W, D; a smaller image is padded with zeros.
        percentiles: lower and upper, for example (2, 98).

    Returns:
        Array (*crop, M), float32.

    Raises:
        UserError: the image holds NaN or infinity.
    """
    cropped = centre_crop(image, crop).astype(np.float32)
    low, high = np.percentile(cropped, percentiles, axis=(0, 1, 2))  # (M,), (M,)
    span = np.where(high > low, high - low, 1).astype(np.float32)
    return require_finite(np.clip((cropped - low.astype(np.float32)) / span, 0, 1))


def find_background(data: np.ndarray) -> float:
    """Return the value of the air around the head: that of all corners, where a fifth of the image has it; else 0.

    Images that were normalised with their background, such as those that some distribute of BRATS 2013 and 2015, hold
    another constant there than 0, which everything else takes for "outside".

    Args:
        data: (H, W, D).
    """
    corners = np.unique(data[np.ix_(*([0, -1] for _ in data.shape))])
    if len(corners) > 1 or np.mean(data == corners[0]) < LEAST_BACKGROUND:
        return 0.0
    return float(corners[0])


def centre_crop(array: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Return the centre of the first len(size) axes, padded with zeros where `array` is smaller."""
    inside, outside = _overlap(array.shape, size)
    if all(part == slice(0, length) for part, length in zip(outside, size)):
        return array[inside]
    result = np.zeros((*size, *array.shape[len(size) :]), array.dtype)
    result[outside] = array[inside]
    return result


def centre_paste(array: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """Put what `centre_crop` cut out back into a volume of zeros whose first axes have `shape`."""
    inside, outside = _overlap(shape, array.shape[: len(shape)])
    result = np.zeros((*shape, *array.shape[len(shape) :]), array.dtype)
    result[inside] = array[outside]
    return result


def _overlap(shape: Sequence[int], size: Sequence[int]) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Return where the crop lies in the volume, and where the volume lies in the crop."""
    inside, outside = [], []
    for length, wanted in zip(shape, size):
        shared = min(length, wanted)
        start, offset = max((length - wanted) // 2, 0), max((wanted - length) // 2, 0)
        inside.append(slice(start, start + shared))
        outside.append(slice(offset, offset + shared))
    return tuple(inside), tuple(outside)
