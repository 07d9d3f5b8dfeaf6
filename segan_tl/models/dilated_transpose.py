"""A transposed convolution that Keras has not, which the literal reproduction of Ren's U-Net needs."""

import keras
from keras import layers, ops

from segan_tl.models.blocks import spatial_rank
from segan_tl.models.torch_blocks import initializers


@keras.saving.register_keras_serializable(package="segan_tl")
class DilatedTranspose(layers.Layer):
    """Double a grid as PyTorch's transposed convolution of size 2, stride 2 and dilation 2 does (Keras refuses both).

    Only output voxels with odd indices on all axes get data, the others the bias alone: a flaw of Ren's code that its
    literal reproduction needs.

    Args:
        filters: output channels.
    """

    def __init__(self, filters: int, **options):
        super().__init__(**options)
        self.filters = filters

    def build(self, input_shape):
        """Create kernel (2, …, filters, C) and bias."""
        rank = len(input_shape) - 2
        kernel, bias = initializers("uniform", self.filters * 2**rank)
        shape = (2,) * rank + (self.filters, input_shape[-1])
        self.kernel = self.add_weight(shape=shape, initializer=kernel, name="kernel")
        self.bias = self.add_weight(shape=(self.filters,), initializer=bias, name="bias")

    def call(self, x):
        """Return (B, 2 d, …, filters) for `x` (B, d, …, C): output 2 i + 1 is kernel[1] x[i] + kernel[0] x[i + 1]."""
        rank = spatial_rank(x)
        axes = tuple(range(rank))
        kernel = ops.swapaxes(ops.flip(self.kernel, axes), rank, rank + 1)
        x = ops.conv(ops.pad(x, [(0, 0), *[(0, 1)] * rank, (0, 0)]), kernel, padding="valid")
        for axis in range(1, rank + 1):
            x = ops.stack([ops.zeros_like(x), x], axis=axis + 1)
            shape = ops.shape(x)
            x = ops.reshape(x, (*shape[:axis], 2 * shape[axis], *shape[axis + 2 :]))
        return x + self.bias

    def compute_output_shape(self, input_shape):
        """Double the known ones of the spatial sizes."""
        return (input_shape[0], *(size and 2 * size for size in input_shape[1:-1]), self.filters)

    def get_config(self):
        """Return the arguments that rebuild this layer."""
        return {**super().get_config(), "filters": self.filters}
