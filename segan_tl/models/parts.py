"""Which layers of a network are its encoder, its decoder and its head, and which three are its last."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from segan_tl.config.families import FAMILIES

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Stages:
    """The stages of a family, as its builders name them: "enc" for the layers enc1_conv1, enc2_norm1, …

    Attributes:
        encoder: stages down to the coarsest grid.
        decoder: stages from there to the full grid.
        head: what answers, at every resolution that has one.
    """

    encoder: tuple[str, ...]
    decoder: tuple[str, ...]
    head: tuple[str, ...] = ("logits",)


def parts_of(network: keras.Model, family: str) -> dict[str, str]:
    """Return layer → "encoder", "decoder" or "head", for every layer with weights.

    Args:
        network: a training network.
        family: its `model.family`; each module of models/ has its STAGES beside its builder.
    """
    module = importlib.import_module(f"segan_tl.models.{FAMILIES[family].module}")
    if hasattr(module, "find_parts"):
        return module.find_parts(network)
    stages = {stage: part for part in ("encoder", "decoder", "head") for stage in getattr(module.STAGES, part)}
    return {layer.name: stages[stage_of(layer.name)] for layer in network.layers if layer.weights}


def critic_parts(critic: keras.Model) -> dict[str, str]:
    """Return layer → "critic first" or "critic rest", for every layer with weights."""
    return {
        layer.name: "critic first" if layer.name.startswith("enc1_") else "critic rest"
        for layer in critic.layers
        if layer.weights
    }


def stage_of(layer: str) -> str:
    """Return the stage that a layer belongs to, without its number: "enc" for enc2_conv1."""
    return layer.split("_")[0].rstrip("0123456789")


def last_three(network: keras.Model, parts: dict[str, str], *, named: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the layers with weights of the last two convolutions of the decoder, their norms, and the head.

    The "last three task-specific layers" that Kaur 2019 replaces, read as the last three convolutions.

    Args:
        network: a training network.
        parts: see `parts_of`.
        named: the layers that they are where a network has them all; else a norm belongs to the convolution before it.
    """
    import keras

    # What the answer is made of, without the coarser ones; Keras sorts layers by their distance from the output.
    layers = keras.Model(network.input, network.get_layer("logits").output).layers
    if named and {layer.name for layer in layers} >= set(named):
        return tuple(layer.name for layer in layers if layer.weights and layer.name in named)
    found, convolutions, head = [], 0, True
    for layer in reversed(layers):
        if not layer.weights or parts[layer.name] == "encoder":
            continue
        if head or convolutions < 2:
            found.insert(0, layer.name)
            convolutions += not head and hasattr(layer, "kernel")
            head = head and not hasattr(layer, "kernel")
    return tuple(found)
