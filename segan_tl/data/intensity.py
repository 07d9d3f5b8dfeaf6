"""Noise, blur, brightness, contrast, low resolution and gamma of a patch; what is background stays 0.

Patches have one size here, so a batch of them can be changed where it is learnt from: on the graphics card.
"""

import functools
from collections.abc import Sequence

import tensorflow as tf

from segan_tl.data.neighbours import as_slab, from_slab
from segan_tl.data.space import along_axis, gaussian, low_resolution

FACTORS = ("brightness", "contrast", "zoom", "gamma_inverted", "gamma")
DRAWN = (*FACTORS, "noise", "blur", "seed")  # what `change` reads


def change_batch(images, drawn, *, keeps_statistics: bool, neighbours: int = 0):
    """Apply `change` to each patch of a batch.

    Args:
        images: (B, D, H, W, M), or (B, H, W, M) for 2-D networks, or (B, H, W, (2 n + 1) M) with neighbours.
        drawn: DRAWN → B rows of `augment.draw`.
        keeps_statistics: as in `augment.augment`.
        neighbours: n on either side of a slice.
    """
    shape = images.shape[1:]

    def changed(example):
        image, row = example
        if neighbours:
            return change_slab(image, row, keeps_statistics=keeps_statistics, neighbours=neighbours)
        volume = image if len(shape) == 4 else image[None]
        return tf.reshape(change(volume, row, keeps_statistics=keeps_statistics), shape)

    return tf.map_fn(changed, (images, {name: drawn[name] for name in DRAWN}), fn_output_signature=images.dtype)


def change_slab(image, drawn, *, keeps_statistics: bool, neighbours: int):
    """Apply what is drawn to a slice with its neighbours (H, W, (2 n + 1) M), one change for all slices."""
    slab = change(as_slab(image, neighbours), drawn, keeps_statistics=keeps_statistics, across=False)
    return from_slab(slab)


def change(image, drawn, *, keeps_statistics: bool, across: bool = True):
    """Apply what is drawn to a patch (D, H, W, M), modality by modality; arguments as in `augment.augment`.

    Args:
        across: whether blur and low resolution go along D, too: not in a slab of neighbours, for a slice has no D.
    """
    factors = tf.stack([drawn[name] for name in FACTORS], axis=1)  # (M, factors)
    planned = (drawn["noise"] > 0) | tf.reduce_any(drawn["blur"] > 0, axis=1) | tf.reduce_any(factors != 1, axis=1)

    def changed():
        # Modalities first: each is one piece of memory, and what is not brain becomes 0 four times as fast.
        planes = tf.transpose(image, (3, 0, 1, 2))
        brain = functools.reduce(tf.logical_or, [plane != 0 for plane in tf.unstack(planes)])

        def changed_channel(channel):
            part = planes[channel]
            part = tf.cond(
                planned[channel],
                lambda: _change_channel(part, drawn, channel, keeps_statistics=keeps_statistics, across=across),
                lambda: part,
            )
            return tf.where(brain, part, 0.0)

        # A loop, not a copy for each modality: a graph four times as small starts every epoch sooner.
        parts = tf.map_fn(changed_channel, tf.range(image.shape[-1]), fn_output_signature=image.dtype)
        return tf.transpose(parts, (1, 2, 3, 0))

    return tf.cond(tf.reduce_any(planned), changed, lambda: image)


def _change_channel(x, drawn, channel, *, keeps_statistics: bool, across: bool):
    """Change one modality (D, H, W), in nnU-Net's order."""
    brightness, contrast, zoom, inverted, gamma = (drawn[name][channel] for name in FACTORS)
    axes = [axis for axis, length in enumerate(x.shape) if length > 1 and (across or axis)]
    x = _when(drawn["noise"] > 0, lambda x: x + drawn["noise"] * _normal(x.shape, drawn["seed"], channel), x)
    blur = drawn["blur"][channel]
    x = _when(tf.reduce_any(blur > 0), lambda x: _filter(x, gaussian, blur, axes), x)
    x = x * brightness
    x = _when(contrast != 1, lambda x: stretch(x, contrast), x)
    x = _when(zoom != 1, lambda x: _filter(x, low_resolution, tf.stack([zoom] * 3), axes), x)
    x = _when(inverted != 1, lambda x: -bend(-x, inverted, keeps_statistics=keeps_statistics), x)
    return _when(gamma != 1, lambda x: bend(x, gamma, keeps_statistics=keeps_statistics), x)


def stretch(x, factor, *, axes: Sequence[int] | None = None):
    """Stretch a modality about its mean; the range of its values stays [nnU-Net: preserve_range].

    Args:
        x: one modality; or many, each over `axes`.
        factor: of each, broadcast over `axes`.
    """
    mean, low, high = (
        of(x, axes, keepdims=axes is not None) for of in (tf.reduce_mean, tf.reduce_min, tf.reduce_max)
    )
    return tf.clip_by_value((x - mean) * factor + mean, low, high)


def bend(x, exponent, *, keeps_statistics: bool, axes: Sequence[int] | None = None):
    """Scale a modality to [0, 1], raise it to `exponent` and scale it back.

    Args:
        x: one modality; or many, each over `axes`.
        exponent: of each, broadcast over `axes`.
        keeps_statistics: then give it the mean and the standard deviation it had.
    """
    keepdims = axes is not None
    low, high = tf.reduce_min(x, axes, keepdims=keepdims), tf.reduce_max(x, axes, keepdims=keepdims)
    span = tf.maximum(high - low, 1e-7)
    # exp(γ log x), three times as fast as tf.pow on CPU.
    bent = tf.exp(exponent * tf.math.log(tf.maximum((x - low) / span, 1e-9))) * span + low
    if not keeps_statistics:
        return bent
    (mean, std), (mean_now, std_now) = _statistics(x, axes), _statistics(bent, axes)
    return (bent - mean_now) * (std / tf.maximum(std_now, 1e-7)) + mean


def _statistics(x, axes):
    mean = tf.reduce_mean(x, axes, keepdims=axes is not None)
    return mean, tf.sqrt(tf.reduce_mean(tf.square(x - mean), axes, keepdims=axes is not None))


def _filter(x, matrix_of, amounts, axes: Sequence[int]):
    """Multiply each of the axes by its matrix."""
    for axis in axes:
        x = along_axis(matrix_of(x.shape[axis], amounts[axis]), x, axis)
    return x


def _normal(shape, seed, channel):
    # The elastic deformation has number 1 of this seed.
    return tf.random.stateless_normal(shape, tf.stack([seed, 2 + tf.cast(channel, tf.int64)]), alg="philox")


def _when(condition, function, x):
    return tf.cond(condition, lambda: function(x), lambda: x)
