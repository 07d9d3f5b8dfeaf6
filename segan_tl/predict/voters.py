"""One model on a patient, or several side by side, each of its own modality, which vote."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from segan_tl.data.find.cases import Case
from segan_tl.errors import UserError
from segan_tl.predict.crew import Crew
from segan_tl.predict.inputs import load_input
from segan_tl.predict.members import Member, joint_settings, weights_of
from segan_tl.predict.network import Network, as_network
from segan_tl.predict.postprocess import binarise, drop_small_components
from segan_tl.predict.second_opinion import mirrored_agreement, mutual_agreement
from segan_tl.predict.segment import load_member, segment_case
from segan_tl.predict.segmented import Segmented
from segan_tl.predict.signs import signs_of
from segan_tl.predict.vote import mean_probability, vote


def load_members(members: Sequence[Member]) -> tuple[list[Network], list[str]]:
    """Verify and load the segmentors; return them and the sha256 of their files.

    Raises:
        UserError: a checkpoint is absent or damaged.
    """
    loaded = [load_member(member) for member in members]
    return [as_network(model) for model, _ in loaded], [digest for _, digest in loaded]


def segment_each(
    members: Sequence[Member],
    cases: Sequence[Case],
    *,
    rule: str | None,
    then: Callable[[Case, Segmented], object],
    promised: Sequence[float] | None = None,
    compared: bool = False,
) -> Iterator[tuple[Case, object]]:
    """Segment cases, a few at a time; yield each with what `then` makes of it, or with what is wrong with it.

    Args:
        rule, promised, compared: as of `segment_input`.
        then: called by threads, several at a time.

    Raises:
        UserError: a checkpoint is absent or damaged.
    """
    models, crew = load_members(members)[0], Crew()
    shared = [crew.share(model) for model in models]

    def segment(case: Case) -> object:
        try:
            found = segment_input(members, shared, case, rule=rule, promised=promised, compared=compared)
            return then(case, found._replace(seconds=crew.seconds()))
        except UserError as error:
            return error

    yield from crew.results(cases, segment)


def segment_input(
    members: Sequence[Member],
    models: Sequence[Network],
    case: Case,
    *,
    rule: str | None,
    promised: Sequence[float] | None = None,
    compared: bool = False,
) -> Segmented:
    """Read a case and segment it: with the one run, or with those whose modality the case has, by vote.

    Args:
        models: the members' segmentors.
        rule: "majority" or "weighted"; None for one run, of however many modalities.
        promised: for one run the thresholds of a guarantee, one a region.
        compared: also say how far several answers agree, of voters or of the one run on the mirrored head, which takes
            a second pass; and what the answer tells of its own Dice, before it is calibrated.

    Raises:
        UserError: an image cannot be used.
    """
    if rule is None:
        return _segment_alone(members[0], models[0], case, promised=promised, compared=compared)
    there = [(member, model) for member, model in zip(members, models) if member.modality in case.images]
    voters = tuple(member for member, _ in there)
    loaded = load_input(case, tuple(voter.modality for voter in voters), regions=members[0].config.data.regions)
    probabilities = [
        segment_case(model, loaded.image[..., i : i + 1], voter.config, spacing_mm=loaded.spacing_mm, case=case.id)
        for i, (voter, model) in enumerate(there)
    ]
    voted, weights = count_votes(probabilities, voters=voters, rule=rule), weights_of(voters, rule)
    calibrated = [voter.calibrate(probability) for voter, probability in zip(voters, probabilities)]
    found = Segmented(loaded, voters, mean_probability(calibrated, weights=weights), voted)
    if not compared:
        return found
    masks = [binarise(probability, voter.config.predict) for voter, probability in zip(voters, probabilities)]
    own = mean_probability(probabilities, weights=weights)
    agreed = mutual_agreement(masks, members[0].config.data.regions)
    return _signed(found._replace(probability=own, agreement=agreed))._replace(probability=found.probability)


def _segment_alone(
    member: Member, model: Network, case: Case, *, promised: Sequence[float] | None, compared: bool
) -> Segmented:
    """Segment a case with one run; arguments as of `segment_input`."""
    config, data = member.config, member.config.data
    loaded = load_input(case, data.modalities, regions=data.regions, any_subset=data.any_subset)
    probability = segment_case(model, loaded.image, config, spacing_mm=loaded.spacing_mm, case=case.id)
    mask = binarise(probability, config.predict)
    found = Segmented(loaded, (member,), probability, mask)
    if compared:
        agreed = mirrored_agreement(model, loaded, config, prediction=mask, case=case.id)
        found = _signed(found._replace(agreement=agreed))
    found = found._replace(probability=member.calibrate(probability))
    if promised is None:
        return found
    own = probability[..., -len(promised) :]  # without the background of a softmax
    return found._replace(promised=own >= np.asarray(promised, own.dtype))


def _signed(found: Segmented) -> Segmented:
    """Return a case with its signs."""
    return found._replace(signs=signs_of(found))


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
    return drop_small_components(voted, settings.smallest_component)
