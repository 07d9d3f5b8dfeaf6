"""A training step: a sum of terms, and one backward pass for all networks that play.

    segmentor descends  supervised + critic.weight · L1 + adversary.weight · domain + train.teacher_weight · teacher
    classifier descends the same (the domain term behind its reversal)
    critic ascends      L1

The other terms do not depend on the critic, so the critic's gradient is that of the sum over
`critic.weight`: one pass serves all. Losses are per example; the gradient is that of the mean over the global batch,
whatever the number of replicas, and of the parts in which a batch is learnt from (train.accumulate). In float16 each
player's loss has a scale of its own (segan_tl/train/loss_scale.py): within the critic a gradient is on the critic's.
"""

import keras
import tensorflow as tf

from segan_tl.config.schema import Config
from segan_tl.config.train import LOSSES
from segan_tl.data.domains import SOURCE
from segan_tl.data.intensity import change_batch
from segan_tl.data.presence import hide, with_planes
from segan_tl.train.anchor import Anchor
from segan_tl.train.average import RunningAverage
from segan_tl.train.groups import build_groups, release_epochs
from segan_tl.train.steps.critic import CriticTerm
from segan_tl.train.steps.descent import Descent
from segan_tl.train.steps.domain import DomainTerm
from segan_tl.train.steps.forward import build_forward
from segan_tl.train.steps.parts import parts_of_batch
from segan_tl.train.steps.supervised import encode_truth, make_loss, supervise
from segan_tl.train.steps.teacher import TeacherTerm


class Training:
    """Networks, their optimizers and the running average of what gets published; build it in the strategy's scope.

    Args:
        segmentor: model to a tensor of logits, or to a list of them, highest resolution first.
        published: the one-output model over the same layers, whose weights are averaged, judged and published.
        config: the configuration.
        replicas: number of replicas.
        steps_per_epoch: for the schedules.
        critic: where the configuration has one.
        record: what the start that the networks have recorded.
        teacher: where the configuration has one.

    Attributes:
        networks: what is saved under which name.
        optimizers: what is saved under which name, one for each of the `groups`.
        forward: image → logits of all outputs, and what the domain classifier sees; what the segmentor does, in less
            time.
    """

    def __init__(
        self,
        segmentor: keras.Model,
        published: keras.Model,
        *,
        config: Config,
        replicas: int,
        steps_per_epoch: int,
        critic: keras.Model | None = None,
        record: dict | None = None,
        teacher: TeacherTerm | None = None,
    ):
        self.segmentor, self.config, self.replicas, self.teacher = segmentor, config, replicas, teacher
        total_steps = steps_per_epoch * config.train.epochs
        self.loss = make_loss(config)
        self.critic = critic and CriticTerm(critic, config=config, replicas=replicas)
        self.domain = DomainTerm(segmentor, config=config, total_steps=total_steps) if config.adversary else None
        outputs = [*segmentor.outputs, *([self.domain.latent] if self.domain else [])]
        self.forward = build_forward(keras.Model(segmentor.input, outputs), config=config, replicas=replicas)

        # === Networks and their optimizers ===
        self.networks = {"segmentor": segmentor}
        if self.critic:
            self.networks["critic"] = critic
        if self.domain:
            self.networks["domain_classifier"] = self.domain.classifier
        self.waiting = release_epochs(segmentor, config, record=record or {})
        self.groups = build_groups(
            self.networks, config, record=record or {}, waiting=self.waiting, steps_per_epoch=steps_per_epoch
        )
        self.optimizers = {name: group.optimizer for name, group in self.groups.items()}
        self.anchor = Anchor(
            self.networks, config.transfer.l2_source if config.transfer else 0.0, record=record or {}
        )
        self.descents = {
            player: Descent(player, list(self.groups.values()), config=config, anchor=self.anchor, replicas=replicas)
            for player in ("segmentor", *(["critic"] if self.critic else []))
        }
        still = [weight for layer in segmentor.layers if not layer.trainable for weight in layer.weights]
        self.average = RunningAverage(published.weights, config.train.averaging, still=still)

        # === Metrics ===
        names = ["loss_segmentor", *(f"loss_{name}" for name in LOSSES[config.train.loss][0])]
        names += ["loss_critic", "l1"] if self.critic else []
        names += ["loss_teacher"] if self.teacher else []
        names += ["l2_source"] if self.anchor.weight else []
        self.metrics = {name: keras.metrics.Mean(name=name) for name in names}
        self.metrics |= self.domain.metrics if self.domain else {}
        for descent in self.descents.values():
            self.metrics |= descent.metrics

    def variables_of(self, player: str) -> list[keras.Variable]:
        """Return what learns: of the "critic", or of all networks that descend, the "segmentor" and its classifier."""
        return [
            variable
            for name, network in self.networks.items()
            if (name == "critic") == (player == "critic")
            for variable in network.trainable_variables
        ]

    def release(self, epoch: int) -> bool:
        """Let those layers learn that are to by an epoch, from 0, and no others; return whether a step is another now.

        Until then they stand still as what a strategy freezes: the statistics of BatchNormalization, too.
        """
        ready = {self.segmentor.get_layer(name): epoch >= first for name, first in self.waiting.items()}
        changed = [layer for layer, learns in ready.items() if layer.trainable != learns]
        for layer in changed:
            layer.trainable = ready[layer]
        return bool(changed)

    def step(self, batch: dict) -> None:
        """Learn from one batch on one replica.

        Args:
            batch: {"image": (B, …, M), "mask": (B, …, R)}; with two cohorts "domain" (B,), with subsets of modalities
                "present" (B, M), for a teacher "whole" (B,), too.
        """
        if self.domain:
            self.domain.set_strength(next(iter(self.optimizers.values())).iterations)
        settings, moved = self.config.critic, 0.0
        if settings is None or settings.update == "simultaneous":
            terms, moved = self.play(batch, ("segmentor", "critic"))
        else:
            for _ in range(settings.steps):
                terms, _ = self.play(batch, ("critic",))
            for _ in range(settings.segmentor_steps):
                terms, taken = self.play(batch, ("segmentor",))
                moved = tf.maximum(moved, taken)
        self.average.update(moved)
        for name, values in terms.items():
            self.metrics[name].update_state(values)

    def play(self, batch: dict, players: tuple[str, ...]) -> tuple:
        """Update the players' networks from one pass at the old weights.

        Returns:
            Name of a metric → its values, and whether the segmentor's step was taken, 0 or 1.
        """
        variables = {player: self.variables_of(player) for player in players}
        variables = {player: found for player, found in variables.items() if found}
        gradients, terms = self._gradients(batch, players, variables)
        terms |= {"l2_source": self.anchor.loss()} if self.anchor.weight else {}
        taken = 1.0
        if "segmentor" in gradients:
            taken = self.descents["segmentor"].update(gradients["segmentor"], variables["segmentor"])
        elif "segmentor" in players:
            self.descents["segmentor"].stand_still()
        if "critic" in gradients:
            sign = -1 / self.config.critic.weight if "segmentor" in players else -1
            self.descents["critic"].update([sign * one for one in gradients["critic"]], variables["critic"])
        return terms, taken

    def _gradients(self, batch: dict, players: tuple[str, ...], variables: dict) -> tuple[dict, dict]:
        """Return player → its gradients, and the terms' values, from the batch part by part."""
        leads = "segmentor" if "segmentor" in players else "critic"
        scale, ratio, gradients, terms = self.descents[leads].scale, None, None, []
        if scale is not None and leads == "segmentor" and "critic" in variables:
            ratio = self.descents["critic"].scale.value / scale.value
        for part in parts_of_batch(batch, self.config.train.accumulate, after=lambda: gradients):
            with tf.GradientTape() as tape:
                losses = self.losses(part, scale_ratio=ratio)
                # What the critic shares with the others is L1 alone.
                target = losses["target" if leads == "segmentor" else "l1"]
                target = target / (self.replicas * self.config.train.accumulate)
                target = target if scale is None else target * scale.value
            found = tape.gradient(target, list(variables.values()))
            gradients = found if gradients is None else tf.nest.map_structure(tf.add, gradients, found)
            terms.append(losses["terms"])
        if len(terms) > 1:
            terms = [{name: tf.concat([one[name] for one in terms], axis=0) for name in terms[0]}]
        return dict(zip(variables, gradients, strict=True)), terms[0]

    def losses(self, batch: dict, *, scale_ratio=None) -> dict:
        """Return "target" and "l1", the mean loss of the replica's batch, and "terms": metric → its values (B,).

        Args:
            batch: as for `step`.
            scale_ratio: as for the critic's term.
        """
        config, everything, mask, l1 = self.config, self._image(batch), batch["mask"], 0.0
        image = seen = everything
        if "present" in batch:
            image = hide(everything, batch["present"])
            seen = with_planes(image, batch["present"])
        outputs = self.forward(seen, training=True)
        outputs = list(outputs) if isinstance(outputs, list | tuple) else [outputs]
        total, terms = 0.0, {}
        if self.teacher:
            terms["loss_teacher"] = self.teacher(everything, batch["whole"], outputs[0])
            total += config.train.teacher_weight * tf.reduce_sum(terms["loss_teacher"])
        if self.domain:
            terms["loss_domain"] = self.domain(batch["domain"], outputs.pop())
            total += config.adversary.weight * tf.reduce_sum(terms["loss_domain"])
            if not config.adversary.target_labels:
                # The others are left out, not multiplied by 0: what their masks hold, NaN say, goes nowhere.
                labelled = batch["domain"] == SOURCE
                image, mask, *outputs = (tf.boolean_mask(one, labelled) for one in (image, mask, *outputs))
        truth = encode_truth(mask, background=config.model.activation == "softmax")
        terms |= supervise(self.loss, truth, outputs)
        if self.critic:
            l1 = self.critic(image, truth, outputs[0], scale_ratio=scale_ratio)
            terms["loss_segmentor"] = terms["loss_segmentor"] + config.critic.weight * l1
            terms |= {"loss_critic": -l1, "l1": l1}
        total += tf.reduce_sum(terms["loss_segmentor"])
        count = tf.cast(tf.shape(batch["image"])[0], "float32")
        return {"target": total / count, "l1": tf.reduce_sum(l1) / count, "terms": terms}

    def best_weights(self) -> list:
        """Return the segmentor's weights to judge and publish: the running average where there is one."""
        return self.average.values()

    def variables(self) -> dict[str, keras.Variable]:
        """Return what must survive a kill apart from the networks, under stable names."""
        found = self.average.variables() | self.anchor.variables()
        for name, optimizer in self.optimizers.items():
            found |= {f"{name}_optimizer/{i}": variable for i, variable in enumerate(optimizer.variables)}
        for player, descent in self.descents.items():
            found |= {f"{player}_loss_scale/{i}": variable for i, variable in enumerate(descent.variables())}
        for name, metric in self.metrics.items():
            found |= {f"metrics/{name}/{i}": variable for i, variable in enumerate(metric.variables)}
        return found

    def _image(self, batch: dict):
        """Return the batch's images, changed as "changes" says where the input pipeline has left that to the device.

        No change comes after it: what is hidden then stays 0.
        """
        if "changes" not in batch:
            return batch["image"]
        keeps_statistics = self.config.augment.gamma_keeps_statistics
        return change_batch(
            batch["image"], batch["changes"], keeps_statistics=keeps_statistics, neighbours=self.config.data.neighbours
        )
