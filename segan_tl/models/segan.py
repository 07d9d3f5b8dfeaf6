"""SegAN and SegAN-CAT: a segmentor and a critic that sees image and mask [Xue 2018; Giacomello 2020, III].

Layers, widths and initialisation are those of the authors' TensorFlow code. Two values of theirs are Keras defaults
that differ from the PyTorch original they port, so here they are arguments: `leaky_slope` (0.2; literally 0.3) and
`norm_momentum` (0.9; literally 0.1).
"""

from collections.abc import Sequence

import keras
from keras import layers

from segan_tl.models.blocks import ClipWeights, convolution, normalisation, require_image_shape, upsample
from segan_tl.models.parts import Stages

CRITIC_INPUTS = ("concatenate", "mask")
STAGES = Stages(encoder=("enc",), decoder=("dec",))


def build_segmentor(
    input_shape: Sequence[int | None],
    *,
    classes: int = 1,
    filters: Sequence[int] = (64, 128, 256, 512),
    activation: str = "sigmoid",
    leaky_slope: float = 0.2,
    norm_momentum: float = 0.9,
    name: str = "segmentor",
) -> keras.Model:
    """Build the segmentor: a strided encoder and a decoder whose skips are added.

    Args:
        input_shape: (H, W, M) of `image`; H and W divisible by 2 ** len(filters), or None.
        classes: number of output channels.
        filters: width of every encoder stage; the decoder mirrors it.
        activation: of the output; "sigmoid" gives each region its own.
        leaky_slope: slope of the encoder's LeakyReLU below zero.
        norm_momentum: momentum of the batch normalisations, Keras' convention.
        name: name of the model.

    Returns:
        Model from `image` (B, H, W, M) to `probability` (B, H, W, classes), float32.

    Raises:
        ValueError: that is no shape of an image, or one that cannot be halved so often.

    Example:
        >>> segmentor = segan_tl.build_segmentor((None, None, 1), filters=(4, 8, 16))
        >>> segmentor(np.zeros((2, 32, 24, 1))).shape
        TensorShape([2, 32, 24, 1])
    """
    require_image_shape(input_shape, multiples=2 ** len(filters))

    # === Encoder ===
    image = keras.Input(input_shape, name="image")
    x, skips = image, []
    for stage, width in enumerate(filters, start=1):
        x = _encoder_stage(x, width, stage, leaky_slope=leaky_slope, norm_momentum=norm_momentum)
        skips.append(x)

    # === Decoder ===
    for stage in range(len(filters) - 1, 0, -1):
        x = upsample(x, name=f"dec{stage}_up")
        x = convolution(x, filters[stage - 1], 3, name=f"dec{stage}_conv")
        x = normalisation(x, norm_momentum, name=f"dec{stage}_norm")
        x = layers.ReLU(name=f"dec{stage}_act")(x)
        x = layers.Add(name=f"dec{stage}_skip")([x, skips[stage - 1]])

    # === Output ===
    x = upsample(x, name="logits_up")
    x = convolution(x, classes, 3, name="logits", use_bias=True)
    probability = layers.Activation(activation, dtype="float32", name="probability")(x)
    return keras.Model(image, probability, name=name)


def build_critic(
    image_shape: Sequence[int | None],
    *,
    classes: int = 1,
    filters: Sequence[int] = (64, 128, 256),
    critic_input: str = "concatenate",
    leaky_slope: float = 0.2,
    norm_momentum: float = 0.9,
    clip: float | None = 0.05,
    name: str = "critic",
) -> keras.Model:
    """Build the critic: the features of image and mask at every scale, for the multi-scale L1; of slices or volumes.

    Args:
        image_shape: (H, W, M) of `image`, or (D, H, W, M).
        classes: channels of `mask`.
        filters: width of every stage.
        critic_input: "concatenate" (SegAN-CAT) or "mask" (SegAN: image times mask).
        leaky_slope: slope of LeakyReLU below zero.
        norm_momentum: momentum of the batch normalisations, Keras' convention.
        clip: limit of the kernels' absolute value after each update; None leaves them free.
        name: name of the model.

    Returns:
        Model from {`image` (B, …, M), `mask` (B, …, classes)} to a list of feature maps: the critic's own
        input, then one map for every stage.

    Raises:
        ValueError: that is no shape of an image; masking is asked for with more than one class and a different number
            of image channels; there is no such way to merge the two.

    Example:
        >>> critic = segan_tl.build_critic((None, None, None, 1), filters=(4, 8))
        >>> image, truth = np.ones((2, 16, 16, 16, 1)), np.zeros((2, 16, 16, 16, 1))
        >>> features = [critic({"image": image, "mask": mask}) for mask in (truth, 1 - truth)]
        >>> [feature.shape[1:] for feature in features[0]]
        [TensorShape([16, 16, 16, 2]), TensorShape([8, 8, 8, 4]), TensorShape([4, 4, 4, 8])]
        >>> segan_tl.losses.multi_scale_l1(*features).shape  # what the critic maximises, the segmentor minimises
        TensorShape([2])
    """
    require_image_shape(image_shape)
    if critic_input not in CRITIC_INPUTS:
        raise ValueError(f"critic_input: expected one of {', '.join(CRITIC_INPUTS)}; got {critic_input!r}")
    image = keras.Input(image_shape, name="image")
    mask = keras.Input((*image_shape[:-1], classes), name="mask")
    if critic_input == "mask" and classes not in (1, image_shape[-1]):
        raise ValueError(
            f"critic_input='mask' multiplies image and mask: expected classes 1 or {image_shape[-1]}, got {classes}"
        )
    merge = layers.Multiply if critic_input == "mask" else layers.Concatenate
    x = merge(name="merged")([image, mask])

    # === Encoder ===
    constraint = None if clip is None else ClipWeights(clip)
    features = [x]
    for stage, width in enumerate(filters, start=1):
        x = _encoder_stage(
            x, width, stage, leaky_slope=leaky_slope, norm_momentum=norm_momentum, kernel_constraint=constraint
        )
        features.append(x)
    return keras.Model({"image": image, "mask": mask}, features, name=name)


def _encoder_stage(x, width, stage, *, leaky_slope, norm_momentum, kernel_constraint=None):
    """Halve the grid: convolution 4 × 4 with stride 2, batch normalisation but at the first stage, LeakyReLU."""
    first = stage == 1
    x = convolution(
        x, width, 4, name=f"enc{stage}_conv", strides=2, use_bias=first, kernel_constraint=kernel_constraint
    )
    if not first:
        x = normalisation(x, norm_momentum, name=f"enc{stage}_norm")
    return layers.LeakyReLU(leaky_slope, name=f"enc{stage}_act")(x)
