"""Optimizers by name, and the RMSprop that the authors' TensorFlow 2.0 had."""

import keras
from keras import ops

from segan_tl.config import TrainConfig


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


def build_optimizer(
    config: TrainConfig, *, learning_rate: float, total_steps: int, name: str
) -> keras.optimizers.Optimizer:
    """Return the optimizer that `train.optimizer` and `train.schedule` name."""
    rate = learning_rate
    if config.schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(learning_rate, decay_steps=total_steps)
    if config.optimizer == "adam":
        return keras.optimizers.Adam(rate, name=name)
    if config.optimizer == "rmsprop_keras":
        return keras.optimizers.RMSprop(rate, rho=0.9, epsilon=1e-7, name=name)
    return RMSprop(rate, name=name)
