"""A running average of a network's weights and statistics, which is what gets judged and published."""

from collections.abc import Sequence

import keras
import tensorflow as tf


class RunningAverage:
    """w̄ ← w̄ + (1 − decay) (w − w̄), quickly at first, so that it forgets the initialisation.

    Args:
        weights: variables to follow; build it in the strategy's scope.
        decay: share of the old average that stays; 0 follows nothing, and `values` are the weights themselves.
        still: those of the weights that never move: they are their own average, to the last bit.
    """

    def __init__(self, weights: Sequence[keras.Variable], decay: float, *, still: Sequence[keras.Variable] = ()):
        self.followed, self.decay = list(weights), decay
        standing = {id(weight) for weight in still}
        self.moving = [i for i, weight in enumerate(self.followed) if decay and id(weight) not in standing]
        self.weights = [
            keras.Variable(
                self.followed[i], trainable=False, dtype=self.followed[i].dtype, aggregation="only_first_replica",
                name=f"average_{i}",
            )  # fmt: skip
            for i in self.moving
        ]
        self.steps = keras.Variable(0.0, trainable=False, aggregation="only_first_replica", name="averaged_steps")

    def update(self, moved=1.0) -> None:
        """Move towards the weights, where `moved` is 1; where it is 0 their step was left out, and so is this one."""
        if not self.weights:
            return
        self.steps.assign(self.steps + moved)
        decay = tf.minimum(self.decay, (1 + self.steps) / (10 + self.steps))
        for i, average in zip(self.moving, self.weights, strict=True):
            weight = self.followed[i]
            average.assign(average + moved * (1 - decay) * (weight - average))

    def values(self) -> list:
        """Return the weights to judge and publish."""
        values = self.followed.copy()
        for i, average in zip(self.moving, self.weights, strict=True):
            values[i] = average
        return [tf.convert_to_tensor(weight) for weight in values]

    def variables(self) -> dict[str, keras.Variable]:
        """Return what must survive a kill, under stable names."""
        averages = {f"average/{i}": average for i, average in zip(self.moving, self.weights, strict=True)}
        return averages | {"averaged_steps": self.steps}
