"""From cached volumes to batches of patches.

Every random choice of an epoch is drawn beforehand from (seed, epoch): a run that resumes in the middle of an epoch
sees the batches that it would have seen, and so does every number of replicas.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from segan_tl.config.schema import Config
from segan_tl.data.cache import CachedCase, cut_patch
from segan_tl.data.domains import SOURCE, TARGET, draw_cases, draw_in_rounds, forced_examples, from_source
from segan_tl.data.volume_augment import augment, draw
from segan_tl.data.volume_intensity import DRAWN
from segan_tl.data.volume_space import reach
from segan_tl.regions import region_masks


@dataclass(frozen=True, eq=False)
class PatchPlan:
    """What an epoch reads: row i of each array belongs to the i-th training example."""

    case: np.ndarray  # (N,) index into the cases
    corner: np.ndarray  # (N, 3) first voxel along D, H, W; negative where the patch is larger than the volume
    forced: np.ndarray  # (N,) whether the patch was put on a voxel of a region
    changes: dict[str, np.ndarray]  # as volume_augment.draw gives them
    labelled: np.ndarray  # (N,) whether labels are read
    domain: np.ndarray | None = None  # (N,) SOURCE or TARGET, where there are two cohorts

    def __len__(self) -> int:
        return len(self.case)


def plan_patches(
    cases: Sequence[CachedCase], config: Config, *, epoch: int, sources: int = 0
) -> PatchPlan:
    """Draw the examples of one epoch.

    All cases of a cohort come before one comes again. Example j of a batch of B is forced where j ≥
    round(B (1 − foreground)): one of the regions that the case holds is drawn, all alike, then one of its voxels, and
    the patch is put around it as far as the volume reaches [nnU-Net, oversampling]. The other patches lie anywhere in
    the volume, all places alike. Along an axis on which the volume is smaller than the patch, it lies in the middle of
    zeros.

    With two cohorts, `domains` says which example is of which, and which are forced. Where the adversary is to do
    without the target's labels, none of its examples is forced and none has its labels read.

    Args:
        cases: of the target, then of the source.
        config: the configuration; train.steps_per_epoch is not 0.
        epoch: number of the epoch.
        sources: how many of the cases are the source's, 0 for one cohort.
    """
    batch_size = config.train.batch_size
    count = config.train.steps_per_epoch * batch_size
    generator = np.random.default_rng([config.seed, epoch])
    domain, labelled = None, np.ones(count, bool)
    if sources:
        is_source = from_source(count, config.source.share)
        domain = np.where(is_source, SOURCE, TARGET).astype(np.float32)
        case = draw_cases(generator, is_source, targets=len(cases) - sources, sources=sources)
        wanted = forced_examples(is_source, config.data.foreground)
        if config.adversary and not config.adversary.target_labels:
            labelled, wanted = is_source, wanted & is_source
    else:
        case = draw_in_rounds(generator, len(cases), count=count)
        wanted = np.arange(count) % batch_size >= round(batch_size * (1 - config.data.foreground))
    corner, forced = _place(cases, config, generator, case=case, wanted=wanted)
    channels = cases[0].image.shape[-1]
    changes = draw(generator, config.augment, count=count, patch=tuple(config.data.patch), channels=channels)
    return PatchPlan(case, corner, forced, changes, labelled, domain)


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


def make_patches(
    cases: Sequence[CachedCase],
    plan: PatchPlan,
    config: Config,
    *,
    first_step: int = 0,
    intensities: bool = True,
) -> tf.data.Dataset:
    """Return batches {"image": (B, d, h, w, M), "mask": (B, d, h, w, R)}, float32, from `first_step` of the plan on.

    A patch of one slice, d = 1, comes without its first axis, for 2-D networks: (B, h, w, M) and (B, h, w, R). With two
    cohorts there is "domain" (B,) too, float32; the mask of an example whose labels are not read is 0. Without
    `intensities` the patches are only moved, and "changes" says what `volume_intensity.change_batch` is to do to them.
    """
    batch_size, patch = config.train.batch_size, tuple(config.data.patch)
    channels, regions = cases[0].image.shape[-1], cases[0].regions

    def read(i):
        return _read(cases, plan, int(i), patch)

    def load(i, drawn, domain):
        image, labels, centre = tf.numpy_function(read, [i], [tf.float32, tf.uint8, tf.float32], stateful=False)
        image = tf.ensure_shape(image, (None, None, None, channels))
        labels, centre = tf.ensure_shape(labels, (None, None, None)), tf.ensure_shape(centre, (3,))
        change = _example(patch, channels, regions, config.augment.gamma_keeps_statistics, intensities)
        left = {} if intensities else {"changes": {name: drawn[name] for name in DRAWN}}
        return change(image, labels, {**drawn, "centre": centre}) | domain | left

    first = first_step * batch_size
    rows = {name: values[first:] for name, values in plan.changes.items()}
    domain = {} if plan.domain is None else {"domain": plan.domain[first:]}
    options = tf.data.Options()
    options.deterministic = True
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    examples = tf.data.Dataset.from_tensor_slices((np.arange(first, len(plan)), rows, domain))
    batches = examples.map(load, num_parallel_calls=2).batch(batch_size, drop_remainder=True)
    return batches.prefetch(2).with_options(options)


def _read(
    cases: Sequence[CachedCase], plan: PatchPlan, i: int, patch: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what example i needs of its volume: image, labels, and where the centre of the patch lies in them."""
    volume, corner, size = cases[plan.case[i]], plan.corner[i], np.array(patch)
    matrix, elastic = plan.changes["matrix"][i], plan.changes["elastic_voxels"][i]
    centre = corner + (size - 1) / 2
    if elastic or not np.array_equal(matrix, np.eye(3)):
        wide = reach(matrix, elastic, patch)
        # A rim of zeros where the volume ends, and no more: what lies farther out reads the rim.
        limit = np.array(volume.image.shape[:3])
        first = np.clip(np.floor(centre - wide).astype(int), -1, limit)
        stop = np.clip(np.ceil(centre + wide).astype(int) + 2, 0, limit + 1)
        corner, size = np.where(size == 1, corner, first), np.where(size == 1, 1, stop - first)
    image = cut_patch(volume.image, corner, size).astype(np.float32)
    labels = cut_patch(volume.labels, corner, size) if plan.labelled[i] else np.zeros(size, np.uint8)
    return image, labels, (centre - corner).astype(np.float32)


@functools.lru_cache(maxsize=8)
def _example(
    patch: tuple[int, ...], channels: int, regions: tuple[str, ...], keeps_statistics: bool, intensities: bool
):
    """Return what changes an example and makes its masks, as a graph: traced once, not at every epoch."""
    table = region_masks(np.arange(256, dtype=np.uint8), regions).astype(np.float32)

    @tf.function
    def change(image, labels, drawn):
        image, labels = augment(
            image, labels, drawn, patch=patch, keeps_statistics=keeps_statistics, intensities=intensities
        )
        mask = tf.gather(tf.constant(table), tf.cast(labels, tf.int32))
        if patch[0] == 1:
            image, mask = image[0], mask[0]
        return {"image": image, "mask": mask}

    return change
