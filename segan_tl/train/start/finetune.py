"""Fine-tune a volumetric network: which layers come over from the source, which are new, which stand still.

    strategy             comes over                 trains                         called in the paper
    all                  everything                 everything                     Fine-Tuning [H]
    frozen-encoder       everything                 the decoder with its heads     -
    frozen-decoder       everything                 the encoder                    Fine-Tuning (Frozen Decoder) [H]
    last-three           all but the last three     the last three                 FT_LastThree [K]
    last-three-decoder   all but the last three     the decoder with its heads     FT_Decoder [K]
    last-three-all       all but the last three     everything                     FT_All [K]

    [H] Heras Rivera 2024, table 1; [K] Kaur 2019, second phase

Kaur replaces the last three layers in each of the three ways, so FT_Decoder is not frozen-encoder, which keeps them.
They are the head and the two convolutions before it, with their norms: `LAST_THREE` of models/unet.py in the networks
that have these layers.

A layer that is new trains, in whichever part it stands: random weights that stand still are of no use. That is so for a
head of other regions, and for an input layer of other modalities.
"""

from collections.abc import Sequence

import keras

from segan_tl.config.schema import Config
from segan_tl.models.unet import LAST_THREE
from segan_tl.train.start.match import some
from segan_tl.train.start.pretrained import Pretrained, start_network

ENCODER = ("stem", "enc", "down", "bottleneck")
DECODER = ("up", "dec", "logits")
# Parts that stand still, apart from what is new; "last-three" leaves nothing else that trains.
FROZEN = {
    "frozen-encoder": ENCODER,
    "frozen-decoder": DECODER,
    "last-three": ENCODER + DECODER,
    "last-three-decoder": ENCODER,
}


def begin(network: keras.Model, pretrained: Pretrained, config: Config) -> list[str]:
    """Give a network its first weights and freeze what `transfer.strategy` freezes, in place.

    What is new and what stands still is written into the record of `pretrained`; a run that goes on reads it there, for
    its source is not looked at again.

    Args:
        network: training network, with a layer `logits`.
        pretrained: what it starts from; without a path only the freezing is done.
        config: the configuration.

    Returns:
        What was done, in lines for a person.

    Raises:
        UserError: nothing fits.
    """
    lines, record = [], pretrained.record
    if pretrained.path:
        replaced = last_three(network) if config.transfer and config.transfer.strategy.startswith("last-three") else ()
        report = start_network(network, pretrained, config, replaced=replaced)
        lines = report.lines(pretrained.path, record["sha256"])
        if config.transfer:
            record["new"] = [*report.fresh, *report.partly]
    if config.transfer:
        record["frozen"] = list(freeze(network, config.transfer.strategy, new=record["new"]))
        lines += _describe(network, config.transfer.strategy, record) if pretrained.path else []
    return lines


def freeze(network: keras.Model, strategy: str, *, new: Sequence[str]) -> tuple[str, ...]:
    """Set `trainable` of every layer with weights, both ways; return the names of those that stand still.

    Args:
        network: a volumetric network.
        strategy: one of FINETUNE_STRATEGIES.
        new: layers that started anew, which train always.
    """
    frozen = []
    for layer in network.layers:
        if not layer.weights:
            continue
        layer.trainable = layer.name in new or part_of(layer.name) not in FROZEN.get(strategy, ())
        if not layer.trainable:
            frozen.append(layer.name)
    return tuple(frozen)


def freeze_alike(network: keras.Model, example: keras.Model) -> None:
    """Let the layers of a network stand still that do in another one, by name."""
    flags = {layer.name: layer.trainable for layer in example.layers}
    for layer in network.layers:
        layer.trainable = flags.get(layer.name, layer.trainable)


def last_three(network: keras.Model) -> tuple[str, ...]:
    """Return the layers with weights of the last two convolutions of the decoder, their norms, and the head.

    A norm belongs to the convolution before it, but for `LAST_THREE`, whose names decide where a network has them all.
    """
    # What the head is made of, without the other heads; Keras sorts layers by their distance from the output.
    layers = keras.Model(network.input, network.get_layer("logits").output).layers
    if {layer.name for layer in layers} >= set(LAST_THREE):
        return tuple(layer.name for layer in layers if layer.weights and layer.name in LAST_THREE)
    found, convolutions = ["logits"], 0
    for layer in reversed(layers[:-1]):
        if layer.weights and part_of(layer.name) in DECODER and convolutions < 2:
            found.insert(0, layer.name)
            convolutions += hasattr(layer, "kernel")
    return tuple(found)


def part_of(name: str) -> str:
    """Return the part of the network that a layer belongs to: "enc" for enc2_conv1."""
    return name.split("_")[0].rstrip("0123456789")


def _describe(network: keras.Model, strategy: str, record: dict) -> list[str]:
    """Say what stands still, what trains although its part does not, and how many parameters train."""
    lines = [f"  strategy {strategy}: {len(record['frozen'])} layers stand still"]
    if record["frozen"]:
        lines[0] += f" ({some(record['frozen'])})"
    spared = [name for name in record["new"] if part_of(name) in FROZEN.get(strategy, ())]
    if spared and not strategy.startswith("last-three"):
        lines.append(f"  new, so trained although its part stands still: {some(spared)}")
    trainable = sum(int(keras.ops.size(weight)) for weight in network.trainable_weights)
    lines.append(f"  {trainable:,} of {network.count_params():,} parameters train")
    return lines
