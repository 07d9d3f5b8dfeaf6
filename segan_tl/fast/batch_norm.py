"""Batch normalisation in one fused TensorFlow operation, over the variables of a Keras layer."""

import keras
import tensorflow as tf


class FusedNormalisation(keras.layers.Layer):
    """Compute what the given BatchNormalization computes on one replica, in a quarter of the passes over memory.

    Args:
        normalisation: a built BatchNormalization over the last axis of (B, H, W, C); its variables are the ones
            that are used and updated.
    """

    def __init__(self, normalisation: keras.layers.BatchNormalization):
        super().__init__(name=f"{normalisation.name}_fused", dtype=normalisation.dtype_policy, autocast=False)
        self.normalisation = normalisation

    def call(self, x, training=None):
        """Return (B, H, W, C); with `training`, by the batch's own moments, which also enter the moving ones."""
        layer = self.normalisation
        if not (training and layer.trainable):
            return layer(x, training=False)
        x = tf.cast(x, layer.compute_dtype)
        result, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            x, tf.cast(layer.gamma, "float32"), tf.cast(layer.beta, "float32"), epsilon=layer.epsilon, is_training=True
        )
        # The operation returns the unbiased variance; Keras averages the biased one.
        count = tf.cast(tf.size(x) / x.shape[-1], "float32")
        for moving, batch in ((layer.moving_mean, mean), (layer.moving_variance, variance * (count - 1) / count)):
            moving.assign(layer.momentum * moving + (1 - layer.momentum) * tf.stop_gradient(batch))
        return result
