"""A pull towards the weights of the source, the term L2-SP of the loss [Li 2018, ICML].

    loss += weight / 2 · Σ (w − w₀)²,  gradient += weight · (w − w₀)

over the kernels and biases that came over. Scales and shifts of normalisation are left free, as in the authors' code
(those called "weights"; its ResNet has no bias but that of its new layer). What is new is left to weight decay.
"""

from collections.abc import Mapping, Sequence

import keras
import tensorflow as tf

from segan_tl.train.groups import new_layers

FREE = ("gamma", "beta")


class Anchor:
    """The weights of the source, which the training keeps, and the pull towards them; build it in the strategy's scope.

    Args:
        networks: as they came over.
        weight: of the term; 0 keeps and does nothing.
        record: what the start recorded.
    """

    def __init__(self, networks: Mapping[str, keras.Model], weight: float, *, record: dict):
        self.weight, self.held, self.origins = weight, [], {}
        for name, network in networks.items() if weight else ():
            fresh = new_layers(name, record)
            for layer in network.layers if fresh is not None else ():
                moving = [] if layer.name in fresh else layer.trainable_variables
                self.held += [variable for variable in moving if variable.name not in FREE]
        for i, variable in enumerate(self.held):
            self.origins[id(variable)] = keras.Variable(
                variable, trainable=False, dtype=variable.dtype, aggregation="only_first_replica", name=f"source_{i}"
            )

    def pulled(self, gradients: Sequence, variables: Sequence[keras.Variable], *, replicas: int) -> list:
        """Return the gradients with those of the term, of which each of the replicas adds its part."""
        return [
            gradient + self.weight / replicas * (variable - self.origins[id(variable)])
            if id(variable) in self.origins
            else gradient
            for gradient, variable in zip(gradients, variables, strict=True)
        ]

    def loss(self):
        """Return the term, a scalar."""
        distances = [tf.reduce_sum(tf.square(variable - self.origins[id(variable)])) for variable in self.held]
        return self.weight / 2 * tf.add_n(distances) if distances else tf.constant(0.0)

    def variables(self) -> dict[str, keras.Variable]:
        """Return what must survive a kill, under stable names."""
        return {f"source/{i}": self.origins[id(variable)] for i, variable in enumerate(self.held)}
