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

    Raises:
        ValueError: the lists differ in length, or two maps in shape.

    Source: Giacomello 2020, III; Xue 2018, eq. 1.

    Example:
        >>> fine, coarse = np.ones((1, 4, 4, 2)), np.ones((1, 2, 2, 8))
        >>> float(segan_tl.losses.multi_scale_l1([fine, coarse], [fine, 0 * coarse])[0])  # 32 of 64 differ by 1
        0.5
    """
    total, elements = 0.0, 0
    for truth, prediction in zip(truth_features, prediction_features, strict=True):
        _require_one_shape(truth, prediction)
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

    Raises:
        ValueError: the shapes differ; so do all losses below.

    Source: Giacomello 2020, III (i); Milletari 2016.

    Example:
        >>> truth = np.array([1, 1, 0, 0]).reshape(1, 4, 1)
        >>> probability = np.array([1, 0, 0, 0]).reshape(1, 4, 1)
        >>> round(float(segan_tl.losses.dice_loss(truth, probability)[0]), 4)  # 1 − 2 · 1 / (2 + 1)
        0.3333
    """
    _require_one_shape(truth, probability)
    truth, probability = ops.cast(truth, "float32"), ops.cast(probability, "float32")
    axes = tuple(range(1, len(truth.shape) - 1))
    overlap = ops.sum(truth * probability, axis=axes)
    size = ops.sum(truth * truth, axis=axes) + ops.sum(probability * probability, axis=axes)
    return ops.mean(1.0 - (2.0 * overlap + smooth) / (size + smooth), axis=-1)


def soft_dice_loss(truth, probability, *, smooth: float = 1e-5, batch: bool = False):
    """Return 1 − soft Dice with plain sums in the denominator, the mean over classes.

    Dice = (2 Σ p y + smooth) / (Σ p + Σ y + smooth). nnU-Net minimises −Dice, the same up to the constant.

    Args:
        truth: (B, …, C), 0 or 1.
        probability: (B, …, C) in [0, 1].
        smooth: keeps an empty pair finite; two empty masks give the loss 0.
        batch: take the sums over the whole (replica's) batch too; every example then gets the same value.

    Returns:
        Tensor (B,), float32.

    Source: Isensee 2021; Wacker 2020, III-C ("multiple Dice", K = 3 foreground classes, over the batch).

    Example:
        >>> truth = np.array([1, 1, 0, 0]).reshape(1, 4, 1)
        >>> probability = np.full((1, 4, 1), 0.5)
        >>> round(float(segan_tl.losses.soft_dice_loss(truth, probability)[0]), 4)  # 1 − 2 · 1 / (2 + 2)
        0.5
    """
    _require_one_shape(truth, probability)
    truth, probability = ops.cast(truth, "float32"), ops.cast(probability, "float32")
    axes = tuple(range(1, len(truth.shape) - 1))
    overlap = ops.sum(truth * probability, axis=axes)
    size = ops.sum(truth, axis=axes) + ops.sum(probability, axis=axes)
    if batch:
        overlap = ops.broadcast_to(ops.sum(overlap, axis=0, keepdims=True), ops.shape(overlap))
        size = ops.broadcast_to(ops.sum(size, axis=0, keepdims=True), ops.shape(size))
    return ops.mean(1.0 - (2.0 * overlap + smooth) / (size + smooth), axis=-1)


def binary_cross_entropy(truth, logits, *, positive_weights=None, sum_classes: bool = False):
    """Return the binary cross-entropy of every class, the mean over space and classes.

    Args:
        truth: (B, …, C), 0 or 1.
        logits: (B, …, C).
        positive_weights: (C,) what a voxel inside each class counts, 1 outside; None for 1 everywhere.
        sum_classes: the sum over classes instead of the mean, beside `mean_squared_error`, which is one, too.

    Returns:
        Tensor (B,), float32.

    Source: Isensee 2021 (regions); Kaur 2019 (weighted, for the MS lesions); Ren 2024 (the sum).

    Example:
        >>> truth, logits = np.array([1, 0]).reshape(1, 2, 1), np.zeros((1, 2, 1))
        >>> round(float(segan_tl.losses.binary_cross_entropy(truth, logits)[0]), 4)  # ln 2
        0.6931
    """
    _require_one_shape(truth, logits)
    truth, logits = ops.cast(truth, "float32"), ops.cast(logits, "float32")
    # softplus(x) − x y never overflows, and its gradient is σ(x) − y everywhere.
    loss = ops.softplus(logits) - logits * truth
    if positive_weights is not None:
        weights = ops.convert_to_tensor(positive_weights, "float32")
        loss = loss * (1.0 + (weights - 1.0) * truth)
    of_classes = ops.mean(loss, axis=tuple(range(1, len(loss.shape) - 1)))
    return ops.sum(of_classes, axis=-1) if sum_classes else ops.mean(of_classes, axis=-1)


def cross_entropy(truth, logits, *, class_weights=None):
    """Return the cross-entropy over exclusive classes, the mean over space.

    Args:
        truth: (B, …, C) one-hot, background among the classes.
        logits: (B, …, C).
        class_weights: (C,) what a voxel of each class counts; the sum is divided by the sum of the weights, as in
            PyTorch. None for 1 everywhere.

    Returns:
        Tensor (B,), float32.

    Source: Isensee 2021 (labels); Kaur 2019 (weighted).

    Example:
        >>> truth, logits = np.array([[1, 0, 0, 0], [0, 1, 0, 0]]).reshape(1, 2, 4), np.zeros((1, 2, 4))
        >>> round(float(segan_tl.losses.cross_entropy(truth, logits)[0]), 4)  # ln 4
        1.3863
    """
    _require_one_shape(truth, logits)
    truth, logits = ops.cast(truth, "float32"), ops.cast(logits, "float32")
    axes = tuple(range(1, len(truth.shape) - 1))
    loss = -ops.sum(truth * ops.log_softmax(logits, axis=-1), axis=-1)
    if class_weights is None:
        return ops.mean(loss, axis=axes)
    weights = ops.sum(truth * ops.convert_to_tensor(class_weights, "float32"), axis=-1)
    return ops.sum(loss * weights, axis=axes) / ops.maximum(ops.sum(weights, axis=axes), SMOOTH)


def mean_squared_error(truth, probability):
    """Return the squared error, its mean over space summed over classes.

    Args:
        truth: (B, …, C), 0 or 1.
        probability: (B, …, C) in [0, 1].

    Returns:
        Tensor (B,), float32.

    Source: Heras Rivera 2024, 2.2; Ren 2024.

    Example:
        >>> truth, probability = np.array([1, 0]).reshape(1, 2, 1), np.full((1, 2, 1), 0.5)
        >>> float(segan_tl.losses.mean_squared_error(truth, probability)[0])
        0.25
    """
    _require_one_shape(truth, probability)
    difference = ops.cast(truth, "float32") - ops.cast(probability, "float32")
    axes = tuple(range(1, len(difference.shape) - 1))
    return ops.sum(ops.mean(ops.square(difference), axis=axes), axis=-1)


# === The terms of `train.loss` (segan_tl/config/train.py, LOSSES) ===


def _dice_term(truth, logits, *, settings, activation):
    softmax = activation == "softmax"
    probability = ops.softmax(logits, axis=-1) if softmax else ops.sigmoid(logits)
    if softmax and settings.loss != "multiple_dice_background":
        # Splits and not slices: the gradient of a slice of the channels is slow on a processor.
        truth, probability = (ops.split(values, [1], axis=-1)[1] for values in (truth, probability))
    if settings.loss == "squared_dice":
        return dice_loss(truth, probability, smooth=settings.dice_smooth)
    batch = settings.batch_dice or settings.loss.startswith("multiple_dice")
    return soft_dice_loss(truth, probability, smooth=settings.dice_smooth, batch=batch)


def _bce_term(truth, logits, *, settings, activation):
    weights, sums = settings.class_weights, settings.loss == "mse_bce"
    return binary_cross_entropy(truth, logits, positive_weights=weights, sum_classes=sums)


def _ce_term(truth, logits, *, settings, activation):
    return cross_entropy(truth, logits, class_weights=settings.class_weights)


def _mse_term(truth, logits, *, settings, activation):
    return mean_squared_error(truth, ops.sigmoid(logits))


# Term → (truth (B, …, C), logits (B, …, C), settings: [train], activation: of [model]) → (B,).
TERMS = {"dice": _dice_term, "bce": _bce_term, "ce": _ce_term, "mse": _mse_term}


def _require_one_shape(truth, prediction) -> None:
    """Refuse two shapes that would be stretched to one: (B, H, W, 1) and (B, H, W, 3) have a mean, and it is wrong."""
    shapes = tuple(truth.shape), tuple(prediction.shape)
    agree = all(a is None or b is None or a == b for a, b in zip(*shapes))
    if len(shapes[0]) != len(shapes[1]) or len(shapes[0]) < 2 or not agree:
        raise ValueError(f"expected truth and prediction of one shape (B, …, C); got {shapes[0]} and {shapes[1]}")


def _elements(x) -> float:
    """Return the number of elements of one example of `x` (B, …), static where the shape is."""
    shape = ops.shape(x)[1:]
    if all(isinstance(size, int) for size in shape):
        count = 1
        for size in shape:
            count *= size
        return float(count)
    return ops.cast(ops.prod(ops.stack([ops.cast(size, "int32") for size in shape])), "float32")
