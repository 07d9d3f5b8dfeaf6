"""The supervised term: a loss over the network's outputs, with deep supervision where it offers it.

    loss = Σ_i w_i · loss(truth at the grid of output i, logits_i),  w_i = 2⁻ⁱ / Σ 2⁻ⁱ

[Isensee 2021]. Losses are per example.
"""

from collections.abc import Callable, Sequence

from keras import ops

from segan_tl import losses
from segan_tl.config.schema import Config
from segan_tl.config.train import LOSSES


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
    return ops.concatenate([1 - ops.max(mask, axis=-1, keepdims=True), mask], axis=-1)


def coarsen(truth, logits):
    """Take every n-th voxel of the truth, so that it lies on the grid of the logits."""
    fine, coarse = truth.shape[1:-1], logits.shape[1:-1]
    steps = [a // b for a, b in zip(fine, coarse, strict=True)]
    return truth[(slice(None), *(slice(None, None, step) for step in steps))]


def supervision_weights(outputs: int) -> list[float]:
    """Return 1, 1/2, 1/4, … divided by their sum."""
    weights = [0.5**i for i in range(outputs)]
    return [weight / sum(weights) for weight in weights]


def make_loss(config: Config) -> Callable:
    """Return (truth, logits) → {"loss_segmentor", and "loss_<term>" for each of its terms}, (B,) each."""
    train, activation = config.train, config.model.activation
    weights = dict(zip(LOSSES[train.loss][0], train.loss_weights))

    def loss(truth, logits):
        values = {name: losses.TERMS[name](truth, logits, settings=train, activation=activation) for name in weights}
        total = sum(weight * values[name] for name, weight in weights.items())
        return {"loss_segmentor": total} | {f"loss_{name}": value for name, value in values.items()}

    return loss
