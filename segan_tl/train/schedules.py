"""How the learning rate changes in the course of a training."""

import keras
from keras import ops

from segan_tl.config.train import TrainConfig


@keras.saving.register_keras_serializable(package="segan_tl")
class PolynomialDecay(keras.optimizers.schedules.LearningRateSchedule):
    """lr = initial · (1 − epoch / epochs)^power, constant within an epoch [Isensee 2021: power 0.9]."""

    def __init__(self, initial_rate: float, *, steps_per_epoch: int, epochs: int, power: float = 0.9):
        self.initial_rate, self.power = initial_rate, power
        self.steps_per_epoch, self.epochs = steps_per_epoch, epochs

    def __call__(self, step):
        """Return the rate of a step."""
        epoch = ops.floor(ops.cast(step, "float32") / self.steps_per_epoch)
        return self.initial_rate * ops.power(ops.maximum(1.0 - epoch / self.epochs, 0.0), self.power)

    def get_config(self):
        """Return the arguments that rebuild this schedule."""
        return {
            "initial_rate": self.initial_rate, "steps_per_epoch": self.steps_per_epoch, "epochs": self.epochs,
            "power": self.power,
        }  # fmt: skip


@keras.saving.register_keras_serializable(package="segan_tl")
class Within(keras.optimizers.schedules.LearningRateSchedule):
    """The rate of an optimizer that begins within a training, or of a training that begins with a warm-up.

        rate(step) = inner(s) · min(1, (s + 1) / warmup_steps),  s = first_step + step

    The last step of the warm-up has the full rate; the first one is not lost at a rate of 0.
    """

    def __init__(self, inner, *, first_step: int = 0, warmup_steps: int = 0):
        self.inner, self.first_step, self.warmup_steps = inner, first_step, warmup_steps

    def __call__(self, step):
        """Return the rate of a step of the optimizer."""
        step = ops.cast(step, "float32") + self.first_step
        rate = self.inner(step) if callable(self.inner) else self.inner
        return rate * ops.minimum(1.0, (step + 1.0) / self.warmup_steps) if self.warmup_steps else rate

    def get_config(self):
        """Return the arguments that rebuild this schedule."""
        return {"inner": self.inner, "first_step": self.first_step, "warmup_steps": self.warmup_steps}


def build_schedule(
    config: TrainConfig, rate: float, *, steps_per_epoch: int, first_step: int = 0, warmup_steps: int = 0
):
    """Return the schedule that `train.schedule` names, from the rate at the start; that where it is constant.

    Args:
        config: the section `train`.
        rate: at the start.
        steps_per_epoch: of the optimizer.
        first_step: as for `Within`.
        warmup_steps: as for `Within`.
    """
    if config.schedule == "polynomial":
        rate = PolynomialDecay(rate, steps_per_epoch=steps_per_epoch, epochs=config.epochs, power=config.power)
    elif config.schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(rate, decay_steps=steps_per_epoch * config.epochs)
    if warmup_steps or first_step and config.schedule != "constant":
        return Within(rate, first_step=first_step, warmup_steps=warmup_steps)
    return rate
