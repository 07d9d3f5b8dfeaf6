"""Instance normalisation in one fused TensorFlow operation for each example: same variables, same values, less time.

Keras' GroupNormalization is a dozen passes over memory, in float32 even under mixed_bfloat16. On two CPU cores,
(2, 64, 64, 64, 32), forward and gradient, it took 290 ms where the convolution took 630 (bfloat16: 570 and 200);
TensorFlow's fused batch normalisation of one example is the same sum and took 85 ms (140).

That operation adds its voxels up one after another in float32: over half a million of them, 4e-3 of the output is
rounding. So mean and variance of large instances are taken plane by plane, in two passes, and handed to it (7e-6); in
bfloat16, which keeps 8e-3 of a number, its own sums are as good; float16, which keeps 1e-3, is taken as float32.
"""

import math

import keras
import tensorflow as tf
from keras import layers

LARGE = 2**14  # voxels; in fewer the running sum loses less than 2e-4


def fuse(model: keras.Model) -> keras.Model:
    """Return a model over the variables of `model` that normalises instances by the fused operation.

    It is for calling only: `model` keeps the names, is what is saved, and sees every update. The batch size has to be
    known when a call is traced; where it is not, and where TensorFlow sees a GPU (not measured), Keras' layer computes.
    """

    def call(layer, *arguments, **options):
        if type(layer) is layers.GroupNormalization and layer.groups in (-1, arguments[0].shape[-1]):
            return FusedInstanceNormalisation(layer)(arguments[0])
        return layer(*arguments, **options)

    if tf.config.list_physical_devices("GPU"):
        return model
    return keras.models.clone_model(model, clone_function=lambda layer: layer, call_function=call)


class FusedInstanceNormalisation(layers.Layer):
    """Compute what the given GroupNormalization of one group for each channel computes.

    Args:
        normalisation: a built GroupNormalization over the last axis of (B, …, C); its variables are used, not copied.
    """

    def __init__(self, normalisation: layers.GroupNormalization):
        super().__init__(name=f"{normalisation.name}_fused", dtype=normalisation.dtype_policy, autocast=False)
        self.normalisation = normalisation

    def call(self, x):
        """Return (B, …, C), every channel of every example with mean beta and standard deviation gamma."""
        layer = self.normalisation
        if x.shape[0] is None:
            return layer(x)
        channels = x.shape[-1]
        gamma = tf.ones(channels) if layer.gamma is None else tf.cast(layer.gamma, "float32")
        beta = tf.zeros(channels) if layer.beta is None else tf.cast(layer.beta, "float32")
        x = tf.cast(x, layer.compute_dtype)
        sizes = x.shape[1:-1]
        if x.dtype != tf.bfloat16 and None not in sizes and math.prod(sizes) > LARGE:
            planes = tf.unstack(tf.reshape(tf.cast(x, "float32"), (x.shape[0], sizes[0], -1, channels)))
            normalised = [
                tf.cast(normalise_planes(example, gamma, beta, layer.epsilon), x.dtype) for example in planes
            ]
        else:
            # For the operation, an example is a batch of one image of one column.
            examples = tf.unstack(tf.reshape(x, (x.shape[0], 1, -1, 1, channels)))
            normalised = [
                tf.compat.v1.nn.fused_batch_norm(example, gamma, beta, epsilon=layer.epsilon, is_training=True)[0]
                for example in examples
            ]
        return tf.reshape(tf.concat(normalised, axis=0), tf.shape(x))

    def compute_output_shape(self, input_shape):
        """Return the shape of the input."""
        return input_shape


def normalise_planes(x, gamma, beta, epsilon: float):
    """Normalise the channels of one example of many voxels; mean and variance are exact to seven digits or so.

    Args:
        x: (D, N, C) float32, D planes of N voxels.
        gamma: (C,) standard deviation of the result.
        beta: (C,) its mean.
        epsilon: added to the variance.

    Returns:
        (D, N, C).
    """
    # Not an argument of what has the gradient of its own: in a graph that would be a tensor.
    given = {"epsilon": float(epsilon)}

    @tf.custom_gradient
    def normalise(x, gamma, beta):
        mean = _mean_over_planes(x)
        variance = _mean_over_planes(tf.math.squared_difference(x, mean))
        result = tf.raw_ops.FusedBatchNormV3(
            x=x[None], scale=gamma, offset=beta, mean=mean, variance=variance, is_training=False, **given
        )[0]

        def gradient(change):
            found = tf.raw_ops.FusedBatchNormGradV3(
                y_backprop=change[None], x=x[None], scale=gamma, reserve_space_1=mean, reserve_space_2=variance,
                reserve_space_3=tf.zeros(0), is_training=True, **given,
            )  # fmt: skip
            return found.x_backprop[0], found.scale_backprop, found.offset_backprop

        return result[0], gradient

    return normalise(x, gamma, beta)


def _mean_over_planes(x):
    """Return the mean of (D, N, C) over planes and voxels; a product with ones adds up in blocks, on all cores."""
    planes, voxels, _ = x.shape
    return tf.reduce_mean(tf.matmul(tf.ones((planes, 1, voxels)), x)[:, 0] / voxels, axis=0)
