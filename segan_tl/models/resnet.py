"""The encoder of ResNet34 for images or, slice by slice, for volumes, and ImageNet weights for it [He 2016]."""

from collections.abc import Mapping

import keras
import numpy as np
from keras import layers

from segan_tl.models.blocks import normalisation, spatial_rank
from segan_tl.models.foreign.torch_layout import assign, shapes
from segan_tl.models.torch_blocks import initializers

MOMENTUM = 0.9  # PyTorch's 0.1
FILTERS = (64, 128, 256, 512)
BLOCKS = (3, 4, 6, 3)
PARTS = {
    "conv1": "conv1",
    "norm1": "bn1",
    "conv2": "conv2",
    "norm2": "bn2",
    "project_conv": "downsample.0",
    "project_norm": "downsample.1",
}


def in_plane(rank: int, size: int) -> tuple[int, ...]:
    """Return a kernel size or stride for (D), H, W that leaves the slices of a volume apart."""
    return (1,) * (rank - 2) + (size, size)


def resnet34(x, *, use_bias: bool = False) -> list:
    """Apply the encoder of ResNet34 without its classifier: 7 × 7 stem, then 3, 4, 6 and 3 blocks of two convolutions.

    Wacker 2020 pools the stem 2 × 2 without padding, where ResNet34 pools 3 × 3; so does this.

    Args:
        x: (B, H, W, M) or (B, D, H, W, M); H and W divisible by 32.
        use_bias: give the convolutions biases, which ResNet has not.

    Returns:
        The features of the four stages, at 1/4, 1/8, 1/16 and 1/32 of H and W.
    """
    rank = spatial_rank(x)
    x = _convolution(x, FILTERS[0], 7, strides=2, use_bias=use_bias, name="stem_conv")
    x = normalisation(x, MOMENTUM, name="stem_norm")
    x = layers.ReLU(name="stem_act")(x)
    x = getattr(layers, f"MaxPooling{rank}D")(in_plane(rank, 2), name="stem_pool")(x)
    stages = []
    for level, (filters, blocks) in enumerate(zip(FILTERS, BLOCKS, strict=True), start=1):
        for block in range(1, blocks + 1):
            strides = 2 if block == 1 and level > 1 else 1
            x = _block(x, filters, strides=strides, use_bias=use_bias, stage=f"enc{level}_block{block}")
        stages.append(x)
    return stages


def encoder_names(model: keras.Model) -> dict[str, str]:
    """Return the prefix in torchvision's ResNet34 of every encoder layer: `enc2_block1_conv1` is layer2.0.conv1."""
    names = {"stem_conv": "conv1", "stem_norm": "bn1"}
    for layer in model.layers:
        if layer.weights and layer.name.startswith("enc"):
            stage, block, part = layer.name.split("_", 2)
            names[layer.name] = f"layer{stage[3:]}.{int(block[5:]) - 1}.{PARTS[part]}"
    return names


def load_encoder(model: keras.Model, state: Mapping[str, np.ndarray]) -> None:
    """Give the encoder of a network the weights of torchvision's ResNet34, trained on ImageNet say.

    Another number of channels than three gets, in each, a kernel of the stem that is the sum of red, green and blue
    over that number: equal images in all channels then give what a grey picture gives, so that the activations keep
    the size that the batch normalisations expect. Biases, where the encoder has them, become 0.

    Args:
        model: network with the encoder of `resnet34`.
        state: torchvision's names → arrays in PyTorch's layout; the classifier is ignored.

    Raises:
        UserError: a tensor is missing or has another shape; no weight has been changed then.
    """
    names = encoder_names(model)
    expected = shapes(model, names)
    biases = {f"{names[layer.name]}.bias" for layer in model.layers if layer.name in names and "conv" in layer.name}
    prepared = {key: np.zeros(expected[key], "float32") for key in biases & set(expected)}
    for key in expected:
        if key not in state:
            continue
        values = np.asarray(state[key])
        if key == "conv1.weight" and values.ndim == 4 and values.shape[1] == 3 != expected[key][1]:
            channels = expected[key][1]
            values = np.repeat(values.sum(axis=1, keepdims=True) / channels, channels, axis=1)
        if values.ndim == 4 and len(expected[key]) == 5:
            values = values[:, :, None]
        prepared[key] = values
    assign(model, prepared, names)


def _convolution(x, filters, size, *, strides, use_bias, name):
    """Convolve inside the slices as PyTorch pads, kernels from N(0, 2 / fan_out) as torchvision starts them."""
    rank, padding = spatial_rank(x), "same"
    if strides > 1 and size > 1:
        both_sides = [(one // 2, one // 2) for one in in_plane(rank, size)]
        x, padding = getattr(layers, f"ZeroPadding{rank}D")(both_sides, name=f"{name}_pad")(x), "valid"
    return getattr(layers, f"Conv{rank}D")(
        filters,
        in_plane(rank, size),
        strides=in_plane(rank, strides),
        padding=padding,
        use_bias=use_bias,
        kernel_initializer=keras.initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal"),
        bias_initializer=initializers("uniform", x.shape[-1] * size**2)[1],
        name=name,
    )(x)


def _block(x, filters, *, strides, use_bias, stage):
    """Add to the input (projected where grid or width change) what two convolutions make of it."""
    shortcut = x
    if strides > 1:
        shortcut = _convolution(x, filters, 1, strides=strides, use_bias=use_bias, name=f"{stage}_project_conv")
        shortcut = normalisation(shortcut, MOMENTUM, name=f"{stage}_project_norm")
    x = _convolution(x, filters, 3, strides=strides, use_bias=use_bias, name=f"{stage}_conv1")
    x = normalisation(x, MOMENTUM, name=f"{stage}_norm1")
    x = layers.ReLU(name=f"{stage}_act1")(x)
    x = _convolution(x, filters, 3, strides=1, use_bias=use_bias, name=f"{stage}_conv2")
    x = normalisation(x, MOMENTUM, name=f"{stage}_norm2")
    x = layers.Add(name=f"{stage}_add")([x, shortcut])
    return layers.ReLU(name=f"{stage}_act2")(x)
