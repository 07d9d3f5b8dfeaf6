"""Random changes of training slices, as TensorFlow operations on a batch.

The parameters of each example are drawn beforehand (`draw`), so they depend on seed and epoch alone, not on replicas.
"""

import math
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from segan_tl.config.augment import AugmentConfig


@dataclass(frozen=True)
class Augmentation:
    """Parameters of N examples."""

    parameters: np.ndarray  # (N, 5) float32: flip (0 or 1), angle in radians, scale, gamma, brightness
    noise_seed: np.ndarray  # (N,) int64


def draw(generator: np.random.Generator, count: int, config: AugmentConfig) -> Augmentation:
    """Draw the parameters of `count` examples."""
    def chosen(chance, values, neutral):
        return np.where(generator.random(count) < chance, values, neutral)

    def log_uniform(limits):
        return np.exp(generator.uniform(*np.log(limits), count))

    columns = [
        chosen(config.mirror, 1.0, 0.0),
        chosen(config.rotation, generator.uniform(-1, 1, count) * math.radians(config.rotation_degrees), 0.0),
        chosen(config.scaling, log_uniform(config.scale), 1.0),
        chosen(config.gamma, log_uniform(config.gamma_exponent), 1.0),
        chosen(config.brightness, generator.uniform(*config.brightness_factor, count), 1.0),
    ]
    seeds = generator.integers(0, 2**62, count, dtype=np.int64)
    return Augmentation(np.stack(columns, axis=1).astype(np.float32), seeds)


def augment(image, mask, parameters, noise_seed, config: AugmentConfig):
    """Apply the drawn parameters to a batch.

    Args:
        image: (B, H, W, M) in [0, 1].
        mask: (B, H, W, R), 0 or 1; moved with the image, nearest neighbour.
        parameters: (B, 5) as in `Augmentation`.
        noise_seed: scalar int64, one for the batch.
        config: what is switched on.

    Returns:
        The changed image, clipped to [0, 1], and mask.
    """
    flip, angle, scale, gamma, brightness = tf.unstack(tf.ensure_shape(parameters, (image.shape[0], 5)), axis=1)
    # Axis 1 of (B, H, W, C) is the patient's left-right: volumes are in LPS order.
    if config.rotation or config.scaling:
        transforms = _transforms(flip, angle, scale, image.shape[1:3])
        image = _transform(image, transforms, "BILINEAR")
        mask = _transform(mask, transforms, "NEAREST")
    elif config.mirror:
        mirrored = flip[:, None, None, None] > 0.5
        image = tf.where(mirrored, tf.reverse(image, [1]), image)
        mask = tf.where(mirrored, tf.reverse(mask, [1]), mask)
    changed = image
    if config.gamma:
        # exp(γ log x), three times as fast as tf.pow on CPU.
        changed = tf.exp(gamma[:, None, None, None] * tf.math.log(tf.maximum(changed, 1e-6)))
    if config.brightness:
        changed = changed * brightness[:, None, None, None]
    if config.noise:
        seed = tf.stack([noise_seed, tf.zeros_like(noise_seed)])
        changed = changed + config.noise_std[0] * tf.random.stateless_normal(tf.shape(image), seed)
    # The skull-stripped background stays exactly 0.
    return tf.clip_by_value(tf.where(image > 0, changed, image), 0.0, 1.0), mask


def _transforms(flip, angle, scale, size):
    """Return (B, 8) projective rows that mirror axis 1, rotate by `angle` and enlarge by `scale` about the centre."""
    centre_y, centre_x = (size[0] - 1) / 2, (size[1] - 1) / 2
    cosine, sine = tf.cos(angle) / scale, tf.sin(angle) / scale
    zero = tf.zeros_like(angle)
    shift_x = centre_x - cosine * centre_x + sine * centre_y
    shift_y = centre_y - sine * centre_x - cosine * centre_y
    # A row read from the mirrored slice is the row H − 1 − y of the slice itself.
    sign = tf.where(flip > 0.5, -1.0, 1.0)
    shift_y = tf.where(flip > 0.5, size[0] - 1 - shift_y, shift_y)
    return tf.stack([cosine, -sine, shift_x, sign * sine, sign * cosine, shift_y, zero, zero], axis=1)


def _transform(batch, transforms, interpolation):
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=batch,
        transforms=transforms,
        output_shape=batch.shape[1:3],
        fill_value=0.0,
        interpolation=interpolation,
        fill_mode="CONSTANT",
    )
