"""One short loop for every game, under every strategy."""

import math
import signal
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
import tensorflow as tf

from segan_tl.errors import UserError
from segan_tl.train.loss_scale import remedy_in_float16, without_steps
from segan_tl.train.machines.link import ALONE


@dataclass
class Progress:
    """How far training got; saved with the checkpoint."""

    epoch: int = 0  # epochs that are complete
    step: int = 0  # steps of the current epoch that are complete
    best: float = -1.0
    best_epoch: int = 0
    smallest_component: float = 0.0  # of the largest one, what validation chose at the best epoch
    history: list[dict] = field(default_factory=list)

    def wait(self) -> int:
        """Return the number of epochs since the best one."""
        return self.epoch - self.best_epoch


class Interruption:
    """Note Ctrl-C, SIGTERM and SIGUSR1 (Slurm's warning) so that the loop can finish its step and save.

    A second Ctrl-C stops at once.

    Args:
        link: to the workers on other machines, of which any may get the signal.
    """

    SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)

    def __init__(self, link=ALONE):
        self.received: int | None = None
        self.link = link
        link.watch(self)

    def is_agreed(self) -> bool:
        """Return whether any worker was told to stop; all of them ask at the same point."""
        return self.link.agree(self.received is not None)

    def __enter__(self):
        self._before = {}
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in self.SIGNALS}
        return self

    def __exit__(self, *_):
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number, _frame):
        if self.received is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.received = number


def run_epochs(
    game,
    strategy: tf.distribute.Strategy,
    *,
    batches_of: Callable[[int, int], Iterable],
    epochs: int,
    progress: Progress,
    validate: Callable[[int, Interruption], bool],
    callbacks,
    interruption: Interruption,
) -> bool:
    """Train until `epochs`, until a callback sets `game.segmentor.stop_training`, or until interrupted.

    Args:
        game: has `step(batch)` for one replica, `release(epoch)`, `metrics` and `segmentor`.
        strategy: the scope that the game was built in.
        batches_of: (epoch, first step) → batches of that epoch.
        epochs: number of epochs in all.
        progress: where to start; updated in place.
        validate: (epoch, interruption) → whether it came to its end.
        callbacks: a keras.callbacks.CallbackList.
        interruption: entered by the caller; on several machines all of them stop at the same step.

    Returns:
        True when training is complete, False when it was interrupted.

    Raises:
        UserError: losses or weights became NaN or infinite; nothing of that epoch is validated, saved or published.
    """
    distributed_step = traced(game, strategy)
    callbacks.on_train_begin()
    while progress.epoch < epochs and not game.segmentor.stop_training:
        if game.release(progress.epoch):
            distributed_step = traced(game, strategy)
        callbacks.on_epoch_begin(progress.epoch)
        for batch in _distributed(batches_of(progress.epoch, progress.step), strategy, interruption.link):
            callbacks.on_train_batch_begin(progress.step)
            distributed_step(batch)
            progress.step += 1
            callbacks.on_train_batch_end(progress.step - 1)
            if interruption.is_agreed():
                callbacks.on_train_end()
                return False
        logs = {name: float(metric.result()) for name, metric in game.metrics.items()}
        _refuse_divergence(game, logs, epoch=progress.epoch + 1)
        if not validate(progress.epoch, interruption):
            # All steps are done and the metrics still hold their sums: the resumed run begins with the validation.
            callbacks.on_train_end()
            return False
        for metric in game.metrics.values():
            metric.reset_state()
        progress.epoch, progress.step = progress.epoch + 1, 0
        callbacks.on_epoch_end(progress.epoch - 1, logs)
        if interruption.is_agreed():  # in its last moments
            callbacks.on_train_end()
            return False
    callbacks.on_train_end()
    return True


def _distributed(batches: tf.data.Dataset, strategy: tf.distribute.Strategy, link) -> Iterable:
    """Return the batches, each divided among the replicas; of several machines each has made its own part of them.

    A part comes an element a replica, and is made endless by zeros that nobody reads: of an end TensorFlow would ask
    all machines at every step, and no shape would be known beforehand, for which the fused operations do nothing.
    """
    if link.count == 1:
        return strategy.experimental_distribute_dataset(batches)
    steps = int(batches.cardinality()) // (strategy.num_replicas_in_sync // link.count)
    zeros = tf.nest.map_structure(lambda spec: tf.zeros(spec.shape, spec.dtype), batches.element_spec)
    endless = batches.concatenate(tf.data.Dataset.from_tensors(zeros).repeat())
    distributed = strategy.distribute_datasets_from_function(lambda _: endless)
    return (batch for _, batch in zip(range(steps), distributed))


def traced(game, strategy: tf.distribute.Strategy) -> Callable:
    """Return the step as a graph, in which what learns and what stands still is settled."""

    @tf.function(reduce_retracing=True)
    def distributed_step(batch):
        strategy.run(game.step, args=(batch,))

    return distributed_step


def _refuse_divergence(game, logs: dict[str, float], *, epoch: int) -> None:
    wrong = [name for name, value in logs.items() if not math.isfinite(value)] or [
        f"weights of the {name}"
        for name, network in game.networks.items()
        if not all(np.isfinite(weight).all() for weight in network.get_weights())
    ]
    if wrong:
        remedy = remedy_in_float16(logs) or "a lower rate, for example --set train.learning_rate=1e-5"
        raise UserError(
            f"{', '.join(wrong)} became NaN or infinite in epoch {epoch}; what is saved is of the epoch before; try "
            f"{remedy} --overwrite"
        )
    if stuck := without_steps(logs):
        raise UserError(
            f"epoch {epoch} brought no step of the {stuck}: every gradient overflowed float16; try "
            f"{remedy_in_float16(logs)} --overwrite"
        )
