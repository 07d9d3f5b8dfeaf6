"""How long a training step takes on these devices: some of them, with a batch of noise, after those that trace it."""

import time
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from segan_tl.config.schema import Config
from segan_tl.models.precision import precision_of
from segan_tl.train.loop import traced
from segan_tl.train.memory import batch_spec
from segan_tl.train.recipes import build_training

WARM_UP = 2  # steps that trace, choose algorithms and fill the memory
LEAST = 3


class Pace(NamedTuple):
    """What was measured: seconds of a step, the median, and of the first one; how many were timed."""

    step_seconds: float
    first_seconds: float
    steps: int


def time_steps(config: Config, strategy: tf.distribute.Strategy, *, seconds: float) -> Pace:
    """Train on noise for so many seconds, and at least three steps, after the first two.

    Args:
        config: the configuration.
        strategy: devices.
        seconds: how long to go on.
    """
    keras.utils.set_random_seed(config.seed)
    tf.config.experimental.enable_op_determinism()  # as a training does
    replicas, steps = strategy.num_replicas_in_sync, config.train.steps_per_epoch or 1
    with precision_of(config.train.precision), strategy.scope():
        game = build_training(config, replicas=replicas, steps=steps)
    rows = tf.data.Dataset.from_tensor_slices(_noise(config)).batch(config.train.examples_per_step, drop_remainder=True)
    batches = iter(strategy.experimental_distribute_dataset(rows.cache().repeat()))
    step, taken = traced(game, strategy), []
    while len(taken) < WARM_UP + LEAST or sum(taken[WARM_UP:]) < seconds:
        batch, start = next(batches), time.perf_counter()
        step(batch)
        for metric in game.metrics.values():
            float(metric.result())  # a GPU has only begun when the call comes back
        taken.append(time.perf_counter() - start)
    return Pace(float(np.median(taken[WARM_UP:])), taken[0], len(taken) - WARM_UP)


def _noise(config: Config) -> dict[str, np.ndarray]:
    """Return a batch of noise: images of unit variance, masks of a tenth, every second example of the other cohort."""
    random = np.random.default_rng(config.seed)
    made = {
        "image": lambda shape: random.normal(size=shape),
        "mask": lambda shape: random.uniform(size=shape) < 0.1,
        "domain": lambda shape: np.arange(shape[0]) % 2,
        "present": np.ones,
    }
    return {name: made[name](tuple(spec.shape)).astype(np.float32) for name, spec in batch_spec(config).items()}
