"""Single-modality models side by side on one patient: each segments its own modality, then they vote."""

from collections.abc import Sequence

import keras
import numpy as np

from segan_tl.predict.members import Member, joint_settings, weights_of
from segan_tl.predict.postprocess import keep_large_components
from segan_tl.predict.segment import load_segmentor, segment_case
from segan_tl.predict.vote import mean_probability, vote


def load_members(members: Sequence[Member]) -> tuple[list[keras.Model], list[str]]:
    """Verify and load the segmentors; return them and the sha256 of their files.

    Raises:
        UserError: a checkpoint is absent or damaged.
    """
    loaded = [load_segmentor(member.run, member.config) for member in members]
    return [model for model, _ in loaded], [digest for _, digest in loaded]


def segment_by_vote(
    models: Sequence[keras.Model], image: np.ndarray, *, voters: Sequence[Member], rule: str
) -> tuple[np.ndarray, np.ndarray]:
    """Segment one case with every voter and count the votes.

    Args:
        models: the voters' segmentors.
        image: (H, W, D, N) as read, channel n the modality of voter n.
        rule: "majority" or "weighted".

    Returns:
        (H, W, D, R) float32 mean probability, weighted as the votes are, and (H, W, D, R) bool.
    """
    probabilities = [
        segment_case(model, image[..., i : i + 1], voter.config) for i, (model, voter) in enumerate(zip(models, voters))
    ]
    mean = mean_probability(probabilities, weights=weights_of(voters, rule))
    return mean, count_votes(probabilities, voters=voters, rule=rule)


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
