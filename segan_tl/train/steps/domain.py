"""The domain classifier's term: it tells the cohort of features that the segmentor may be made to hide [Ganin 2016].

    loss = loss_segmentor + weight · loss_domain

    loss_segmentor: of the examples whose labels may be read
    loss_domain:    binary cross-entropy of the classifier, of all examples

Both networks descend this loss in one step. With gradient reversal, the features get −λ times the gradient of the
classifier's part: they learn to hide what it learns to tell. Without, they learn to show it [Heras Rivera 2024, "DANN
without gradient reversal"]. Losses are per example, those without labels count 0 in the segmentor's, and the gradient
is that of the mean over the global batch: a batch is worth its examples one by one.
"""

import keras
from keras import ops

from segan_tl.config.schema import Config
from segan_tl.losses import binary_cross_entropy
from segan_tl.models.dann import build_domain_classifier, find_latent, latent_shape


class DomainTerm:
    """The classifier of the segmentor's features, and its loss; build it in the strategy's scope.

    Args:
        segmentor: model to logits.
        config: the configuration, with `adversary`.
        total_steps: of the whole training, for the schedule of λ.

    Attributes:
        latent: the tensor of the segmentor that the classifier sees.
        classifier: model from `latent` to a logit that is positive for the target.

    Raises:
        UserError: there is no such layer, or the classifier does not fit its grid.
    """

    def __init__(self, segmentor: keras.Model, *, config: Config, total_steps: int):
        self.settings, self.total_steps = config.adversary, total_steps
        self.latent, self.classifier = build_classifier(segmentor, config)
        self.metrics = {
            "loss_domain": keras.metrics.Mean(name="loss_domain"),
            "domain_accuracy": BalancedAccuracy(name="domain_accuracy"),
        }
        if self.settings.reversal:
            self.metrics["lambda"] = keras.metrics.Mean(name="lambda")

    def __call__(self, domain, latent):
        """Return the classifier's loss, (B,), of `domain` (B,) and the features `latent`."""
        logit = self.classifier(latent, training=True)
        self.metrics["domain_accuracy"].update_state(domain, logit)
        return binary_cross_entropy(domain[:, None], logit)

    def set_strength(self, step) -> None:
        """Set λ of a step: Ganin's schedule is one of the progress of the whole training."""
        if not self.settings.reversal:
            return
        variable = self.classifier.get_layer("reversal").strength
        if self.settings.schedule == "ganin":
            progress = ops.cast(step, "float32") / self.total_steps
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


def build_classifier(segmentor: keras.Model, config: Config) -> tuple:
    """Return what the classifier of the domains sees of a segmentor, and the classifier.

    Raises:
        UserError: there is no such layer, or the classifier does not fit its grid.
    """
    settings = config.adversary
    latent = find_latent(segmentor, settings.layer)
    shape = latent.shape[1:]
    if settings.classifier == "goat_repo":  # which has a weight for each place
        shape = latent_shape(segmentor, latent, patch=config.data.patch[-(len(shape) - 1) :])
    strength = settings.strength if settings.reversal else None
    return latent, build_domain_classifier(shape, form=settings.classifier, strength=strength)
