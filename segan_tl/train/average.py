"""A running average of a network's weights and statistics, which is what gets judged and published."""

from collections.abc import Sequence

import keras
import tensorflow as tf


class RunningAverage:
    """w̄ ← w̄ + (1 − decay) (w − w̄), quickly at first, so that it forgets the initialisation.

    Args:
        weights: variables to follow; build it in the strategy's scope.
        decay: share of the old average that stays; 0 follows nothing, and `values` are the weights themselves.
    """

    def __init__(self, weights: Sequence[keras.Variable], decay: float):
        self.followed, self.decay = list(weights), decay
        self.weights = [
            keras.Variable(
                weight, trainable=False, dtype=weight.dtype, aggregation="only_first_replica", name=f"average_{i}"
            )
            for i, weight in enumerate(self.followed if decay else [])
        ]
        self.steps = keras.Variable(0.0, trainable=False, aggregation="only_first_replica", name="averaged_steps")

    def update(self) -> None:
        """Move towards the weights."""
        if not self.weights:
            return
        self.steps.assign(self.steps + 1.0)
        decay = tf.minimum(self.decay, (1 + self.steps) / (10 + self.steps))
        for average, weight in zip(self.weights, self.followed, strict=True):
            average.assign(average + (1 - decay) * (weight - average))

    def values(self) -> list:
        """Return the weights to judge and publish."""
        return [tf.convert_to_tensor(weight) for weight in self.weights or self.followed]

    def variables(self) -> dict[str, keras.Variable]:
        """Return what must survive a kill, under stable names."""
        return {f"average/{i}": variable for i, variable in enumerate(self.weights)} | {"averaged_steps": self.steps}
