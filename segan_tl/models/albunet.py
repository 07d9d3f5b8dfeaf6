"""AlbuNet: a U-Net on the encoder of ResNet34, for slices or, with a few convolutions along the depth, for volumes.

[Wacker 2020]: the encoder works in every slice for itself, so it can start from weights trained on pictures; four depth
layers, kernel 3 along D, let slices see their neighbours.
"""

import math
from collections.abc import Sequence

import keras
from keras import layers

from segan_tl.errors import UserError
from segan_tl.models.blocks import normalisation, require_image_shape, spatial_rank, variant_of
from segan_tl.models.parts import Stages
from segan_tl.models.resnet import MOMENTUM, encoder_names, in_plane, resnet34
from segan_tl.models.torch_blocks import initializers, padded_convolution

# The authors' code turns ResNet's convolutions into 3-D ones with biases, which ResNet has not: they start at random
# even where the kernels come from ImageNet. "wacker_repo" has them.
VARIANTS = {"albunet": {"encoder_bias": False}, "wacker_repo": {"encoder_bias": True}}
STAGES = Stages(encoder=("stem", "enc", "bottleneck"), decoder=("dec",))
DEPTH = {"bottleneck": "depth1", "dec4": "depth2", "dec2": "depth3", "dec0": "depth4"}


def build_albunet(
    input_shape: Sequence[int | None],
    *,
    classes: int = 3,
    activation: str = "sigmoid",
    deep_supervision: bool = False,
    variant: str = "albunet",
    name: str = "albunet",
) -> keras.Model:
    """Build AlbuNet3D for volumes, AlbuNet2D (without depth layers, as in the paper) for slices.

    The authors' code runs 2-D as volumes of one slice, depth layers included: input_shape (1, H, W, M) does so here.

    Args:
        input_shape: (D, H, W, M) or (H, W, M) of `image`; H and W divisible by 32, or None. ImageNet weights were
            trained with M = 3 [Wacker 2020: FLAIR, T1c, T2].
        classes: output channels.
        activation: of `probability`: "sigmoid" for regions that overlap, "softmax" for labels.
        deep_supervision: has to be False: the network has one output.
        variant: key of VARIANTS.
        name: name of the model.

    Returns:
        Model from `image` (B, …, M) to `probability` (B, …, classes), float32.

    Raises:
        UserError: deep supervision is asked for.
        ValueError: that is no shape of an image, or H or W is not divisible by 32; there is no such variant.

    Example:
        >>> network = segan_tl.build_albunet((None, None, 3), classes=3)
        >>> network(np.zeros((1, 32, 32, 3))).shape
        TensorShape([1, 32, 32, 3])
    """
    require_image_shape(input_shape, multiples=(1,) * (len(input_shape) - 3) + (32, 32))
    if deep_supervision:
        raise UserError("AlbuNet has one output, found deep_supervision = true: --set model.deep_supervision=false")

    # === Encoder ===
    image = keras.Input(input_shape, name="image")
    enc1, enc2, enc3, enc4 = resnet34(image, use_bias=variant_of(VARIANTS, variant)["encoder_bias"])
    enc4 = _depth(enc4, stage="bottleneck")
    x = _unit(enc4, 128, stage="bottleneck")

    # === Decoder ===
    x = _decode([x, enc4], 256, 128, stage="dec5")
    x = _depth(_decode([x, enc3], 256, 128, stage="dec4"), stage="dec4")
    x = _decode([x, enc2], 128, 32, stage="dec3")
    x = _depth(_decode([x, enc1], 64, 64, stage="dec2"), stage="dec2")
    x = _decode([x], 64, 16, stage="dec1")
    x = _depth(_unit(x, 16, stage="dec0"), stage="dec0")

    # === Output ===
    logits = padded_convolution(x, classes, 1, name="logits", start="uniform")
    probability = layers.Activation(activation, dtype="float32", name="probability")(logits)
    return keras.Model(image, probability, name=name)


def torch_names(model: keras.Model) -> dict[str, str]:
    """Return the prefix in the authors' state of every layer that has weights.

    `enc2_block1_norm1` is encoder.layer2.0.bn1, `dec4_up` is dec4.block.1, `dec4_depth_conv` is depth2.conv.
    """
    encoder = {name: f"encoder.{prefix}" for name, prefix in encoder_names(model).items()}
    names = encoder | {"stem_conv": "conv0.0", "stem_norm": "conv0.1", "logits": "final"}
    for layer in model.layers:
        if layer.weights and layer.name not in names:
            stage, part = layer.name.split("_", 1)
            names[layer.name] = _torch_name(stage, part)
    return names


def _torch_name(stage, part):
    """Return the prefix of a layer of the bottleneck or the decoder."""
    if part == "up":
        return f"{stage}.block.1"
    kind = "conv" if part.endswith("conv") else "bn"
    if part.startswith("depth"):
        return f"{DEPTH[stage]}.{kind}"
    if stage in ("bottleneck", "dec0"):
        return f"{'center' if stage == 'bottleneck' else stage}.{kind}"
    return f"{stage}.block.0.{kind}"


def _unit(x, filters, *, stage, kernel_size=None):
    """Convolve (3 × 3 inside the slices unless stated), normalise, ReLU."""
    kernel_size = kernel_size or in_plane(spatial_rank(x), 3)
    x = padded_convolution(x, filters, kernel_size, name=f"{stage}_conv", start="uniform")
    x = normalisation(x, MOMENTUM, name=f"{stage}_norm")
    return layers.ReLU(name=f"{stage}_act")(x)


def _depth(x, *, stage):
    """Mix each slice of a volume with its two neighbours."""
    if spatial_rank(x) == 2:
        return x
    return _unit(x, x.shape[-1], stage=f"{stage}_depth", kernel_size=(3, 1, 1))


def _decode(tensors, middle, filters, *, stage):
    """Concatenate, convolve, and double H and W with a transposed convolution of 4 × 4."""
    x = layers.Concatenate(name=f"{stage}_skip")(tensors) if len(tensors) > 1 else tensors[0]
    x = _unit(x, middle, stage=stage)
    rank = spatial_rank(x)
    kernel, bias = initializers("uniform", filters * math.prod(in_plane(rank, 4)))
    x = getattr(layers, f"Conv{rank}DTranspose")(
        filters,
        in_plane(rank, 4),
        strides=in_plane(rank, 2),
        padding="same",
        kernel_initializer=kernel,
        bias_initializer=bias,
        name=f"{stage}_up",
    )(x)
    return layers.ReLU(name=f"{stage}_up_act")(x)
