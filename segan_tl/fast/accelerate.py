"""The same network, computed faster: same variables, same values up to rounding.

A convolution after a bilinear upsampling is four fifths of a decoder's work. Both are linear, and a 1 × 1 product with
one tap of the kernel commutes with the upsampling: so the nine products are taken on the small grid, a quarter of
the pixels, and only their sum is spread over the large one.
"""

from collections.abc import Callable

import keras
import numpy as np
from keras import layers, ops


def accelerate(model: keras.Model, *, normalisation: Callable | None = None) -> keras.Model:
    """Return a model over the variables of `model` that computes the same in less time.

    It is for calling only: `model` keeps the names, is what is saved, and sees every update.

    Args:
        model: functional model.
        normalisation: BatchNormalization of (B, H, W, C) → the layer to call in its place, over its variables; None
            keeps it.

    Returns:
        Functional model with the inputs and outputs of `model`.
    """
    sources = {}  # id of an upsampled tensor → that tensor (it must not be collected) and what it was made from

    def call(layer, *arguments, **options):
        if isinstance(layer, layers.UpSampling2D) and layer.interpolation == "bilinear" and layer.size == (2, 2):
            # Where every reader is replaced, this layer lies off all output paths and vanishes.
            upsampled = layer(*arguments, **options)
            sources[id(upsampled)] = (upsampled, arguments[0])
            return upsampled
        if _is_plain_3x3(layer) and id(arguments[0]) in sources:
            return UpsampledConvolution(layer)(sources[id(arguments[0])][1])
        flat = isinstance(layer, layers.BatchNormalization) and len(arguments[0].shape) == 4
        if flat and normalisation is not None:
            return normalisation(layer)(arguments[0])
        return layer(*arguments, **options)

    return keras.models.clone_model(model, clone_function=lambda layer: layer, call_function=call)


class UpsampledConvolution(layers.Layer):
    """Bilinear upsampling by 2, then the given 3 × 3 convolution: the nine taps first, on the small grid.

    With U_h (2h, h) the upsampling of the rows and S_i the shift by tap i with zeros entering, likewise U_w and S_j:

        y = Σ_ij S_i U_h (x · K_ij) (S_j U_w)ᵀ + bias

    Args:
        convolution: a built Conv2D, 3 × 3, stride 1, "same"; its variables are used, not copied.
    """

    def __init__(self, convolution: layers.Conv2D):
        super().__init__(name=f"{convolution.name}_upsampled", dtype=convolution.dtype_policy)
        self.convolution = convolution

    def call(self, x):
        """Return (B, 2h, 2w, C) for `x` (B, h, w, M); h and w known when traced."""
        height, width, channels = x.shape[1:]
        filters = self.convolution.filters
        taps = ops.reshape(ops.transpose(self.convolution.kernel, (2, 1, 0, 3)), (channels, 9 * filters))
        products = ops.matmul(ops.reshape(x, (-1, channels)), taps)
        columns = ops.matmul(
            ops.convert_to_tensor(spread(width), x.dtype), ops.reshape(products, (-1, height, 3 * width, 3 * filters))
        )
        # (B, h, 2w, rows of the kernel · C) → (B, h · rows of the kernel, 2w · C)
        columns = ops.transpose(ops.reshape(columns, (-1, height, 2 * width, 3, filters)), (0, 1, 3, 2, 4))
        rows = ops.matmul(
            ops.convert_to_tensor(spread(height), x.dtype), ops.reshape(columns, (-1, 3 * height, 2 * width * filters))
        )
        result = ops.reshape(rows, (-1, 2 * height, 2 * width, filters))
        return result + self.convolution.bias if self.convolution.use_bias else result

    def compute_output_shape(self, input_shape):
        """Double the known ones of height and width."""
        batch, height, width, _ = input_shape
        return batch, height and 2 * height, width and 2 * width, self.convolution.filters


def spread(size: int) -> np.ndarray:
    """Return (2 size, 3 size): entry (a, 3 i + t) is the share of pixel i's product with tap t in output a.

    Output a reads, through tap t, the upsampled position a + t − 1, which is 0 outside, else 3/4 of the nearest pixel
    and 1/4 of the next one (half-pixel centres; the border repeats its pixel).
    """
    upsampling = np.zeros((2 * size, size), np.float32)
    pixel = np.arange(size)
    for parity, neighbour in ((0, -1), (1, 1)):
        upsampling[2 * pixel + parity, pixel] += 0.75
        upsampling[2 * pixel + parity, np.clip(pixel + neighbour, 0, size - 1)] += 0.25
    padded = np.pad(upsampling, ((1, 1), (0, 0)))
    return np.stack([padded[tap : tap + 2 * size] for tap in range(3)], axis=2).reshape(2 * size, 3 * size)


def _is_plain_3x3(layer) -> bool:
    """Return whether a layer is a 3 × 3 convolution without stride, dilation, groups or activation."""
    return (
        type(layer) is layers.Conv2D
        and layer.kernel_size == (3, 3)
        and layer.strides == layer.dilation_rate == (1, 1)
        and layer.groups == 1
        and layer.padding == "same"
        and layer.activation is keras.activations.linear
    )
