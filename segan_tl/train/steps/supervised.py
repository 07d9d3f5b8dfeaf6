"""One network and a supervised loss over patches, with deep supervision where the network offers it.

    loss = Σ_i w_i · loss(truth at the grid of output i, logits_i),  w_i = 2⁻ⁱ / Σ 2⁻ⁱ

[Isensee 2021]. Losses are per example; the gradient is that of the mean over the global batch.
"""

from collections.abc import Callable

import keras
import tensorflow as tf
from keras import ops

from segan_tl import losses
from segan_tl.config.volume import VolumeConfig
from segan_tl.data.volume_intensity import change_batch
from segan_tl.fast.bottleneck import fuse_bottlenecks
from segan_tl.fast.instance_norm import fuse
from segan_tl.fast.planar import flatten_slices
from segan_tl.train.average import RunningAverage
from segan_tl.train.optimizers import build_volume_optimizer


class SupervisedTraining:
    """A network, its optimizer and the running average of what gets published; build it in the strategy's scope.

    Args:
        segmentor: model to a tensor of logits, or to a list of them, highest resolution first.
        published: the one-output model over the same layers, whose weights are averaged, judged and published.
        config: the configuration.
        replicas: number of replicas.
        steps_per_epoch: for the schedule of the learning rate.
        beside: other networks that learn in the same step, by the name they are saved under.
        latent: a tensor of the segmentor that `forward` is to return after the logits.

    Attributes:
        forward: image → logits, or the list of all outputs; computes what the segmentor does in less time.
    """

    def __init__(
        self,
        segmentor: keras.Model,
        published: keras.Model,
        *,
        config: VolumeConfig,
        replicas: int,
        steps_per_epoch: int,
        beside: dict[str, keras.Model] | None = None,
        latent=None,
    ):
        self.segmentor, self.config, self.replicas = segmentor, config, replicas
        self.networks = {"segmentor": segmentor} | (beside or {})
        outputs = segmentor.outputs if latent is None else [*segmentor.outputs, latent]
        self.forward = fuse(fuse_bottlenecks(flatten_slices(keras.Model(segmentor.input, outputs))))
        self.loss = make_loss(config)
        self.optimizers = {}
        if self.trainable_variables:
            optimizer = build_volume_optimizer(
                config.train, steps_per_epoch=steps_per_epoch, name="segmentor_optimizer"
            )
            optimizer.build(self.trainable_variables)
            self.optimizers["segmentor"] = optimizer
        still = [weight for layer in segmentor.layers if not layer.trainable for weight in layer.weights]
        self.average = RunningAverage(published.weights, config.train.averaging, still=still)
        terms = (f"loss_{name}" for name in terms_of(config.train.loss))
        names = ("loss_segmentor", *terms, "gradient_norm")
        self.metrics = {name: keras.metrics.Mean(name=name) for name in names}

    @property
    def trainable_variables(self) -> list[keras.Variable]:
        """Return what learns, of all networks."""
        return [variable for network in self.networks.values() for variable in network.trainable_variables]

    def step(self, batch: dict) -> None:
        """Learn from one batch on one replica: {"image": (B, …, M), "mask": (B, …, R)}."""
        def losses():
            terms = self.supervise(batch["mask"], self.forward(self.images(batch), training=True))
            return tf.reduce_mean(terms["loss_segmentor"]), terms

        self.descend(losses)

    def images(self, batch: dict):
        """Return the batch's images, changed as "changes" says where the input pipeline has left that to the device."""
        if "changes" not in batch:
            return batch["image"]
        keeps_statistics = self.config.augment.gamma_keeps_statistics
        return change_batch(batch["image"], batch["changes"], keeps_statistics=keeps_statistics)

    def descend(self, losses: Callable[[], tuple]) -> None:
        """Update the networks once.

        Args:
            losses: () → the mean loss of the replica's batch, and {name of a metric: its values (B,)}.
        """
        variables = self.trainable_variables
        with tf.GradientTape() as tape:
            loss, terms = losses()
            target = loss / self.replicas
        norm = self._apply(tape.gradient(target, variables), variables)
        self.average.update()
        self.metrics["gradient_norm"].update_state(norm)
        for name, values in terms.items():
            self.metrics[name].update_state(values)

    def best_weights(self) -> list:
        """Return the weights to judge and publish."""
        return self.average.values()

    def variables(self) -> dict[str, keras.Variable]:
        """Return what must survive a kill apart from the network, under stable names."""
        found = self.average.variables()
        for name, optimizer in self.optimizers.items():
            found |= {f"{name}_optimizer/{i}": variable for i, variable in enumerate(optimizer.variables)}
        for name, metric in self.metrics.items():
            found |= {f"metrics/{name}/{i}": variable for i, variable in enumerate(metric.variables)}
        return found

    def supervise(self, mask, outputs) -> dict:
        """Return the loss and its terms, (B,) each, of masks (B, …, R) and the logits of one or all outputs."""
        outputs = outputs if isinstance(outputs, list) else [outputs]
        truth, total = encode_truth(mask, background=self.config.model.activation == "softmax"), {}
        for weight, logits in zip(supervision_weights(len(outputs)), outputs, strict=True):
            terms = self.loss(coarsen(truth, logits), ops.cast(logits, "float32"))
            total = {name: total.get(name, 0.0) + weight * value for name, value in terms.items()}
        return total

    def _apply(self, gradients, variables):
        """Clip the gradient of the global batch by its norm and apply it; return the norm."""
        if not variables:  # everything stands still
            return 0.0
        context = tf.distribute.get_replica_context()
        if self.replicas > 1:
            gradients = context.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
        norm = tf.linalg.global_norm(gradients)
        limit = self.config.train.clip_norm
        scale = 1.0 if not limit else tf.minimum(1.0, limit / tf.maximum(norm, 1e-12))
        # The optimizer adds the replicas' gradients up, which are the same sum on each of them by now.
        self.optimizers["segmentor"].apply([gradient * (scale / self.replicas) for gradient in gradients], variables)
        return norm


def encode_truth(mask, *, background: bool):
    """Return the masks (B, …, R) as training targets, with a channel for background in front where it is a class."""
    if not background:
        return mask
    return tf.concat([1 - tf.reduce_max(mask, axis=-1, keepdims=True), mask], axis=-1)


def coarsen(truth, logits):
    """Take every n-th voxel of the truth, so that it lies on the grid of the logits."""
    fine, coarse = truth.shape[1:-1], logits.shape[1:-1]
    steps = [a // b for a, b in zip(fine, coarse, strict=True)]
    return truth[(slice(None), *(slice(None, None, step) for step in steps))]


def supervision_weights(outputs: int) -> list[float]:
    """Return 1, 1/2, 1/4, … divided by their sum."""
    weights = [0.5**i for i in range(outputs)]
    return [weight / sum(weights) for weight in weights]


def terms_of(loss: str) -> list[str]:
    """Return the terms in the name of a loss: dice_bce has dice and bce, multiple_dice has dice alone."""
    return [name for name in loss.split("_") if name in ("dice", "bce", "ce", "mse")]


def make_loss(config: VolumeConfig) -> Callable:
    """Return (truth, logits) → {"loss_segmentor", and "loss_<term>" for each term of its name}, (B,) each."""
    train, softmax = config.train, config.model.activation == "softmax"

    def dice(truth, logits):
        probability = ops.softmax(logits, axis=-1) if softmax else ops.sigmoid(logits)
        if softmax and train.loss != "multiple_dice_background":
            # Splits and not slices: the gradient of a slice of the channels is slow on a processor.
            truth, probability = (ops.split(values, [1], axis=-1)[1] for values in (truth, probability))
        return losses.soft_dice_loss(
            truth, probability, smooth=train.dice_smooth,
            batch=train.batch_dice or train.loss.startswith("multiple_dice"),
        )  # fmt: skip

    terms = {
        "dice": dice,
        "bce": lambda truth, logits: losses.binary_cross_entropy(
            truth, logits, positive_weights=train.class_weights, sum_classes=train.loss == "mse_bce"
        ),
        "ce": lambda truth, logits: losses.cross_entropy(truth, logits, class_weights=train.class_weights),
        "mse": lambda truth, logits: losses.mean_squared_error(truth, ops.sigmoid(logits)),
    }
    weights = dict(zip(terms_of(train.loss), train.loss_weights))

    def loss(truth, logits):
        values = {name: terms[name](truth, logits) for name in weights}
        total = sum(weight * values[name] for name, weight in weights.items())
        return {"loss_segmentor": total} | {f"loss_{name}": value for name, value in values.items()}

    return loss
