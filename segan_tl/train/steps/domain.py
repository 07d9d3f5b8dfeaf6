"""Domain-adversarial training: a network that segments, and a classifier that tells its features' cohort [Ganin 2016].

    loss = loss_segmentor + weight · loss_domain

    loss_segmentor: of train/supervised.py, of the examples whose labels may be read
    loss_domain:    binary cross-entropy of the classifier, of all examples

Both networks descend this loss in one step. With gradient reversal, the features get −λ times the gradient of the
classifier's part: they learn to hide what it learns to tell. Without, they learn to show it [Heras Rivera 2024, "DANN
without gradient reversal"]. Losses are per example, those without labels count 0 in the segmentor's, and the gradient
is that of the mean over the global batch: a batch is worth its examples one by one.
"""

import keras
import tensorflow as tf
from keras import ops

from segan_tl.config.volume import VolumeConfig
from segan_tl.data.domains import SOURCE
from segan_tl.losses import binary_cross_entropy
from segan_tl.models.dann import build_domain_classifier, find_latent, latent_shape
from segan_tl.train.steps.supervised import SupervisedTraining


class DannTraining:
    """A segmentor, the classifier of its features, and one optimizer for both; build it in the strategy's scope.

    Args:
        segmentor: model to logits, as for SupervisedTraining.
        published: the one-output model over the same layers.
        classifier: model from `latent` to a logit that is positive for the target.
        latent: the tensor of the segmentor that the classifier sees.
        config: the configuration, with `adversary`.
        replicas: number of replicas.
        steps_per_epoch: for the schedules.
    """

    def __init__(
        self,
        segmentor: keras.Model,
        published: keras.Model,
        classifier: keras.Model,
        *,
        latent,
        config: VolumeConfig,
        replicas: int,
        steps_per_epoch: int,
    ):
        self.settings, self.classifier = config.adversary, classifier
        self.total_steps = steps_per_epoch * config.train.epochs
        self.supervised = SupervisedTraining(
            segmentor, published, config=config, replicas=replicas, steps_per_epoch=steps_per_epoch,
            beside={"domain_classifier": classifier}, latent=latent,
        )  # fmt: skip
        self.segmentor, self.networks = segmentor, self.supervised.networks
        self.optimizers, self.average = self.supervised.optimizers, self.supervised.average
        self.best_weights, self.variables = self.supervised.best_weights, self.supervised.variables
        self.metrics = self.supervised.metrics
        self.metrics |= {
            "loss_domain": keras.metrics.Mean(name="loss_domain"),
            "domain_accuracy": BalancedAccuracy(name="domain_accuracy"),
        }
        if self.settings.reversal:
            self.metrics["lambda"] = keras.metrics.Mean(name="lambda")

    def step(self, batch: dict) -> None:
        """Learn from one batch on one replica: {"image": (B, …, M), "mask": (B, …, R), "domain": (B,)}."""
        if self.settings.reversal:
            self._set_strength()
        domain = batch["domain"]

        def losses():
            *outputs, latent = self.supervised.forward(self.supervised.images(batch), training=True)
            logit = self.classifier(latent, training=True)
            loss_domain = binary_cross_entropy(domain[:, None], logit)
            self.metrics["domain_accuracy"].update_state(domain, logit)
            mask = batch["mask"]
            if not self.settings.target_labels:
                # The others are left out, not multiplied by 0: what their masks hold, NaN say, goes nowhere.
                labelled = domain == SOURCE
                mask, outputs = tf.boolean_mask(mask, labelled), [tf.boolean_mask(one, labelled) for one in outputs]
            terms = self.supervised.supervise(mask, outputs)
            total = tf.reduce_sum(terms["loss_segmentor"]) + self.settings.weight * tf.reduce_sum(loss_domain)
            return total / tf.cast(tf.size(domain), "float32"), terms | {"loss_domain": loss_domain}

        self.supervised.descend(losses)

    def _set_strength(self) -> None:
        """Set λ of this step: Ganin's schedule is one of the progress of the whole training."""
        variable = self.classifier.get_layer("reversal").strength
        if self.settings.schedule == "ganin":
            progress = ops.cast(self.optimizers["segmentor"].iterations, "float32") / self.total_steps
            variable.assign(self.settings.strength * ganin(progress))
        self.metrics["lambda"].update_state(variable)


def ganin(progress):
    """Return 2 / (1 + exp(−10 p)) − 1 for p from 0 to 1 [Ganin 2016, 5.2.2]."""
    return 2.0 / (1.0 + ops.exp(-10.0 * progress)) - 1.0


class BalancedAccuracy(keras.metrics.Metric):
    """The part of the examples of a cohort that the classifier tells right, the mean over both: 1/2 is chance.

    A cohort without examples is left out.
    """

    def __init__(self, name: str):
        super().__init__(name=name)
        self.right = self.add_variable(shape=(2,), initializer="zeros", name="right")
        self.seen = self.add_variable(shape=(2,), initializer="zeros", name="seen")

    def update_state(self, domain, logit):
        """Count examples: `domain` (B,) is 0 or 1, `logit` (B, 1)."""
        domain = ops.cast(domain, "float32")
        right = ops.cast(ops.equal(domain, ops.cast(logit[:, 0] > 0, "float32")), "float32")
        both = ops.stack([1.0 - domain, domain], axis=-1)
        self.seen.assign(self.seen + ops.sum(both, axis=0))
        self.right.assign(self.right + ops.sum(both * right[:, None], axis=0))

    def result(self):
        """Return the mean over the cohorts."""
        seen = ops.convert_to_tensor(self.seen)
        parts = ops.convert_to_tensor(self.right) / ops.maximum(seen, 1.0)
        return ops.sum(parts) / ops.maximum(ops.sum(ops.cast(seen > 0, "float32")), 1.0)


def build_dann(
    segmentor: keras.Model, published: keras.Model, *, config: VolumeConfig, replicas: int, steps_per_epoch: int
) -> DannTraining:
    """Attach the classifier that `config.adversary` describes to a segmentor, and return their game.

    Raises:
        UserError: there is no such layer, or the classifier does not fit its grid.
    """
    latent, classifier = build_classifier(segmentor, config)
    return DannTraining(
        segmentor, published, classifier, latent=latent, config=config, replicas=replicas,
        steps_per_epoch=steps_per_epoch,
    )  # fmt: skip


def build_classifier(segmentor: keras.Model, config: VolumeConfig) -> tuple:
    """Return what the classifier of the domains sees of a segmentor, and the classifier.

    Raises:
        UserError: as `build_dann`.
    """
    settings = config.adversary
    latent = find_latent(segmentor, settings.layer)
    shape = latent.shape[1:]
    if settings.classifier == "goat_repo":  # which has a weight for each place
        shape = latent_shape(segmentor, latent, patch=config.data.patch[-(len(shape) - 1) :])
    strength = settings.strength if settings.reversal else None
    return latent, build_domain_classifier(shape, form=settings.classifier, strength=strength)
