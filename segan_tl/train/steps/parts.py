"""The parts in which a step learns from its batch, one after the other, so that one at a time is in memory.

A part holds `train.batch_size` examples of all replicas, a batch `train.accumulate` of them.
"""

from collections.abc import Callable, Iterable, Iterator

import keras
import tensorflow as tf

from segan_tl.config.schema import Config
from segan_tl.errors import UserError


def parts_of_batch(batch: dict, count: int, *, after: Callable) -> Iterator[dict]:
    """Yield a replica's batch in so many parts, in its order.

    Args:
        batch: tensors whose first axis is the examples, in dictionaries.
        count: how many parts; the examples divide by it.
        after: () → what must be computed before the next part is begun, None before the first. Without that a graph
            would begin all parts at once and hold all of them.
    """
    if count == 1:
        yield batch
        return
    split = [tf.split(rows, count) for rows in tf.nest.flatten(batch)]
    for mine in zip(*split, strict=True):
        before = [] if after() is None else tf.nest.flatten(after())
        with tf.control_dependencies(before):
            rows = [tf.identity(one) for one in mine]
        yield tf.nest.pack_sequence_as(batch, rows)


def unlike_one_batch(networks: Iterable[keras.Model], config: Config) -> str | None:
    """Return why a step in parts is another than one of the whole batch; None where it is the same up to rounding."""
    train = config.train
    if train.accumulate == 1:
        return None
    layers = [layer for network in networks for layer in network.layers if layer.trainable]
    reasons = ["batch normalisation"] * any(isinstance(layer, keras.layers.BatchNormalization) for layer in layers)
    reasons += ["the Dice loss"] * (train.batch_dice or train.loss.startswith("multiple_dice"))
    reasons += ["dropout"] * any("Dropout" in type(layer).__name__ for layer in layers)
    if not reasons:
        return None
    return (
        f"train.accumulate {train.accumulate}: {' and '.join(reasons)} takes {train.batch_size} examples at a time, so "
        f"a step is not quite one of {train.examples_per_step} at once"
    )


def check_batch(config: Config, replicas: int, *, devices: str | None = None, workers: int = 1) -> None:
    """Refuse a batch that the replicas cannot share.

    Args:
        config: of the training.
        replicas: of all workers together.
        devices: what --devices says, None where it was left out.
        workers: on how many machines it trains.

    Raises:
        UserError: with what to type.
    """
    batch_size, examples = config.train.batch_size, config.train.examples_per_step
    if batch_size % replicas == 0:
        return
    fitting = replicas * max(batch_size // replicas, 1)
    remedy = f"--set train.batch_size={fitting}"
    if config.train.accumulate > 1 and examples % fitting == 0:  # the same step in fewer parts
        remedy += f" --set train.accumulate={examples // fitting}"
    elif fitting < batch_size:
        remedy += f" or --set train.batch_size={fitting + replicas}"
    fewer = max(count for count in range(1, replicas) if batch_size % count == 0)
    those = f"replicas on all machines together, {fewer}" if workers > 1 else f"devices, {_first(devices, fewer)}"
    raise UserError(
        f"train.batch_size {batch_size} cannot be shared by {replicas} replicas; choose a multiple of {replicas}, "
        f"{remedy}, or fewer {those}"
    )


def _first(devices: str | None, count: int) -> str:
    """Return the option that takes so many of the devices: cpu, cpu:2, gpu:0,1."""
    kind, _, listed = (devices or "gpu").partition(":")
    if kind == "cpu":
        return "--devices cpu" if count == 1 else f"--devices cpu:{count}"
    return f"--devices gpu:{','.join((listed.split(',') if listed else list(map(str, range(count))))[:count])}"
