"""From cached volumes to batches of slices.

Every random choice of an epoch is drawn beforehand from (seed, epoch): a run that resumes in the middle of an epoch
sees the batches that it would have seen, and so does every number of replicas.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import tensorflow as tf

from segan_tl.config.schema import Config
from segan_tl.data.augment import Augmentation, augment, draw
from segan_tl.data.cache import CachedCase
from segan_tl.regions import region_masks


@dataclass(frozen=True)
class Plan:
    """What an epoch reads: row i of each array belongs to the i-th training example."""

    case: np.ndarray  # (N,) index into the cases
    slice: np.ndarray  # (N,) index along D
    corner: np.ndarray  # (N, 2) first row and column of the window
    augmentation: Augmentation

    def __len__(self) -> int:
        return len(self.case)


class SlicePool:
    """The slices to draw from: all of them, and those with tumour."""

    def __init__(self, cases: Sequence[CachedCase]):
        pairs = [(i, k) for i, case in enumerate(cases) for k in range(case.labels.shape[0])]
        self.cases = cases
        self.all = np.array(pairs)  # (slices, 2): case, slice

    @cached_property
    def tumour(self) -> np.ndarray:
        """Return the rows of `all` with tumour; reads every label map, so only when it is asked for."""
        return self.all[[bool(self.cases[case].labels[k].any()) for case, k in self.all]]

    def plan(self, config: Config, *, epoch: int, batch_size: int) -> Plan:
        """Draw the examples of one epoch, whole batches only.

        `data.foreground` of them come from slices with tumour, the rest from all slices; each pool is gone
        through once before a slice comes again.
        """
        generator = np.random.default_rng([config.seed, epoch])
        steps = steps_per_epoch(len(self.all), config, batch_size)
        count = steps * batch_size
        from_tumour = round(count * config.data.foreground)
        tumour = self.tumour if from_tumour else self.all[:0]
        from_tumour = from_tumour if len(tumour) else 0
        chosen = np.concatenate(
            [
                _repeat_shuffled(tumour, from_tumour, generator),
                _repeat_shuffled(self.all, count - from_tumour, generator),
            ]
        )
        chosen = chosen[generator.permutation(count)]
        room = np.array(config.data.crop[:2]) - np.array(config.data.patch[1:])
        return Plan(
            case=chosen[:, 0],
            slice=chosen[:, 1],
            corner=generator.integers(0, room + 1, size=(count, 2)),
            augmentation=draw(generator, count, config.augment),
        )


def steps_per_epoch(slices: int, config: Config, batch_size: int) -> int:
    """Return the number of whole batches in an epoch; at least one."""
    return config.train.steps_per_epoch or max(slices // batch_size, 1)


def make_batches(
    pool: SlicePool, plan: Plan, config: Config, *, batch_size: int, first_step: int = 0
) -> tf.data.Dataset:
    """Return batches {"image": (B, h, w, M), "mask": (B, h, w, R)}, float32, from `first_step` of the plan on."""
    _, height, width = config.data.patch
    shapes = (
        (batch_size, height, width, len(config.data.modalities)),
        (batch_size, height, width, len(config.data.regions)),
    )

    def read(step):
        rows = slice(int(step) * batch_size, (int(step) + 1) * batch_size)
        image, mask = np.empty(shapes[0], np.float32), np.empty(shapes[1], np.float32)
        for i, (case, k, (top, left)) in enumerate(zip(plan.case[rows], plan.slice[rows], plan.corner[rows])):
            window = (k, slice(top, top + height), slice(left, left + width))
            image[i] = pool.cases[case].image[window]
            mask[i] = region_masks(pool.cases[case].labels[window], config.data.regions)
        return image, mask, plan.augmentation.parameters[rows], plan.augmentation.noise_seed[rows.start]

    def load(step):
        image, mask, parameters, noise_seed = tf.numpy_function(
            read, [step], [tf.float32, tf.float32, tf.float32, tf.int64], stateful=False
        )
        image, mask = tf.ensure_shape(image, shapes[0]), tf.ensure_shape(mask, shapes[1])
        image, mask = augment(image, mask, parameters, noise_seed, config.augment)
        return {"image": image, "mask": mask}

    options = tf.data.Options()
    options.deterministic = True
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    steps = tf.data.Dataset.range(first_step, len(plan) // batch_size)
    return steps.map(load, num_parallel_calls=2).prefetch(4).with_options(options)


def _repeat_shuffled(pool: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    rounds = -(-count // max(len(pool), 1))
    orders = [generator.permutation(len(pool)) for _ in range(rounds)]
    return pool[np.concatenate(orders)[:count]] if orders else pool[:0]
