"""The teacher's term: a network that sees all modalities says of every voxel what one that sees some is to answer.

    loss_teacher = 1 − 2 Σ p t / (Σ p² + Σ t²), the mean over regions, with the network's probability p from a part of
                   the modalities and the teacher's, t, from all of them: 0 where both say the same

So what one modality shows of another comes over, softly, where the mask only says yes or no: the soft targets of KD-Net
[Hu 2020], without its temperature and its term of the latent features, and by Dice; with its cross-entropy
(`teacher_loss = "cross_entropy"`) a network may turn hesitant where its modalities show little, and below the threshold
that is silence: docs/missing-modalities.md has both, on patients and on the phantom. The teacher stands still. It sees
the same patch with the same changes; a case that lacks a modality has nothing to learn from it.
"""

import keras
import tensorflow as tf
from keras import ops

from segan_tl.config.schema import Config
from segan_tl.data.presence import with_planes
from segan_tl.fast.accelerate import accelerate
from segan_tl.losses import binary_cross_entropy, cross_entropy, dice_loss


class TeacherTerm:
    """The teacher and what it says of a batch; build it in the strategy's scope.

    Args:
        network: published segmentor, from its image to `probability`.
        theirs: the configuration that it was trained with.
        config: that of the training.
    """

    def __init__(self, network: keras.Model, *, theirs: Config, config: Config):
        network.trainable = False
        self.forward = accelerate(network)
        self.modalities, first = len(theirs.data.modalities), config.data.neighbours - theirs.data.neighbours
        self.places = [
            slice_ * self.modalities + config.data.modalities.index(name)
            for slice_ in range(first, first + theirs.data.slices)
            for name in theirs.data.modalities
        ]
        self.outputs = [theirs.data.regions.index(name) for name in config.data.regions]
        self.softmax, self.planes = config.model.activation == "softmax", theirs.data.any_subset
        self.settings = config.train
        if self.softmax:  # background first
            self.outputs = [0, *(place + 1 for place in self.outputs)]

    def __call__(self, image, whole, logits):
        """Return the loss, (B,); 0 for an example of a case that lacks a modality.

        Args:
            image: (B, …, M) with all modalities of the case, of as many neighbours as the teacher sees, or more.
            whole: (B,) 1 where these are all that there are, else 0.
            logits: (B, …, C) of the finest output, of the part of the modalities.
        """
        image = tf.gather(image, self.places, axis=-1)
        every = image[:, *[0] * (len(image.shape) - 2), : self.modalities]
        seen = with_planes(image, ops.ones_like(every)) if self.planes else image
        answer = tf.stop_gradient(tf.gather(self.forward(seen, training=False), self.outputs, axis=-1))
        return whole * self._measure(ops.cast(answer, "float32"), ops.cast(logits, "float32"))

    def _measure(self, answer, logits):
        if self.settings.teacher_loss == "cross_entropy":
            return (cross_entropy if self.softmax else binary_cross_entropy)(answer, logits)
        probability = ops.softmax(logits, axis=-1) if self.softmax else ops.sigmoid(logits)
        if self.softmax:  # Dice is of the foreground
            answer, probability = (ops.split(values, [1], axis=-1)[1] for values in (answer, probability))
        return dice_loss(answer, probability, smooth=self.settings.dice_smooth)
