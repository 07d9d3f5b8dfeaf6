"""nnU-Net v2's networks: PlainConvUNet and ResidualEncoderUNet [Isensee 2021; 2024].

The default sizes are those nnU-Net plans for BraTS (3d_fullres, patch 128³); another plans.json gives other arguments.
"""

import math
from collections.abc import Sequence

import keras
from keras import layers

from segan_tl.models.blocks import require_image_shape, variant_of
from segan_tl.models.parts import Stages
from segan_tl.models.torch_blocks import (
    each_axis,
    instance_normalisation,
    padded_convolution,
    upsampling_convolution,
)

LEAKY_SLOPE = 0.01
STAGES = Stages(encoder=("stem", "enc", "bottleneck"), decoder=("dec",))
FILTERS = (32, 64, 128, 256, 320, 320)
# blocks: convolutions (plain) or residual blocks of every encoder stage; decoder_blocks: convolutions of every decoder
# stage. nnU-Net's planner gives L the blocks of M and a larger patch (24 GB of GPU memory instead of 8); only a patch
# of 256 voxels or more gets a seventh stage, of 6 blocks too. L's row is read off nnUNetPlannerResEncL; outputs of the
# published code hold the other two.
RESIDUAL = {"residual": True, "filters": FILTERS, "blocks": (1, 3, 4, 6, 6, 6), "decoder_blocks": (1, 1, 1, 1, 1)}
VARIANTS = {
    "plain": {"residual": False, "filters": FILTERS, "blocks": (2, 2, 2, 2, 2, 2), "decoder_blocks": (2, 2, 2, 2, 2)},
    "resenc_m": RESIDUAL,
    "resenc_l": RESIDUAL,
}


def build_nnunet(
    input_shape: Sequence[int | None],
    *,
    classes: int = 3,
    activation: str = "sigmoid",
    deep_supervision: bool = False,
    variant: str = "plain",
    filters: Sequence[int] | None = None,
    strides: Sequence[int | Sequence[int]] | None = None,
    kernel_sizes: Sequence[int | Sequence[int]] | None = None,
    blocks: Sequence[int] | None = None,
    decoder_blocks: Sequence[int] | None = None,
    name: str = "nnunet",
) -> keras.Model:
    """Build a U-Net of nnU-Net: strided encoder, transposed convolutions, skips, a head at every decoder stage.

    Args:
        input_shape: (D, H, W, M) or (H, W, M) of `image`; sizes divisible by the product of the strides, or None.
        classes: output channels.
        activation: of `probability`: "sigmoid" for regions that overlap, "softmax" for labels.
        deep_supervision: return the logits of every decoder stage, highest resolution first, instead of probabilities.
        variant: key of VARIANTS; the arguments below replace its sizes.
        filters: width of every stage, from the full grid down.
        strides: of every stage, an int or one for each axis; 1 and then 2 by default.
        kernel_sizes: of every stage, 3 by default.
        blocks: convolutions ("plain") or residual blocks of every stage.
        decoder_blocks: convolutions of every decoder stage, from the lowest resolution up (nnU-Net's order).
        name: name of the model.

    Returns:
        Model from `image` (B, …, M) to `probability` (B, …, classes), float32, or to the list of logits.

    Raises:
        ValueError: that is no shape of an image, or one that the strides do not divide; there is no such variant; the
            sizes are of another number of stages.

    Example:
        >>> sizes = {"filters": (4, 8, 8), "blocks": (1, 1, 1), "decoder_blocks": (1, 1)}
        >>> network = segan_tl.build_nnunet((None, None, None, 4), classes=3, deep_supervision=True, **sizes)
        >>> [logits.shape for logits in network(np.zeros((1, 16, 16, 16, 4)))]
        [TensorShape([1, 16, 16, 16, 3]), TensorShape([1, 8, 8, 8, 3])]
    """
    require_image_shape(input_shape)
    rank = len(input_shape) - 1
    sizes = variant_of(VARIANTS, variant)
    filters = tuple(filters or sizes["filters"])
    stages = len(filters)
    strides = [each_axis(stride, rank) for stride in strides or (1, *[2] * (stages - 1))]
    kernel_sizes = [each_axis(size, rank) for size in kernel_sizes or [3] * stages]
    blocks = tuple(blocks or sizes["blocks"])
    decoder_blocks = tuple(decoder_blocks or sizes["decoder_blocks"])
    _check(stages, strides=strides, kernel_sizes=kernel_sizes, blocks=blocks, decoder_blocks=decoder_blocks)
    require_image_shape(input_shape, multiples=[math.prod(along) for along in zip(*strides, strict=True)])

    # === Encoder ===
    image = keras.Input(input_shape, name="image")
    x, skips = image, []
    if sizes["residual"]:
        x = _unit(x, filters[0], kernel_sizes[0], stage="stem", part=1)
    for level in range(stages):
        encode = _residual_stage if sizes["residual"] else _plain_stage
        stage = f"enc{level + 1}" if level < stages - 1 else "bottleneck"
        x = encode(x, filters[level], kernel_sizes[level], strides=strides[level], blocks=blocks[level], stage=stage)
        skips.append(x)

    # === Decoder ===
    logits = []
    for level in range(stages - 2, -1, -1):
        stage = f"dec{level + 1}"
        x = upsampling_convolution(x, filters[level], strides[level + 1], name=f"{stage}_up")
        x = layers.Concatenate(name=f"{stage}_skip")([x, skips[level]])
        for part in range(1, decoder_blocks[stages - 2 - level] + 1):
            x = _unit(x, filters[level], kernel_sizes[level], stage=stage, part=part)
        if deep_supervision or level == 0:
            head = "logits" if level == 0 else f"logits_{2**level}"
            logits.insert(0, padded_convolution(x, classes, 1, name=head))

    # === Output ===
    if deep_supervision:
        return keras.Model(image, logits, name=name)
    probability = layers.Activation(activation, dtype="float32", name="probability")(logits[0])
    return keras.Model(image, probability, name=name)


def torch_names(model: keras.Model) -> dict[str, str]:
    """Return the prefix in nnU-Net's state of every layer that has weights.

    `enc1_conv2` is encoder.stages.0.0.convs.1.conv, `enc3_block2_norm1` is encoder.stages.2.blocks.1.conv1.norm.
    """
    stages = 1 + max(int(layer.name[3:].split("_")[0]) for layer in model.layers if layer.name.startswith("dec"))
    return {layer.name: _torch_name(layer.name, stages, model) for layer in model.layers if layer.weights}


def _torch_name(name, stages, model):
    """Return the prefix of one layer; stages of the decoder count from the lowest resolution there."""
    stage, _, part = name.partition("_")
    if stage == "logits":
        return f"decoder.seg_layers.{stages - 2 - (int(math.log2(int(part))) if part else 0)}"
    if stage.startswith("dec"):
        index = stages - 1 - int(stage[3:])
        return f"decoder.transpconvs.{index}" if part == "up" else f"decoder.stages.{index}.{_torch_unit(part)}"
    if stage == "stem":
        return f"encoder.stem.{_torch_unit(part)}"
    prefix = f"encoder.stages.{stages - 1 if stage == 'bottleneck' else int(stage[3:]) - 1}"
    if not part.startswith("block"):
        return f"{prefix}.0.{_torch_unit(part)}"
    block, _, part = part.partition("_")
    prefix = f"{prefix}.blocks.{int(block[5:]) - 1}"
    if part.startswith("project"):
        pooled = any(layer.name == f"{stage}_{block}_pool" for layer in model.layers)
        return f"{prefix}.skip.{int(pooled)}.{part.removeprefix('project_')}"
    return f"{prefix}.conv{part[-1]}.{part[:-1]}"


def _torch_unit(part):
    """Return convs.1.norm for norm2."""
    return f"convs.{int(part[4:]) - 1}.{part[:4]}"


def _check(stages, **sizes):
    """Hold the number of sizes against the number of stages."""
    for name, values in sizes.items():
        expected = stages - 1 if name == "decoder_blocks" else stages
        if len(values) != expected:
            raise ValueError(f"{name}: expected {expected} values for {stages} stages, got {len(values)}")


def _unit(x, filters, kernel_size, *, stage, part, strides=1, act=True):
    """Convolve, normalise, LeakyReLU."""
    x = padded_convolution(x, filters, kernel_size, strides=strides, name=f"{stage}_conv{part}")
    x = instance_normalisation(x, name=f"{stage}_norm{part}")
    return layers.LeakyReLU(LEAKY_SLOPE, name=f"{stage}_act{part}")(x) if act else x


def _plain_stage(x, filters, kernel_size, *, strides, blocks, stage):
    """Apply `blocks` units, the first with the stride."""
    for part in range(1, blocks + 1):
        x = _unit(x, filters, kernel_size, stage=stage, part=part, strides=strides if part == 1 else 1)
    return x


def _residual_stage(x, filters, kernel_size, *, strides, blocks, stage):
    """Apply `blocks` residual blocks, the first with the stride."""
    for block in range(1, blocks + 1):
        x = _residual_block(x, filters, kernel_size, strides=strides, stage=f"{stage}_block{block}")
        strides = (1,) * len(strides)
    return x


def _residual_block(x, filters, kernel_size, *, strides, stage):
    """Add to the input (pooled and projected where grid or width change) what two convolutions make of it."""
    rank = len(strides)
    shortcut = x
    if max(strides) > 1:
        shortcut = getattr(layers, f"AveragePooling{rank}D")(strides, name=f"{stage}_pool")(shortcut)
    if x.shape[-1] != filters:
        shortcut = padded_convolution(shortcut, filters, 1, use_bias=False, name=f"{stage}_project_conv")
        shortcut = instance_normalisation(shortcut, name=f"{stage}_project_norm")
    x = _unit(x, filters, kernel_size, stage=stage, part=1, strides=strides)
    x = padded_convolution(x, filters, kernel_size, name=f"{stage}_conv2")
    x = instance_normalisation(x, name=f"{stage}_norm2", gamma="zeros")  # a block starts as its shortcut
    x = layers.Add(name=f"{stage}_add")([x, shortcut])
    return layers.LeakyReLU(LEAKY_SLOPE, name=f"{stage}_act2")(x)
