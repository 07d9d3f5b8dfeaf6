"""A case prepared for a segmentor as the cases of its training were, and the way back."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from segan_tl.config.schema import Config
from segan_tl.data.prepare import Box, centred, crop_box, prepare_volume
from segan_tl.data.turn import turn


class Prepared(NamedTuple):
    """A case as the network sees it, and the way back.

    Attributes:
        array: (D, h, w, M) float32, slices first, turned as data.plane says; neighbours and planes are not beside it.
        restore: (D, h, w, R), turned alike → (H, W, D, R) on the case's full grid, 0 outside the segmented area.
    """

    array: np.ndarray
    restore: Callable[[np.ndarray], np.ndarray]


def prepare_case(image: np.ndarray, config: Config, *, spacing_mm: Sequence[float]) -> Prepared:
    """Cut, scale, resample and turn a case as the cases of the training were.

    Args:
        image: (H, W, D, M) intensities as read, LPS order.
        config: `data` says how the image is prepared, `predict` which area of it is segmented.
        spacing_mm: of the image along H, W, D.
    """
    data = config.data
    prepared, box = prepare_volume(
        image, normalise=data.normalise, spacing_mm=spacing_mm, target_mm=data.spacing_mm, crop=data.crop,
        percentiles=data.percentiles,
    )  # fmt: skip
    prepared = turn(prepared, data.plane)
    if config.predict.area == "window":
        height, width = data.patch[1:]
        top, left = centred(prepared.shape[1:3], (height, width))
        prepared, box = prepared[:, top : top + height, left : left + width], box.middle(height, width, data.axes)
    return Prepared(prepared, lambda array: box.paste(turn(array, data.plane)))


def segmented_box(shape: Sequence[int], config: Config, *, spacing_mm: Sequence[float]) -> Box | None:
    """Return what of a case (H, W, D) is segmented; None where the whole head is."""
    if config.data.crop is None:
        return None
    box = crop_box(shape, config.data.crop, spacing_mm=spacing_mm, target_mm=config.data.spacing_mm)
    return box.middle(*config.data.patch[1:], config.data.axes) if config.predict.area == "window" else box
