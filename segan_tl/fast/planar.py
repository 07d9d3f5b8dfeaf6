"""Convolutions that stay within the slices of a volume, computed as what they are: 2-D convolutions of every slice.

Same variables, same values up to rounding. The gradient of TensorFlow 2.21's Conv3D on CPU ends the process with a
segmentation fault at 1 × 3 × 3, 16 → 16 channels, 96 × 96, bfloat16; the 2-D one does not, and is no slower.
"""

import keras
from keras import layers, ops


def flatten_slices(model: keras.Model) -> keras.Model:
    """Return a model over the variables of `model` whose 1 × k × k convolutions go through the slices one by one.

    It is for calling only: `model` keeps the names, is what is saved, and sees every update.
    """

    def call(layer, *arguments, **options):
        if _stays_in_slices(layer):
            return PlanarConvolution(layer)(arguments[0])
        return layer(*arguments, **options)

    return keras.models.clone_model(model, clone_function=lambda layer: layer, call_function=call)


class PlanarConvolution(layers.Layer):
    """Compute what the given Conv3D or Conv3DTranspose of 1 × k × k voxels computes.

    Args:
        convolution: a built layer, stride 1 along D; its variables are used, not copied.
    """

    def __init__(self, convolution: layers.Conv3D | layers.Conv3DTranspose):
        super().__init__(name=f"{convolution.name}_planar", dtype=convolution.dtype_policy)
        self.convolution = convolution

    def call(self, x):
        """Return (B, D, H', W', C) for `x` (B, D, H, W, M)."""
        layer = self.convolution
        depth, shape = ops.shape(x)[1], ops.shape(x)
        slices = ops.reshape(x, (-1, *shape[2:]))
        convolve = ops.conv_transpose if isinstance(layer, layers.Conv3DTranspose) else ops.conv
        kernel = ops.cast(ops.squeeze(layer.kernel, 0), self.compute_dtype)
        result = convolve(slices, kernel, strides=layer.strides[1:], padding=layer.padding)
        if layer.use_bias:
            result = result + ops.cast(layer.bias, self.compute_dtype)
        return ops.reshape(result, (-1, depth, *ops.shape(result)[1:]))

    def compute_output_shape(self, input_shape):
        """Return what the given layer returns."""
        return self.convolution.compute_output_shape(input_shape)


def _stays_in_slices(layer) -> bool:
    return (
        type(layer) in (layers.Conv3D, layers.Conv3DTranspose)
        and layer.kernel_size[0] == layer.strides[0] == 1
        and max(layer.kernel_size) > 1
        and set(layer.dilation_rate) == {1}
        and getattr(layer, "groups", 1) == 1
        and getattr(layer, "output_padding", None) is None
        and layer.activation is keras.activations.linear
    )
