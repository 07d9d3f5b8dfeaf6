"""The networks: builders of plain functional Keras models, and the volumetric ones by name."""

import keras
from keras import layers

from segan_tl.config_volume import VolumeModelConfig


def build_model(settings: VolumeModelConfig, *, channels: int, classes: int) -> keras.Model:
    """Build a volumetric network for training.

    Args:
        settings: family, variant, widths, deep supervision.
        channels: number of modalities.
        classes: number of output channels.

    Returns:
        Model from `image` (B, D, H, W, channels), or (B, H, W, channels) for a 2-D family, to its logits: one tensor,
        or a list of them, highest resolution first, with deep supervision.
    """
    raise NotImplementedError


def publish(network: keras.Model, *, activation: str, name: str = "segmentor") -> keras.Model:
    """Return the one-output model over the layers of a training network: `image` → `probability`, float32."""
    logits = network.get_layer("logits").output
    probability = layers.Activation(activation, dtype="float32", name="probability")(logits)
    return keras.Model(network.input, probability, name=name)
