"""The JSON files that describe a folder of cases: what of another shape is refused."""

import json

import pytest

from segan_tl.errors import UserError
from segan_tl.schemas.datasets import CohortJson, DatasetJson, NnunetDataset, Plans
from segan_tl.schemas.reading import read_json

LABELS = {"background": 0, "NCR": 1, "ED": 2, "ET": 4}
GOOD = [
    (CohortJson, {}),
    (CohortJson, {"label_convention": "brats2017", "synthetic": True, "more": [1]}),
    (CohortJson, {"label_convention": {"1": "NCR"}, "modalities": {"image": "t1c"}, "patients": {"a": "smith"}}),
    (DatasetJson, {"channel_names": {"0": "T1"}, "labels": LABELS}),
    (DatasetJson, {"channel_names": {"0": "T1"}, "labels": {"background": 0, "wt": [1, 2, 3], "et": "3"}}),
    (DatasetJson, {"modality": {"0": "FLAIR"}, "labels": {"0": "background", "1": "edema"}, "training": [{}]}),
    (NnunetDataset, {}),
    (Plans, {"configurations": {"3d_fullres": {"patch_size": [1]}}, "plans_name": "nnUNetPlans"}),
]
BAD = [
    (CohortJson, {"modalities": {"image": ["t1c"]}}, "modalities.image = ['t1c']"),
    (CohortJson, {"modalities": {"image": "t7"}}, "expected 't1', 't1c', 't2' or 'flair'"),
    (CohortJson, {"modalities": ["t1c"]}, "modalities = ['t1c']"),
    (CohortJson, {"label_convention": 5}, "label_convention = 5"),
    (CohortJson, {"label_convention": {"1": ["NCR"]}}, "label_convention.1 = ['NCR']"),
    (CohortJson, {"synthetic": "no"}, "synthetic = 'no': expected true or false"),
    (CohortJson, {"patients": {"a": 3}}, "patients.a = 3"),
    (DatasetJson, {"channel_names": ["T1"]}, "channel_names = ['T1']"),
    (DatasetJson, {"channel_names": {"first": "T1"}}, "channel_names"),
    (DatasetJson, {"channel_names": {"²": "T1"}}, "channel_names"),
    (DatasetJson, {"channel_names": {"0": None}}, "channel_names.0 = None"),
    (DatasetJson, {"labels": LABELS | {"ED": "2,3"}}, "labels.ED = '2,3': expected a number, or a list"),
    (DatasetJson, {"labels": LABELS | {"ED": []}}, "labels.ED = []"),
    (DatasetJson, {"labels": LABELS | {"ED": -1}}, "labels.ED = -1"),
    (DatasetJson, {"labels": LABELS | {"ED": 1.5}}, "labels.ED = 1.5"),
    (DatasetJson, {"labels": LABELS | {"ED": True}}, "labels.ED = True"),
    (DatasetJson, {"labels": LABELS | {"ED": {"x": 1}}}, "labels.ED = "),
    (DatasetJson, {"labels": LABELS | {"ED": [[2]]}}, "labels.ED.0 = [2]"),
    (DatasetJson, {"labels": {"0": 1}}, "labels.0 = 1: expected the name"),
    (DatasetJson, {"labels": ["NCR"]}, "labels = ['NCR']"),
    (Plans, {"configurations": []}, "configurations = []"),
    (Plans, {"configurations": {"3d_fullres": 3}}, "configurations.3d_fullres = 3"),
]


def write(tmp_path, value):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


@pytest.mark.parametrize(("schema", "value"), GOOD)
def test_what_others_write_is_read(tmp_path, schema, value):
    assert read_json(write(tmp_path, value), schema) == value


@pytest.mark.parametrize(("schema", "value", "words"), BAD)
def test_another_shape_is_named(tmp_path, schema, value, words):
    with pytest.raises(UserError) as caught:
        read_json(write(tmp_path, value), schema)
    assert words in str(caught.value) and "\n" not in str(caught.value)
