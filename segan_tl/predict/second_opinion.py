"""A second answer to the same question: that of one network on the mirrored head, or those of several voters."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from segan_tl.config.schema import Config
from segan_tl.data.find.cases import LoadedCase
from segan_tl.predict.agreement import agreement, pack
from segan_tl.predict.network import Network
from segan_tl.predict.postprocess import binarise
from segan_tl.predict.segment import segment_case

if TYPE_CHECKING:
    import keras

LEFT_RIGHT = 0  # of (H, W, D) in LPS order


def mirrored_agreement(
    model: "keras.Model | Network", loaded: LoadedCase, config: Config, *, prediction: np.ndarray, case: str
) -> dict[str, float]:
    """Return for each region the Dice of an answer and that on the head with left and right exchanged.

    The other answer is that of one pass without flips: the mean over all flips would say the same of both.

    Args:
        prediction: (H, W, D, R) bool, the answer.
        case: its id, for errors.
    """
    once = config.model_copy(update={"predict": config.predict.model_copy(update={"mirror": False})})
    image = np.ascontiguousarray(np.flip(loaded.image, LEFT_RIGHT))
    found = segment_case(model, image, once, spacing_mm=loaded.spacing_mm, case=case)
    other = binarise(np.flip(found, LEFT_RIGHT), once.predict)
    return mutual_agreement([prediction, other], config.data.regions)


def mutual_agreement(masks: Sequence[np.ndarray], regions: Sequence[str]) -> dict[str, float] | None:
    """Return for each region the mean Dice of each two masks (H, W, D, R); None of one alone."""
    if len(masks) < 2:
        return None
    bits = [pack(mask) for mask in masks]
    return dict(zip(regions, agreement([lambda one=one: one for one in bits]), strict=True))
