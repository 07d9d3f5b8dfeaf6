"""The supervised term: a loss over the network's outputs, with deep supervision where it offers it.

    loss = Σ_i w_i · loss(truth at the grid of output i, logits_i),  w_i = 2⁻ⁱ / Σ 2⁻ⁱ

[Isensee 2021]. Losses are per example.
"""

from collections.abc import Callable, Sequence

import tensorflow as tf
from keras import ops

from segan_tl import losses
from segan_tl.config.schema import Config


def supervise(loss: Callable, truth, outputs: Sequence) -> dict:
    """Return the loss and its terms, (B,) each.

    Args:
        loss: of `make_loss`.
        truth: (B, …, C), see `encode_truth`.
        outputs: logits of every output, highest resolution first.
    """
    total = {}
    for weight, logits in zip(supervision_weights(len(outputs)), outputs, strict=True):
        terms = loss(coarsen(truth, logits), ops.cast(logits, "float32"))
        total = {name: total.get(name, 0.0) + weight * value for name, value in terms.items()}
    return total


def encode_truth(mask, *, background: bool):
    """Return the masks (B, …, R) as training targets, with a channel for background in front where it is a class."""
    if not background:
        return mask
    return tf.concat([1 - tf.reduce_max(mask, axis=-1, keepdims=True), mask], axis=-1)


def coarsen(truth, logits):
    """Take every n-th voxel of the truth, so that it lies on the grid of the logits."""
    fine, coarse = truth.shape[1:-1], logits.shape[1:-1]
    steps = [a // b for a, b in zip(fine, coarse, strict=True)]
    return truth[(slice(None), *(slice(None, None, step) for step in steps))]


def supervision_weights(outputs: int) -> list[float]:
    """Return 1, 1/2, 1/4, … divided by their sum."""
    weights = [0.5**i for i in range(outputs)]
    return [weight / sum(weights) for weight in weights]


def terms_of(loss: str) -> list[str]:
    """Return the terms in the name of a loss: dice_bce has dice and bce, multiple_dice and squared_dice dice alone."""
    return [name for name in loss.split("_") if name in ("dice", "bce", "ce", "mse")]


def make_loss(config: Config) -> Callable:
    """Return (truth, logits) → {"loss_segmentor", and "loss_<term>" for each term of its name}, (B,) each."""
    train, softmax = config.train, config.model.activation == "softmax"

    def dice(truth, logits):
        probability = ops.softmax(logits, axis=-1) if softmax else ops.sigmoid(logits)
        if softmax and train.loss != "multiple_dice_background":
            # Splits and not slices: the gradient of a slice of the channels is slow on a processor.
            truth, probability = (ops.split(values, [1], axis=-1)[1] for values in (truth, probability))
        if train.loss == "squared_dice":
            return losses.dice_loss(truth, probability, smooth=train.dice_smooth)
        return losses.soft_dice_loss(
            truth, probability, smooth=train.dice_smooth,
            batch=train.batch_dice or train.loss.startswith("multiple_dice"),
        )  # fmt: skip

    terms = {
        "dice": dice,
        "bce": lambda truth, logits: losses.binary_cross_entropy(
            truth, logits, positive_weights=train.class_weights, sum_classes=train.loss == "mse_bce"
        ),
        "ce": lambda truth, logits: losses.cross_entropy(truth, logits, class_weights=train.class_weights),
        "mse": lambda truth, logits: losses.mean_squared_error(truth, ops.sigmoid(logits)),
    }
    weights = dict(zip(terms_of(train.loss), train.loss_weights))

    def loss(truth, logits):
        values = {name: terms[name](truth, logits) for name in weights}
        total = sum(weight * values[name] for name, weight in weights.items())
        return {"loss_segmentor": total} | {f"loss_{name}": value for name, value in values.items()}

    return loss
