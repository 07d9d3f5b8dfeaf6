"""The game: a critic that tells truth from prediction, a segmentor that leaves it nothing to tell.

    L1      = multi-scale L1 between the critic's features of (image, truth) and of (image, prediction)
    critic    minimises  −L1
    segmentor minimises  adversarial_weight · L1 + dice_weight · Dice loss

[Giacomello 2020, III; Xue 2018]. Losses are per example; `_replica_mean` turns them into the gradient of the mean over
the global batch, whatever the number of replicas.
"""

import keras
import tensorflow as tf

from segan_tl.config.load import TrainConfig
from segan_tl.fast.accelerate import accelerate
from segan_tl.fast.batch_norm import FusedNormalisation
from segan_tl.losses import dice_loss, multi_scale_l1
from segan_tl.train.average import RunningAverage
from segan_tl.train.optimizers import build_optimizer

METRICS = ("loss_segmentor", "loss_critic", "l1", "dice_loss")


class SeganGame:
    """Two networks, their optimizers and the running average of the segmentor; build it in the strategy's scope."""

    def __init__(
        self, segmentor: keras.Model, critic: keras.Model, *, config: TrainConfig, replicas: int, total_steps: int
    ):
        self.segmentor, self.critic, self.config, self.replicas = segmentor, critic, config, replicas
        # Over several replicas the moments are those of the global batch, which the fused operation cannot see.
        normalisation = FusedNormalisation if replicas == 1 else None
        self.forward = {
            "segmentor": accelerate(segmentor, normalisation=normalisation),
            "critic": accelerate(critic, normalisation=normalisation),
        }
        rates = {"segmentor": config.learning_rate, "critic": config.critic_learning_rate or config.learning_rate}
        self.optimizers = {}
        for name, network in (("segmentor", segmentor), ("critic", critic)):
            if network.trainable_variables:
                self.optimizers[name] = build_optimizer(
                    config, learning_rate=rates[name], total_steps=total_steps, name=f"{name}_optimizer"
                )
                self.optimizers[name].build(network.trainable_variables)
        self.average = RunningAverage(segmentor.weights, config.averaging)
        self.metrics = {name: keras.metrics.Mean(name=name) for name in METRICS}

    def step(self, batch: dict) -> None:
        """Play one batch on one replica: {"image": (B, H, W, M), "mask": (B, H, W, R)}."""
        if self.config.update == "simultaneous":
            losses = self._play(batch, {"segmentor": self.segmentor, "critic": self.critic})
        else:
            for _ in range(self.config.critic_steps):
                losses = self._play(batch, {"critic": self.critic})
            for _ in range(self.config.segmentor_steps):
                losses = self._play(batch, {"segmentor": self.segmentor})
        self.average.update()
        for name, values in losses.items():
            self.metrics[name].update_state(values)

    @property
    def networks(self) -> dict[str, keras.Model]:
        """Return what is saved under which name."""
        return {"segmentor": self.segmentor, "critic": self.critic}

    def best_weights(self) -> list:
        """Return the segmentor's weights to judge and publish: the running average where there is one."""
        return self.average.values()

    def variables(self) -> dict[str, keras.Variable]:
        """Return what must survive a kill apart from the networks, under stable names."""
        found = self.average.variables()
        for name, optimizer in self.optimizers.items():
            found |= {f"{name}_optimizer/{i}": variable for i, variable in enumerate(optimizer.variables)}
        for name, metric in self.metrics.items():
            found |= {f"metrics/{name}/{i}": variable for i, variable in enumerate(metric.variables)}
        return found

    def _play(self, batch: dict, players: dict[str, keras.Model]) -> dict:
        """Update `players` from one pass at the old weights.

        The critic's gradient is minus that of L1, the segmentor's is that of L1 + Dice, and Dice does not depend on the
        critic: so one backward pass through the critic serves both.
        """
        image, mask = batch["image"], batch["mask"]
        variables = {
            name: network.trainable_variables for name, network in players.items() if name in self.optimizers
        }
        with tf.GradientTape() as tape:
            probability = self.forward["segmentor"](image, training=True)
            truth_features = self.forward["critic"]({"image": image, "mask": mask}, training=True)
            prediction_features = self.forward["critic"]({"image": image, "mask": probability}, training=True)
            l1 = multi_scale_l1(truth_features, prediction_features)
            dice = dice_loss(mask, probability, smooth=self.config.dice_smooth)
            loss = self.config.adversarial_weight * l1 + self.config.dice_weight * dice
            target = self._replica_mean(loss if "segmentor" in players else l1)
        gradients = dict(zip(variables, tape.gradient(target, list(variables.values())), strict=True))
        if "segmentor" in gradients:
            self.optimizers["segmentor"].apply(gradients["segmentor"], variables["segmentor"])
        if "critic" in gradients:
            scale = -1 / self.config.adversarial_weight if "segmentor" in players else -1
            ascent = [scale * gradient for gradient in gradients["critic"]]
            self.optimizers["critic"].apply(ascent, variables["critic"])
        return {"loss_segmentor": loss, "loss_critic": -l1, "l1": l1, "dice_loss": dice}

    def _replica_mean(self, values):
        """Return the sum over examples / (global batch): replicas add their gradients up."""
        return tf.reduce_mean(values) / self.replicas
