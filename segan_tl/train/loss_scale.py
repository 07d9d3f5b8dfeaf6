"""The loss of a network that computes in float16, scaled so that small gradients do not become 0 on their way back.

float16 ends at 65504 and knows nothing below 6 · 10⁻⁸. So the loss is multiplied by a scale S, the gradients, which
arrive as float32, are divided by it, and S is found by trying [Micikevicius 2018, 3.2]:

    a gradient overflowed (inf or NaN on any replica): the step is left out, S ← max(S / 2, 1)
    GROWTH_STEPS steps in turn did not:                S ← 2 S

A step that is left out changes neither weights nor what the optimizer keeps, its count of steps (and with it the
learning rate) or a running average. Keras' LossScaleOptimizer looks at the gradients of the first replica alone: an
overflow on another one enters the weights (tests/train/test_loss_scale.py).
"""

import keras
import tensorflow as tf

INITIAL = 2.0**15
GROWTH_STEPS = 2000
SCALE, SKIPPED = "scale_", "skipped_"  # columns of history.csv: of the loss, and the share of steps left out
SMALLEST = 1.0  # what overflows without a scale, overflows by itself


class LossScale:
    """The scale of one player's loss; build it in the strategy's scope.

    Args:
        player: whose, for the names.
        growth_steps: steps in turn without an overflow after which it doubles.
    """

    def __init__(self, player: str, *, growth_steps: int = GROWTH_STEPS):
        self.growth_steps, options = growth_steps, {"trainable": False, "aggregation": "only_first_replica"}
        self.value = keras.Variable(INITIAL, dtype="float32", name=f"{player}_loss_scale", **options)
        self.good_steps = keras.Variable(0, dtype="int32", name=f"{player}_good_steps", **options)

    def unscaled(self, gradients: list) -> list:
        """Return the gradients of the loss itself."""
        return [gradient / self.value for gradient in gradients]

    def update(self, finite) -> None:
        """Learn from a step whether the scale is too large, or may be larger.

        Args:
            finite: scalar, bool, the same on every replica.
        """
        grown = finite & (self.good_steps + 1 >= self.growth_steps)
        halved = tf.maximum(self.value / 2, SMALLEST)
        self.value.assign(tf.where(finite, tf.where(grown, 2 * self.value, self.value), halved))
        self.good_steps.assign(tf.where(finite & ~grown, self.good_steps + 1, 0))

    def variables(self) -> list[keras.Variable]:
        """Return what must survive a kill."""
        return [self.value, self.good_steps]


def all_finite(gradients: list, *, replicas: int):
    """Return whether no value of any replica's gradients is infinite or NaN: a scalar, bool."""
    finite = tf.reduce_all([tf.reduce_all(tf.math.is_finite(gradient)) for gradient in gradients])
    if replicas == 1:
        return finite
    overflows = tf.cast(~finite, "float32")
    total = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, overflows)
    return tf.equal(total, 0.0)


def with_gradient_times(factor, x):
    """Return `x`, whose gradient is multiplied by a factor on its way back: so it passes from one scale to another."""

    @tf.custom_gradient
    def same(x):
        return tf.identity(x), lambda change: factor * change

    return same(x)


def without_steps(logs: dict[str, float]) -> str | None:
    """Return the player whose every step of an epoch overflowed at the smallest scale; None where there is none.

    Args:
        logs: of the epoch, the means of its steps.
    """
    for name in logs:
        player = name.removeprefix(SCALE)
        if player != name and logs[SKIPPED + player] == 1 and logs[name] == SMALLEST:
            return player
    return None


def remedy_in_float16(logs: dict[str, float]) -> str | None:
    """Return what to try after numbers that were not finite, by an epoch's logs; None where they are not of float16."""
    half = any(name.startswith(SCALE) for name in logs)
    return "a wider range of numbers, for example --set train.precision=mixed_bfloat16" if half else None


class Skippable:
    """An optimizer whose step may be left out, decided where the gradients are known.

    `tf.cond` around an optimizer fails under a strategy, so the step is taken and each of its assignments chooses
    between the new value and the one of before.

    Args:
        optimizer: a built one, which is changed: apply it through `apply` alone.
    """

    def __init__(self, optimizer: keras.optimizers.Optimizer):
        self.optimizer, self.takes, self.assign_always = optimizer, None, optimizer.assign
        optimizer.assign = self._assign
        optimizer.assign_add = lambda variable, value: self._assign(variable, variable + value)
        optimizer.assign_sub = lambda variable, value: self._assign(variable, variable - value)

    def apply(self, gradients: list, variables: list[keras.Variable], *, takes) -> None:
        """Take the step where `takes`, a scalar bool, is true; else leave all as it was."""
        self.takes = takes
        # Keras clips what has a constraint after the step, through no assignment of the optimizer.
        clipped = [variable for variable in variables if variable.constraint is not None]
        before = [tf.identity(variable) for variable in clipped]
        self.optimizer.apply(gradients, variables)
        for variable, value in zip(clipped, before, strict=True):
            variable.assign(tf.where(takes, variable, value))
        iterations = self.optimizer.iterations
        iterations.assign_sub(tf.cast(~takes, iterations.dtype))

    def _assign(self, variable, value) -> None:
        self.assign_always(variable, tf.where(self.takes, tf.cast(value, variable.dtype), variable))
