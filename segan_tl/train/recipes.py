"""What a configuration is made into: its batches, its networks, and what trains them."""

import contextlib
from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from segan_tl.config.memory import FLOAT_BYTES, memory_bytes
from segan_tl.config.schema import Config
from segan_tl.console import console
from segan_tl.data.batches import make_patches
from segan_tl.data.sample import WHOLE, Part, examples_of_an_epoch, plan_patches
from segan_tl.errors import UserError
from segan_tl.models import build_model, publish
from segan_tl.models.declare import build_within
from segan_tl.models.precision import FLOAT32, HALF, precision_of
from segan_tl.models.weights import load_network
from segan_tl.train.start.begin import begin
from segan_tl.train.start.match import some
from segan_tl.train.start.renormalise import renormalise, said
from segan_tl.train.start.source import Source
from segan_tl.train.start.weights import Start
from segan_tl.train.steps.critic import build_critic_of
from segan_tl.train.steps.domain import build_classifier
from segan_tl.train.steps.teacher import TeacherTerm
from segan_tl.train.steps.training import Training


def make_batches_of(
    cases: Sequence, config: Config, *, second: Sequence = (), part: Part = WHOLE
) -> tuple[Callable, int]:
    """Return ((epoch, first step) → batches of that epoch, steps per epoch).

    Args:
        cases: prepared cases.
        config: the configuration.
        second: prepared cases of the cohort that `config.source` names.
        part: what of every batch is made here.

    Raises:
        UserError: an epoch is too short for both cohorts.
    """
    batch_size, every = config.train.examples_per_step, [*cases, *second]
    steps = config.train.steps_per_epoch or max(examples_of_an_epoch(every, config) // batch_size, 1)
    if second and (lack := config.source.lack(steps * batch_size)):
        raise UserError(lack)
    on_device = bool(tf.config.list_physical_devices("GPU"))
    whole = config.model_copy(update={"train": config.train.model_copy(update={"steps_per_epoch": steps})})

    def patches_of(epoch: int, first_step: int):
        plan = plan_patches(every, whole, epoch=epoch, sources=len(second))
        return make_patches(every, plan, whole, first_step=first_step, intensities=not on_device, part=part)

    return patches_of, steps


def check_networks(config: Config) -> None:
    """Build the networks once, before any data is read, to see that the configuration describes some.

    Raises:
        UserError: it does not, or they need more memory than there is.
    """
    values = memory_bytes() // FLOAT_BYTES
    if config.model.family == "file":
        _check_grid(build_network(config), config)
        return
    try:
        network = build_within(lambda: build_network(config), values=values)
        if config.critic:
            build_within(lambda: build_critic_of(config), values=values)
        if config.adversary:
            build_classifier(network, config)
    except (ValueError, TypeError, IndexError, KeyError) as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise UserError(f"[model] describes no network that can be built: {reason}; correct its sizes") from None


def _check_grid(network: keras.Model, config: Config) -> None:
    """Refuse a network of the user's that does not answer on the grid of its patch."""
    patch = config.data.patch
    shape = patch[-(len(network.inputs[0].shape) - 2) :]
    try:
        found = network.compute_output_spec(keras.KerasTensor((1, *shape, config.channels))).shape[1:-1]
    except (ValueError, TypeError) as error:
        found = str(error).strip().splitlines()[0]
    if tuple(found) != tuple(shape) or (patch[0] == 1) != (len(shape) == 2):
        raise UserError(
            f"{config.model.file} takes {network.inputs[0].shape} and makes {found} of data.patch {list(patch)}; "
            "expected the grid of the patch: a network that answers voxel by voxel, a patch that it divides, and 1 "
            "along D for a network of slices"
        )


def build_network(config: Config) -> keras.Model:
    """Build the network that learns: to logits, with the outputs of deep supervision where it is on."""
    network = build_model(config.model, channels=config.channels, classes=config.classes)
    if len(network.outputs) > 1 and not config.train.supervise_coarsest:
        # A head without a loss has no gradient: it is left out, as it is when the network is published.
        return keras.Model(network.input, network.outputs[:-1], name=network.name)
    return network


def build_judge(config: Config) -> keras.Model:
    """Build the segmentor that is judged and published: a plain model, whatever the number of replicas.

    After a training in float16 it computes in float32: on a processor float16 is slow, and lacks operations.
    """
    half = config.train.precision == HALF
    with precision_of(FLOAT32) if half else contextlib.nullcontext():
        return publish(build_network(config), activation=config.model.activation)


def build_training(
    config: Config, *, replicas: int, steps: int, start: Start | None = None, images: Callable | None = None,
    teacher: Source | None = None,
) -> Training:  # fmt: skip
    """Build the networks and what trains them, in the strategy's scope.

    Args:
        config: the configuration.
        replicas: number of replicas.
        steps: of an epoch.
        start: what they start from.
        images: () → batches of training images, for `transfer.normalisation` = "target".
        teacher: the run that `train.teacher` names.
    """
    network, critic = build_network(config), build_critic_of(config) if config.critic else None
    lines = begin(network, critic, start, config) if start else []
    if start and start.path and config.transfer and config.transfer.normalisation == "target":
        measured = renormalise(network, images(), spared=start.record["new"])
        lines.append(f"  {said(measured)}")
    published = publish(network, activation=config.model.activation)
    term = teacher and TeacherTerm(load_network(teacher.segmentor), theirs=teacher.config, config=config)
    game = Training(
        network, published, config=config, replicas=replicas, steps_per_epoch=steps, critic=critic, teacher=term,
        record=start.record if start else None,
    )  # fmt: skip
    for line in [*lines, *(_releases_said(game) if lines else ())]:
        console.print(line, markup=False, soft_wrap=True)
    return game


def _releases_said(game: Training) -> list[str]:
    """Say which layers of the segmentor wait how long."""
    epochs = sorted(set(game.waiting.values()))
    waiting = {epoch: [name for name, first in game.waiting.items() if first == epoch] for epoch in epochs}
    return [f"  stands still before epoch {epoch + 1}: {some(names)}" for epoch, names in waiting.items()]
