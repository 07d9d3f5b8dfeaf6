"""Configuration: frozen pydantic models over TOML; `load_config` is the only way in."""

import difflib
import json
import tomllib
from pathlib import Path
from typing import ClassVar, Literal, get_args

from pydantic import Field, ValidationError, model_validator

from segan_tl.config_base import Fraction, PhantomConfig, Positive, RunName, Section
from segan_tl.config_volume import VolumeConfig
from segan_tl.errors import UserError
from segan_tl.reading import is_there, require_file
from segan_tl.regions import MODALITIES, REGIONS

CONFIGS = Path(__file__).parents[1] / "configs"
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

    modalities: tuple[Literal[MODALITIES], ...] = ("flair",)
    regions: tuple[Literal[tuple(REGIONS)], ...] = ("wt",)
    crop: tuple[Positive, Positive, Positive] = (180, 180, 128)
    window: tuple[Positive, Positive] = (160, 160)
    percentiles: tuple[float, float] = (2.0, 98.0)
    split: tuple[Fraction, Fraction, Fraction] = (0.8, 0.1, 0.1)
    train_cases: Positive | None = None  # of the training part, chosen by the seed; None takes all


class AugmentConfig(Section):
    """Random changes of a training slice; a value of 0 switches one off."""

    flip: Fraction = 0.0
    rotation_degrees: float = Field(0.0, ge=0, le=180)
    scale: Fraction = 0.0
    gamma: Fraction = 0.0
    brightness: Fraction = 0.0
    noise: Fraction = 0.0


class ModelConfig(Section):
    """The two networks [Giacomello 2020, III]."""

    filters: tuple[Positive, ...] = (64, 128, 256, 512)
    critic_filters: tuple[Positive, ...] = (64, 128, 256)
    critic_input: Literal["concatenate", "mask"] = "concatenate"
    leaky_slope: float = Field(0.2, ge=0, lt=1)
    norm_momentum: Fraction = 0.9


class TrainConfig(Section):
    """The game, its optimizers and when it ends."""

    batch_size: Positive = 64
    epochs: Positive = 100_000
    patience: Positive = 500
    steps_per_epoch: Positive | None = None
    tumour_fraction: Fraction = 0.0
    update: Literal["simultaneous", "alternating"] = "simultaneous"
    critic_steps: Positive = 1
    segmentor_steps: Positive = 1
    dice_weight: float = Field(1.0, ge=0)
    dice_smooth: float = Field(1e-6, gt=0)
    adversarial_weight: float = Field(1.0, gt=0)
    clip: float | None = Field(0.05, gt=0)
    optimizer: Literal["rmsprop", "rmsprop_keras", "adam"] = "rmsprop"
    learning_rate: float = Field(2e-5, gt=0)
    critic_learning_rate: float | None = Field(None, gt=0)
    schedule: Literal["constant", "cosine"] = "constant"
    averaging: float = Field(0.0, ge=0, lt=1)
    precision: Literal["float32", "mixed_bfloat16"] = "float32"
    validate_every: Positive = 1

    @model_validator(mode="after")
    def _schedule_needs_an_end(self):
        if self.schedule == "cosine" and self.epochs == TrainConfig.model_fields["epochs"].default:
            raise ValueError("schedule = 'cosine' falls to 0 at the last epoch: set train.epochs too")
        return self


class PredictConfig(Section):
    """How a volume is segmented."""

    decision: ClassVar[str] = "threshold"  # volumetric networks have a choice
    area: Literal["crop", "window"] = "crop"
    batch_size: Positive = 16
    threshold: Fraction = 0.5
    smallest_component: Fraction = 0.0


class TransferConfig(Section):
    """Where a run's first weights come from, and what stands still [Giacomello 2020, IV-C]."""

    source: str  # a run, or a .keras file
    source_sha256: str  # of its segmentor
    strategy: Literal[STRATEGIES] = "full"
    inputs: dict[str, str | None] = {}  # modality of this run → modality of the source; None starts fresh


class Config(Section):
    """Everything that decides a run, apart from the data itself."""

    name: RunName = "segan"
    seed: int = Field(0, ge=0)
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
    try:
        values = tomllib.loads(path.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not valid TOML: {error}") from None
    if not overrides:
        return validate(values, source=str(path))
    for override in overrides:
        _apply(values, override)
    return validate(values, source=f"{path.name} with --set {' '.join(overrides)}")


def revise_config(config: AnyConfig, overrides: list[str]) -> AnyConfig:
    """Return a configuration with `key.subkey=value` overrides applied.

    Raises:
        UserError: as `load_config`.
    """
    values = json.loads(config.model_dump_json())
    for override in overrides:
        _apply(values, override)
    return validate(values, source=f"--set {' '.join(overrides)}")


def find_config(path: Path | str) -> Path:
    """Return the file, or the one of that name in the project's configs/ folder."""
    for candidate in (Path(path), CONFIGS / Path(path).name, CONFIGS / f"{path}.toml"):
        if is_there(candidate) and not candidate.is_dir():
            return require_file(candidate)
    known = ", ".join(sorted(file.name for file in CONFIGS.glob("*.toml"))) or "none"
    raise UserError(f"no configuration file {path}; give a path, or one of configs/: {known}")


def validate(values: dict, *, source: str) -> AnyConfig:
    """Turn nested dictionaries into a Config, or into a VolumeConfig where `model.family` names a volumetric network.

    Raises:
        UserError: the first thing that is wrong, where it stands and what was expected.
    """
    model = values.get("model", {})
    schema = VolumeConfig if isinstance(model, dict) and "family" in model else Config
    try:
        return schema.model_validate(json.loads(json.dumps(values)))
    except ValidationError as error:
        raise UserError(f"{source}: {_explain(error.errors()[0], schema)}") from None


def _apply(values: dict, override: str) -> None:
    key, separator, text = override.partition("=")
    if not separator or not key.strip():
        raise UserError(f"--set expects key=value, for example --set train.epochs=20; got {override!r}")
    value = _read_value(text.strip())
    *parents, leaf = key.strip().split(".")
    for parent in parents:
        values = values.setdefault(parent, {})
        if not isinstance(values, dict):
            raise UserError(f"--set {override}: {parent} is a value, not a section")
    values[leaf] = value


def _read_value(text: str) -> object:
    """Read a value in TOML notation, or what the shell left of it: words without quotes, alone or in a list."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        if text[:1] != "[" or text[-1:] != "]":
            return text
    items = text[1:-1].split(",")
    return [_read_value(item.strip()) for item in items if item.strip()]


def _explain(error: dict, schema: type[Section]) -> str:
    place = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        known = _known_keys(error["loc"][:-1], schema)
        near = difflib.get_close_matches(str(error["loc"][-1]), known, n=1)
        parents = [str(part) for part in error["loc"][:-1]]
        hint = f"did you mean {'.'.join([*parents, near[0]])}?" if near else f"known here: {', '.join(known)}"
        return f"unknown key {place}; {hint}"
    message = error["msg"].removeprefix("Value error, ")
    return f"{place} = {error['input']!r}: {message}" if place else message


def _known_keys(parents: tuple, schema: type[Section]) -> list[str]:
    model = schema
    for parent in parents:
        annotation = model.model_fields[parent].annotation
        model = next(iter(get_args(annotation)), annotation)
    return list(model.model_fields)
