"""MedNeXt: a U-Net of inverted bottlenecks with depthwise kernels of 3 or 5 voxels, and UpKern [Roy 2023].

The sizes are those of the authors' code, version 1: a down block takes the expansion of the stage it leads to (MONAI's
port takes that of the stage it leaves, so its B, M and L are other networks).
"""

import math
from collections.abc import Sequence

import keras
import numpy as np
from keras import layers

from segan_tl.fast.depthwise import DepthwiseConv3D, DepthwiseConv3DTranspose
from segan_tl.models.blocks import NORM_EPSILON, require_image_shape, variant_of
from segan_tl.models.parts import Stages
from segan_tl.models.torch_blocks import initializers, padded_convolution

FILTERS = (32, 64, 128, 256, 512)
STAGES = Stages(encoder=("stem", "enc", "down", "bottleneck"), decoder=("up", "dec"))
# Of the stages enc1 … enc4, bottleneck, dec4 … dec1: the bottleneck's widening, and the number of blocks.
EXPANSION = (2, 3, 4, 4, 4, 4, 4, 3, 2)
EXPANSION_L = (3, 4, 8, 8, 8, 8, 8, 4, 3)
VARIANTS = {
    "s": {"expansion": (2,) * 9, "blocks": (2,) * 9},
    "b": {"expansion": EXPANSION, "blocks": (2,) * 9},
    "m": {"expansion": EXPANSION, "blocks": (3, 4, 4, 4, 4, 4, 4, 4, 3)},
    "l": {"expansion": EXPANSION_L, "blocks": EXPANSION_L},
}
TORCH_PARTS = {
    "depthwise": "conv1",
    "norm": "norm",
    "expand": "conv2",
    "compress": "conv3",
    "project": "res_conv",
}


def build_mednext(
    input_shape: Sequence[int | None],
    *,
    classes: int = 3,
    activation: str = "sigmoid",
    deep_supervision: bool = False,
    variant: str = "s",
    kernel_size: int = 3,
    filters: Sequence[int] = FILTERS,
    blocks: Sequence[int] | None = None,
    name: str = "mednext",
) -> keras.Model:
    """Build a MedNeXt; its weights start as PyTorch's layers do by default.

    Args:
        input_shape: (D, H, W, M) of `image`; sizes divisible by 16, or None.
        classes: output channels.
        activation: of `probability`: "sigmoid" for regions that overlap, "softmax" for labels.
        deep_supervision: return the logits of every stage, bottleneck included, highest resolution first.
        variant: key of VARIANTS.
        kernel_size: edge of the depthwise kernels, 3 or 5.
        filters: width of every stage, from the full grid down.
        blocks: number of blocks of the nine stages, instead of the variant's.
        name: name of the model.

    Returns:
        Model from `image` (B, D, H, W, M) to `probability` (B, D, H, W, classes), float32, or to the list of logits.

    Raises:
        ValueError: that is no shape of a volume divisible by 16, the sizes do not go together, or no such variant.

    Example:
        >>> network = segan_tl.build_mednext((16, 16, 16, 4), filters=(4, 4, 4, 4, 4), blocks=(1,) * 9)
        >>> network(np.zeros((1, 16, 16, 16, 4))).shape
        TensorShape([1, 16, 16, 16, 3])
    """
    expansion = variant_of(VARIANTS, variant)["expansion"]
    blocks = tuple(blocks or VARIANTS[variant]["blocks"])
    _check(input_shape, filters, blocks, expansion)
    levels = len(filters) - 1

    # === Encoder ===
    image = keras.Input(input_shape, name="image")
    x, skips = _pointwise(image, filters[0], name="stem"), []
    for level in range(levels):
        x = _stage(x, kernel_size, expansion[level], blocks=blocks[level], stage=f"enc{level + 1}")
        skips.append(x)
        x = _down(x, kernel_size, expansion[level + 1], filters=filters[level + 1], stage=f"down{level + 1}")
    x = _stage(x, kernel_size, expansion[levels], blocks=blocks[levels], stage="bottleneck")

    # === Decoder ===
    logits = [_head(x, classes, level=levels)] if deep_supervision else []
    for level in range(levels - 1, -1, -1):
        stage = 2 * levels - level
        x = _up(x, kernel_size, expansion[stage], filters=filters[level], stage=f"up{level + 1}")
        x = layers.Add(name=f"dec{level + 1}_skip")([skips[level], x])
        x = _stage(x, kernel_size, expansion[stage], blocks=blocks[stage], stage=f"dec{level + 1}")
        if deep_supervision or level == 0:
            logits.insert(0, _head(x, classes, level=level))

    # === Output ===
    if deep_supervision:
        return keras.Model(image, logits, name=name)
    probability = layers.Activation(activation, dtype="float32", name="probability")(logits[0])
    return keras.Model(image, probability, name=name)


def torch_names(model: keras.Model) -> dict[str, str]:
    """Return the prefix in the authors' state of every layer that has weights.

    `enc2_block1_expand` is enc_block_1.0.conv2, `up4_project` is up_3.res_conv, `logits_2` is out_1.conv_out.
    """
    return {layer.name: _torch_name(layer.name) for layer in model.layers if layer.weights}


def resize_kernel(kernel: np.ndarray, sizes: Sequence[int]) -> np.ndarray:
    """Interpolate the three spatial axes of a kernel linearly, half-pixel centres, borders repeated.

    Args:
        kernel: (d, h, w, I, O); an array of other rank is returned as it is.
        sizes: new d, h, w.
    """
    from skimage.transform import resize

    if kernel.ndim != 5:
        return kernel
    return resize(kernel, (*sizes, *kernel.shape[3:]), order=1, mode="edge", anti_aliasing=False)


def _torch_name(name):
    """Return the prefix of one layer."""
    if name == "stem":
        return name
    if name.startswith("logits"):
        return f"out_{int(math.log2(int(name[7:] or 1)))}.conv_out"
    stage, *block, part = name.split("_")
    number = "".join(filter(str.isdigit, stage))
    kind = stage.removesuffix(number)
    kind = f"{kind}_block" if kind in ("enc", "dec") else kind
    prefix = f"{kind}_{int(number) - 1}" if number else kind
    return ".".join([prefix, *(str(int(one.removeprefix("block")) - 1) for one in block), TORCH_PARTS[part]])


def _check(input_shape, filters, blocks, expansion):
    """Hold the sizes against one another."""
    if len(input_shape) != 4:
        raise ValueError(f"MedNeXt segments volumes: expected (D, H, W, M), got {tuple(input_shape)}")
    require_image_shape(input_shape, multiples=2 ** (len(filters) - 1))
    if len(filters) != (len(expansion) + 1) // 2 or len(blocks) != len(expansion):
        raise ValueError(
            f"expected {(len(expansion) + 1) // 2} filters and {len(expansion)} blocks, got {len(filters)} and "
            f"{len(blocks)}"
        )


def _pointwise(x, filters, *, name, strides=1):
    """Mix the channels of every voxel."""
    return padded_convolution(x, filters, 1, strides=strides, name=name, start="uniform")


def _bottleneck(x, filters, expansion, *, channels, stage):
    """Normalise, widen, GELU, narrow."""
    # One group a channel of every example: instance normalisation.
    x = layers.GroupNormalization(groups=-1, epsilon=NORM_EPSILON, name=f"{stage}_norm")(x)
    x = _pointwise(x, expansion * channels, name=f"{stage}_expand")
    x = layers.Activation("gelu", name=f"{stage}_act")(x)
    return _pointwise(x, filters, name=f"{stage}_compress")


def _depthwise(x, kernel_size, *, stage, strides=1, transpose=False):
    """Mix the voxels of every channel."""
    layer = DepthwiseConv3DTranspose if transpose else DepthwiseConv3D
    kernel, bias = initializers("uniform", kernel_size**3)
    return layer(
        kernel_size, strides=strides, kernel_initializer=kernel, bias_initializer=bias, name=f"{stage}_depthwise"
    )(x)


def _stage(x, kernel_size, expansion, *, blocks, stage):
    """Apply `blocks` residual blocks."""
    channels = x.shape[-1]
    for block in range(1, blocks + 1):
        part = f"{stage}_block{block}"
        change = _depthwise(x, kernel_size, stage=part)
        change = _bottleneck(change, channels, expansion, channels=channels, stage=part)
        x = layers.Add(name=f"{part}_add")([change, x])
    return x


def _down(x, kernel_size, expansion, *, filters, stage):
    """Halve the grid."""
    change = _depthwise(x, kernel_size, stage=stage, strides=2)
    change = _bottleneck(change, filters, expansion, channels=x.shape[-1], stage=stage)
    return layers.Add(name=f"{stage}_add")([change, _pointwise(x, filters, name=f"{stage}_project", strides=2)])


def _up(x, kernel_size, expansion, *, filters, stage):
    """Double the grid: 2 n − 1 voxels, with a plane of zeros in front of each axis."""
    change = _depthwise(x, kernel_size, stage=stage, strides=2, transpose=True)
    change = _bottleneck(change, filters, expansion, channels=x.shape[-1], stage=stage)
    kernel, bias = initializers("uniform", filters)  # PyTorch takes a transposed convolution's output channels
    shortcut = layers.Conv3DTranspose(
        filters,
        1,
        strides=2,
        output_padding=0,  # 2 n − 1, as PyTorch
        kernel_initializer=kernel,
        bias_initializer=bias,
        name=f"{stage}_project",
    )(x)
    x = layers.Add(name=f"{stage}_add")([change, shortcut])
    return layers.ZeroPadding3D(((1, 0),) * 3, name=f"{stage}_pad")(x)


def _head(x, classes, *, level):
    """Return the logits of a stage, by the transposed convolution of one voxel that the authors' state has there."""
    kernel, bias = initializers("uniform", classes)
    name = f"logits_{2**level}" if level else "logits"
    return layers.Conv3DTranspose(classes, 1, kernel_initializer=kernel, bias_initializer=bias, name=name)(x)
