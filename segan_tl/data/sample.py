"""Which patches an epoch learns from.

Every random choice of an epoch is drawn beforehand from (seed, epoch): a run that resumes in the middle of an epoch
sees the batches that it would have seen, and so does every number of replicas.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from segan_tl.config.schema import Config
from segan_tl.data.augment import draw
from segan_tl.data.cache import CachedCase
from segan_tl.data.contrasts import plan_contrasts
from segan_tl.data.domains import SOURCE, TARGET, draw_cases, draw_in_rounds, forced_examples, from_source
from segan_tl.data.subsets import draw_subsets


@dataclass(frozen=True, eq=False)
class Plan:
    """What an epoch reads: row i of each array belongs to the i-th training example."""

    case: np.ndarray  # (N,) index into the cases
    corner: np.ndarray  # (N, 3) first voxel along D, H, W; negative where the patch is larger than the volume
    forced: np.ndarray  # (N,) whether it surely holds a region
    changes: dict[str, np.ndarray]  # as augment.draw gives them
    labelled: np.ndarray  # (N,) whether labels are read
    domain: np.ndarray | None = None  # (N,) SOURCE or TARGET, where there are two cohorts
    contrast: dict[str, np.ndarray] | None = None  # as contrasts.plan_contrasts gives it, where examples are painted
    present: np.ndarray | None = None  # (N, M) 1 where the network sees a modality, 0 where not; None: all of them
    whole: np.ndarray | None = None  # (N,) 1 where the case has all modalities, 0 where not, for a teacher

    def __len__(self) -> int:
        return len(self.case)

    @property
    def beside(self) -> dict[str, np.ndarray]:
        """Return what comes with images and masks: by the name it has in a batch, a row an example."""
        return {name: rows for name in ("domain", "present", "whole") if (rows := getattr(self, name)) is not None}


@dataclass(frozen=True)
class Part:
    """What of every batch is made here, where several machines train together: the examples of the replicas here.

    Attributes:
        first: number of the first replica here.
        here: replicas here.
        total: replicas of all machines.
    """

    first: int = 0
    here: int = 1
    total: int = 1

    def size(self, batch_size: int) -> int:
        """Return how many examples each replica gets of a batch."""
        return batch_size // self.total

    def of(self, values: np.ndarray, batch_size: int) -> np.ndarray:
        """Return (steps · here, batch size / total, …) of (N, …): whole batches, without the examples of others."""
        steps, size = len(values) // batch_size, self.size(batch_size)
        divided = values[: steps * batch_size].reshape(steps, self.total, size, *values.shape[1:])
        return divided[:, self.first : self.first + self.here].reshape(-1, size, *values.shape[1:])


WHOLE = Part()


def plan_patches(
    cases: Sequence[CachedCase], config: Config, *, epoch: int, sources: int = 0
) -> Plan:
    """Draw the examples of one epoch.

    All cases of a cohort come before one comes again. Example j of a batch of B is forced where j ≥
    round(B (1 − foreground)): one of the regions that the case holds is drawn, all alike, then one of its voxels, and
    the patch is put around it as far as the volume reaches [nnU-Net, oversampling]. The other patches lie anywhere in
    the volume, all places alike. Along an axis on which the volume is smaller than the patch, it lies in the middle of
    zeros.

    With `sampling` "slices", all slices of a cohort come before one comes again, and a forced one is drawn likewise
    from the slices with tumour [Giacomello 2020, IV-B]; within its slice a patch lies anywhere.

    With two cohorts, `domains` says which example is of which, and which are forced. Where the adversary is to do
    without the target's labels, none of its examples is forced and none has its labels read.

    Args:
        cases: of the target, then of the source.
        config: the configuration; train.steps_per_epoch is not 0.
        epoch: number of the epoch.
        sources: how many of the cases are the source's, 0 for one cohort.
    """
    batch_size = config.train.examples_per_step
    count = config.train.steps_per_epoch * batch_size
    generator = np.random.default_rng([config.seed, epoch])
    domain, labelled = None, np.ones(count, bool)
    if sources:
        is_source = from_source(count, config.source.share)
        domain = np.where(is_source, SOURCE, TARGET).astype(np.float32)
        wanted = forced_examples(is_source, config.data.foreground)
        if config.adversary and not config.adversary.target_labels:
            labelled, wanted = is_source, wanted & is_source
    else:
        is_source = np.zeros(count, bool)
        wanted = np.arange(count) % batch_size >= round(batch_size * (1 - config.data.foreground))
    if config.data.sampling == "slices":
        case, corner, forced = _draw_slices(cases, config, generator, is_source, wanted=wanted, sources=sources)
    else:
        if sources:
            case = draw_cases(generator, is_source, targets=len(cases) - sources, sources=sources)
        else:
            case = draw_in_rounds(generator, len(cases), count=count)
        corner, forced = _place(cases, config, generator, case=case, wanted=wanted)
    channels = cases[0].image.shape[-1]
    changes = draw(
        generator, config.augment, count=count, patch=tuple(config.data.patch), channels=channels, axes=config.data.axes
    )
    contrast = plan_contrasts(cases, config, epoch=epoch, case=case, is_source=is_source)
    present = whole = None
    if config.data.any_subset:  # last: what is drawn before does not depend on it
        available = _available(cases)[case]
        present = draw_subsets(generator, available, shares=config.data.subset_shares)
        whole = available.all(axis=1).astype(np.float32) if config.train.teacher else None
    return Plan(case, corner, forced, changes, labelled, domain, contrast, present, whole)


def _place(cases, config, generator, *, case: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the corner of every patch, and whether it was put on a voxel of a region."""
    patch = np.array(config.data.patch)
    first, last = _room(cases, patch)
    corner = generator.integers(first[case], last[case] + 1)
    forced = np.zeros(len(case), bool)
    if config.data.sampling == "centre":
        return (_shapes(cases)[case] - patch) // 2, forced
    for i in np.flatnonzero(wanted):
        voxel = _voxel_of_region(cases[case[i]], generator)
        if voxel is not None:
            corner[i] = np.clip(voxel - patch // 2, first[case[i]], last[case[i]])
            forced[i] = True
    return corner, forced


def _draw_slices(cases, config, generator, is_source: np.ndarray, *, wanted: np.ndarray, sources: int) -> tuple:
    """Return case, corner and whether it surely holds tumour, of every example."""
    case, slice_, forced = np.empty(len(wanted), int), np.empty(len(wanted), int), wanted.copy()
    targets = len(cases) - sources
    for mine, members in ((~is_source, range(targets)), (is_source, range(targets, len(cases)))):
        every = _slices(cases, members, lambda one: np.arange(len(one.labels)))
        tumour = _slices(cases, members, lambda one: one.tumour_slices) if (mine & wanted).any() else every[:0]
        if not len(tumour):
            forced &= ~mine
        for chosen, pool in ((mine & forced, tumour), (mine & ~forced, every)):
            if chosen.any():
                case[chosen], slice_[chosen] = pool[draw_in_rounds(generator, len(pool), count=int(chosen.sum()))].T
    first, last = _room(cases, np.array(config.data.patch))
    corner = generator.integers(first[case], last[case] + 1)
    corner[:, 0] = slice_
    return case, corner, forced


def _slices(cases: Sequence[CachedCase], members, of) -> np.ndarray:
    """Return (n, 2): case and slice, for the slices that `of` gives of each of the cases."""
    return np.array([(i, k) for i in members for k in of(cases[i])], int).reshape(-1, 2)


def examples_of_an_epoch(cases: Sequence[CachedCase], config: Config) -> int:
    """Return how many examples one pass over the cases has: each of them once, or each of their slices."""
    return sum(len(case.labels) for case in cases) if config.data.sampling == "slices" else len(cases)


def _available(cases: Sequence[CachedCase]) -> np.ndarray:
    """Return which modalities each case has, (cases, M) boolean."""
    return np.array([one.present or [True] * one.image.shape[-1] for one in cases])


def _shapes(cases: Sequence[CachedCase]) -> np.ndarray:
    """Return the number of voxels of each case, (cases, 3)."""
    return np.array([volume.image.shape[:3] for volume in cases])


def _room(cases: Sequence[CachedCase], patch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the first and the last corner of each case, (cases, 3)."""
    spare = _shapes(cases) - patch
    first = np.where(spare < 0, spare // 2, 0)
    return first, np.maximum(spare, first)


def _voxel_of_region(volume: CachedCase, generator: np.random.Generator) -> np.ndarray | None:
    present = [region for region in volume.regions if region in volume.positions]
    if not present:
        return None
    positions = volume.positions[present[generator.integers(len(present))]]
    return positions[generator.integers(len(positions))].astype(int)
