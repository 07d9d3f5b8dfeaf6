"""Losses in `keras.ops`: one value per example, shape (B,); truth before prediction."""

from keras import ops

SMOOTH = 1e-6


def multi_scale_l1(truth_features, prediction_features):
    """Return the mean absolute difference of the critic's features over all scales.

    L1 = Σ_s Σ |C_s(x, y) − C_s(x, S(x))| / Σ_s N_s: one mean over the elements of all maps, so large maps weigh more
    than small ones, as in the authors' code (not the mean of per-scale means of Xue's formula).

    Args:
        truth_features: list of maps (B, …, C) of the critic on image and truth.
        prediction_features: the same of the critic on image and prediction.

    Returns:
        Tensor (B,), float32.

    Source: Giacomello 2020, III; Xue 2018, eq. 1.
    """
    total, elements = 0.0, 0
    for truth, prediction in zip(truth_features, prediction_features, strict=True):
        difference = ops.abs(truth - prediction)
        axes = tuple(range(1, len(difference.shape)))
        total = total + ops.sum(ops.cast(difference, "float32"), axis=axes)
        elements += _elements(difference)
    return total / elements


def dice_loss(truth, probability, *, smooth: float = SMOOTH):
    """Return 1 − smooth Dice with squares in the denominator, the mean over classes.

    Dice = (2 Σ p y + smooth) / (Σ p² + Σ y² + smooth), the sums over space. Two empty masks give the loss 0.

    Args:
        truth: (B, …, C), 0 or 1.
        probability: (B, …, C) in [0, 1].
        smooth: keeps an empty pair finite.

    Returns:
        Tensor (B,), float32.

    Source: Giacomello 2020, III (i); Milletari 2016.
    """
    truth, probability = ops.cast(truth, "float32"), ops.cast(probability, "float32")
    axes = tuple(range(1, len(truth.shape) - 1))
    overlap = ops.sum(truth * probability, axis=axes)
    size = ops.sum(truth * truth, axis=axes) + ops.sum(probability * probability, axis=axes)
    return ops.mean(1.0 - (2.0 * overlap + smooth) / (size + smooth), axis=-1)


def _elements(x) -> float:
    """Return the number of elements of one example of `x` (B, …), static where the shape is."""
    shape = ops.shape(x)[1:]
    if all(isinstance(size, int) for size in shape):
        count = 1
        for size in shape:
            count *= size
        return float(count)
    return ops.cast(ops.prod(ops.stack([ops.cast(size, "int32") for size in shape])), "float32")
