"""The networks: builders of plain functional Keras models, and the volumetric ones by name."""

import importlib

import keras
from keras import layers

from segan_tl.config_volume import VolumeModelConfig
from segan_tl.errors import UserError

# Family → module, builder, spatial axes, and the options of `model` that it takes.
MODELS = {
    "unet3d": ("unet", "build_unet3d", 3, ("variant", "filters")),
    "cicek": ("unet", "build_cicek", 3, ("filters", "norm")),
    "nnunet": ("nnunet", "build_nnunet", 3, ("variant", "filters", "blocks", "decoder_blocks")),
    "mednext": ("mednext", "build_mednext", 3, ("variant", "filters", "blocks", "kernel_size")),
    "albunet3d": ("albunet", "build_albunet", 3, ("variant",)),
    "albunet2d": ("albunet", "build_albunet", 2, ("variant",)),
}
OPTIONS = ("variant", "filters", "blocks", "decoder_blocks", "kernel_size", "norm")


def build_model(settings: VolumeModelConfig, *, channels: int, classes: int) -> keras.Model:
    """Build a volumetric network for training.

    Args:
        settings: family, its options, deep supervision.
        channels: number of modalities.
        classes: number of output channels.

    Returns:
        Model from `image` (B, D, H, W, channels), or (B, H, W, channels) for a 2-D family, to its logits: one tensor,
        or a list of them, highest resolution first, with deep supervision.

    Raises:
        UserError: the family has no such option, or no such variant.
    """
    module, builder, rank, known = MODELS[settings.family]
    options = {name: getattr(settings, name) for name in OPTIONS if getattr(settings, name) is not None}
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise UserError(
            f"model.{unknown[0]} is no option of {settings.family}; it has {', '.join(known)}; leave it out"
        )
    family = importlib.import_module(f"segan_tl.models.{module}")
    variants = getattr(family, "VARIANTS", {})
    if "variant" in options and options["variant"] not in variants:
        raise UserError(
            f"model.variant {options['variant']!r}: expected one of {', '.join(variants)} for {settings.family}"
        )
    if settings.family == "cicek" and "filters" in options:
        options["filters"] = [(width // 2, width) for width in options["filters"]]
    network = getattr(family, builder)(
        (*[None] * rank, channels), classes=classes, activation=settings.activation,
        deep_supervision=settings.deep_supervision, name=settings.family, **options,
    )  # fmt: skip
    if settings.deep_supervision:
        return network
    return keras.Model(network.input, network.get_layer("logits").output, name=settings.family)


def publish(network: keras.Model, *, activation: str, name: str = "segmentor") -> keras.Model:
    """Return the one-output model over the layers of a training network: `image` → `probability`, float32."""
    logits = network.get_layer("logits").output
    probability = layers.Activation(activation, dtype="float32", name="probability")(logits)
    return keras.Model(network.input, probability, name=name)
