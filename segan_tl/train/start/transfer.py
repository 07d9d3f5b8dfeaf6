"""Start a run from another one's networks: which channel goes where, which layer comes over, which stands still.

The strategies [Giacomello 2020, IV-C, and the authors' code]:

    full                  both networks come over, all weights train ("Full" in the paper)
    freeze-critic         both come over, the critic stands still, its moving statistics too ("Seg." in the paper)
    critic-init           the critic comes over and trains, the segmentor starts from scratch
    freeze-critic-first   both come over, the critic's first stage stands still
    freeze-critic-last    both come over, the critic's stages but the first stand still
    freeze-encoder        both come over, the segmentor's encoder stands still
    freeze-decoder        both come over, the segmentor's decoder stands still
"""

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np

from segan_tl.config.adaptation import StartConfig
from segan_tl.errors import UserError
from segan_tl.models.weights import load_network
from segan_tl.train.start.source import Source

Channels = list[int | None]


@dataclass(frozen=True)
class Moved:
    """What happened to one network.

    Attributes:
        name: "segmentor" or "critic".
        copied: layers that came over.
        fresh: layers that start from scratch.
        partly: layers of which some channels came over.
        frozen: layers that stand still.
        trainable: parameters that train.
        parameters: all parameters.
        whole: every weight is the source's.
    """

    name: str
    copied: tuple[str, ...]
    fresh: tuple[str, ...]
    partly: tuple[str, ...]
    frozen: tuple[str, ...]
    trainable: int
    parameters: int

    @property
    def whole(self) -> bool:
        """Return whether every weight is the source's."""
        return not self.fresh and not self.partly


def start_from(
    segmentor: keras.Model,
    critic: keras.Model,
    *,
    source: Source,
    settings: StartConfig,
    modalities: Sequence[str],
    regions: Sequence[str],
) -> list[Moved]:
    """Put the source's weights into two fresh networks and freeze what the strategy freezes, in place.

    Args:
        segmentor: as built for the target; so is `critic`.
        source: where the weights come from.
        settings: strategy and inputs.
        modalities: input channels of the target, in order.
        regions: output channels of the target, in order.

    Raises:
        UserError: a layer of the source is missing or has a shape that cannot be mapped; both are named.
    """
    strategy = settings.strategy
    inputs = _channels([settings.inputs[name] for name in modalities], source.modalities)
    outputs = _channels(regions, source.regions)
    if not any(index is not None for index in outputs):
        raise UserError(
            f"the source segments {', '.join(source.regions)}, the target {', '.join(regions)}, and they share none; "
            f"choose for example --set 'data.regions=[{source.regions[0]}]'"
        )
    moved = []
    for name, network, file in (("segmentor", segmentor, source.segmentor), ("critic", critic, source.critic)):
        copied, fresh, partly = [], [layer.name for layer in network.layers if layer.weights], []
        if file is not None and not (name == "segmentor" and strategy == "critic-init"):
            first = inputs
            if name == "critic" and network.get_layer("enc1_conv").kernel.shape[-2] > len(modalities):
                first = inputs + [None if index is None else len(source.modalities) + index for index in outputs]
            copied, partly = _copy(network, load_network(file), file=file, inputs=first, outputs=outputs)
            fresh = []
        frozen = freeze(network, name, strategy=strategy)
        moved.append(
            Moved(
                name, tuple(copied), tuple(fresh), tuple(partly), tuple(frozen),
                sum(int(np.prod(weight.shape)) for weight in network.trainable_weights), network.count_params(),
            )  # fmt: skip
        )
    return moved


def describe_moves(moved: Sequence[Moved], settings: StartConfig) -> list[str]:
    """Say in lines for a person what came over, what is frozen and how many parameters train."""
    lines = [f"start from {settings.source}, strategy {settings.strategy}"]
    for new, old in settings.inputs.items():
        lines.append(f"  input {new} ← {old or 'new, random weights'}")
    for network in moved:
        parts = []
        for layers, words in ((network.copied, "from the source"), (network.partly, "in part"), (network.fresh, "new")):
            if layers:
                names = "" if words == "from the source" else f" ({', '.join(layers)})"
                parts.append(f"{len(layers)} layers {words}{names}")
        frozen = ", ".join(network.frozen) or "none"
        lines.append(f"  {network.name}: {', '.join(parts)}; frozen: {frozen}")
        lines.append(f"    {network.trainable:,} of {network.parameters:,} parameters train")
    return lines


def freeze(network: keras.Model, name: str, *, strategy: str) -> list[str]:
    """Set `trainable` of every layer with weights, both ways; return the names of those that stand still."""
    frozen = []
    for layer in network.layers:
        stage = layer.name.split("_")[0]
        layer.trainable = not (
            name == "critic"
            and (
                strategy == "freeze-critic"
                or (strategy == "freeze-critic-first" and stage == "enc1")
                or (strategy == "freeze-critic-last" and stage.startswith("enc") and stage != "enc1")
            )
            or name == "segmentor"
            and (
                (strategy == "freeze-encoder" and stage.startswith("enc"))
                or (strategy == "freeze-decoder" and (stage.startswith("dec") or stage == "logits"))
            )
        )
        if layer.weights and not layer.trainable:
            frozen.append(layer.name)
    return frozen


def _channels(wanted: Sequence[str | None], there: Sequence[str]) -> Channels:
    """Return, for each wanted name, its place among those that are there."""
    return [there.index(name) if name in there else None for name in wanted]


def _copy(network: keras.Model, source: keras.Model, *, file, inputs: Channels, outputs: Channels):
    """Copy layer by layer, by name; return the names of layers that came over whole and in part."""
    found = {layer.name: layer for layer in source.layers if layer.weights}
    wanted = [layer for layer in network.layers if layer.weights]
    missing = [layer.name for layer in wanted if layer.name not in found]
    extra = sorted(found.keys() - {layer.name for layer in wanted})
    if missing or extra:
        raise UserError(
            f"{file} has other layers than this configuration builds (lacks {', '.join(missing) or 'none'}; has "
            f"besides {', '.join(extra) or 'none'}); use the configuration of the source, without --config"
        )
    copied, partly = [], []
    for layer in wanted:
        ours, theirs = layer.get_weights(), found[layer.name].get_weights()
        last = layer.name == "logits"
        values = []
        for fresh, old in zip(ours, theirs, strict=True):
            if layer.name == "enc1_conv" and fresh.ndim > 1:
                old = rearrange(old, fresh, inputs, axis=-2)
            if last:
                old = rearrange(old, fresh, outputs, axis=-1)
            if fresh.shape != old.shape:
                raise UserError(
                    f"{file}: layer {layer.name} has a weight of shape {_times(old)}, this configuration builds "
                    f"{_times(fresh)}; use the filters of the source, for example by leaving --config out"
                )
            values.append(old)
        layer.set_weights(values)
        new = (layer.name == "enc1_conv" and None in inputs) or (last and None in outputs)
        (partly if new else copied).append(layer.name)
    return copied, partly


def rearrange(old: np.ndarray, fresh: np.ndarray, channels: Channels, *, axis: int) -> np.ndarray:
    """Take channels of `old` along an axis, those of `fresh` where there is none to take.

    Args:
        old: values of the source.
        fresh: values that the network started with.
        channels: for each channel of `fresh` its place in `old`, None where it has none; not all are None.
        axis: from the end, as -1.
    """
    if max(index for index in channels if index is not None) >= old.shape[axis]:
        return old  # another kind of input: the caller names both shapes
    parts = [
        np.take(fresh, place, axis) if index is None else np.take(old, index, axis)
        for place, index in enumerate(channels)
    ]
    return np.stack(parts, axis)


def _times(array: np.ndarray) -> str:
    return " × ".join(map(str, array.shape))
