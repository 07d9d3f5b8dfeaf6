"""What dataset.json says of channels and outputs."""

import pytest

from segan_tl.errors import UserError
from segan_tl.models.foreign.dataset_json import describe_outputs, make_dataset, name_channels


def test_outputs():
    regions = {"background": 0, "whole tumor": [1, 2, 3], "tumor core": [2, 3], "enhancing": 3}
    assert describe_outputs({"labels": regions}) == (["whole tumor", "tumor core", "enhancing"], "sigmoid")
    labels = {"core": 2, "background": 0, "edema": [1], "ignore": 3}
    assert describe_outputs({"labels": labels}) == (["background", "edema", "core"], "softmax")
    assert describe_outputs({"labels": {"0": "background", "2": "core", "1": "edema"}})[0][1:] == ["edema", "core"]
    assert describe_outputs({}) == ([], "sigmoid")
    for damaged in ([1, 2], {"a": []}, {"a": {"b": 1}}, {"a": "x"}):
        with pytest.raises(UserError, match="describes no labels"):
            describe_outputs({"labels": damaged})


def test_channels():
    names = {str(number): f"c{number}" for number in (0, 10, 2)}
    assert name_channels({"channel_names": names}) == ["c0", "c2", "c10"]
    assert name_channels({"modality": {"0": "FLAIR"}}) == ["FLAIR"]
    assert name_channels({}) == name_channels({"channel_names": [1]}) == []


def test_ours(tmp_path):
    about = {"modalities": ["t1", "flair"], "regions": ["wt", "tc", "et"]}
    made = make_dataset(about, source=tmp_path)
    assert made["labels"] == {"background": 0, "wt": [1, 2, 3], "tc": [2, 3], "et": 3}
    assert made["regions_class_order"] == [1, 2, 3] and made["channel_names"] == {"0": "t1", "1": "flair"}
    assert describe_outputs(made) == (["wt", "tc", "et"], "sigmoid")
    apart = make_dataset(about | {"regions": ["ncr", "ed", "et"]}, source=tmp_path)
    assert apart["labels"] == {"background": 0, "ncr": 1, "ed": 2, "et": 3} and "regions_class_order" not in apart
    with pytest.raises(UserError, match="in the order of the outputs .et, wt"):
        make_dataset(about | {"regions": ["et", "wt"]}, source=tmp_path)
    with pytest.raises(UserError, match="does not say which modalities"):
        make_dataset({}, source=tmp_path)
