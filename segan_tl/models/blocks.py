"""Tensor → tensor building blocks, 2-D or 3-D by the rank of the input, and the checks that all builders share."""

from collections.abc import Mapping, Sequence

import keras
from keras import layers

NORM_EPSILON = 1e-5


@keras.saving.register_keras_serializable(package="segan_tl")
class ClipWeights(keras.constraints.Constraint):
    """Keep every weight within [-limit, limit] after each update [Xue 2018; SegAN-CAT clips kernels only].

    Args:
        limit: largest absolute value, 0.05 in SegAN and SegAN-CAT.
    """

    def __init__(self, limit: float):
        self.limit = limit

    def __call__(self, weights):
        """Return `weights` clipped to [-limit, limit]."""
        return keras.ops.clip(weights, -self.limit, self.limit)

    def get_config(self):
        """Return the arguments that rebuild this constraint."""
        return {"limit": self.limit}


def require_image_shape(shape: Sequence[int | None], *, multiples: Sequence[int] | int = 1) -> None:
    """Refuse the shape of an image that no network has.

    Args:
        shape: (H, W, M) or (D, H, W, M), without the batch; any size may be None.
        multiples: what the sizes must be divisible by, one number or one each.

    Raises:
        ValueError: other axes, no channels, or a size that cannot be halved as often as the network does.
    """
    shape = tuple(shape)
    if len(shape) not in (3, 4) or not shape[-1] or any(size is not None and size < 1 for size in shape):
        raise ValueError(
            f"expected the shape of one image, (H, W, M) or (D, H, W, M) with M ≥ 1 channels last; got {shape}"
        )
    multiples = (multiples,) * (len(shape) - 1) if isinstance(multiples, int) else tuple(multiples)
    if any(size is not None and size % multiple for size, multiple in zip(shape, multiples)):
        needed = " × ".join(map(str, multiples))
        raise ValueError(f"expected sizes divisible by {needed}, or None; got {shape[:-1]}; pad or crop the images")


def variant_of(variants: Mapping, name: str):
    """Return what a family's table says of a variant.

    Raises:
        ValueError: there is none of that name.
    """
    if name not in variants:
        raise ValueError(f"expected a variant out of {', '.join(variants)}; got {name!r}")
    return variants[name]


def spatial_rank(x) -> int:
    """Return the number of spatial axes of a channels-last tensor (B, …, C)."""
    return len(x.shape) - 2


def convolution(x, filters: int, kernel_size: int, *, name: str, strides: int = 1, use_bias: bool = False, **options):
    """Convolve with "same" padding and kernels drawn from N(0, sqrt(2 / (kernel voxels · filters))) [Xue 2018]."""
    rank = spatial_rank(x)
    initializer = keras.initializers.RandomNormal(stddev=(2.0 / (kernel_size**rank * filters)) ** 0.5)
    convolution_layer = getattr(layers, f"Conv{rank}D")(
        filters,
        kernel_size,
        strides=strides,
        padding="same",
        use_bias=use_bias,
        kernel_initializer=initializer,
        name=name,
        **options,
    )
    return convolution_layer(x)


def normalisation(x, momentum: float, *, name: str):
    """Normalise over the batch of all replicas; `momentum` in Keras' convention (PyTorch's 0.1 is 0.9 here).

    The other backends of Keras refuse to be synchronized over replicas: there a replica normalises over its own batch.
    """
    replicas = keras.backend.backend() == "tensorflow"
    return layers.BatchNormalization(momentum=momentum, epsilon=NORM_EPSILON, synchronized=replicas, name=name)(x)


def upsample(x, *, name: str):
    """Double every spatial axis, bilinearly (half-pixel centres) in 2-D, by repetition in 3-D."""
    if spatial_rank(x) == 2:
        return layers.UpSampling2D(2, interpolation="bilinear", name=name)(x)
    return layers.UpSampling3D(2, name=name)(x)
