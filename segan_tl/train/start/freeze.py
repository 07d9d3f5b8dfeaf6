"""What of a network stands still."""

from collections.abc import Mapping, Sequence

import keras


def freeze(network: keras.Model, parts: Mapping[str, str], *, frozen: Sequence[str], new: Sequence[str]) -> list[str]:
    """Set `trainable` of every layer with weights, both ways; return the names of those that stand still.

    Args:
        network: segmentor or critic.
        parts: layer → its part, of segan_tl/models/parts.py.
        frozen: parts that stand still.
        new: layers that started anew, which train always.
    """
    still = []
    for layer in network.layers:
        if not layer.weights:
            continue
        layer.trainable = layer.name in new or parts[layer.name] not in frozen
        if not layer.trainable:
            still.append(layer.name)
    return still


def freeze_alike(network: keras.Model, example: keras.Model) -> None:
    """Let the layers of a network stand still that do in another one, by name."""
    flags = {layer.name: layer.trainable for layer in example.layers}
    for layer in network.layers:
        layer.trainable = flags.get(layer.name, layer.trainable)
