"""From cached cases to batches of patches."""

import functools
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from segan_tl.config.schema import Config
from segan_tl.data.augment import augment
from segan_tl.data.cache import CachedCase, cut_patch
from segan_tl.data.intensity import DRAWN
from segan_tl.data.neighbours import as_channels
from segan_tl.data.painting import read_image
from segan_tl.data.sample import WHOLE, Part, Plan
from segan_tl.data.slices import OPTIONS, can_change_slices, make_slices, parallel_calls
from segan_tl.data.space import reach
from segan_tl.regions import region_masks


def make_patches(
    cases: Sequence[CachedCase],
    plan: Plan,
    config: Config,
    *,
    first_step: int = 0,
    intensities: bool = True,
    part: Part = WHOLE,
) -> tf.data.Dataset:
    """Return batches {"image": (B, d, h, w, M), "mask": (B, d, h, w, R)}, float32, from `first_step` of the plan on.

    A patch of one slice, d = 1, comes without its first axis, for 2-D networks: (B, h, w, M) and (B, h, w, R); with n
    neighbours on either side it has (2 n + 1) M channels (`neighbours`). With two
    cohorts there is "domain" (B,) too, float32; the mask of an example whose labels are not read is 0. With subsets of
    modalities "present" (B, M) says which the network sees, and beside a teacher "whole" (B,) which cases have all; the
    images themselves hide nothing. Without `intensities` the patches are only moved, and "changes" says what
    `intensity.change_batch` is to do to them. Of several machines each makes a `part` of every batch: the same examples
    as on one, one element for each replica here.
    """
    batch_size, patch = config.train.examples_per_step, tuple(config.data.patch)
    channels, regions = cases[0].image.shape[-1] * config.data.slices, cases[0].regions
    neighbours, keeps_statistics = config.data.neighbours, config.augment.gamma_keeps_statistics

    stored = _stored_type(cases, plan)

    def read(i):
        image, labels, centre = _read(cases, plan, int(i), patch, config)
        return image.astype(stored, copy=False), labels, centre

    def load(i, drawn, beside):
        image, labels, centre = tf.numpy_function(read, [i], [stored, tf.uint8, tf.float32], stateful=False)
        image = tf.ensure_shape(image, (None, None, None, channels))
        labels, centre = tf.ensure_shape(labels, (None, None, None)), tf.ensure_shape(centre, (3,))
        change = _example(patch, channels, regions, keeps_statistics, intensities, neighbours)
        left = {} if intensities else {"changes": {name: drawn[name] for name in DRAWN}}
        return change(image, labels, {**drawn, "centre": centre}) | beside | left

    if patch[0] == 1 and can_change_slices(config.augment):
        return make_slices(cases, plan, config, first_step=first_step, part=part)
    own = part.of(np.arange(len(plan)), batch_size)[first_step * part.here :].ravel()
    rows = {name: values[own] for name, values in plan.changes.items()}
    beside = {name: values[own] for name, values in plan.beside.items()}
    examples = tf.data.Dataset.from_tensor_slices((own, rows, beside))
    batches = examples.map(load, num_parallel_calls=parallel_calls()).batch(part.size(batch_size), drop_remainder=True)
    return batches.prefetch(2).with_options(OPTIONS)


def _read(
    cases: Sequence[CachedCase], plan: Plan, i: int, patch: tuple[int, ...], config: Config
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what example i needs of its volume: image, labels, and where the centre of the patch lies in them."""
    normalise, beside = config.data.normalise, np.array([config.data.neighbours, 0, 0])
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
    slab = {"corner": corner - beside, "size": size + 2 * beside}
    image = read_image(volume, plan.contrast, i, **slab, normalise=normalise)
    image = as_channels(image)[None] if beside.any() else image
    labels = cut_patch(volume.labels, corner, size) if plan.labelled[i] else np.zeros(size, np.uint8)
    return image, labels, (centre - corner).astype(np.float32)


def _stored_type(cases: Sequence[CachedCase], plan: Plan) -> np.dtype:
    """Return what images are read as: half of the bytes where all of them are stored so, and none is painted."""
    half = plan.contrast is None and all(case.image.dtype == np.float16 for case in cases)
    return np.dtype(np.float16 if half else np.float32)


@functools.lru_cache(maxsize=8)
def _example(
    patch: tuple[int, ...], channels: int, regions: tuple[str, ...], keeps_statistics: bool, intensities: bool,
    neighbours: int,
):  # fmt: skip
    """Return what changes an example and makes its masks, as a graph: traced once, not at every epoch."""
    table = region_masks(np.arange(256, dtype=np.uint8), regions).astype(np.float32)

    @tf.function
    def change(image, labels, drawn):
        image, labels = augment(
            image, labels, drawn, patch=patch, keeps_statistics=keeps_statistics, intensities=intensities,
            neighbours=neighbours,
        )  # fmt: skip
        mask = tf.gather(tf.constant(table), tf.cast(labels, tf.int32))
        if patch[0] == 1:
            image, mask = image[0], mask[0]
        return {"image": image, "mask": mask}

    return change
