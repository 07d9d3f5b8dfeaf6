"""Models side by side on one patient: each of its own modality, which vote; or all of the same, whose mean decides."""

from collections.abc import Sequence
from typing import NamedTuple

import keras
import numpy as np

from segan_tl.data.find.cases import Case, LoadedCase
from segan_tl.predict.inputs import load_input
from segan_tl.predict.members import Member, joint_settings, weights_of
from segan_tl.predict.postprocess import binarise, keep_large_components
from segan_tl.predict.segment import load_segmentor, segment_case
from segan_tl.predict.vote import RULES, mean_probability, vote


def load_members(members: Sequence[Member]) -> tuple[list[keras.Model], list[str]]:
    """Verify and load the segmentors; return them and the sha256 of their files.

    Raises:
        UserError: a checkpoint is absent or damaged.
    """
    loaded = [load_segmentor(member.run, member.config) for member in members]
    return [model for model, _ in loaded], [digest for _, digest in loaded]


class Segmented(NamedTuple):
    """A case and what was found in it.

    Attributes:
        voters: the runs that were asked: the one, or those whose modality the case has; of runs that see the same
            images the first, for all of them.
        probability: (H, W, D, R) float32, the mean of several runs, weighted as their votes are.
        prediction: (H, W, D, R) bool.
    """

    loaded: LoadedCase
    voters: tuple[Member, ...]
    probability: np.ndarray
    prediction: np.ndarray


def segment_input(
    members: Sequence[Member], models: Sequence[keras.Model], case: Case, *, rule: str | None
) -> Segmented:
    """Read a case and segment it: with the one run, with those whose modality the case has, by vote, or by the mean.

    Args:
        models: the members' segmentors.
        rule: "majority" or "weighted"; None for one run, of however many modalities; "mean" for several of the same.

    Raises:
        UserError: an image cannot be used.
    """
    config = members[0].config
    if rule not in RULES:
        data = config.data
        loaded = load_input(case, data.modalities, regions=data.regions, any_subset=data.any_subset)
        found = [
            segment_case(model, loaded.image, member.config, spacing_mm=loaded.spacing_mm, case=case.id)
            for member, model in zip(members, models, strict=True)
        ]
        probability = mean_probability(found) if len(found) > 1 else found[0]
        return Segmented(loaded, (members[0],), probability, binarise(probability, joint_settings(members)))
    there = [(member, model) for member, model in zip(members, models) if member.modality in case.images]
    voters = tuple(member for member, _ in there)
    loaded = load_input(case, tuple(voter.modality for voter in voters), regions=config.data.regions)
    probabilities = [
        segment_case(model, loaded.image[..., i : i + 1], voter.config, spacing_mm=loaded.spacing_mm, case=case.id)
        for i, (voter, model) in enumerate(there)
    ]
    mean = mean_probability(probabilities, weights=weights_of(voters, rule))
    return Segmented(loaded, voters, mean, count_votes(probabilities, voters=voters, rule=rule))


def count_votes(probabilities: Sequence[np.ndarray], *, voters: Sequence[Member], rule: str) -> np.ndarray:
    """Threshold each voter's probability as its run says, vote, and keep the large components of the result.

    Args:
        probabilities: (H, W, D, R) of each voter.
        rule: "majority" or "weighted".

    Returns:
        (H, W, D, R) bool.
    """
    masks = [probability >= voter.config.predict.threshold for probability, voter in zip(probabilities, voters)]
    settings = joint_settings(voters)
    voted = vote(masks, probabilities, weights=weights_of(voters, rule), threshold=settings.threshold)
    if settings.smallest_component:
        for region in range(voted.shape[-1]):
            voted[..., region] = keep_large_components(voted[..., region], settings.smallest_component)
    return voted
