"""What becomes of a player's gradients: unscaled, pulled towards the source, clipped, given to its optimizers."""

import keras
import tensorflow as tf

from segan_tl.config.schema import Config
from segan_tl.models.precision import HALF
from segan_tl.train.anchor import Anchor
from segan_tl.train.groups import Group
from segan_tl.train.loss_scale import SCALE, SKIPPED, LossScale, Skippable, all_finite


class Descent:
    """The update of a player's networks; build it in the strategy's scope.

    Args:
        player: "segmentor" or "critic".
        groups: of the training, its own among them.
        config: the configuration.
        anchor: the pull towards the source.
        replicas: number of replicas.

    Attributes:
        scale: of the player's loss, where networks compute in float16.
    """

    def __init__(self, player: str, groups: list[Group], *, config: Config, anchor: Anchor, replicas: int):
        self.player, self.anchor, self.replicas = player, anchor, replicas
        self.groups = [group for group in groups if group.player == player]
        self.limit = config.train.clip_norm if player == "segmentor" else 0.0
        self.scale, self.metrics = None, {}
        if self.limit:
            self.metrics["gradient_norm"] = keras.metrics.Mean(name="gradient_norm")
        if config.train.precision == HALF:
            self.scale = LossScale(player)
            self.skippable = {id(group): Skippable(group.optimizer) for group in self.groups}
            for name in (SCALE + player, SKIPPED + player):
                self.metrics[name] = keras.metrics.Mean(name=name)

    def update(self, gradients: list, variables: list[keras.Variable]):
        """Descend; return whether the step was taken, 0 or 1: an overflow leaves it out.

        Args:
            gradients: of the replica's part of the mean over the global batch, times the scale where there is one.
            variables: that learn, a gradient each.
        """
        finite = None
        if self.scale:
            finite = all_finite(gradients, replicas=self.replicas)
            gradients = self.scale.unscaled(gradients)
        if self.anchor.weight:
            gradients = self.anchor.pulled(gradients, variables, replicas=self.replicas)
        if self.limit:
            gradients = self._clipped(gradients, finite)
        given = {id(variable): gradient for variable, gradient in zip(variables, gradients, strict=True)}
        for group in self.groups:
            if id(group.variables[0]) in given:  # it learns by now
                mine = [given[id(variable)] for variable in group.variables]
                if self.scale:
                    self.skippable[id(group)].apply(mine, group.variables, takes=finite)
                else:
                    group.optimizer.apply(mine, group.variables)
        return self._scaled_on(finite) if self.scale else 1.0

    def stand_still(self) -> None:
        """Note a step in which everything of the player is frozen."""
        if self.limit:
            self.metrics["gradient_norm"].update_state(0.0)

    def variables(self) -> list[keras.Variable]:
        """Return what must survive a kill, apart from optimizers and metrics."""
        return self.scale.variables() if self.scale else []

    def _scaled_on(self, finite):
        """Note the scale and whether it was too large, find the next one; return whether it was not, 0 or 1."""
        taken = tf.cast(finite, "float32")
        self.metrics[SCALE + self.player].update_state(self.scale.value)
        self.metrics[SKIPPED + self.player].update_state(1 - taken)
        self.scale.update(finite)
        return taken

    def _clipped(self, gradients: list, finite) -> list:
        """Return the gradients, clipped by the norm of that of the global batch.

        Without a limit no norm is taken: it costs a pass over all gradients.
        """
        if self.replicas > 1:
            gradients = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, gradients)
        norm = tf.linalg.global_norm(gradients)
        # What is left out has no norm.
        counted = norm[None] if finite is None else tf.boolean_mask(norm[None], finite[None])
        self.metrics["gradient_norm"].update_state(counted)
        scale = tf.minimum(1.0, self.limit / tf.maximum(norm, 1e-12))
        # The optimizer adds the replicas' gradients up, which are the same sum on each of them by now.
        return [gradient * (scale / self.replicas) for gradient in gradients]
