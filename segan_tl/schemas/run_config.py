"""config.json of a run, whichever version wrote it, and what all files of a run directory have in common."""

from typing import ClassVar

from segan_tl.schemas.provenance import Names, Transfer
from segan_tl.schemas.reading import Count, Schema, Text


class RunSchema(Schema):
    """A file of a run directory."""

    remedy: ClassVar[str] = "restore it from a backup, or train the run again with --overwrite"


class ConfigTransfer(Transfer):
    """Section `transfer` of a configuration."""

    source: Text
    source_sha256: str


class ConfigData(Schema):
    """Section `data` of a configuration."""

    modalities: Names = []
    regions: Names = []


class ConfigModel(Schema):
    """Section `model` of a configuration."""

    family: str | None = None
    variant: str | None = None
    critic_input: str | None = None  # of older versions


class ConfigCritic(Schema):
    """Section `critic` of a configuration."""

    input: str | None = None


class ConfigTrain(Schema):
    """Section `train` of a configuration."""

    epochs: Count | None = None
    steps_per_epoch: Count | None = None


class ConfigAdversary(Schema):
    """Section `adversary` of a configuration."""

    layer: str | None = None
    target_labels: bool = True


class RunConfig(RunSchema):
    """config.json, as every version wrote it: `config.validate` holds it against the schema of this one."""

    name: Text | None = None
    seed: Count | None = None
    data: ConfigData | None = None
    model: ConfigModel | None = None
    train: ConfigTrain | None = None
    critic: ConfigCritic | None = None
    transfer: ConfigTransfer | None = None
    adversary: ConfigAdversary | None = None
