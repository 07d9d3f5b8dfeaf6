"""The JSON files of a run directory: what they hold, as far as anything reads it back."""

from collections import Counter
from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from segan_tl.schemas.provenance import Names, Provenance
from segan_tl.schemas.reading import Count, Finite, Schema, Text
from segan_tl.schemas.review import Review, Reviewed
from segan_tl.schemas.run_config import RunConfig, RunSchema

Positive = Annotated[int, Field(gt=0)]
MOST_FOLDS = 1000


class RunState(RunSchema, Provenance):
    """run.json: what the run is and how far it got."""

    state: str | None = None
    epochs: Count | None = None
    best_epoch: Count | None = None
    best_dice: Finite | None = None
    smallest_component: Annotated[float, Field(ge=0, le=1)] = 0.0  # that validation chose

    @model_validator(mode="after")
    def _best_is_known(self):
        if self.best_epoch and "best_dice" in self.model_fields_set and self.best_dice is None:
            raise ValueError(f"expected a number as best_dice of the best epoch {self.best_epoch}, found null")
        return self


class HeldOut(RunSchema):
    """splits.json, as far as the test is concerned."""

    test: Names


class Splits(HeldOut):
    """splits.json: the cases of each part, a case in one of them only."""

    train: Names
    validation: Names
    source: Names = []  # of a second cohort

    @model_validator(mode="after")
    def _parts_are_disjoint(self):
        counted = Counter([*self.train, *self.validation, *self.test])
        if twice := sorted(case for case, count in counted.items() if count > 1):
            raise ValueError(f"expected every case once in train, validation and test, found {twice[0]} twice")
        return self


class Patients(RunSchema):
    """patients.json: case → patient of the cases in splits.json, part by part."""

    train: dict[str, Text] = {}
    validation: dict[str, Text] = {}
    test: dict[str, Text] = {}
    source: dict[str, Text] = {}


class Digests(RunSchema):
    """digests.json: part → case → image or mask → what it was when the run began."""

    remedy: ClassVar[str] = "remove it, if no image changed since the run began"

    train: dict[str, dict[str, str]]
    validation: dict[str, dict[str, str]]
    test: dict[str, dict[str, str]]
    source: dict[str, dict[str, str]] = {}


class Spread(Schema):
    """How far the training cases spread in one number."""

    lowest: Finite
    low: Finite
    high: Finite
    highest: Finite

    @model_validator(mode="after")
    def _ends_are_in_order(self):
        if not self.lowest <= self.low <= self.high <= self.highest:
            raise ValueError("expected lowest, low, high and highest in this order, found another")
        return self


class CohortFingerprint(RunSchema):
    """cohort_fingerprint.json: what the training cases looked like."""

    remedy: ClassVar[str] = "restore it from a backup, or remove it: then nothing is held against the training"

    cases: Positive
    quantities: dict[str, Spread]

    @model_validator(mode="after")
    def _every_case_has(self):
        names = ["head_ml", "head_share", *(f"{kind}_mm.{axis}" for kind in ("spacing", "extent") for axis in "hwd")]
        if missing := [name for name in names if name not in self.quantities]:
            raise ValueError(f"expected quantities.{missing[0]}, which is missing")
        return self


class File(Schema):
    """A file of a checkpoint, as it was written."""

    bytes: Count
    sha256: str


class Manifest(RunSchema):
    """MANIFEST.json: the files of a checkpoint; `verify` checks their names."""

    files: Annotated[dict[str, File], Field(min_length=1)]


class Progress(RunSchema):
    """progress.json in last/: how far training got."""

    epoch: Count
    step: Count
    best: Finite
    best_epoch: Count
    smallest_component: Annotated[float, Field(ge=0, le=1)] = 0.0
    history: list[dict[str, float | None]]


class Summary(RunSchema):
    """summary.json: mean scores, what they mean, and what could not be scored."""

    remedy: ClassVar[str] = "remove it and run the command of the run again, which scores anew"

    failed: dict[str, str] = {}
    definitions: dict[str, str | None] = {}  # null of lesions where a version before had none
    segmentor_sha256: str | None = None


class ComparedRegions(RunSchema):
    """comparison.json, as far as its Dice are concerned; "renormalised" may be missing."""

    remedy: ClassVar[str] = "remove it and run the transfer again, which compares anew"

    regions: dict[str, dict[str, Finite | None]]

    @model_validator(mode="after")
    def _regions_are_complete(self):
        for region, scores in self.regions.items():
            if lacking := sorted({"source", "scratch", "transferred"} - scores.keys()):
                raise ValueError(f"expected regions.{region}.{lacking[0]}, which is missing")
        return self


class Comparison(ComparedRegions):
    """comparison.json: what a transfer was worth."""

    cases: Count
    source: str
    target: list[str]
    strategy: str
    scratch: str | None
    synthetic: bool


class OperatingPoint(RunSchema):
    """operating_point.json: the threshold that a retest has chosen."""

    remedy: ClassVar[str] = "run the retest again"

    threshold: Finite
    validation_dice: Finite
    cases: Names = []


class Prediction(Schema):
    """What `predict` has written for one case."""

    labels: dict[str, str] = {}
    volume_ml: dict[str, Finite] = {}
    head_not_segmented_ml: Finite | None = None
    agreement: dict[str, Finite] = {}  # of the members of an ensemble
    interval_ml: dict[str, Annotated[list[Finite], Field(min_length=2, max_length=2)] | None] = {}
    unlike_training: list[str] = []
    doubtful: list[str] = []
    cluster_remark: str | None = None
    review: Reviewed | None = None  # a second look at the answer


class DecidedBy(Schema):
    """One of several runs that decided together."""

    run: str | None = None
    segmentor_sha256: str | None = None
    modalities: Names = []


class Predictions(RunSchema):
    """predictions.json: what made the masks in a folder, and what their numbers mean."""

    remedy: ClassVar[str] = "remove it and predict again"

    cases: dict[str, Prediction] = {}
    flag_below: Finite | None = None  # predicted Dice
    left_out: dict[str, str] = {}  # case → why it has no prediction
    unfinished: Names = []  # of a call that goes on, or was killed
    run: str | None = None
    segmentor_sha256: str | None = None
    modalities: Names = []
    runs: list[DecidedBy] = []  # of a vote or an ensemble
    vote: str | None = None
    ensemble: str | None = None
    folders: Names = []  # whose masks `ensemble` has brought together


class Folds(RunSchema):
    """folds.json: the test cases of every fold of a cross-validation, and what they are stratified by."""

    remedy: ClassVar[str] = "remove it if no fold is finished yet"

    seed: Count
    folds: Annotated[int, Field(ge=2, le=MOST_FOLDS)]
    test: dict[str, Names]
    stratify: Text = "grade"
    groups: dict[str, Text] = {}  # case → group

    @model_validator(mode="after")
    def _folds_are_complete(self):
        if set(self.test) != {str(k) for k in range(self.folds)}:
            raise ValueError(f"expected the test cases of folds 0 to {self.folds - 1}, found {sorted(self.test)[:5]}")
        return self


# What a name in a run directory promises.
FILES: dict[str, type[RunSchema]] = {
    "config.json": RunConfig,
    "run.json": RunState,
    "splits.json": Splits,
    "patients.json": Patients,
    "digests.json": Digests,
    "cohort_fingerprint.json": CohortFingerprint,
    "folds.json": Folds,
    "MANIFEST.json": Manifest,
    "progress.json": Progress,
    "summary.json": Summary,
    "comparison.json": ComparedRegions,
    "operating_point.json": OperatingPoint,
    "predictions.json": Predictions,
    "review.json": Review,
}
