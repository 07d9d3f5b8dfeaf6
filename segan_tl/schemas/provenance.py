"""What a network says of itself, and a run of its network: whom it has learnt from, and where it started."""

from typing import ClassVar

from segan_tl.schemas.reading import Count, Schema, Text

Names = list[Text]


class Preparation(Schema):
    """What all cases of a cohort had been given by `prepare`."""

    steps: Names = []
    intensity: str | None = None
    size: list[Count] | None = None


class Data(Schema):
    """The cases that a network has learnt from."""

    folder: Text | None = None
    layout: str | None = None
    synthetic: bool | None = None
    cases: dict[str, Count] = {}
    prepared: Preparation | None = None


class Transfer(Schema):
    """What a network started from by transfer or fine-tuning."""

    source: Text | None = None
    source_sha256: str | None = None
    strategy: str = ""
    inputs: dict[str, str | None] = {}


class Pretrained(Schema):
    """What a network started from by model.pretrained."""

    file: Text | None = None
    source: Text | None = None
    sha256: str | None = None
    source_sha256: str | None = None
    learnt_from: Names | None = None
    patients_learnt_from: Names | None = None


class Member(Schema):
    """A JSON member of a .keras file."""

    remedy: ClassVar[str] = "do not trust this file"


class Provenance(Member):
    """What a network says of itself: segan_tl.json in a .keras file, and most of run.json."""

    name: str | None = None
    network: str | None = None
    modalities: Names = []
    regions: Names = []
    channels: Names = []
    outputs: Names = []
    activation: str | None = None
    learnt_from: Names | None = None
    patients_learnt_from: Names | None = None
    seed: int | None = None
    replicas: int | None = None
    precision: str | None = None
    data: Data = Data()
    command: str | None = None
    transfer: Transfer | None = None
    pretrained: Pretrained = Pretrained()
    versions: dict[str, str] = {}
    commit: str | None = None
    software: str | None = None
    configuration: str | None = None
    source: str | None = None
    source_sha256: str | None = None
