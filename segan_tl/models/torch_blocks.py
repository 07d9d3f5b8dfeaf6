"""Tensor → tensor blocks that compute, and start, as PyTorch's do: padding, epsilon, initialisation; 2-D or 3-D.

"same" padding of a strided convolution differs between the two: PyTorch pads both sides alike, TensorFlow the far one.
"""

import math
from collections.abc import Sequence

import keras
from keras import layers

from segan_tl.models.blocks import NORM_EPSILON, spatial_rank


def each_axis(value: int | Sequence[int], rank: int) -> tuple[int, ...]:
    """Return one value for every spatial axis."""
    return (value,) * rank if isinstance(value, int) else tuple(value)


def padded_convolution(
    x,
    filters: int,
    kernel_size: int | Sequence[int],
    *,
    name: str,
    strides: int | Sequence[int] = 1,
    use_bias: bool = True,
    start: str = "he",
):
    """Convolve with zeros of half a kernel on both sides of every axis; kernels are odd.

    Args:
        x: tensor (B, …, C).
        filters: output channels.
        kernel_size: one odd size, or one for each axis.
        name: of the layer; the padding of a strided one is called `<name>_pad`.
        strides: one stride, or one for each axis.
        use_bias: whether there is a bias.
        start: "he" or "uniform", see `initializers`.
    """
    rank = spatial_rank(x)
    kernel_size, strides = each_axis(kernel_size, rank), each_axis(strides, rank)
    padding = "same"
    if max(strides) > 1:
        padding = "valid"
        both_sides = [(size // 2, size // 2) for size in kernel_size]
        x = getattr(layers, f"ZeroPadding{rank}D")(both_sides, name=f"{name}_pad")(x)
    kernel, bias = initializers(start, x.shape[-1] * math.prod(kernel_size))
    return getattr(layers, f"Conv{rank}D")(
        filters,
        kernel_size,
        strides=strides,
        padding=padding,
        use_bias=use_bias,
        kernel_initializer=kernel,
        bias_initializer=bias,
        name=name,
    )(x)


def upsampling_convolution(x, filters: int, size: int | Sequence[int], *, name: str, start: str = "he"):
    """Multiply the grid by `size` with a transposed convolution whose kernels do not overlap, with bias."""
    rank = spatial_rank(x)
    size = each_axis(size, rank)
    kernel, bias = initializers(start, filters * math.prod(size))  # PyTorch takes the output channels for fan_in here
    return getattr(layers, f"Conv{rank}DTranspose")(
        filters, size, strides=size, padding="valid", kernel_initializer=kernel, bias_initializer=bias, name=name
    )(x)


def instance_normalisation(x, *, name: str, affine: bool = True, gamma: str = "ones"):
    """Normalise every channel of every example over its voxels."""
    return layers.GroupNormalization(
        groups=-1, epsilon=NORM_EPSILON, center=affine, scale=affine, gamma_initializer=gamma, name=name
    )(x)


def initializers(start: str, fan_in: int) -> tuple[keras.initializers.Initializer, keras.initializers.Initializer]:
    """Return the initializers of kernel and bias.

    "he": N(0, 2 / ((1 + 0.01²) fan_in)), not truncated, and zero, as nnU-Net starts.
    "uniform": both U(±1 / sqrt(fan_in)), PyTorch's default.
    """
    if start == "he":
        deviation = math.sqrt(2 / ((1 + 0.01**2) * fan_in))
        return keras.initializers.RandomNormal(stddev=deviation), keras.initializers.Zeros()
    bound = 1 / math.sqrt(fan_in)
    return keras.initializers.RandomUniform(-bound, bound), keras.initializers.RandomUniform(-bound, bound)
