"""A case prepared for a segmentor as the cases of its training were, and the way back."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from segan_tl.config.schema import Config
from segan_tl.data.preprocess import centre_crop, centre_paste, prepare_image
from segan_tl.data.volume_prepare import prepare_volume


class Prepared(NamedTuple):
    """A case as the network sees it, and the way back.

    Attributes:
        array: (D, h, w, M) float32, slices first.
        restore: (D, h, w, R) → (H, W, D, R) on the case's full grid, 0 outside the segmented area.
    """

    array: np.ndarray
    restore: Callable[[np.ndarray], np.ndarray]


def prepare_case(image: np.ndarray, config: Config, *, spacing_mm: Sequence[float]) -> Prepared:
    """Cut, scale and resample a case as the cases of the training were.

    Args:
        image: (H, W, D, M) intensities as read, LPS order.
        config: `data` says how the image is prepared, `predict` which area of it is segmented.
        spacing_mm: of the image along H, W, D.
    """
    if config.data.crop is None:
        prepared, box = prepare_volume(
            image, normalise=config.data.normalise, spacing_mm=spacing_mm, target_mm=config.data.spacing_mm
        )
        return Prepared(prepared, box.paste)
    prepared = prepare_image(image, crop=config.data.crop, percentiles=config.data.percentiles)
    area = centre_crop(prepared, segmented_size(config))

    def restore(found: np.ndarray) -> np.ndarray:
        # In two steps, as it was cut: with odd sizes the centre of the centre is not the centre.
        return centre_paste(centre_paste(np.moveaxis(found, 0, 2), prepared.shape[:3]), image.shape[:3])

    return Prepared(np.moveaxis(area, 2, 0), restore)


def segmented_size(config: Config) -> tuple[int, int, int]:
    """Return how many voxels along H, W, D around the centre are segmented."""
    height_width = config.data.patch[1:] if config.predict.area == "window" else config.data.crop[:2]
    return (*height_width, config.data.crop[2])
