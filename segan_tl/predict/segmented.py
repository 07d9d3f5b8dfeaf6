"""A case and what was found in it, by one run, by vote or by an ensemble."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from segan_tl.data.find.cases import LoadedCase
from segan_tl.predict.members import Member


class Segmented(NamedTuple):
    """A case and what was found in it.

    Attributes:
        voters: the runs that were asked: the one, or those whose modality the case has; of an ensemble, whose members
            see the same images, the one whose regions it answers in.
        probability: (H, W, D, R) float32, calibrated where the runs were, the mean of several, weighted as their votes
            are; of labels (H, W, D, 1 + R), background first.
        prediction: (H, W, D, R) bool.
        seconds: that it took.
        agreement: region → mean Dice of each two members of an ensemble; where it was asked for, of each two voters, or
            of the one run's answer and that on the mirrored head.
        signs: of `predict.signs`, of an ensemble the mean of its members', where they were asked for.
        share: (H, W, D) float32, of the members that say tumour, where it was asked for.
        promised: (H, W, D, R) bool, of each region by itself what reaches the threshold of a guarantee, where it was
            asked for.
    """

    loaded: LoadedCase
    voters: tuple[Member, ...]
    probability: np.ndarray
    prediction: np.ndarray
    seconds: float = 0.0
    agreement: Mapping[str, float] | None = None
    share: np.ndarray | None = None
    signs: Mapping[str, float | None] | None = None
    promised: np.ndarray | None = None
