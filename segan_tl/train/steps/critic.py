"""The critic's term: it tells truth from prediction, and the segmentor is to leave it nothing to tell.

    L1 = multi-scale L1 between the critic's features of (image, truth) and of (image, prediction)

The critic maximises it, the segmentor minimises `critic.weight` times it beside its own loss [Giacomello 2020, III; Xue
2018]. With deep supervision the critic judges the finest output. It works on slices and on volumes. Of a slice with
neighbours (data.neighbours) it sees the slice in the middle alone, of which the mask is: so it is the same network for
any number of neighbours, comes over from any source, and can multiply image and mask.
"""

import keras
from keras import ops

from segan_tl.config.schema import Config
from segan_tl.data.neighbours import middle
from segan_tl.losses import multi_scale_l1
from segan_tl.models.segan import build_critic
from segan_tl.train.loss_scale import with_gradient_times
from segan_tl.train.steps.forward import build_forward


class CriticTerm:
    """The critic and what it says of a batch.

    Args:
        critic: of `build_critic_of`.
        config: the configuration, with `critic`.
        replicas: number of replicas.
    """

    def __init__(self, critic: keras.Model, *, config: Config, replicas: int = 1):
        self.critic, self.settings = critic, config.critic
        self.activation, self.neighbours = config.model.activation, config.data.neighbours
        self.forward = build_forward(critic, config=config, replicas=replicas)

    def __call__(self, image, truth, logits, *, scale_ratio=None):
        """Return L1, (B,).

        Args:
            image: (B, …, M), or (B, …, (2 n + 1) M) with n neighbours, which are left out.
            truth: (B, …, C), what the network is to answer.
            logits: (B, …, C) of its finest output.
            scale_ratio: the critic's loss scale over the segmentor's, by which gradients are multiplied within the
                critic, and divided when they leave it; None: it has none of its own.
        """
        logits, image = ops.cast(logits, "float32"), middle(image, self.neighbours)
        if scale_ratio is not None:
            logits = with_gradient_times(1 / scale_ratio, logits)
        probability = ops.softmax(logits, axis=-1) if self.activation == "softmax" else ops.sigmoid(logits)
        features = (self.forward({"image": image, "mask": mask}, training=True) for mask in (truth, probability))
        l1 = multi_scale_l1(*features)
        return l1 if scale_ratio is None else with_gradient_times(scale_ratio, l1)


def build_critic_of(config: Config) -> keras.Model:
    """Build the critic that `config.critic` describes, for patches of any size that it can halve."""
    settings = config.critic
    rank = sum(size > 1 for size in config.data.patch)
    return build_critic(
        (*[None] * rank, len(config.data.modalities)), classes=config.classes, filters=settings.filters,
        critic_input=settings.input, leaky_slope=settings.leaky_slope, norm_momentum=settings.norm_momentum,
        clip=settings.clip,
    )  # fmt: skip
