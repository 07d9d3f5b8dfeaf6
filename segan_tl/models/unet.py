"""3-D U-Nets: Ren's, which Heras Rivera transfers [Ren 2024; Heras Rivera 2024], and Çiçek's, which Kaur does.

Both also in 2-D, by the rank of `input_shape`.
"""

import math
from collections.abc import Sequence

import keras
from keras import layers

from segan_tl.models.blocks import normalisation, require_image_shape, spatial_rank, variant_of
from segan_tl.models.dilated_transpose import DilatedTranspose
from segan_tl.models.parts import Stages
from segan_tl.models.torch_blocks import (
    instance_normalisation,
    padded_convolution,
    upsampling_convolution,
)

LEAKY_SLOPE = 0.01
STAGES = Stages(encoder=("enc", "bottleneck"), decoder=("up", "dec"))
HEADS = 3  # resolutions with a head of their own: full, 1/2, 1/4
FILTERS = (64, 96, 128, 192, 256, 384, 512)
FILTERS_8 = (16, 24, 32, 48, 64, 96, 128)
# literal: as the published code computes. Its heads at 1/4 and 1/2 are not supervised, and the decoder goes on from
# their three sigmoid maps; its transposed convolutions are dilated: 7 of 8 voxels that they write hold a bias only.
VARIANTS = {
    "unet3d": {"filters": FILTERS, "literal": False},
    "unet3d_8": {"filters": FILTERS_8, "literal": False},
    "ren_repo": {"filters": FILTERS, "literal": True},
    "goat_repo": {"filters": FILTERS_8, "literal": True},
}
CICEK_FILTERS = ((32, 64), (64, 128), (128, 256), (256, 512))
# The "last three task-specific layers" that Kaur 2019 replaces, read as the last three convolutions, with their norms.
LAST_THREE = ("dec1_conv1", "dec1_norm1", "dec1_conv2", "dec1_norm2", "logits")


def build_unet3d(
    input_shape: Sequence[int | None],
    *,
    classes: int = 3,
    activation: str = "sigmoid",
    deep_supervision: bool = False,
    variant: str = "unet3d",
    filters: Sequence[int] | None = None,
    name: str = "unet3d",
) -> keras.Model:
    """Build the U-Net of Ren 2024: instance normalisation before every convolution, heads at 1, 1/2 and 1/4.

    Args:
        input_shape: (D, H, W, M) of `image`; sizes divisible by 2 ** (len(filters) - 1), 64 by default, or None.
        classes: output channels.
        activation: of `probability`; in a literal variant also of the maps inside, which the authors' is "sigmoid".
        deep_supervision: return the logits at 1, 1/2 and 1/4 instead of probabilities.
        variant: key of VARIANTS: "unet3d" (features flow through the decoder), "ren_repo" as published, …
        filters: width of every stage, instead of the variant's.
        name: name of the model.

    Returns:
        Model from `image` (B, …, M) to `probability` (B, …, classes), float32, or to the list of logits.

    Raises:
        ValueError: that is no shape of an image, or one that cannot be halved so often; there is no such variant.

    Example:
        >>> network = segan_tl.build_unet3d((16, 16, 16, 4), classes=3, filters=(4, 8, 8))
        >>> network(np.zeros((1, 16, 16, 16, 4))).shape
        TensorShape([1, 16, 16, 16, 3])
    """
    literal = variant_of(VARIANTS, variant)["literal"]
    filters = tuple(filters or VARIANTS[variant]["filters"])
    require_image_shape(input_shape, multiples=2 ** (len(filters) - 1))

    # === Encoder ===
    image = keras.Input(input_shape, name="image")
    x, skips = image, []
    for level, width in enumerate(filters):
        stage = f"enc{level + 1}" if level < len(filters) - 1 else "bottleneck"
        x = _ren_block(x, width, strides=1 if level == 0 else 2, stage=stage)
        skips.append(x)

    # === Decoder ===
    logits = []
    for level in range(len(filters) - 2, -1, -1):
        stage = f"dec{level + 1}"
        x = _ren_up(x, filters[level], stage=stage, literal=literal)
        x = layers.Concatenate(name=f"{stage}_skip")([skips[level], x])
        x = _ren_block(x, filters[level], stage=stage)
        if level == 0 or level < HEADS and (deep_supervision or literal):
            logits.insert(0, padded_convolution(x, classes, 1, name=_head(level), start="uniform"))
            if literal and level > 0:
                x = layers.Activation(activation, name=f"{stage}_map")(logits[0])
    return _with_output(image, logits, activation=activation, deep_supervision=deep_supervision, name=name)


def build_cicek(
    input_shape: Sequence[int | None],
    *,
    classes: int = 3,
    activation: str = "sigmoid",
    deep_supervision: bool = False,
    filters: Sequence[Sequence[int]] = CICEK_FILTERS,
    norm: str = "instance",
    norm_momentum: float = 0.9,
    leaky_slope: float = 0.0,
    name: str = "cicek",
) -> keras.Model:
    """Build the 3-D U-Net of Çiçek 2016 with zero padding, so that the output has the grid of the input.

    `LAST_THREE` names the layers that Kaur 2019 replaces. Çiçek's own normalisation is "batch"; with batches of one
    or two volumes "instance" is the sound default.

    Args:
        input_shape: (D, H, W, M) of `image`; sizes divisible by 2 ** (len(filters) - 1), 8 by default, or None.
        classes: output channels.
        activation: of `probability`; Kaur 2019: "softmax" over 4 classes.
        deep_supervision: return the logits of every decoder stage, highest resolution first.
        filters: widths of the two convolutions of every stage, from the full grid down.
        norm: "instance" or "batch".
        norm_momentum: of the batch normalisation, Keras' convention.
        leaky_slope: slope of the activation below zero, 0 for ReLU.
        name: name of the model.

    Returns:
        Model from `image` (B, …, M) to `probability` (B, …, classes), float32, or to the list of logits.

    Raises:
        ValueError: that is no shape of an image, or one that cannot be halved so often; there is no such `norm`.

    Example:
        >>> network = segan_tl.build_cicek((16, 16, 16, 1), classes=4, activation="softmax", filters=[(4, 8), (8, 16)])
        >>> probability = network(np.zeros((1, 16, 16, 16, 1)))
        >>> probability.shape, float(keras.ops.sum(probability[0, 0, 0, 0])) == 1
        (TensorShape([1, 16, 16, 16, 4]), True)
    """
    require_image_shape(input_shape, multiples=2 ** (len(filters) - 1))
    if norm not in ("instance", "batch"):
        raise ValueError(f"norm: expected instance or batch, got {norm}")
    options = {"norm": norm, "norm_momentum": norm_momentum, "leaky_slope": leaky_slope}

    # === Encoder ===
    image = keras.Input(input_shape, name="image")
    x, skips = image, []
    for level, widths in enumerate(filters):
        stage = f"enc{level + 1}" if level < len(filters) - 1 else "bottleneck"
        if level > 0:
            x = getattr(layers, f"MaxPooling{spatial_rank(x)}D")(2, name=f"down{level}_pool")(x)
        x = _cicek_stage(x, widths, stage=stage, **options)
        skips.append(x)

    # === Decoder ===
    logits = []
    for level in range(len(filters) - 2, -1, -1):
        stage = f"dec{level + 1}"
        x = upsampling_convolution(x, x.shape[-1], 2, name=f"{stage}_up")
        x = layers.Concatenate(name=f"{stage}_skip")([skips[level], x])
        width = filters[level][-1]
        x = _cicek_stage(x, (width, width), stage=stage, **options)
        if level == 0 or deep_supervision:
            logits.insert(0, padded_convolution(x, classes, 1, name=_head(level)))
    return _with_output(image, logits, activation=activation, deep_supervision=deep_supervision, name=name)


def torch_names(model: keras.Model) -> dict[str, str]:
    """Return the prefix in the state of Ren's U_Net3d of every layer of `build_unet3d` that has weights."""
    bottleneck = 1 + max(int(layer.name[3:].split("_")[0]) for layer in model.layers if layer.name.startswith("dec"))
    names = {}
    for layer in model.layers:
        if not layer.weights:
            continue
        stage, _, part = layer.name.partition("_")
        if stage == "logits":
            names[layer.name] = f"Conv_1x1{1 + int(math.log2(int(part or 1)))}"
        elif part == "up":
            names[layer.name] = f"Up{stage[3:]}.up.0"
        else:
            block = f"Up_conv{stage[3:]}" if stage.startswith("dec") else f"Conv{stage[3:]}"
            block = f"Conv{bottleneck}" if stage == "bottleneck" else block
            names[layer.name] = f"{block}.conv.{1 if part == 'conv1' else 4}"
    return names


def _head(level):
    """Return the name of the head at 1 / 2**level."""
    return "logits" if level == 0 else f"logits_{2**level}"


def _with_output(image, logits, *, activation, deep_supervision, name):
    """Return the model with all logits or with the probability of the first."""
    if deep_supervision:
        return keras.Model(image, logits, name=name)
    return keras.Model(image, layers.Activation(activation, dtype="float32", name="probability")(logits[0]), name=name)


def _ren_block(x, filters, *, stage, strides=1):
    """Normalise, convolve and LeakyReLU, twice; the first convolution has the stride."""
    for part in (1, 2):
        x = instance_normalisation(x, affine=False, name=f"{stage}_norm{part}")
        step = strides if part == 1 else 1
        x = padded_convolution(x, filters, 3, strides=step, name=f"{stage}_conv{part}", start="uniform")
        x = layers.LeakyReLU(LEAKY_SLOPE, name=f"{stage}_act{part}")(x)
    return x


def _ren_up(x, filters, *, stage, literal):
    """Double the grid, normalise, LeakyReLU."""
    if literal:
        x = DilatedTranspose(filters, name=f"{stage}_up")(x)
    else:
        x = upsampling_convolution(x, filters, 2, name=f"{stage}_up", start="uniform")
    x = instance_normalisation(x, affine=False, name=f"{stage}_up_norm")
    return layers.LeakyReLU(LEAKY_SLOPE, name=f"{stage}_up_act")(x)


def _cicek_stage(x, widths, *, stage, norm, norm_momentum, leaky_slope):
    """Convolve, normalise and activate, once for every width."""
    for part, width in enumerate(widths, start=1):
        x = padded_convolution(x, width, 3, name=f"{stage}_conv{part}")
        if norm == "batch":
            x = normalisation(x, norm_momentum, name=f"{stage}_norm{part}")
        else:
            x = instance_normalisation(x, name=f"{stage}_norm{part}")
        x = layers.LeakyReLU(leaky_slope, name=f"{stage}_act{part}")(x)
    return x
