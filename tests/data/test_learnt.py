"""Whom a network has learnt from: cases and patients, of runs and files of today and of before."""

import pytest

from segan_tl.data.learnt import Learnt, learnt_by, read_learnt, run_patients
from segan_tl.disk.atomic import write_json
from segan_tl.runs import Run


def test_another_scan_of_a_patient_was_seen():
    learnt = Learnt.of({"BraTS-GLI-00008-000": "BraTS-GLI-00008", "a-1": "a-1"})
    cases = {"a-2": "a-2", "BraTS-GLI-00008-001": "BraTS-GLI-00008", "BraTS-GLI-00007-000": "BraTS-GLI-00007"}
    assert learnt.seen(cases) == ["BraTS-GLI-00008-001"]
    assert learnt.seen({"a-1": "another name"}) == ["a-1"]  # the same case, whatever its patient is called now
    assert learnt.seen({"x": "a-1"}) == ["x"]
    assert Learnt().seen(cases) == [] and not Learnt()


@pytest.mark.parametrize(
    "provenance, expected",
    [
        ({}, None),
        ({"learnt_from": ["sub-1_ses-1"]}, Learnt(frozenset({"sub-1_ses-1"}), frozenset({"sub-1"}))),  # of before
        ({"learnt_from": ["a"], "patients_learnt_from": ["x"]}, Learnt(frozenset("a"), frozenset("x"))),
        ({"learnt_from": []}, Learnt()),
    ],
)
def test_what_a_published_network_says(provenance, expected):
    assert read_learnt(provenance) == expected
    if expected:
        assert read_learnt(expected.describe()) == expected


def test_a_run_of_before_knows_its_patients_by_their_names(tmp_path):
    run = Run(tmp_path)
    write_json(run.splits, {"train": ["sub-1_ses-1"], "validation": ["b"], "test": ["c"], "source": ["s"]})
    assert run_patients(run) == {"sub-1_ses-1": "sub-1", "b": "b", "s": "s"}
    assert run_patients(run, ["test"]) == {"c": "c"}
    write_json(run.patients, {"train": {"sub-1_ses-1": "smith"}, "test": {"c": "jones"}})
    assert run_patients(run)["sub-1_ses-1"] == "smith" and run_patients(run, ["test"]) == {"c": "jones"}
    assert learnt_by(run) == Learnt(frozenset({"sub-1_ses-1", "b", "s"}), frozenset({"smith", "b", "s"}))
    run.splits.unlink()
    assert learnt_by(run) is None
