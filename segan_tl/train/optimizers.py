"""Optimizers by name, and the RMSprop that the authors' TensorFlow 2.0 had."""

import keras
import tensorflow as tf
from keras import ops

from segan_tl.config.train import TrainConfig
from segan_tl.train.schedules import build_schedule


@keras.saving.register_keras_serializable(package="segan_tl")
class RMSprop(keras.optimizers.RMSprop):
    """RMSprop with epsilon outside the square root: w ← w − lr · g / (√v + ε), v ← ρ v + (1 − ρ) g².

    Keras 3 puts epsilon inside, √(v + ε), which never falls below 3·10⁻⁴ at its default of 10⁻⁷. The gradients of a
    mean over 8·10⁵ critic features are smaller than that, so the two train differently; TensorFlow 2.0 and PyTorch
    have it outside. Momentum and centring, which SegAN does not use, are not offered.
    """

    def __init__(self, learning_rate=2e-5, rho=0.9, epsilon=1e-7, name="rmsprop", **config):
        super().__init__(learning_rate=learning_rate, rho=rho, epsilon=epsilon, name=name, **config)

    def update_step(self, gradient, variable, learning_rate):
        """Update one variable."""
        velocity = self._velocities[self._get_variable_index(variable)]
        gradient = ops.cast(gradient, variable.dtype)
        rate = ops.cast(learning_rate, variable.dtype)
        self.assign(velocity, self.rho * velocity + (1 - self.rho) * ops.square(gradient))
        self.assign_sub(variable, rate * gradient / (ops.sqrt(velocity) + self.epsilon))


@keras.saving.register_keras_serializable(package="segan_tl")
class NesterovSGD(keras.optimizers.Optimizer):
    """SGD with Nesterov momentum and coupled weight decay, as PyTorch has it and nnU-Net uses it.

        g ← g + decay · w;  v ← μ v + g;  w ← w − lr (g + μ v)

    Keras' SGD decays the weights beside the momentum (about a hundred times weaker at μ = 0.99), and keeps the learning
    rate inside the velocity, so that a falling rate gives other steps.
    """

    def __init__(self, learning_rate=1e-2, momentum=0.99, decay=3e-5, name="nesterov_sgd", **config):
        super().__init__(learning_rate=learning_rate, name=name, **config)
        self.momentum, self.decay = momentum, decay

    def build(self, variables):
        """Make one velocity a variable."""
        if not self.built:
            super().build(variables)
            self.velocities = [self.add_variable_from_reference(variable, "velocity") for variable in variables]

    def update_step(self, gradient, variable, learning_rate):
        """Update one variable."""
        velocity = self.velocities[self._get_variable_index(variable)]
        gradient = ops.cast(gradient, variable.dtype) + self.decay * variable
        self.assign(velocity, self.momentum * velocity + gradient)
        step = gradient + self.momentum * velocity
        self.assign_sub(variable, ops.cast(learning_rate, variable.dtype) * step)

    def get_config(self):
        """Return the arguments that rebuild this optimizer."""
        return super().get_config() | {"momentum": self.momentum, "decay": self.decay}


@keras.saving.register_keras_serializable(package="segan_tl")
class AdamW(keras.optimizers.Optimizer):
    """AdamW as PyTorch has it: epsilon is added to the corrected √v̂, and weight decay stands beside the step.

        w ← w (1 − lr · decay);  w ← w − lr · m̂ / (√v̂ + ε)

    Keras adds epsilon before the correction: at MedNeXt's ε = 10⁻⁴ its first step has one 31 times as large.
    """

    def __init__(
        self, learning_rate=1e-3, decay=3e-5, epsilon=1e-4, beta_1=0.9, beta_2=0.999, name="adamw", **config
    ):
        super().__init__(learning_rate=learning_rate, name=name, **config)
        self.decay, self.epsilon, self.beta_1, self.beta_2 = decay, epsilon, beta_1, beta_2

    def build(self, variables):
        """Make both moments a variable."""
        if not self.built:
            super().build(variables)
            self.means = [self.add_variable_from_reference(variable, "mean") for variable in variables]
            self.squares = [self.add_variable_from_reference(variable, "square") for variable in variables]

    def update_step(self, gradient, variable, learning_rate):
        """Update one variable."""
        index = self._get_variable_index(variable)
        mean, square = self.means[index], self.squares[index]
        gradient, rate = ops.cast(gradient, variable.dtype), ops.cast(learning_rate, variable.dtype)
        step = ops.cast(self.iterations + 1, variable.dtype)
        self.assign(mean, self.beta_1 * mean + (1 - self.beta_1) * gradient)
        self.assign(square, self.beta_2 * square + (1 - self.beta_2) * ops.square(gradient))
        corrected_mean = mean / (1 - ops.power(ops.cast(self.beta_1, variable.dtype), step))
        corrected_square = square / (1 - ops.power(ops.cast(self.beta_2, variable.dtype), step))
        change = rate * corrected_mean / (ops.sqrt(corrected_square) + self.epsilon)
        self.assign(variable, variable * (1 - rate * self.decay) - change)

    def get_config(self):
        """Return the arguments that rebuild this optimizer."""
        return super().get_config() | {
            "decay": self.decay, "epsilon": self.epsilon, "beta_1": self.beta_1, "beta_2": self.beta_2,
        }  # fmt: skip


def build_optimizer(
    config: TrainConfig,
    *,
    steps_per_epoch: int,
    name: str,
    learning_rate: float | None = None,
    factor: float = 1.0,
    first_step: int = 0,
    warmup_steps: int = 0,
) -> keras.optimizers.Optimizer:
    """Return the optimizer that `train.optimizer` and `train.schedule` name; it computes nothing before its gradient.

    Args:
        config: the section `train`.
        steps_per_epoch: for the schedule.
        name: of the optimizer.
        learning_rate: in place of `train.learning_rate`, for another network.
        factor: on the learning rate.
        first_step: of the training, that its own first one is.
        warmup_steps: of the training, in which the rate rises.
    """
    rate = build_schedule(
        config, (learning_rate or config.learning_rate) * factor, steps_per_epoch=steps_per_epoch,
        first_step=first_step, warmup_steps=warmup_steps,
    )  # fmt: skip
    if config.optimizer == "sgd":
        optimizer = NesterovSGD(rate, momentum=config.momentum, decay=config.weight_decay, name=name)
    elif config.optimizer == "adamw":
        optimizer = AdamW(rate, decay=config.weight_decay, epsilon=config.epsilon, name=name)
    elif config.optimizer == "rmsprop":
        optimizer = RMSprop(rate, name=name)
    elif config.optimizer == "rmsprop_keras":
        optimizer = keras.optimizers.RMSprop(rate, rho=0.9, epsilon=1e-7, name=name)
    else:
        optimizer = keras.optimizers.Adam(rate, amsgrad=config.amsgrad, epsilon=config.epsilon, name=name)
    return _patient(optimizer)


def _patient(optimizer: keras.optimizers.Optimizer) -> keras.optimizers.Optimizer:
    """Let an optimizer begin with a variable when its gradient is there; return it.

    What it makes of weights and momentum alone, such as their products with the decay, needs no gradient: TensorFlow
    makes that first of all, and would hold it, one to three times the weights, beside all features of the step.
    """
    update_step = optimizer.update_step

    def update_later(gradient, variable, learning_rate):
        with tf.control_dependencies([gradient]):
            update_step(gradient, variable, learning_rate)

    optimizer.update_step = update_later
    return optimizer
