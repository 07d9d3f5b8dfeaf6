"""calibration.json and guarantee.json: what of another shape is refused."""

import copy
import json

import pytest

from segan_tl.errors import UserError
from segan_tl.schemas.reading import read_json
from segan_tl.schemas.trust import Calibration, Guarantee

CALIBRATION = {"segmentor_sha256": "0" * 64, "exclusive": False, "temperatures": {"wt": 1.5}}
CONTROL = {"threshold": 0.25, "bound": 0.1, "price": 0.2}
GUARANTEE = {
    "segmentor_sha256": "0" * 64, "alpha": 0.1, "patients": 12, "thresholds": [0.25, 0.5],
    "regions": {"wt": {"missed": CONTROL, "false": CONTROL | {"threshold": None}, "volume": {"reach": None}}},
    "scores": {"p1": {"wt": {"missed": [0.0, 0.5], "false": [1.0, 0], "log_error": -0.1}}},
}  # fmt: skip


def changed(whole: dict, place: str, value) -> dict:
    """Return a copy with another value at a place such as regions.wt.volume."""
    whole = copy.deepcopy(whole)
    part, keys = whole, place.split(".")
    for key in keys[:-1]:
        part = part[key]
    part[keys[-1]] = value
    return whole


@pytest.mark.parametrize(("schema", "value"), [(Calibration, CALIBRATION), (Guarantee, GUARANTEE)])
def test_what_fits_is_read_as_it_stands(tmp_path, schema, value):
    (tmp_path / "a.json").write_text(json.dumps(value | {"newer": 1}))
    assert read_json(tmp_path / "a.json", schema) == value | {"newer": 1}


@pytest.mark.parametrize(
    ("schema", "place", "value", "said"),
    [
        (Calibration, "temperatures", {}, "temperatures = {}"),
        (Calibration, "temperatures.wt", 0.0, "temperatures.wt = 0.0"),
        (Calibration, "temperatures.wt", "1", "expected a number"),
        (Calibration, "segmentor_sha256", "abc", "segmentor_sha256"),
        (Calibration, "exclusive", 1, "expected true or false"),
        (Guarantee, "alpha", 1.0, "alpha = 1.0"),
        (Guarantee, "regions", {}, "regions = {}"),
        (Guarantee, "regions.wt.missed", {}, "expected regions.wt.missed.threshold, which is missing"),
        (Guarantee, "regions.wt.missed.threshold", 1.5, "regions.wt.missed.threshold = 1.5"),
        (Guarantee, "regions.wt.volume.reach", -1.0, "regions.wt.volume.reach = -1.0"),
        (Guarantee, "scores.p1.wt.missed", [0.5], "expected scores.p1.wt at 2 thresholds"),
        (Guarantee, "scores.p1.wt.missed", [0.5, 2.0], "scores.p1.wt.missed.1 = 2.0"),
        (Guarantee, "scores.p1", {}, "expected scores.p1.wt at 2 thresholds"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, schema, place, value, said):
    whole = CALIBRATION if schema is Calibration else GUARANTEE
    (tmp_path / "a.json").write_text(json.dumps(changed(whole, place, value)))
    with pytest.raises(UserError) as error:
        read_json(tmp_path / "a.json", schema)
    assert said in str(error.value) and schema.remedy in str(error.value)
