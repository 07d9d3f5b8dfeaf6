"""Configuration of the volumetric family: patches of whole volumes, one network, a supervised loss."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from segan_tl.config_adaptation import AdversaryConfig, FinetuneConfig, SourceCohortConfig
from segan_tl.config_base import Fraction, PhantomConfig, Positive, RunName, Section
from segan_tl.regions import MODALITIES, REGIONS

# The options of `model` that each family takes, and its variants.
FAMILIES = {
    "unet3d": (("variant", "filters"), ("unet3d", "unet3d_8", "ren_repo", "goat_repo")),
    "cicek": (("filters", "norm"), ()),
    "nnunet": (
        ("variant", "filters", "strides", "kernel_sizes", "blocks", "decoder_blocks"),
        ("plain", "resenc_m", "resenc_l"),
    ),
    "mednext": (("variant", "filters", "blocks", "kernel_size"), ("s", "b", "m", "l")),
    "albunet3d": (("variant",), ("albunet", "wacker_repo")),
    "albunet2d": (("variant",), ("albunet", "wacker_repo")),
}
OPTIONS = ("variant", "filters", "blocks", "decoder_blocks", "strides", "kernel_sizes", "kernel_size", "norm")
SOFTMAX_LOSSES = ("dice_ce", "ce", "multiple_dice", "multiple_dice_background")
Sizes = Positive | tuple[Positive, ...]
Range = tuple[float, float]
PositiveRange = tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]]


class VolumeDataConfig(Section):
    """What is read, how it is scaled, and which patches are drawn."""

    modalities: tuple[Literal[MODALITIES], ...] = MODALITIES
    regions: tuple[Literal[tuple(REGIONS)], ...] = ("wt", "tc", "et")
    normalise: Literal["zscore", "ren"] = "zscore"
    spacing_mm: Annotated[float, Field(gt=0)] | None = None  # of cubic voxels to resample to; None: the file's own
    patch: tuple[Positive, Positive, Positive] = (128, 128, 128)  # D, H, W
    sampling: Literal["random", "centre"] = "random"
    foreground: Fraction = 0.33  # of a batch's examples whose patch surely holds a region [Isensee 2021]
    split: tuple[Fraction, Fraction, Fraction] = (0.8, 0.1, 0.1)
    train_cases: Positive | None = None  # of the training part, chosen by the seed; None takes all


class VolumeAugmentConfig(Section):
    """Random changes of a training patch: a chance for each, and the range its strength is drawn from.

    `scale` is the part of the head that is read over the size of the patch: above 1 the head looks smaller, as in
    nnU-Net. `balanced` draws brightness and contrast factors below 1 as often as above 1 [nnU-Net], else uniformly; the
    exponent of gamma is always balanced. Blur and low resolution change each modality with a chance of a half.
    """

    rotation: Fraction = 0.0
    rotation_degrees: float = Field(30.0, ge=0, le=180)  # about each axis; a 2-D patch turns in its plane only
    scaling: Fraction = 0.0
    scale: PositiveRange = (0.7, 1.4)
    elastic: Fraction = 0.0
    elastic_deformation: Range = (0.0, 0.25)  # standard deviation of the smoothing over the size of the patch
    mirror: Fraction = 0.0  # of each axis
    noise: Fraction = 0.0
    noise_std: Range = (0.0, 0.1)
    blur: Fraction = 0.0
    blur_sigma_voxels: PositiveRange = (0.5, 1.0)
    brightness: Fraction = 0.0
    brightness_factor: PositiveRange = (0.75, 1.25)
    contrast: Fraction = 0.0
    contrast_factor: PositiveRange = (0.75, 1.25)
    low_resolution: Fraction = 0.0
    low_resolution_zoom: PositiveRange = (0.5, 1.0)  # voxels kept along each axis
    gamma: Fraction = 0.0
    gamma_inverted: Fraction = 0.0
    gamma_exponent: PositiveRange = (0.7, 1.5)
    gamma_keeps_statistics: bool = True  # mean and standard deviation of the patch
    balanced: bool = True


class VolumeModelConfig(Section):
    """Which network, and its size."""

    family: Literal[tuple(FAMILIES)]
    variant: str | None = None
    filters: tuple[Positive, ...] | None = None  # width of every stage
    blocks: tuple[Positive, ...] | None = None  # of every stage
    decoder_blocks: tuple[Positive, ...] | None = None
    strides: tuple[Sizes, ...] | None = None  # of every stage: one number, or one each for D, H, W
    kernel_sizes: tuple[Sizes, ...] | None = None  # likewise
    kernel_size: Literal[3, 5] | None = None
    norm: Literal["instance", "batch"] | None = None
    activation: Literal["sigmoid", "softmax"] = "sigmoid"
    deep_supervision: bool = True
    pretrained: str | None = None  # a .keras file, or what `python -m segan_tl import` wrote

    @model_validator(mode="after")
    def _options_fit(self):
        known, variants = FAMILIES[self.family]
        unknown = sorted(name for name in OPTIONS if getattr(self, name) is not None and name not in known)
        if unknown:
            raise ValueError(f"{unknown[0]} is no option of {self.family}; it has {', '.join(known)}")
        if self.variant is not None and self.variant not in variants:
            raise ValueError(f"variant {self.variant!r}: expected one of {', '.join(variants)} for {self.family}")
        return self


class VolumeTrainConfig(Section):
    """Loss, optimizer, and when training ends."""

    batch_size: Positive = 2
    epochs: Positive = 1000
    patience: Positive | None = None  # epochs without a better validation Dice; None trains to the end
    steps_per_epoch: int = Field(250, ge=0)  # 0: one pass over the training cases
    # multiple_dice: of the labels [Wacker 2020, paper]; with background, another term of the mean [its code]
    loss: Literal["dice_bce", "dice_ce", "bce", "ce", "multiple_dice", "multiple_dice_background", "mse_bce"] = (
        "dice_bce"
    )
    loss_weights: tuple[float, float] = (1.0, 1.0)  # of the two terms in the loss' name
    class_weights: tuple[float, ...] | None = None  # bce: inside each region; ce: of each class, background first
    dice_smooth: float = Field(1e-5, gt=0)
    batch_dice: bool = False
    supervise_coarsest: bool = True  # nnU-Net leaves its coarsest output out
    optimizer: Literal["sgd", "adam", "adamw"] = "sgd"
    learning_rate: float = Field(1e-2, gt=0)
    momentum: float = Field(0.99, ge=0, lt=1)
    weight_decay: float = Field(3e-5, ge=0)
    epsilon: float = Field(1e-8, gt=0)
    amsgrad: bool = False
    schedule: Literal["constant", "polynomial", "cosine"] = "polynomial"
    power: float = Field(0.9, gt=0)
    clip_norm: float = Field(12.0, ge=0)  # of the gradient; 0 leaves it as it is
    averaging: float = Field(0.0, ge=0, lt=1)
    precision: Literal["float32", "mixed_bfloat16"] = "float32"
    validate_every: Positive = 1


class VolumePredictConfig(Section):
    """How a volume is segmented."""

    overlap: Annotated[float, Field(ge=0, lt=1)] = 0.5
    weighting: Literal["gaussian", "constant"] = "gaussian"
    mirror: bool = True  # average over all flips
    batch_size: Positive = 1
    decision: Literal["threshold", "largest"] = "threshold"
    threshold: Fraction = 0.5  # with "largest": t / (1 - t) weighs the background before the largest wins
    smallest_component: Fraction = 0.0


class VolumeConfig(Section):
    """Everything that decides a run of one volumetric network, apart from the data itself."""

    name: RunName
    seed: int = Field(0, ge=0)
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
        if abs(sum(self.data.split) - 1) > 1e-6:
            raise ValueError(f"data.split {list(self.data.split)} must add up to 1")
        return self
