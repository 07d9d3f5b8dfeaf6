"""Every JSON file of a run directory: what of another shape is refused, and that what we write is understood."""

import json
from pathlib import Path

import pytest

from segan_tl.errors import UserError
from segan_tl.report.record import compared
from segan_tl.runs import read_json
from segan_tl.schemas.runs import FILES, Comparison

DIGEST = "0" * 64
SPLIT = {"train": ["a"], "validation": ["b"], "test": ["c"]}
COMPARED = {"regions": {"wt": {"source": 0.1, "scratch": None, "transferred": 0.2}}}
SPREAD = {"lowest": 1.0, "low": 1.5, "high": 2.0, "highest": 2}
AXES = [f"{kind}_mm.{axis}" for kind in ("spacing", "extent") for axis in "hwd"]
FINGERPRINT = {"cases": 3, "quantities": {name: SPREAD for name in ("head_ml", "head_share", *AXES)}}
GOOD = {
    "config.json": {"name": "a", "data": {"modalities": ["t1"]}, "transfer": None},
    "run.json": {"state": "finished", "best_epoch": 3, "best_dice": 0.5, "versions": {"keras": "3"}, "transfer": None},
    "digests.json": {part: {part[0]: {"flair": "ab12", "labels": "cd34"}} for part in ("train", "validation", "test")},
    "splits.json": SPLIT | {"source": ["d"]},
    "cohort_fingerprint.json": FINGERPRINT,
    "folds.json": {"seed": 0, "folds": 2, "test": {"0": ["a"], "1": ["b"]}},
    "patients.json": {"train": {"a_pre": "a", "a_post": "a"}, "validation": {"b": "b"}, "test": {"c": "c"}},
    "MANIFEST.json": {"files": {"segmentor.keras": {"bytes": 3, "sha256": DIGEST}}},
    "progress.json": {"epoch": 1, "step": 0, "best": -1.0, "best_epoch": 0, "history": [{"epoch": 1, "dice": None}]},
    "summary.json": {"failed": {"a": "it is damaged"}, "definitions": {"hd95_mm": "pooled", "lesions": None}},
    "comparison.json": COMPARED,
    "operating_point.json": {"threshold": 0.5, "validation_dice": 0.7, "cases": ["a"]},
    "predictions.json": {"cases": {"a": {"labels": {"1": "wt"}}}},
    "review.json": {
        "networks_sha256": [DIGEST], "together": "alone", "regions": ["wt"], "mean_dice": 0.7, "error": 0.2,
        "signs": [{"name": "disagreement", "mean": 0.1, "std": 0.1, "weight": -0.1}],
        "cases": {"a": {"patient": "a", "dice": 0.7, "predicted_dice": 0.6, "signs": {"disagreement": 0.2}}},
    },
}
BAD = [
    ("MANIFEST.json", {"files": []}, "files = "),
    ("MANIFEST.json", {"files": {}}, "files = {}"),
    ("MANIFEST.json", {}, "expected files, which is missing"),
    ("MANIFEST.json", {"files": {"a": {"bytes": 3, "sha256": 3}}}, "files.a.sha256"),
    ("MANIFEST.json", {"files": {"a": {"sha256": DIGEST}}}, "expected files.a.bytes"),
    ("run.json", {"versions": [None]}, "versions = [None]: expected an object"),
    ("run.json", {"versions": {"keras": None}}, "versions.keras = "),
    ("run.json", {"data": "x"}, "data = 'x': expected an object"),
    ("run.json", {"data": {"folder": 3}}, "data.folder = "),
    ("run.json", {"data": {"folder": "a\0b"}}, "data.folder"),
    ("run.json", {"state": 1}, "state = "),
    ("run.json", {"best_dice": float("nan")}, "best_dice = "),
    ("run.json", {"best_dice": "0.5"}, "best_dice = "),
    ("run.json", {"best_epoch": 3, "best_dice": None}, "best_dice of the best epoch 3"),
    ("run.json", {"modalities": 5}, "modalities = "),
    ("run.json", {"regions": None}, "regions = "),
    ("run.json", {"learnt_from": 3}, "learnt_from = "),
    ("run.json", {"transfer": []}, "transfer = "),
    ("splits.json", {"test": ["a"]}, "expected train, which is missing"),
    ("splits.json", SPLIT | {"test": [[]]}, "test.0 = []: expected a text"),
    ("splits.json", SPLIT | {"test": "abc"}, "test = "),
    ("splits.json", SPLIT | {"test": ["a"]}, "found a twice"),
    ("splits.json", SPLIT | {"source": None}, "source = "),
    ("patients.json", {"train": ["a"]}, "train = "),
    ("patients.json", {"test": {"a": None}}, "test.a = "),
    ("run.json", {"patients_learnt_from": "a"}, "patients_learnt_from = "),
    ("cohort_fingerprint.json", {"cases": 3, "quantities": {}}, "expected quantities.head_ml, which is missing"),
    ("cohort_fingerprint.json", FINGERPRINT | {"cases": 0}, "cases = 0"),
    ("cohort_fingerprint.json", {"cases": 3, "quantities": {"wt.ml": SPREAD | {"low": 3.0}}}, "in this order"),
    ("cohort_fingerprint.json", {"cases": 3, "quantities": {"wt.ml": [1, 2]}}, "quantities.wt.ml = [1, 2]"),
    ("folds.json", {"seed": 0, "folds": [None], "test": {}}, "folds = [None]: expected a whole number"),
    ("folds.json", {"seed": 0, "folds": 300_000_000, "test": {}}, "folds = "),
    ("folds.json", {"seed": 0, "folds": 3, "test": {"0": [], "1": []}}, "folds 0 to 2"),
    ("folds.json", {"seed": True, "folds": 2, "test": {"0": [], "1": []}}, "seed = "),
    ("config.json", {"data": {"modalities": "t1"}}, "data.modalities = "),
    ("config.json", {"train": []}, "train = "),
    ("config.json", {"transfer": {"source": "x"}}, "expected transfer.source_sha256"),
    ("config.json", {"adversary": True}, "adversary = "),
    ("progress.json", {"epoch": 1}, "which is missing"),
    ("progress.json", GOOD["progress.json"] | {"history": [[]]}, "history.0 = "),
    ("progress.json", GOOD["progress.json"] | {"best": float("inf")}, "best = "),
    ("summary.json", {"failed": ["a"]}, "failed = "),
    ("comparison.json", {"regions": {"wt": {"source": 0.1}}}, "expected regions.wt.scratch"),
    ("comparison.json", {"regions": {"wt": 0.5}}, "regions.wt = "),
    ("operating_point.json", {"threshold": "0.5", "validation_dice": 1}, "threshold = "),
    ("predictions.json", {"cases": {"a": {"labels": ["wt"]}}}, "cases.a.labels = "),
    ("predictions.json", {"cases": []}, "cases = "),
]


def write(tmp_path: Path, name: str, value: object) -> Path:
    path = tmp_path / name
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", FILES)
def test_what_we_write_is_read_with_what_newer_versions_add(tmp_path, name):
    value = GOOD[name] | {"newer": [1, {"a": None}]}
    assert read_json(write(tmp_path, name, value)) == value


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("value", [[], None, 3, "text", True])
def test_no_file_is_anything_but_an_object(tmp_path, name, value):
    with pytest.raises(UserError, match=f"{name} is damaged: no JSON object"):
        read_json(write(tmp_path, name, value))


@pytest.mark.parametrize(("name", "value", "words"), BAD)
def test_another_shape_is_named(tmp_path, name, value, words):
    with pytest.raises(UserError) as caught:
        read_json(write(tmp_path, name, value))
    assert words in str(caught.value) and name in str(caught.value) and "\n" not in str(caught.value)


def test_a_comparison_has_the_columns_that_its_file_holds(tmp_path):
    older = read_json(write(tmp_path, "comparison.json", COMPARED))["regions"]
    newer = {"wt": older["wt"] | {"renormalised": 0.15}}
    assert list(compared(older)) == ["source", "scratch", "transferred"]
    assert list(compared(newer).values())[:2] == ["source, untouched", "source, normalisation of the target"]
    assert read_json(write(tmp_path, "comparison.json", {"regions": newer}))["regions"] == newer
    with pytest.raises(UserError, match="renormalised"):
        read_json(write(tmp_path, "comparison.json", {"regions": {"wt": older["wt"] | {"renormalised": "0.15"}}}))


def test_a_comparison_that_is_printed_is_whole(tmp_path):
    with pytest.raises(UserError, match="which is missing"):
        read_json(write(tmp_path, "comparison.json", COMPARED), Comparison)
