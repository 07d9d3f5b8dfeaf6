"""What all cases of a cohort had in common, and which steps a patient lacks."""

import json

from segan_tl.clinical.space.recorded import common_preparation, lacking_steps
from segan_tl.data.files.images import Source
from segan_tl.data.find.case import Case

GRID = {"shape": [2, 2, 2], "affine": [[1.0, 0, 0, 0], [0, 1.0, 0, 0], [0, 0, 1.0, 0], [0, 0, 0, 1.0]]}


def case_of(folder, name, steps):
    """Return a case beside whose image a prepare.json tells of these steps; None leaves it out."""
    place = folder / name
    place.mkdir()
    if steps is not None:
        about = {"case": name, "reference": "t1", "grid": GRID, "native": {"t1": GRID}, "key": "k"}
        told = [{"name": step, "settings": settings, "seconds": 0.0} for step, settings in steps]
        (place / "prepare.json").write_text(json.dumps(about | {"steps": told}))
    return Case(name, {"t1": Source(place / f"{name}_t1.nii.gz")})


def test_what_all_had(tmp_path):
    scale = ("intensity", {"how": "unit"})
    one = case_of(tmp_path, "P1", [("orientation", {}), ("bias", {}), scale, ("size", {"size": [4, 4, 4]})])
    two = case_of(tmp_path, "P2", [("orientation", {}), scale, ("size", {"size": [5, 4, 4]})])
    assert common_preparation([one, two]) == {"steps": ["orientation", "intensity", "size"], "intensity": "unit"}
    assert common_preparation([one])["size"] == [4, 4, 4]


def test_a_case_that_tells_nothing(tmp_path):
    one, silent = case_of(tmp_path, "P1", [("bias", {})]), case_of(tmp_path, "P2", None)
    assert common_preparation([one, silent]) is None and common_preparation([]) is None
    assert lacking_steps(silent, ["bias"]) is None
    assert lacking_steps(one, ["bias", "atlas"]) == ["atlas"] and lacking_steps(one, ["bias"]) == []
