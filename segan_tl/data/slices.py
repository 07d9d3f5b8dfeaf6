"""Batches of slices, read and changed a whole batch at a time: what `batches` does one by one, in less time.

A slice is small: the hundred operations that change one cost more than the work in them. So all slices of a batch are
read together and moved by one projective transform, and their intensities are changed as one array. Elastic
deformation, blur and low resolution, which differ in kind from slice to slice, are left to the other way.
"""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from segan_tl.config.augment import AugmentConfig
from segan_tl.config.schema import Config
from segan_tl.data.cache import CachedCase, cut_patch
from segan_tl.data.intensity import bend, stretch
from segan_tl.data.neighbours import as_channels
from segan_tl.data.painting import read_image
from segan_tl.data.sample import WHOLE, Part, Plan
from segan_tl.data.space import reach
from segan_tl.environment import usable_cores
from segan_tl.regions import region_masks

OPTIONS = tf.data.Options()
OPTIONS.deterministic = True
OPTIONS.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
FACTORS = ("brightness", "contrast", "gamma_inverted", "gamma")
MOST_CALLS = 16  # each holds a patch with its margin: more would cost memory and bring nothing
PLANE = (1, 2)  # H and W of a batch of slices


def parallel_calls() -> int:
    """Return how many examples, or batches of slices, are made at a time; their order is that of the plan."""
    return min(usable_cores(), MOST_CALLS)


def can_change_slices(config: AugmentConfig) -> bool:
    """Return whether every change of a configuration is one of a whole batch of slices."""
    return not (config.elastic or config.blur or config.low_resolution)


def make_slices(
    cases: Sequence[CachedCase], plan: Plan, config: Config, *, first_step: int = 0, part: Part = WHOLE
) -> tf.data.Dataset:
    """Return batches of slices, as `make_patches` does.

    Args:
        cases: prepared cases.
        plan: of an epoch.
        config: the configuration; `can_change_slices` of its augmentation.
        first_step: of the plan.
        part: what of every batch is made here.
    """
    batch_size, (_, height, width) = config.train.examples_per_step, config.data.patch
    part_size = part.size(batch_size)
    neighbours, slices = config.data.neighbours, config.data.slices
    channels, regions, normalise = cases[0].image.shape[-1] * slices, cases[0].regions, config.data.normalise
    moves = _moves(plan)
    margin = _margin(plan, config.data.patch) if moves else 0
    size = (1, height + 2 * margin, width + 2 * margin)
    table = region_masks(np.arange(256, dtype=np.uint8), regions).astype(np.float32)

    def read(first):
        rows = slice(int(first), int(first) + part_size)
        image = np.empty((part_size, *size[1:], channels), np.float32)
        labels = np.zeros((part_size, *size[1:]), np.uint8)
        for i, (case, corner) in enumerate(zip(plan.case[rows], plan.corner[rows] - (0, margin, margin))):
            example = rows.start + i
            slab = {"corner": corner - (neighbours, 0, 0), "size": (slices, *size[1:])}
            image[i] = as_channels(read_image(cases[case], plan.contrast, example, **slab, normalise=normalise))
            if plan.labelled[rows][i]:
                labels[i] = cut_patch(cases[case].labels, corner, size)[0]
        return image, labels

    def load(first, drawn, beside):
        image, labels = tf.numpy_function(read, [first], [tf.float32, tf.uint8], stateful=False)
        image = tf.ensure_shape(image, (part_size, *size[1:], channels))
        labels = tf.ensure_shape(labels, (part_size, *size[1:]))
        image, labels = move_slices(image, labels, drawn, size=(height, width), moves=moves)
        among = (first % batch_size, batch_size)
        image = change_slices(image, drawn, config.augment, neighbours=neighbours, among=among)
        return {"image": image, "mask": tf.gather(tf.constant(table), tf.cast(labels, tf.int32))} | beside

    def of_part(values):
        return part.of(values, batch_size)[first_step * part.here :]

    drawn = {name: of_part(plan.changes[name]) for name in ("matrix", "mirror", "noise", *FACTORS)}
    # All of a batch have the noise of its first example.
    drawn["seed"] = of_part(np.repeat(plan.changes["seed"][::batch_size], batch_size)[: len(plan)])
    beside = {name: of_part(values) for name, values in plan.beside.items()}
    batches = tf.data.Dataset.from_tensor_slices((of_part(np.arange(len(plan)))[:, 0], drawn, beside))
    return batches.map(load, num_parallel_calls=parallel_calls()).prefetch(4).with_options(OPTIONS)


def move_slices(image, labels, drawn, *, size: tuple[int, int], moves: bool):
    """Turn, scale and mirror a batch of slices about their centres.

    Args:
        image: (B, H, W, M) that is read, larger than `size` by the same margin on every side.
        labels: (B, H, W) uint8.
        drawn: of `augment.draw`: matrix (B, 3, 3) and mirror (B, 3).
        size: height and width of the result.
        moves: whether any of the matrices turns or scales.
    """
    mirror = drawn["mirror"][:, 1:]  # along H, W
    if not moves:
        for axis in PLANE:
            turned = mirror[:, axis - 1][:, None, None]
            image = tf.where(turned[..., None], tf.reverse(image, [axis]), image)
            labels = tf.where(turned, tf.reverse(labels, [axis]), labels)
        return image, labels
    signs = tf.where(mirror, -1.0, 1.0)
    matrix = tf.cast(drawn["matrix"], tf.float32)[:, 1:, 1:] * signs[:, None]
    centre = tf.constant([(length - 1) / 2 for length in size])
    margin = tf.constant([(there - length) / 2 for there, length in zip(image.shape[1:3], size)])
    shift = centre + margin - tf.linalg.matvec(matrix, centre)
    zero = tf.zeros_like(shift[:, 0])
    # The operation counts columns before rows.
    transforms = tf.stack(
        [matrix[:, 1, 1], matrix[:, 1, 0], shift[:, 1], matrix[:, 0, 1], matrix[:, 0, 0], shift[:, 0], zero, zero], 1
    )

    def transform(batch, interpolation):
        return tf.raw_ops.ImageProjectiveTransformV3(
            images=batch, transforms=transforms, output_shape=size, fill_value=0.0, interpolation=interpolation,
            fill_mode="CONSTANT",
        )  # fmt: skip

    return transform(image, "BILINEAR"), transform(labels[..., None], "NEAREST")[..., 0]


def change_slices(
    image, drawn, config: AugmentConfig, *, neighbours: int = 0, among: tuple | None = None
):
    """Change the intensities of a batch of slices, modality by modality, in the order of `intensity.change`.

    Args:
        image: (B, h, w, M), or (B, h, w, (2 n + 1) M): all slices of a modality are changed as one, over which mean and
            range are taken; what is 0 in every modality of a slice stays 0.
        drawn: of `augment.draw`: noise (B,), seed (B,) and FACTORS, (B, M) each.
        config: which changes there are.
        neighbours: n on either side of a slice.
        among: place of the first slice in the batch that these are a part of, and the size of that batch; None for all
            of a batch. The noise is a part of the batch's.
    """
    if neighbours:
        batch, height, width, channels = image.shape
        slices = 2 * neighbours + 1
        slab = tf.reshape(image, (batch, height, width, slices, channels // slices))
        return tf.reshape(_change(slab, drawn, config, axes=(*PLANE, 3), among=among), image.shape)
    return _change(image, drawn, config, axes=PLANE, among=among)


def _change(image, drawn, config: AugmentConfig, *, axes: Sequence[int], among: tuple | None):
    """Change (B, …, M); what lies between its first and its last axis, `axes`, is one image."""
    beside = (slice(None), *[None] * len(axes))
    brightness, contrast, inverted, gamma = (drawn[name][beside] for name in FACTORS)
    keeps_statistics, x = config.gamma_keeps_statistics, image
    if config.noise:
        seed = tf.stack([drawn["seed"][0], tf.constant(2, tf.int64)])
        first, batch_size = among or (0, x.shape[0])
        noise = tf.random.stateless_normal((batch_size, *x.shape[1:]), seed, alg="philox")
        noise = tf.ensure_shape(noise[first : first + x.shape[0]], x.shape)
        x = x + drawn["noise"][*beside, None] * noise
    if config.brightness:
        x = x * brightness
    if config.contrast:
        x = tf.where(contrast != 1, stretch(x, contrast, axes=axes), x)
    if config.gamma_inverted:
        bent = -bend(-x, inverted, keeps_statistics=keeps_statistics, axes=axes)
        x = tf.where(inverted != 1, bent, x)
    if config.gamma:
        x = tf.where(gamma != 1, bend(x, gamma, keeps_statistics=keeps_statistics, axes=axes), x)
    return x if x is image else tf.where(tf.reduce_any(image != 0, axis=-1, keepdims=True), x, 0.0)


def _moves(plan: Plan) -> bool:
    """Return whether any slice is turned or scaled."""
    return bool((plan.changes["matrix"] != np.eye(3)).any())


def _margin(plan: Plan, patch: Sequence[int]) -> int:
    """Return how many voxels beyond the patch the farthest of all slices reads."""
    wide = max(reach(matrix, 0.0, patch)[1:].max() - (max(patch[1:]) - 1) / 2 for matrix in plan.changes["matrix"])
    return int(np.ceil(max(wide, 0))) + 1
