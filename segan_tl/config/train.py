"""Configuration of the losses, the critic, the optimizers, and of when training ends."""

from typing import Annotated, Literal

from pydantic import Field

from segan_tl.config.base import LARGEST, Decay, Positive, PositiveWeight, Rate, Section, Weight
from segan_tl.config.model import Width
from segan_tl.schemas.reading import Text

# Loss → its terms, of losses.TERMS, and what it goes with: softmax, of labels, which exclude each other, or sigmoid, of
# regions, each by itself.
LOSSES = {
    "dice_bce": (("dice", "bce"), "sigmoid"),
    "bce": (("bce",), "sigmoid"),
    "mse_bce": (("mse", "bce"), "sigmoid"),
    "squared_dice": (("dice",), "sigmoid"),
    "dice_ce": (("dice", "ce"), "softmax"),
    "ce": (("ce",), "softmax"),
    "multiple_dice": (("dice",), "softmax"),
    "multiple_dice_background": (("dice",), "softmax"),
}


MOST_PARTS = 64  # of a step, each of which is a part of its graph


class TrainConfig(Section):
    """Loss, optimizer, and when training ends."""

    batch_size: Positive = 2  # patches that are learnt from at a time, of all replicas together
    # so many times batch_size are a step, learnt from one after the other: the large batch of a small memory
    accumulate: int = Field(1, ge=1, le=MOST_PARTS)
    epochs: Positive = 1000  # at most
    patience: Positive | None = None  # epochs without a better validation Dice; None trains to the end
    steps_per_epoch: int = Field(250, ge=0, le=LARGEST)  # 0: one pass over the training cases, or over their slices
    # multiple_dice: of the labels [Wacker 2020, paper]; with background, another term of the mean [its code].
    # squared_dice: with squares in the denominator [Giacomello 2020, III (i)].
    loss: Literal[tuple(LOSSES)] = "dice_bce"
    loss_weights: tuple[Weight, Weight] = (1.0, 1.0)  # of the loss' terms; where it has one, of that
    class_weights: tuple[Weight, ...] | None = None  # bce: inside each region; ce: of each class, background first
    dice_smooth: PositiveWeight = 1e-5  # added above and below the fraction of the Dice loss
    batch_dice: bool = False  # sums of the Dice loss over the batch, not over each example
    supervise_coarsest: bool = True  # nnU-Net leaves its coarsest output out
    # sgd: Nesterov with coupled decay, adamw: epsilon, both as in PyTorch; rmsprop: epsilon outside of the root, as in
    # TensorFlow 2.0; rmsprop_keras: inside
    optimizer: Literal["sgd", "adam", "adamw", "rmsprop", "rmsprop_keras"] = "sgd"
    learning_rate: Rate = 1e-2  # at the start
    momentum: Decay = 0.99  # of sgd
    weight_decay: Decay = 3e-5  # of sgd and adamw
    epsilon: float = Field(1e-8, gt=0, le=1)  # of adam and adamw
    amsgrad: bool = False  # of adam
    # of the learning rate, which falls to 0 unless constant
    schedule: Literal["constant", "polynomial", "cosine"] = "polynomial"
    power: float = Field(0.9, gt=0, le=100)  # of the polynomial schedule: (1 − epoch / epochs) to the power
    clip_norm: Weight = 12.0  # of the gradient; 0 leaves it as it is
    averaging: Decay = 0.0  # decay of a running average of the weights, which is judged and published; 0: none
    # of the computation; weights are float32. mixed_float16: for GPUs, with scaled losses; what it publishes is float32
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    checkpointing: bool = False  # gradient checkpointing: most features are computed again for the gradient, not kept
    validate_every: Positive = 1  # epochs
    validate_cases: Positive = 16  # at most; of more, the same ones every time, drawn by the seed
    # with data.subsets = "any": folder of a finished run whose answers from all modalities are learnt, too [Hu 2020]
    teacher: Text | None = None
    teacher_weight: PositiveWeight = 1.0  # of that term
    teacher_loss: Literal["cross_entropy", "squared_dice"] = "squared_dice"  # what that term is

    @property
    def examples_per_step(self) -> int:
        """Return how many patches a step learns from, of all replicas together."""
        return self.batch_size * self.accumulate


class CriticConfig(Section):
    """The critic, which sees image and mask and tells truth from prediction [Giacomello 2020, III; Xue 2018].

    It maximises the multi-scale L1 between its features of truth and of prediction; `weight` times it is a term of the
    segmentor's loss.
    """

    # width of every stage, each of which halves the grid
    filters: Annotated[tuple[Width, ...], Field(min_length=1)] = (64, 128, 256)
    input: Literal["concatenate", "mask"] = "concatenate"  # SegAN-CAT; SegAN multiplies image and mask
    leaky_slope: float = Field(0.2, ge=0, lt=1)  # of LeakyReLU below 0; the authors' code: 0.3
    norm_momentum: float = Field(0.9, gt=0, lt=1)  # of BatchNormalization; the authors' code: 0.1
    clip: PositiveWeight | None = 0.05  # of each kernel's values; None leaves them free
    weight: PositiveWeight = 1.0  # of the multi-scale L1 in the segmentor's loss
    learning_rate: Rate | None = None  # None: the segmentor's
    update: Literal["simultaneous", "alternating"] = "simultaneous"  # critic and segmentor from one pass, or in turn
    steps: Positive = 1  # of the critic for each batch, where they alternate
    segmentor_steps: Positive = 1  # updates of the segmentor in a turn, when alternating
