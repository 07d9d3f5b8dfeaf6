"""Configuration of the volumetric family: patches of whole volumes, one network, a supervised loss."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from segan_tl.config.adaptation import AdversaryConfig, FinetuneConfig, SourceCohortConfig
from segan_tl.config.base import (
    LARGEST,
    Decay,
    Fraction,
    Fractions,
    Modalities,
    PhantomConfig,
    Positive,
    PositiveWeight,
    Rate,
    Regions,
    RunName,
    Section,
    Seed,
    Threshold,
    Weight,
)
from segan_tl.config.network import VolumeModelConfig
from segan_tl.regions import MODALITIES, REGIONS

SOFTMAX_LOSSES = ("dice_ce", "ce", "multiple_dice", "multiple_dice_background")


def _ascends(span: tuple[float, float]) -> tuple[float, float]:
    if span[0] > span[1]:
        raise ValueError("expected the lower one first")
    return span


Range = Annotated[tuple[Fraction, Fraction], AfterValidator(_ascends)]
Factor = Annotated[float, Field(gt=0, le=10)]
PositiveRange = Annotated[tuple[Factor, Factor], AfterValidator(_ascends)]
Share = Annotated[float, Field(gt=0, le=1)]
ShareRange = Annotated[tuple[Share, Share], AfterValidator(_ascends)]
Spacing = Annotated[float, Field(ge=0.05, le=20)]
Overlap = Annotated[float, Field(ge=0, le=0.95)]


class VolumeDataConfig(Section):
    """What is read, how it is scaled, and which patches are drawn."""

    modalities: Modalities = MODALITIES  # what the network sees, in this order; --modality sets it
    regions: Regions = ("wt", "tc", "et")  # what is segmented
    # zscore: mean 0, deviation 1 inside the brain; ren: 1st to 99th percentile to 0 … 1
    normalise: Literal["zscore", "ren"] = "zscore"
    spacing_mm: Spacing | None = None  # of cubic voxels to resample to; None: the file's own
    patch: tuple[Positive, Positive, Positive] = (128, 128, 128)  # D, H, W
    sampling: Literal["random", "centre"] = "random"  # where a patch lies: anywhere, or in the middle of the head
    foreground: Fraction = 0.33  # of a batch's examples whose patch surely holds a region [Isensee 2021]
    split: tuple[Fraction, Fraction, Fraction] = (0.8, 0.1, 0.1)  # parts of the patients: training, validation, test
    train_cases: Positive | None = None  # scans of the training part, chosen by the seed; None takes all


class VolumeAugmentConfig(Section):
    """Random changes of a training patch: a chance for each, and the range its strength is drawn from.

    `scale` is the part of the head that is read over the size of the patch: above 1 the head looks smaller, as in
    nnU-Net. `balanced` draws brightness and contrast factors below 1 as often as above 1 [nnU-Net], else uniformly; the
    exponent of gamma is always balanced. Blur and low resolution change each modality with a chance of a half.
    """

    rotation: Fraction = 0.0  # chance
    rotation_degrees: float = Field(30.0, ge=0, le=180)  # about each axis; a 2-D patch turns in its plane only
    scaling: Fraction = 0.0  # chance
    scale: PositiveRange = (0.7, 1.4)  # range of the factor
    elastic: Fraction = 0.0  # chance
    elastic_deformation: Range = (0.0, 0.25)  # standard deviation of the smoothing over the size of the patch
    mirror: Fraction = 0.0  # of each axis
    noise: Fraction = 0.0  # chance
    noise_std: Range = (0.0, 0.1)  # range of its standard deviation
    blur: Fraction = 0.0  # chance
    blur_sigma_voxels: PositiveRange = (0.5, 1.0)  # range, along each axis
    brightness: Fraction = 0.0  # chance
    brightness_factor: PositiveRange = (0.75, 1.25)  # range
    contrast: Fraction = 0.0  # chance
    contrast_factor: PositiveRange = (0.75, 1.25)  # range
    low_resolution: Fraction = 0.0  # chance
    low_resolution_zoom: ShareRange = (0.5, 1.0)  # voxels kept along each axis
    gamma: Fraction = 0.0  # chance
    gamma_inverted: Fraction = 0.0  # chance, of gamma on the inverted image
    gamma_exponent: PositiveRange = (0.7, 1.5)  # range, of both
    gamma_keeps_statistics: bool = True  # mean and standard deviation of the patch
    balanced: bool = True  # factors below 1 as often as above


class VolumeTrainConfig(Section):
    """Loss, optimizer, and when training ends."""

    batch_size: Positive = 2  # patches in a step, of all replicas together
    epochs: Positive = 1000  # at most
    patience: Positive | None = None  # epochs without a better validation Dice; None trains to the end
    steps_per_epoch: int = Field(250, ge=0, le=LARGEST)  # 0: one pass over the training cases
    # multiple_dice: of the labels [Wacker 2020, paper]; with background, another term of the mean [its code]
    loss: Literal["dice_bce", "dice_ce", "bce", "ce", "multiple_dice", "multiple_dice_background", "mse_bce"] = (
        "dice_bce"
    )
    loss_weights: tuple[Weight, Weight] = (1.0, 1.0)  # of the two terms in the loss' name
    class_weights: tuple[Weight, ...] | None = None  # bce: inside each region; ce: of each class, background first
    dice_smooth: PositiveWeight = 1e-5  # added above and below the fraction of the Dice loss
    batch_dice: bool = False  # sums of the Dice loss over the batch, not over each example
    supervise_coarsest: bool = True  # nnU-Net leaves its coarsest output out
    # sgd: Nesterov with coupled decay, as in PyTorch; adamw: epsilon as in PyTorch
    optimizer: Literal["sgd", "adam", "adamw"] = "sgd"
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
    precision: Literal["float32", "mixed_bfloat16"] = "float32"  # of the computation; weights are float32
    validate_every: Positive = 1  # epochs


class VolumePredictConfig(Section):
    """How a volume is segmented."""

    overlap: Overlap | tuple[Overlap, Overlap, Overlap] = 0.5  # of neighbouring tiles, or one each for D, H, W
    weighting: Literal["gaussian", "constant"] = "gaussian"  # of a tile's voxels where tiles overlap
    mirror: bool = True  # average over all flips
    batch_size: Positive = 1  # tiles in one pass
    # threshold: each region by itself; largest: the most probable label (softmax)
    decision: Literal["threshold", "largest"] = "threshold"
    threshold: Threshold = 0.5  # with "largest": t / (1 - t) weighs the background before the largest wins
    smallest_component: Fractions = 0.0  # of the largest; several: the validation cases choose


class VolumeConfig(Section):
    """Everything that decides a run of one volumetric network, apart from the data itself."""

    name: RunName  # of the run's folder: runs/<name>/…
    seed: Seed = 0  # of everything random: split, first weights, order, augmentation
    phantom: PhantomConfig = PhantomConfig()
    data: VolumeDataConfig = VolumeDataConfig()
    augment: VolumeAugmentConfig = VolumeAugmentConfig()
    model: VolumeModelConfig
    train: VolumeTrainConfig = VolumeTrainConfig()
    predict: VolumePredictConfig = VolumePredictConfig()
    transfer: FinetuneConfig | None = None
    source: SourceCohortConfig | None = None
    adversary: AdversaryConfig | None = None

    @property
    def classes(self) -> int:
        """Return the number of the network's output channels: background is one of them under a softmax."""
        return len(self.data.regions) + (self.model.activation == "softmax")

    def misfit(self) -> str | None:
        """Return why the network cannot take the patches; None where it can."""
        patch, coarsest = self.data.patch, self.model.coarsest
        if any(size % step for size, step in zip(patch, coarsest)):
            return (
                f"data.patch {list(patch)} must be divisible by {list(coarsest)}, by which the {self.model.family} of "
                "[model] divides it"
            )
        if (patch[0] == 1) != (self.model.family == "albunet2d"):
            wanted = "1 slice for albunet2d" if patch[0] > 1 else f"several slices for {self.model.family}"
            return f"data.patch {list(patch)} has {patch[0]} along D; expected {wanted}"
        return None

    @model_validator(mode="after")
    def _loss_fits(self):
        softmax = self.model.activation == "softmax"
        if softmax != (self.train.loss in SOFTMAX_LOSSES):
            fitting = SOFTMAX_LOSSES if softmax else ("dice_bce", "bce", "mse_bce")
            raise ValueError(
                f"train.loss {self.train.loss!r} does not go with model.activation {self.model.activation!r}; "
                f"expected one of {', '.join(fitting)}"
            )
        if softmax != (self.predict.decision == "largest"):
            wanted = "largest" if softmax else "threshold"
            raise ValueError(
                f"model.activation {self.model.activation!r} needs predict.decision = {wanted!r}, found "
                f"{self.predict.decision!r}"
            )
        labels = [label for region in self.data.regions for label in REGIONS[region]]
        if softmax and len(labels) > len(set(labels)):
            raise ValueError(
                f"model.activation 'softmax' needs regions that exclude each other, such as ncr, ed, et; found "
                f"{', '.join(self.data.regions)}"
            )
        return self

    @model_validator(mode="after")
    def _adaptation_fits(self):
        if self.adversary and not self.source:
            raise ValueError("[adversary] tells two cohorts apart and needs the section [source] for the second one")
        if self.transfer and self.model.pretrained:
            raise ValueError("transfer and model.pretrained both name the first weights; leave one of them out")
        return self

    @model_validator(mode="after")
    def _both_cohorts_are_drawn(self):
        examples = self.train.steps_per_epoch * self.train.batch_size
        # 0: an epoch is as long as the cohorts are large, which train/recipes.py knows.
        if self.source and examples and (lack := self.source.lack(examples)):
            raise ValueError(lack)
        return self

    @model_validator(mode="after")
    def _weights_fit(self):
        weights = self.train.class_weights
        if weights is not None and len(weights) != self.classes:
            raise ValueError(f"train.class_weights has {len(weights)} values; expected {self.classes}")
        for name in ("class_weights", "loss_weights"):
            if getattr(self.train, name) and not any(getattr(self.train, name)):
                raise ValueError(f"train.{name} are all 0; expected at least one above it")
        if abs(sum(self.data.split) - 1) > 1e-6:
            raise ValueError(f"data.split {list(self.data.split)} must add up to 1")
        return self
