"""What differs between the systems: their batches, their networks, their game."""

from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from segan_tl.config.load import AnyConfig, Config
from segan_tl.config.memory import FLOAT_BYTES, memory_bytes
from segan_tl.config.volume import VolumeConfig
from segan_tl.console import console
from segan_tl.data.pipeline import SlicePool, make_batches, steps_per_epoch
from segan_tl.errors import UserError
from segan_tl.models import build_model, publish
from segan_tl.models.declare import build_within
from segan_tl.models.segan import build_critic, build_segmentor
from segan_tl.train.start.finetune import begin
from segan_tl.train.start.pretrained import Pretrained
from segan_tl.train.start.source import Source
from segan_tl.train.start.transfer import describe_moves, start_from
from segan_tl.train.steps.critic import SeganGame
from segan_tl.train.steps.domain import DannTraining, build_classifier, build_dann
from segan_tl.train.steps.supervised import SupervisedTraining


def make_batches_of(cases: Sequence, config: AnyConfig, *, second: Sequence = ()) -> tuple[Callable, int]:
    """Return ((epoch, first step) → batches of that epoch, steps per epoch).

    Args:
        cases: prepared cases.
        config: the configuration.
        second: prepared cases of the cohort that `config.source` names.

    Raises:
        UserError: an epoch is too short for both cohorts.
    """
    batch_size = config.train.batch_size
    if isinstance(config, VolumeConfig):
        from segan_tl.data.patches import make_patches, plan_patches

        every = [*cases, *second]
        steps = config.train.steps_per_epoch or max(len(every) // batch_size, 1)
        if second and (lack := config.source.lack(steps * batch_size)):
            raise UserError(lack)
        on_device = bool(tf.config.list_physical_devices("GPU"))
        whole = config.model_copy(update={"train": config.train.model_copy(update={"steps_per_epoch": steps})})

        def patches_of(epoch: int, first_step: int):
            plan = plan_patches(every, whole, epoch=epoch, sources=len(second))
            return make_patches(every, plan, whole, first_step=first_step, intensities=not on_device)

        return patches_of, steps
    pool = SlicePool(cases)
    steps = steps_per_epoch(len(pool.all), config, batch_size)

    def slices_of(epoch: int, first_step: int):
        plan = pool.plan(config, epoch=epoch, batch_size=batch_size)
        return make_batches(pool, plan, config, batch_size=batch_size, first_step=first_step)

    return slices_of, steps


def check_networks(config: AnyConfig) -> None:
    """Build the networks once, before any data is read, to see that the configuration describes some.

    Raises:
        UserError: it does not, or they need more memory than there is.
    """
    try:
        if isinstance(config, Config):
            build_networks(config)
            return
        network = build_within(lambda: _build_volume_network(config), values=memory_bytes() // FLOAT_BYTES)
        if config.adversary:
            build_classifier(network, config)
    except (ValueError, TypeError, IndexError, KeyError) as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise UserError(f"[model] describes no network that can be built: {reason}; correct its sizes") from None


def build_judge(config: AnyConfig) -> keras.Model:
    """Build the segmentor that is judged and published: a plain model, whatever the number of replicas."""
    if isinstance(config, VolumeConfig):
        return publish(_build_volume_network(config), activation=config.model.activation)
    return build_networks(config)[0]


def build_game(
    config: AnyConfig, *, replicas: int, steps: int, source: Source | None, pretrained: Pretrained | None = None
) -> tuple[SeganGame | SupervisedTraining | DannTraining, dict[str, bytes]]:
    """Build the networks and what trains them, in the strategy's scope.

    Returns:
        The game, and the files of networks that stand still: they are published as they are.
    """
    if isinstance(config, VolumeConfig):
        network = _build_volume_network(config)
        for line in begin(network, pretrained, config) if pretrained else ():
            console.print(line, markup=False, soft_wrap=True)
        published = publish(network, activation=config.model.activation)
        build = build_dann if config.adversary else SupervisedTraining
        return build(network, published, config=config, replicas=replicas, steps_per_epoch=steps), {}
    segmentor, critic = build_networks(config)
    files = _start_from(segmentor, critic, source, config) if source else {}
    game = SeganGame(
        segmentor, critic, config=config.train, replicas=replicas, total_steps=steps * config.train.epochs
    )
    return game, files


def build_networks(config: Config) -> tuple[keras.Model, keras.Model]:
    """Build segmentor and critic for any height and width that the encoder can halve."""
    shape = (None, None, len(config.data.modalities))
    common = {
        "classes": len(config.data.regions),
        "leaky_slope": config.model.leaky_slope,
        "norm_momentum": config.model.norm_momentum,
    }
    segmentor = build_segmentor(shape, filters=config.model.filters, **common)
    critic = build_critic(
        shape, filters=config.model.critic_filters, critic_input=config.model.critic_input, clip=config.train.clip,
        **common,
    )  # fmt: skip
    return segmentor, critic


def _build_volume_network(config: VolumeConfig) -> keras.Model:
    """Build the network that learns: to logits, with the outputs of deep supervision where it is on."""
    network = build_model(config.model, channels=len(config.data.modalities), classes=config.classes)
    if len(network.outputs) > 1 and not config.train.supervise_coarsest:
        # A head without a loss has no gradient: it is left out, as it is when the network is published.
        return keras.Model(network.input, network.outputs[:-1], name=network.name)
    return network


def _start_from(segmentor: keras.Model, critic: keras.Model, source: Source, config: Config) -> dict[str, bytes]:
    """Put the source's weights in, say what came over, and return the critic's file where it stands still as it is."""
    moved = start_from(
        segmentor, critic, source=source, settings=config.transfer, modalities=config.data.modalities,
        regions=config.data.regions,
    )  # fmt: skip
    for line in describe_moves(moved, config.transfer):
        console.print(line, markup=False, soft_wrap=True)
    still = config.transfer.strategy == "freeze-critic" and moved[1].whole
    return {"critic": source.critic.read_bytes()} if still else {}
