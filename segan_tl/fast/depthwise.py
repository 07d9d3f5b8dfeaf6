"""Depthwise convolution of volumes, and its transpose, computed by what processors and graphics cards do fast.

Keras has no depthwise layer for volumes, and `Conv3D(groups=C)` takes seconds on a processor where dense convolutions
take milliseconds. Here, where the precision is float32 and the stride 1, the depthwise convolutions of the planes with
each depth of the kernel are added up; else the channels are taken in blocks, each one a dense convolution whose kernel
is zero off the diagonal: matrix units (AMX, tensor cores) are faster with the zeros than without.
benchmarks/depthwise_speed.py prints the numbers behind this choice, all of processors; `method="groups"` leaves it to
the backend's own grouped convolution, for benchmarks/jax_speed.py to see what a GPU makes of it.
"""

import keras
from keras import layers, ops

BLOCK = {"float32": 16}  # channels that share a dense convolution; half precision has larger matrix units
BLOCK_HALF = 32
METHODS = ("auto", "planes", "blocks", "groups")


@keras.saving.register_keras_serializable(package="segan_tl")
class DepthwiseConv3D(layers.Layer):
    """Convolve every channel of a volume with a kernel of its own, zeros of half a kernel on all sides as in PyTorch.

    The kernel has the shape of `Conv3D(groups=C)`: (k, k, k, 1, C).

    Args:
        kernel_size: odd edge of the kernel.
        strides: 1, or 2 for the output sizes (n + 1) // 2.
        method: "planes" (stride 1 only), "blocks", "groups", or "auto", the faster one of the first two.
        kernel_initializer: of the kernel; the default is PyTorch's, U(±1 / sqrt(k³)).
        bias_initializer: of the bias.
        name: of the layer.
        dtype: dtype policy of the layer.
        trainable: whether the weights are trained.
    """

    def __init__(
        self,
        kernel_size: int,
        *,
        strides: int = 1,
        method: str = "auto",
        kernel_initializer="default",
        bias_initializer="zeros",
        name: str | None = None,
        dtype=None,
        trainable: bool = True,
    ):
        super().__init__(name=name, dtype=dtype, trainable=trainable)
        if kernel_size % 2 == 0 or strides not in (1, 2) or method not in METHODS:
            raise ValueError(
                f"expected an odd kernel, stride 1 or 2, a method of {METHODS}; got {kernel_size}, {strides}, {method}"
            )
        if method == "planes" and strides != 1:
            raise ValueError("method 'planes' needs stride 1")
        self.kernel_size, self.strides, self.method = kernel_size, strides, method
        if kernel_initializer == "default":
            kernel_initializer = keras.initializers.RandomUniform(-(kernel_size**-1.5), kernel_size**-1.5)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)

    def build(self, input_shape):
        """Create kernel and bias."""
        channels = input_shape[-1]
        self.kernel = self.add_weight(
            shape=(self.kernel_size,) * 3 + (1, channels), initializer=self.kernel_initializer, name="kernel"
        )
        self.bias = self.add_weight(shape=(channels,), initializer=self.bias_initializer, name="bias")

    def call(self, x):
        """Return (B, D, H, W, C) for `x` (B, D, H, W, C), sizes (n + 1) // 2 with stride 2."""
        half = self.compute_dtype != "float32"
        if self.method == "planes" or (self.method == "auto" and self.strides == 1 and not half):
            return convolve_planes(x, ops.convert_to_tensor(self.kernel), ops.convert_to_tensor(self.bias))
        if self.method == "groups":
            return convolve_groups(x, self.kernel, strides=self.strides) + self.bias
        size = BLOCK_HALF if half else BLOCK["float32"]
        return convolve_blocks(x, self.kernel, strides=self.strides, size=size) + self.bias

    def compute_output_shape(self, input_shape):
        """Divide the known spatial sizes by the stride."""
        batch, *sizes, channels = input_shape
        return batch, *(size and (size - 1) // self.strides + 1 for size in sizes), channels

    def get_config(self):
        """Return the arguments that rebuild this layer."""
        return super().get_config() | {
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "method": self.method,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
        }


@keras.saving.register_keras_serializable(package="segan_tl")
class DepthwiseConv3DTranspose(DepthwiseConv3D):
    """Transpose a depthwise convolution of stride 2: n becomes 2 n − 1, as PyTorch does with padding k // 2.

    The arguments are those of `DepthwiseConv3D`; `strides` is 2.
    """

    def __init__(self, kernel_size: int, *, strides: int = 2, **options):
        super().__init__(kernel_size, strides=strides, **options)
        if strides != 2 or kernel_size not in (3, 5):
            raise ValueError(f"expected stride 2 and kernel 3 or 5, got {strides} and {kernel_size}")

    def call(self, x):
        """Return (B, 2 D − 1, 2 H − 1, 2 W − 1, C) for `x` (B, D, H, W, C)."""
        size = BLOCK_HALF if self.compute_dtype != "float32" else BLOCK["float32"]
        return transpose_blocks(x, self.kernel, size=size) + self.bias

    def compute_output_shape(self, input_shape):
        """Double the known spatial sizes, less one."""
        batch, *sizes, channels = input_shape
        return batch, *(size and 2 * size - 1 for size in sizes), channels


# === Planes ===


def convolve_planes(x, kernel, bias):
    """Convolve with stride 1: the sum, over the depth z of the kernel, of 2-D depthwise convolutions of plane d + z.

    The gradient with respect to `x` is this convolution with the kernel turned round: far cheaper than what automatic
    differentiation makes of slices and pads. The kernel's own comes from the 2-D convolutions.

    Args:
        x: (B, D, H, W, C).
        kernel: (k, k, k, 1, C).
        bias: (C,).

    Returns:
        (B, D, H, W, C).
    """

    @ops.custom_gradient
    def join(planes, x, kernel):
        def gradient(*upstreams, upstream=None):
            dy = upstreams[0] if upstream is None else upstream
            far = [(0, 0), (0, kernel.shape[0] - 1), (0, 0), (0, 0), (0, 0)]
            d_planes = _fold(ops.pad(dy, far))[: -(kernel.shape[0] - 1)]
            turned = ops.flip(kernel, (0, 1, 2))
            dx = _cut(_sum_of_planes(dy, turned, None), ops.shape(dy), turned.shape[0])
            return d_planes, dx, ops.zeros_like(kernel)

        return _cut(planes, ops.shape(x), kernel.shape[0]), gradient

    planes = _sum_of_planes(ops.stop_gradient(x), kernel, bias)
    return join(planes, x, ops.stop_gradient(kernel))


def _fold(x):
    """Make one stack of planes of all examples: (B, D, H, W, C) → (B · D, H, W, C)."""
    _, _, height, width, channels = ops.shape(x)
    return ops.reshape(x, (-1, height, width, channels))


def _sum_of_planes(x, kernel, bias):
    """Return (B · (D + k − 1) − (k − 1), H, W, C): the results, and k − 1 planes of no use between two examples.

    One stack with zero planes between the examples makes every shift a slice of the first axis, which costs no copy.
    """
    depth = kernel.shape[0]
    stack = _fold(ops.pad(x, [(0, 0), (depth // 2, depth // 2), (0, 0), (0, 0), (0, 0)]))
    total = None
    for z in [depth // 2, *(z for z in range(depth) if z != depth // 2)]:
        last = z - (depth - 1)
        plane = ops.depthwise_conv(stack[z:last] if last else stack[z:], ops.swapaxes(kernel[z], 2, 3), 1, "same")
        if total is None:
            total = plane if bias is None else ops.add(plane, bias)
        else:
            total = total + plane
    return total


def _cut(planes, shape, depth):
    """Undo the fold and leave out the planes between the examples."""
    batch, size, height, width, channels = shape
    planes = ops.pad(planes, [(0, depth - 1), (0, 0), (0, 0), (0, 0)])
    return ops.reshape(planes, (-1, size + depth - 1, height, width, channels))[:, :size]


# === Blocks ===


def convolve_blocks(x, kernel, *, strides: int, size: int):
    """Convolve blocks of `size` channels by dense kernels that are zero off the diagonal."""
    x, padding = _padded(x, kernel, strides)
    parts = [ops.conv(part, dense, strides, padding) for part, dense in _blocks(x, kernel, size)]
    return parts[0] if len(parts) == 1 else ops.concatenate(parts, axis=-1)


def convolve_groups(x, kernel, *, strides: int):
    """Convolve every channel by itself: a kernel of one input channel makes the convolution of Keras a grouped one."""
    x, padding = _padded(x, kernel, strides)
    return ops.conv(x, ops.convert_to_tensor(kernel), strides, padding)


def transpose_blocks(x, kernel, *, size: int):
    """Transpose blocks of `size` channels: "same" gives 2 n, whose first plane of each axis PyTorch does not make."""
    parts = [ops.conv_transpose(part, dense, 2, "same") for part, dense in _blocks(x, kernel, size)]
    whole = parts[0] if len(parts) == 1 else ops.concatenate(parts, axis=-1)
    batch, *sizes, channels = ops.shape(whole)
    return ops.slice(whole, (0, 1, 1, 1, 0), (batch, *(n - 1 for n in sizes), channels))


def _padded(x, kernel, strides):
    """Return what to convolve with which padding: half a kernel of zeros on both sides, as in PyTorch."""
    if strides == 1:
        return x, "same"
    half = kernel.shape[0] // 2
    return ops.pad(x, [(0, 0), (half, half), (half, half), (half, half), (0, 0)]), "valid"


def _blocks(x, kernel, size):
    """Yield (channels of x, dense kernel (k, k, k, c, c)) for every block of at most `size` channels."""
    kernel = ops.convert_to_tensor(kernel)
    borders = list(range(size, kernel.shape[-1], size))
    # Splits and not slices: their gradient is one concatenation.
    parts, kernels = ((ops.split(tensor, borders, axis=-1) if borders else [tensor]) for tensor in (x, kernel))
    for part, own in zip(parts, kernels, strict=True):
        yield part, own * ops.eye(own.shape[-1], dtype=kernel.dtype)
