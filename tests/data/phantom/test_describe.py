"""What a synthetic cohort says of itself: as ever of plain patients, and that they are hard where they are."""

import json

import pytest

from segan_tl.data.phantom import write_cohort
from segan_tl.errors import UserError

REQUEST = {"cases": 1, "shape": (24, 24, 16), "seed": 4}
KEYS = ["name", "synthetic", "label_convention", "labels", "cases", "shape", "voxel_mm", "seed", "software", "sha256"]


def test_of_plain_patients_nothing_is_said_that_was_not_before(tmp_path):
    write_cohort(tmp_path, "ms", **REQUEST)
    assert list(json.loads((tmp_path / "cohort.json").read_text())) == KEYS
    lines = (tmp_path / "README.txt").read_text().splitlines()
    assert len(lines) == 6 and lines[3].endswith("--seed 4") and lines[4] == "Labels: 1 lesion."


def test_hard_patients_are_said_to_be(tmp_path):
    write_cohort(tmp_path, "ms", **REQUEST, variety="hard")
    facts = json.loads((tmp_path / "cohort.json").read_text())
    assert facts["variety"] == "hard" and set(facts) == {*KEYS, "variety"}
    text = (tmp_path / "README.txt").read_text()
    assert "--seed 4 --variety hard\n" in text and "no label for cavities" in text


def test_an_unknown_variety_is_refused(tmp_path):
    with pytest.raises(UserError, match="among plain, hard; found 'harder'; use --variety hard"):
        write_cohort(tmp_path / "out", "ms", **REQUEST, variety="harder")
    assert not (tmp_path / "out").exists()
