"""A file of another kind is named as what it is; one of its own kind stays a damaged one."""

import json
from pathlib import Path

import pytest

from segan_tl.errors import UserError
from segan_tl.schemas.kinds import KINDS, tell_kinds
from segan_tl.schemas.postprocess import Postprocess
from segan_tl.schemas.reading import read_json
from segan_tl.schemas.review import Review
from segan_tl.schemas.runs import Splits
from segan_tl.schemas.trust import Calibration, Guarantee

ENTRY = Path(__file__).parents[2] / "segan_tl" / "zoo" / "segan_flair"
REVIEW = {
    "networks_sha256": ["0" * 64], "together": "alone", "regions": ["wt"], "mean_dice": 0.5, "error": 0.1,
    "signs": [], "cases": {"a": {"patient": "a", "dice": 0.5, "predicted_dice": 0.4, "signs": {}}},
}  # fmt: skip


def refused(path, schema) -> str:
    with pytest.raises(UserError) as error:
        read_json(path, schema)
    return str(error.value)


def test_a_second_look_is_no_damaged_guarantee(tmp_path):
    path = tmp_path / "review.json"
    path.write_text(json.dumps(REVIEW))
    read_json(path, Review)
    wanted = "expected guarantee.json, which guarantee writes; found review.json, which second-look writes in"
    assert refused(path, Guarantee) == f"{wanted} {path}; name another file"


@pytest.mark.parametrize("schema", [Guarantee, Calibration, Review, Postprocess])
@pytest.mark.parametrize("name", ["config.json", "run.json", "splits.json", "cohort_fingerprint.json"])
def test_files_of_a_run_are_known(name, schema):
    said = refused(ENTRY / name, schema)
    assert f"found {name}, which a training writes in" in said and "damaged" not in said


def test_one_that_lacks_something_is_damaged(tmp_path):
    path = tmp_path / "a.json"
    for value in ({"segmentor_sha256": "0" * 64, "alpha": 2, "regions": {}}, {}, [], {"train": []}):
        path.write_text(json.dumps(value))
        assert "is damaged" in refused(path, Guarantee), value
    path.write_text(json.dumps({"train": ["a"], "validation": ["a"], "test": []}))
    assert "is damaged: expected every case once" in refused(path, Splits)


def test_every_kind_is_told_from_those_above_it():
    """A file with the keys of its kind alone is of that kind for whoever expects another one."""
    for schema, kind in KINDS.items():
        for other, expected in KINDS.items():
            told = tell_kinds(dict.fromkeys(kind.keys), other)
            assert told == (None if other is schema else (expected, kind)), (kind, expected)
