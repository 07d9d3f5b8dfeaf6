"""Configuration: frozen pydantic models over TOML; `load_config` is the only way in."""

import json
from pathlib import Path
from typing import Annotated, ClassVar, Literal, get_args

from pydantic import Field, ValidationError, model_validator

from segan_tl.config.base import (
    Decay,
    Fraction,
    Fractions,
    Modalities,
    Percentile,
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
from segan_tl.config.memory import lack_of_memory
from segan_tl.config.network import Width
from segan_tl.config.override import apply_override
from segan_tl.config.volume import VolumeConfig
from segan_tl.disk.reading import is_there, require_file
from segan_tl.errors import UserError, nearest
from segan_tl.schemas.reading import Text, check_depth, explain, read_toml

CONFIGS = Path(__file__).parents[2] / "configs"
STRATEGIES = (
    "full",
    "freeze-critic",
    "critic-init",
    "freeze-critic-first",
    "freeze-critic-last",
    "freeze-encoder",
    "freeze-decoder",
)


class DataConfig(Section):
    """What is read and how it is prepared [Giacomello 2020, IV-B]."""

    modalities: Modalities = ("flair",)  # what the segmentor sees, in this order; --modality sets it
    regions: Regions = ("wt",)  # what is segmented, a sigmoid each
    # voxels along H, W, D cut out of the middle; a smaller image is padded with 0
    crop: tuple[Positive, Positive, Positive] = (180, 180, 128)
    window: tuple[Positive, Positive] = (160, 160)  # H, W of a training slice, cut anywhere out of the crop
    # of the crop: each modality is clipped there, then scaled to 0 … 1
    percentiles: tuple[Percentile, Percentile] = (2.0, 98.0)
    split: tuple[Fraction, Fraction, Fraction] = (0.8, 0.1, 0.1)  # parts of the patients: training, validation, test
    train_cases: Positive | None = None  # scans of the training part, chosen by the seed; None takes all

    @model_validator(mode="after")
    def _percentiles_ascend(self):
        low, high = self.percentiles
        if low >= high:
            raise ValueError(f"data.percentiles [{low:g}, {high:g}]: expected the lower one first, such as [2, 98]")
        return self


class AugmentConfig(Section):
    """Random changes of a training slice; a value of 0 switches one off."""

    flip: Fraction = 0.0  # chance of a mirror image, left for right
    rotation_degrees: float = Field(0.0, ge=0, le=180)  # largest angle, either way
    scale: Decay = 0.0  # s: enlarged by a factor from 1 / (1 + s) to 1 + s
    gamma: Decay = 0.0  # likewise, the exponent of the intensities
    brightness: Decay = 0.0  # b: intensities times 1 − b to 1 + b
    noise: Fraction = 0.0  # standard deviation, of intensities from 0 to 1


class ModelConfig(Section):
    """The two networks [Giacomello 2020, III]."""

    # width of every stage of the segmentor, each of which halves the grid
    filters: Annotated[tuple[Width, ...], Field(min_length=1)] = (64, 128, 256, 512)
    critic_filters: Annotated[tuple[Width, ...], Field(min_length=1)] = (64, 128, 256)  # likewise, of the critic
    # "concatenate": image and mask (SegAN-CAT); "mask": their product (SegAN)
    critic_input: Literal["concatenate", "mask"] = "concatenate"
    leaky_slope: float = Field(0.2, ge=0, lt=1)  # of LeakyReLU below 0; the authors' code: 0.3
    norm_momentum: float = Field(0.9, gt=0, lt=1)  # of BatchNormalization, as Keras counts it; the authors' code: 0.1


class TrainConfig(Section):
    """The game, its optimizers and when it ends."""

    batch_size: Positive = 64  # slices in a step, of all replicas together
    epochs: Positive = 100_000  # at most
    patience: Positive = 500  # epochs without a better validation Dice
    steps_per_epoch: Positive | None = None  # None: as many as it takes to see every slice once
    tumour_fraction: Fraction = 0.0  # of an epoch's slices surely with tumour; the others are drawn from all
    update: Literal["simultaneous", "alternating"] = "simultaneous"  # critic and segmentor from one pass, or in turn
    critic_steps: Positive = 1  # updates of the critic in a turn, when alternating
    segmentor_steps: Positive = 1  # updates of the segmentor in a turn, when alternating
    dice_weight: Weight = 1.0  # of the Dice loss in the segmentor's; 0 leaves it out
    dice_smooth: PositiveWeight = 1e-6  # added above and below the fraction of the Dice loss
    adversarial_weight: PositiveWeight = 1.0  # of the multi-scale L1 in the segmentor's loss
    clip: PositiveWeight | None = 0.05  # largest absolute value in the critic's kernels [Xue 2018]
    # rmsprop: epsilon outside of the root, as in TensorFlow 2.0; rmsprop_keras: inside
    optimizer: Literal["rmsprop", "rmsprop_keras", "adam"] = "rmsprop"
    learning_rate: Rate = 2e-5  # at the start
    critic_learning_rate: Rate | None = None  # None: that of the segmentor
    schedule: Literal["constant", "cosine"] = "constant"  # of the learning rate; cosine falls to 0 at the last epoch
    averaging: Decay = 0.0  # decay of a running average of the weights, which is judged and published; 0: none
    precision: Literal["float32", "mixed_bfloat16"] = "float32"  # of the computation; weights are float32
    validate_every: Positive = 1  # epochs

    @model_validator(mode="after")
    def _schedule_needs_an_end(self):
        if self.schedule == "cosine" and self.epochs == TrainConfig.model_fields["epochs"].default:
            raise ValueError("schedule = 'cosine' falls to 0 at the last epoch: set train.epochs too")
        return self


class PredictConfig(Section):
    """How a volume is segmented."""

    decision: ClassVar[str] = "threshold"  # volumetric networks have a choice
    area: Literal["crop", "window"] = "crop"  # outside of it nothing is found: told case by case
    batch_size: Positive = 16  # slices in one pass
    threshold: Threshold = 0.5  # least probability of what is found
    smallest_component: Fractions = 0.0  # of the largest; several: the validation cases choose


class TransferConfig(Section):
    """Where a run's first weights come from, and what stands still [Giacomello 2020, IV-C]."""

    source: Text  # a run, or a .keras file
    source_sha256: Text  # of its segmentor
    strategy: Literal[STRATEGIES] = "full"  # as `transfer.py --strategy`
    inputs: dict[str, str | None] = {}  # modality of this run → modality of the source; None starts fresh


class Config(Section):
    """Everything that decides a run, apart from the data itself."""

    name: RunName = "segan"  # of the run's folder: runs/<name>/…
    seed: Seed = 0  # of everything random: split, first weights, order, augmentation
    phantom: PhantomConfig = PhantomConfig()
    data: DataConfig = DataConfig()
    augment: AugmentConfig = AugmentConfig()
    model: ModelConfig = ModelConfig()
    train: TrainConfig = TrainConfig()
    predict: PredictConfig = PredictConfig()
    transfer: TransferConfig | None = None

    @property
    def classes(self) -> int:
        """Return the number of the segmentor's output channels."""
        return len(self.data.regions)

    @model_validator(mode="after")
    def _window_fits(self):
        factor = 2 ** len(self.model.filters)
        if any(size % factor for size in self.data.window):
            raise ValueError(
                f"data.window {list(self.data.window)} must be divisible by {factor} = 2 ** len(model.filters)"
            )
        if any(window > crop for window, crop in zip(self.data.window, self.data.crop)):
            raise ValueError(f"data.window {list(self.data.window)} is larger than data.crop {list(self.data.crop)}")
        if abs(sum(self.data.split) - 1) > 1e-6:
            raise ValueError(f"data.split {list(self.data.split)} must add up to 1")
        if self.model.critic_input == "mask" and len(self.data.regions) not in (1, len(self.data.modalities)):
            raise ValueError(
                f"model.critic_input 'mask' multiplies images and masks; expected one of data.regions, or as many as "
                f"data.modalities, found {len(self.data.regions)} and {len(self.data.modalities)}"
            )
        if len(self.model.critic_filters) > len(self.model.filters):
            raise ValueError("model.critic_filters has more stages than model.filters: the window may not divide")
        return self


AnyConfig = Config | VolumeConfig


def load_config(path: Path | str, overrides: tuple[str, ...] | list[str] = ()) -> AnyConfig:
    """Read a TOML file and apply `key.subkey=value` overrides, values in TOML notation.

    Raises:
        UserError: no such file, not TOML, an unknown key (the nearest known one is named) or a wrong value.
    """
    path = find_config(path)
    values = read_toml(path)
    if not overrides:
        return validate(values, source=str(path))
    for override in overrides:
        apply_override(values, override)
    return validate(values, source=f"{path.name} with --set {' '.join(overrides)}")


def revise_config(config: AnyConfig, overrides: list[str]) -> AnyConfig:
    """Return a configuration with `key.subkey=value` overrides applied.

    Raises:
        UserError: as `load_config`.
    """
    values = json.loads(config.model_dump_json())
    for override in overrides:
        apply_override(values, override)
    return validate(values, source=f"--set {' '.join(overrides)}")


def find_config(path: Path | str) -> Path:
    """Return the file, or the one of that name in the project's configs/ folder."""
    for candidate in (Path(path), CONFIGS / Path(path).name, CONFIGS / f"{path}.toml"):
        if is_there(candidate) and not candidate.is_dir():
            return require_file(candidate)
    known = sorted(file.stem for file in CONFIGS.glob("*.toml"))
    near = nearest(Path(path).name.removesuffix(".toml"), known)
    hint = f"did you mean --config {near}? " if near else ""
    names = ", ".join(f"{name}.toml" for name in known) or "none"
    raise UserError(f"no configuration file {path}; {hint}give a path, or one of configs/: {names}")


def validate(values: dict, *, source: str) -> AnyConfig:
    """Turn nested dictionaries into a Config, or into a VolumeConfig where `model.family` names a volumetric network.

    Raises:
        UserError: the first thing that is wrong, where it stands and what was expected.
    """
    check_depth(values, where=source, remedy="correct it")
    model = values.get("model", {})
    schema = VolumeConfig if isinstance(model, dict) and "family" in model else Config
    try:
        config = schema.model_validate(_frozen(values), strict=True)
    except ValidationError as error:
        raise UserError(f"{source}: {_explain(error, schema)}") from None
    if fault := (isinstance(config, VolumeConfig) and config.misfit()) or lack_of_memory(config):
        raise UserError(f"{source}: {fault}")
    return config


def _frozen(value: object) -> object:
    """Return the value with its lists as tuples, which sections have."""
    if isinstance(value, dict):
        return {key: _frozen(part) for key, part in value.items()}
    return tuple(map(_frozen, value)) if isinstance(value, list | tuple) else value


def _explain(found: ValidationError, schema: type[Section]) -> str:
    unknown = next((error["loc"] for error in found.errors() if error["type"] == "extra_forbidden"), None)
    if unknown is None:
        return explain(found)
    known = _known_keys(unknown[:-1], schema)
    near = nearest(str(unknown[-1]), known)
    hint = f"did you mean {'.'.join([*unknown[:-1], near])}?" if near else f"known here: {', '.join(known)}"
    return f"unknown key {'.'.join(map(str, unknown))}; {hint}"


def _known_keys(parents: tuple, schema: type[Section]) -> list[str]:
    model = schema
    for parent in parents:
        annotation = model.model_fields[parent].annotation
        model = next(iter(get_args(annotation)), annotation)
    return list(model.model_fields)
