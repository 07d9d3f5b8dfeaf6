"""calibration.json and guarantee.json: how far the answers of a run can be trusted."""

from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from segan_tl.schemas.portable import Digest
from segan_tl.schemas.reading import Count, Finite, Schema, Text

KINDS = ("missed", "false")  # shares of a tumour's volume that a guarantee keeps below alpha
Above = Annotated[Finite, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]


class Calibration(Schema):
    """calibration.json: a temperature for each region, and the network that they were fitted to."""

    remedy: ClassVar[str] = "make it again with python -m segan_tl calibrate, or remove it"

    segmentor_sha256: Digest
    exclusive: bool  # whether regions are labels that exclude each other, which share one temperature
    temperatures: Annotated[dict[Text, Above], Field(min_length=1)]


class Controlled(Schema):
    """A threshold that keeps a share of the volume below alpha, null where there is none."""

    threshold: Annotated[float, Field(gt=0, lt=1)] | None


class Interval(Schema):
    """How far log((truth + 1 ml) / (volume + 1 ml)) may be from 0, null where nobody knows."""

    reach: Annotated[Finite, Field(ge=0)] | None


class OfRegion(Schema):
    """What is promised of a region."""

    missed: Controlled
    false: Controlled
    volume: Interval


class Scores(Schema):
    """What a calibration patient scored in a region: both shares at each threshold, and the volume's error."""

    missed: list[Share]
    false: list[Share]
    log_error: Finite


class Guarantee(Schema):
    """guarantee.json: thresholds and intervals, and the scores of the patients that they are from."""

    remedy: ClassVar[str] = "make it again with python -m segan_tl guarantee, or remove it"

    segmentor_sha256: Digest
    alpha: Annotated[float, Field(gt=0, lt=1)]
    patients: Count
    regions: Annotated[dict[Text, OfRegion], Field(min_length=1)]
    thresholds: list[Annotated[float, Field(gt=0, lt=1)]] = []
    scores: dict[Text, dict[Text, Scores]] = {}  # patient → region

    @model_validator(mode="after")
    def _scores_are_complete(self):
        for patient, of_region in self.scores.items():
            for region in self.regions:
                found = of_region.get(region)
                if found is None or not len(self.thresholds) == len(found.missed) == len(found.false):
                    raise ValueError(
                        f"expected scores.{patient}.{region} at {len(self.thresholds)} thresholds, found others"
                    )
        return self
