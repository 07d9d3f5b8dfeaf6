"""The JSON files that describe a folder of cases: ours (cohort.json), MSD's and nnU-Net's."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from segan_tl.regions import MODALITIES
from segan_tl.schemas.reading import Schema, Text

Number = Annotated[str, Field(pattern=r"^[0-9]{1,4}$")]
Label = Annotated[int, Field(ge=0, le=65535)]


class CohortJson(Schema):
    """cohort.json: what the names and headers of a cohort do not tell."""

    label_convention: str | dict[str, str] | None = None
    modalities: dict[str, Literal[MODALITIES]] = {}
    patients: str | dict[str, Text] | None = None
    synthetic: bool = False
    variety: Literal["plain", "hard"] = "plain"  # of a synthetic cohort


class PhantomJson(CohortJson):
    """cohort.json of a synthetic cohort."""

    sha256: dict[str, str]  # of its files


class DatasetJson(Schema):
    """dataset.json of MSD or nnU-Net, version 1 or 2."""

    channel_names: dict[Number, str] | None = None
    modality: dict[Number, str] | None = None
    labels: dict[str, str | Label | Annotated[list[Label], Field(min_length=1)]] | None = None
    regions_class_order: list[Label] | None = None

    @model_validator(mode="after")
    def _labels_have_numbers(self):
        labels = self.labels or {}
        if all(name.isdecimal() for name in labels):  # {number: name}, version 1
            for number, name in labels.items():
                if not isinstance(name, str) or int(number) > 65535:
                    raise ValueError(f"labels.{number} = {name!r}: expected the name of that number")
            return self
        for name, value in labels.items():
            if isinstance(value, str) and not (value.isascii() and value.isdigit() and len(value) < 6):
                raise ValueError(f"labels.{name} = {value!r}: expected a number, or a list such as [2, 3]")
        return self


class NnunetFile(Schema):
    """One of nnU-Net's files that come with a network."""

    remedy: ClassVar[str] = "give nnU-Net's own"


class NnunetDataset(NnunetFile, DatasetJson):
    """dataset.json beside a checkpoint."""


class Plans(NnunetFile):
    """plans.json: `models.nnunet_plan` reads the configuration that is asked for."""

    configurations: dict[str, dict] = {}
