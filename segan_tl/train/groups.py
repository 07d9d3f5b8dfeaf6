"""What of the networks learns at a rate of its own, or from a later epoch on: a group has its own optimizer.

A rate is no factor on the gradient, which Adam and RMSprop divide by its own size again. And what begins to learn late
needs the moments of a beginning: Adam corrects them by the number of its steps, and after a thousand steps without a
gradient the first one would be several times too long.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import keras

from segan_tl.config.schema import Config
from segan_tl.models.parts import parts_of
from segan_tl.train.optimizers import build_optimizer

ORDER = ("head", "decoder", "encoder")  # in which parts are let go [Howard 2018, gradual unfreezing: the last first]


@dataclass(frozen=True, eq=False)
class Group:
    """Variables that learn together.

    Attributes:
        player: whose they are, "segmentor" or "critic".
        variables: of its networks.
        optimizer: built for them.
        epoch: from which on they learn, from 0.
    """

    player: str
    variables: list[keras.Variable]
    optimizer: keras.optimizers.Optimizer
    epoch: int


def build_groups(
    networks: Mapping[str, keras.Model], config: Config, *, record: dict, waiting: Mapping[str, int],
    steps_per_epoch: int,
) -> dict[str, Group]:  # fmt: skip
    """Return name of an optimizer → its group, the player's own first; build it in the strategy's scope.

    Args:
        networks: those that learn; the critic plays for itself, all the others are the segmentor's.
        config: the configuration.
        record: what the start recorded; {} without one.
        waiting: layer of the segmentor → epoch from which on it learns, see `release_epochs`.
        steps_per_epoch: of the training.
    """
    found = {}
    for network_name, network in networks.items():
        player, fresh = "critic" if network_name == "critic" else "segmentor", new_layers(network_name, record)
        owner = {id(variable): layer.name for layer in network.layers for variable in layer.trainable_variables}
        for variable in network.trainable_variables:
            layer = owner[id(variable)]
            new = config.transfer is not None and config.transfer.rate < 1 and (fresh is None or layer in fresh)
            epoch = waiting.get(layer, 0) if network_name == "segmentor" else 0
            found.setdefault((player, epoch, new), []).append(variable)
    groups = {}
    for (player, epoch, new), variables in sorted(found.items(), key=lambda row: (row[0][0] == "critic", *row[0][1:])):
        name = player + (f"_from_{epoch + 1}" if epoch else "") + ("_new" if new else "")
        optimizer = _build(config, player, name=name, epoch=epoch, new=new, steps_per_epoch=steps_per_epoch)
        optimizer.build(variables)
        groups[name] = Group(player, variables, optimizer, epoch)
    return groups


def new_layers(network: str, record: dict) -> set[str] | None:
    """Return the layers of a network of which something started anew; None for all of them."""
    known = record if network == "segmentor" else record.get(network, {})
    return set(known["new"]) if "new" in known else None


def release_epochs(segmentor: keras.Model, config: Config, *, record: dict) -> dict[str, int]:
    """Return layer → epoch from which on it learns, of those that wait [transfer.unfreeze].

    What the strategy freezes is none of them, nor is what is new; of the parts that are left the last one begins.

    Args:
        segmentor: as the strategy freezes it.
        config: the configuration.
        record: what the start recorded.
    """
    fresh = new_layers("segmentor", record)
    if config.transfer is None or not config.transfer.unfreeze or fresh is None:
        return {}
    learning = {layer.name for layer in segmentor.layers if layer.weights and layer.trainable} - fresh
    parts = {layer: part for layer, part in parts_of(segmentor, config.model.family).items() if layer in learning}
    present = [part for part in ORDER if part in parts.values()]
    pause = config.transfer.unfreeze * config.train.epochs / max(len(present) - 1, 1)
    epochs = {part: round(i * pause) for i, part in enumerate(present)}
    return {layer: epochs[part] for layer, part in parts.items() if epochs[part]}


def _build(config: Config, player: str, *, name: str, epoch: int, new: bool, steps_per_epoch: int):
    """Build the optimizer of a group."""
    critic, transfer = config.critic, config.transfer
    updates = 1  # of a batch
    if critic and critic.update == "alternating":
        updates = critic.steps if player == "critic" else critic.segmentor_steps
    steps = steps_per_epoch * updates
    return build_optimizer(
        config.train, steps_per_epoch=steps, name=f"{name}_optimizer",
        learning_rate=critic.learning_rate if player == "critic" and critic else None,
        factor=1.0 if transfer is None or new else transfer.rate, first_step=epoch * steps,
        warmup_steps=round(transfer.warmup * config.train.epochs * steps) if transfer else 0,
    )  # fmt: skip
