"""What a JSON file of ours is, by what only its kind says: one of another kind is taken for no damaged one."""

from typing import NamedTuple

from segan_tl.schemas.postprocess import Postprocess
from segan_tl.schemas.prepared import PreparedJson
from segan_tl.schemas.reading import Schema
from segan_tl.schemas.review import Review
from segan_tl.schemas.run_config import RunConfig
from segan_tl.schemas.runs import CohortFingerprint, Folds, OperatingPoint, Predictions, RunState, Splits, Summary
from segan_tl.schemas.trust import Calibration, Guarantee


class Kind(NamedTuple):
    """A kind of file.

    Attributes:
        name: as it is called where we write it.
        writer: who writes it.
        keys: that it has, and no kind above it in `KINDS`.
    """

    name: str
    writer: str
    keys: frozenset[str]

    def __str__(self) -> str:
        return f"{self.name}, which {self.writer} writes"


def _kind(name: str, writer: str, keys: str) -> Kind:
    return Kind(name, writer, frozenset(keys.split()))


KINDS: dict[type[Schema], Kind] = {
    Guarantee: _kind("guarantee.json", "guarantee", "segmentor_sha256 alpha regions"),
    Calibration: _kind("calibration.json", "calibrate", "segmentor_sha256 temperatures"),
    Review: _kind("review.json", "second-look", "networks_sha256 signs"),
    Postprocess: _kind("postprocess.json", "tune-postprocess", "thresholds provenance"),
    PreparedJson: _kind("prepare.json", "prepare", "case native steps"),
    OperatingPoint: _kind("operating_point.json", "retest", "threshold validation_dice"),
    Folds: _kind("folds.json", "crossval", "seed folds test"),
    Summary: _kind("summary.json", "a training", "definitions failed"),
    CohortFingerprint: _kind("cohort_fingerprint.json", "a training", "cases quantities"),
    RunState: _kind("run.json", "a training", "state epochs"),
    RunConfig: _kind("config.json", "a training", "data model train"),
    Splits: _kind("splits.json", "a training", "train validation test"),
    Predictions: _kind("predictions.json", "predict", "cases regions segan_tl"),
}


def tell_kinds(value: object, schema: type[Schema]) -> tuple[Kind, Kind] | None:
    """Return the kind that is expected and the other one that a value is; None where no other one is known."""
    expected = KINDS.get(schema)
    if expected is None or not isinstance(value, dict) or expected.keys <= value.keys():
        return None
    found = next((kind for kind in KINDS.values() if kind.keys <= value.keys()), None)
    return None if found is None else (expected, found)
