"""Runs that see the same images and answer together: whose regions they answer in, and how each one's come to these.

A run of labels, which exclude each other (softmax), says the probability of a region by the sum of its labels'; a run
of regions (sigmoid) says that of each by itself. Where one of regions is there, the ensemble answers in the regions of
the first such; where there are only labels, in those of the first run.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from segan_tl.config.predict import PredictConfig
from segan_tl.config.schema import Config
from segan_tl.errors import UserError
from segan_tl.metrics.unions import unions
from segan_tl.predict.members import Member

LABELS = "largest"  # the decision of runs whose labels exclude each other


class Target(NamedTuple):
    """What an ensemble answers.

    Attributes:
        regions: in the order of the channels.
        decision: as of a configuration; "largest" where all members are of labels.
        lead: place of the member whose regions they are.
    """

    regions: tuple[str, ...]
    decision: str
    lead: int


class Ensemble(NamedTuple):
    """Members that see the same images, how they come to one answer, and what that is about.

    Attributes:
        shares: of each member in the answer, together 1; the folds of a cross-validation divide that of one model.
        rule: "mean", "weighted" or "staple".
        models: what a person calls each RUN, one name a member.
    """

    members: tuple[Member, ...]
    shares: tuple[float, ...]
    rule: str
    target: Target
    models: tuple[str, ...]

    @property
    def lead(self) -> Member:
        """Return the member whose regions the answer has."""
        return self.members[self.target.lead]


def choose_target(members: Sequence[Member]) -> Target:
    """Return the regions that all members can tell something of.

    Raises:
        UserError: one cannot.
    """
    place = next((place for place, member in enumerate(members) if not _of_labels(member.config)), 0)
    lead = members[place]
    target = Target(lead.config.data.regions, lead.config.predict.decision, place)
    for member in members:
        if places_of(member.config, target) is None:
            raise UserError(
                f"expected runs whose regions come together; {lead.run.root} segments {', '.join(target.regions)}, "
                f"which {', '.join(member.config.data.regions)} of {member.run.root} do not add up to; leave one out"
            )
    return target


def places_of(config: Config, target: Target) -> tuple[tuple[int, ...], ...] | None:
    """Return for each region of the target the places of a run's regions that add up to it; None where one lacks."""
    own = config.data.regions
    known = {region: (place,) for place, region in enumerate(own)}
    if target.decision == LABELS:  # the background is the rest, so that all must mean the same by it
        known = known if set(own) == set(target.regions) else {}
    elif _of_labels(config):
        known |= unions(own)
    return tuple(known[region] for region in target.regions) if set(target.regions) <= set(known) else None


def joint_probability(probability: np.ndarray, config: Config, target: Target) -> np.ndarray:
    """Return what a run says of the regions of the target.

    Args:
        probability: (…, R) of the run, or (…, 1 + R) of labels, background first.

    Returns:
        (…, R') float32 of the target, or (…, 1 + R'); `probability` itself where these are the run's own.
    """
    background = int(_of_labels(config))
    channels = [[place + background for place in places] for places in places_of(config, target)]
    channels = [[0], *channels] if target.decision == LABELS else channels
    if channels == [[channel] for channel in range(probability.shape[-1])]:
        return probability
    found = np.empty((*probability.shape[:-1], len(channels)), np.float32)
    for place, (first, *others) in enumerate(channels):
        found[..., place] = probability[..., first]
        for channel in others:
            found[..., place] += probability[..., channel]
    return np.minimum(found, 1, out=found)  # a sum of what a softmax has rounded


def joint_masks(masks: np.ndarray, config: Config, target: Target) -> np.ndarray:
    """Return the masks (…, R) of a run as masks (…, R') of the regions of the target: those of its labels together."""
    return np.stack([masks[..., list(places)].any(axis=-1) for places in places_of(config, target)], axis=-1)


def settings_of(ensemble: Ensemble) -> PredictConfig:
    """Return how the answer of an ensemble is decided.

    The threshold is the mean of the members', with the shares of their probabilities; the smallest component is the
    largest of theirs.
    """
    settings = [member.config.predict for member in ensemble.members]
    threshold = _mean([one.threshold for one in settings], ensemble.shares)
    largest = max(one.smallest_component for one in settings)
    return ensemble.lead.config.predict.model_copy(
        update={"threshold": threshold, "smallest_component": largest}
    )


def thresholds_of(ensemble: Ensemble) -> tuple[float, ...]:
    """Return for each region of the answer the mean of the members' thresholds on what each says, calibrated or not.

    Of labels that make up a region each has the same.
    """
    own = []
    for member in ensemble.members:
        places = places_of(member.config, ensemble.target)
        own.append([member.thresholds[first] for first, *_ in places])
    return tuple(_mean(thresholds, ensemble.shares) for thresholds in zip(*own))


def _mean(values: Sequence[float], shares: Sequence[float]) -> float:
    first = values[0]  # taken off, so that equal ones give the very same
    return first + sum(share * (value - first) for share, value in zip(shares, values))


def blend(mean: np.ndarray | None, found: np.ndarray, share: float) -> np.ndarray:
    """Bring one more answer into a running mean; both arrays may be overwritten.

    The mean moves towards each answer by its share of the weights so far [West 1979], so that equal answers leave it
    to the bit as it is, however many there are and whatever they weigh.

    Args:
        mean: float32, of the answers before; None for the first.
        share: weight of this answer / sum of the weights up to it.
    """
    if mean is None or share == 1:
        return found
    found -= mean
    found *= share
    mean += found
    return mean


def _of_labels(config: Config) -> bool:
    return config.predict.decision == LABELS
