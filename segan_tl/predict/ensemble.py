"""Runs that see the same images, one after the other: their mean or STAPLE, in the memory of one of them.

Each network is loaded once for GROUP cases; what it finds is brought into running means, which wait on the disk. The
price: the images are read once more for every member, and GROUP cases take as much disk as their probabilities, some
140 MB a case of BraTS with three regions and ten members. Loading anew for each case would need no disk, but to load
and trace a large network takes several times as long as to read a case.
"""

import contextlib
import functools
import gc
import itertools
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from segan_tl.data.find.cases import Case, load_case
from segan_tl.disk.leftovers import clear_leftovers, temporary_path
from segan_tl.errors import CannotWrite, UserError, cannot_write
from segan_tl.predict.agreement import agreement, pack, tumour_share, unpack
from segan_tl.predict.crew import Crew
from segan_tl.predict.inputs import load_input
from segan_tl.predict.joint import LABELS, Ensemble, blend, joint_masks, joint_probability, settings_of, thresholds_of
from segan_tl.predict.members import Member
from segan_tl.predict.postprocess import binarise, decide, drop_small_components
from segan_tl.predict.network import Network, as_network
from segan_tl.predict.second_opinion import mirrored_agreement
from segan_tl.predict.segment import load_member, segment_case
from segan_tl.predict.segmented import Segmented
from segan_tl.predict.signs import mean_signs, signs_of
from segan_tl.predict.staple import decide_staple, staple

GROUP = 16  # cases whose running means are kept at a time: about 2 GB of disk for BraTS with three regions


class Desk:
    """What is kept of a case on the disk until all members have seen it.

    Args:
        folder: temporary.
        number: of the case in its group.

    Attributes:
        seconds: that the members took.
        signs: of each member's own answer, where they are asked for.
    """

    def __init__(self, case: Case, folder: Path, number: int):
        self.case = case
        self._mean = folder / f"{number}-mean.npy"
        self._masks = folder / f"{number}-masks-"
        self.seconds = 0.0
        self.signs: list[dict[str, float | None]] = []

    @property
    def mean(self) -> np.ndarray | None:
        """Return the running mean of the members so far, None where there is none yet."""
        return np.load(self._mean) if self._mean.is_file() else None

    def keep_mean(self, mean: np.ndarray) -> None:
        """Replace the running mean."""
        _save(self._mean, mean)

    def keep_masks(self, place: int, masks: np.ndarray) -> None:
        """Keep the masks (H, W, D, R) of a member."""
        _save(self._path(place), pack(masks))

    def masks(self, members: int) -> list[Callable[[], np.ndarray]]:
        """Return for each member what reads the bits of its masks."""
        return [lambda path=self._path(place): np.load(path) for place in range(members)]

    def _path(self, place: int) -> Path:
        return self._masks.with_name(f"{self._masks.name}{place}.npy")


def digests_of(members: Sequence[Member]) -> list[str]:
    """Return the sha256 of the members' networks, as their manifests state them.

    Raises:
        UserError: a checkpoint is absent or damaged.
    """
    return [member.digest for member in members]


def segment_together(
    ensemble: Ensemble,
    cases: Sequence[Case],
    folder: Path,
    *,
    shared: bool,
    advance: Callable[[str | None], None],
    then: Callable[[Case, Segmented], object],
    signed: bool = False,
) -> Iterator[tuple[Case, object]]:
    """Segment cases with all members; yield each with what `then` makes of it, or with what is wrong with it.

    Args:
        folder: where running means wait; they are removed, also after an interruption.
        shared: whether the share of members that say tumour is asked for.
        advance: is told of each case of each member; a line where a member has seen all cases of a group.
        then: called with each case and what was found in it.
        signed: whether signs of each member's own answer are asked for, which takes it a second pass.

    Raises:
        UserError: a checkpoint is absent or damaged.
        CannotWrite: the disk is full.
    """
    for first in range(0, len(cases), GROUP):
        with _temporary(folder) as place:
            desks = [Desk(case, place, number) for number, case in enumerate(cases[first : first + GROUP])]
            yield from _ask_members(ensemble, desks, advance, signed=signed)
            for desk in desks:
                started = time.monotonic() - desk.seconds
                found = _conclude(ensemble, desk, shared=shared)
                yield desk.case, _or_error(then, desk.case, found._replace(seconds=time.monotonic() - started))


def _or_error(then: Callable[[Case, Segmented], object], case: Case, found: Segmented) -> object:
    try:
        return then(case, found)
    except UserError as error:
        return error


def _ask_members(
    ensemble: Ensemble, desks: list[Desk], advance: Callable, *, signed: bool
) -> Iterator[tuple[Case, UserError]]:
    """Bring what each member finds into the means; a case that cannot be used is yielded and its desk cleared away."""
    weights = itertools.accumulate(ensemble.shares)
    for place, (member, weight) in enumerate(zip(ensemble.members, weights)):
        crew = Crew()
        model = crew.share(as_network(load_member(member)[0]))
        ask = functools.partial(_try_to_ask, ensemble, place, model, weight=weight, signed=signed, crew=crew)
        for desk, error in crew.results(desks.copy(), ask):
            if error is not None:
                desks.remove(desk)
                yield desk.case, error
                continue
            advance(None if desk is not desks[-1] else f"{member.name}  {place + 1} of {len(ensemble.members)} members")
        del model, ask, crew
        gc.collect()  # a network and its graph refer to one another


def _try_to_ask(
    ensemble: Ensemble, place: int, model: Network, desk: Desk, *, weight: float, signed: bool, crew: Crew
) -> UserError | None:
    """Let one member see a case; return what is wrong with the case, or None."""
    try:
        _ask(ensemble, place, model, desk, weight=weight, signed=signed)
    except CannotWrite:
        raise
    except UserError as error:
        return error
    desk.seconds += crew.seconds()
    return None


def _ask(ensemble: Ensemble, place: int, model: Network, desk: Desk, *, weight: float, signed: bool) -> None:
    """Let one member see a case; what it finds goes to the desk, its image out of memory before.

    Args:
        weight: of the members up to this one.
    """
    member, target = ensemble.members[place], ensemble.target
    config = member.config
    probability = _segment(model, desk, member, signed=signed)
    desk.keep_masks(place, joint_masks(binarise(probability, config.predict), config, target))
    if ensemble.rule != "staple" and ensemble.shares[place]:
        probability = joint_probability(member.calibrate(probability), config, target)
        desk.keep_mean(blend(desk.mean, probability, ensemble.shares[place] / weight))


def _segment(model: Network, desk: Desk, member: Member, *, signed: bool) -> np.ndarray:
    config, case = member.config, desk.case
    loaded = load_case(case, config.data.modalities, with_mask=False, any_subset=config.data.any_subset)
    probability = segment_case(model, loaded.image, config, spacing_mm=loaded.spacing_mm, case=case.id)
    if signed:
        prediction = binarise(probability, config.predict)
        agreed = mirrored_agreement(model, loaded, config, prediction=prediction, case=case.id)
        desk.signs.append(signs_of(Segmented(loaded, (member,), probability, prediction, agreement=agreed)))
    return probability


def _conclude(ensemble: Ensemble, desk: Desk, *, shared: bool) -> Segmented:
    """Decide a case that all members have seen."""
    target, settings = ensemble.target, settings_of(ensemble)
    masks = desk.masks(len(ensemble.members))
    agreed = dict(zip(target.regions, agreement(masks), strict=True))
    data = ensemble.lead.config.data
    loaded = load_input(desk.case, data.modalities, regions=target.regions, any_subset=data.any_subset)
    shape = loaded.image.shape[:3]
    if ensemble.rule == "staple":
        probability = _staple(masks, shape, regions=len(target.regions))
        decided = decide_staple(probability, exclusive=target.decision == LABELS)
    else:
        probability = desk.mean
        decided = decide(probability, settings, thresholds=thresholds_of(ensemble))
    prediction = drop_small_components(decided, settings.smallest_component)
    share = tumour_share(masks, shape) if shared else None
    signs = mean_signs(desk.signs) if desk.signs else None
    return Segmented(loaded, (ensemble.lead,), probability, prediction, agreement=agreed, share=share, signs=signs)


def _staple(masks: Sequence[Callable], shape: Sequence[int], *, regions: int) -> np.ndarray:
    """Return STAPLE's probability of each region, (H, W, D, R): of one at a time all members' masks are in memory."""
    found = np.empty((*shape, regions), np.float32)
    for region in range(regions):
        found[..., region] = staple([unpack(read()[region], shape) for read in masks])
    return found


@contextlib.contextmanager
def _temporary(folder: Path) -> Iterator[Path]:
    """Yield a folder that is removed at the end; of a kill at any moment, by what writes to `folder` next."""
    place = temporary_path(folder / "ensemble")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        clear_leftovers(folder)
        place.mkdir()
    except OSError as error:
        raise cannot_write(folder, error) from error
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _save(path: Path, array: np.ndarray) -> None:
    try:
        np.save(path, array)
    except OSError as error:
        raise cannot_write(path, error) from error
