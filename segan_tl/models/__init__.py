"""The networks: builders of plain functional Keras models, by name."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from segan_tl.config.families import OPTIONS
from segan_tl.config.model import ModelConfig

if TYPE_CHECKING:  # archives are checked before Keras is there
    import keras


def build_model(settings: ModelConfig, *, channels: int, classes: int) -> keras.Model:
    """Build a network for training.

    Args:
        settings: family, its options, deep supervision.
        channels: number of modalities.
        classes: number of output channels.

    Returns:
        Model from `image` (B, D, H, W, channels), or (B, H, W, channels) for a 2-D family, to its logits: one tensor,
        or a list of them, highest resolution first, with deep supervision.
    """
    import keras

    row = settings.row
    options = {name: getattr(settings, name) for name in OPTIONS if getattr(settings, name) is not None}
    family = importlib.import_module(f"segan_tl.models.{row.module}")
    if settings.family == "cicek" and "filters" in options:
        options["filters"] = [(width // 2, width) for width in options["filters"]]
    if settings.deep_supervision:
        options["deep_supervision"] = True
    network = getattr(family, row.builder)(
        (*[None] * row.axes, channels), classes=classes, activation=settings.activation, name=settings.family, **options
    )
    if settings.deep_supervision:
        return network
    return keras.Model(network.input, network.get_layer("logits").output, name=settings.family)


def publish(network: keras.Model, *, activation: str, name: str = "segmentor") -> keras.Model:
    """Return the one-output model over the layers of a training network: `image` → `probability`, float32."""
    import keras

    logits = network.get_layer("logits").output
    probability = keras.layers.Activation(activation, dtype="float32", name="probability")(logits)
    return keras.Model(network.input, probability, name=name)
