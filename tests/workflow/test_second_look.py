"""Whose answers a second look is learnt from, before one is given."""

import json
import shutil
from argparse import Namespace

import pytest

from segan_tl.disk.atomic import write_json
from segan_tl.errors import UserError
from segan_tl.workflow.second_look import make_plan
from tests.small_reviews import write_patients, write_reviewed_run


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a folder with a cohort of six and a run that has left five of them out."""
    root = tmp_path_factory.mktemp("plan")
    names = write_patients(root / "cohort", range(1, 7))
    write_reviewed_run(root / "flair", root / "cohort", names[:2], names[2:5])
    return root


@pytest.fixture
def place(made, tmp_path):
    """Return a copy that may be changed; its cases stay where they are."""
    shutil.copytree(made / "flair", tmp_path / "flair")
    return tmp_path


def asked(place, *runs, **options):
    words = {"data": None, "patients": None, "vote": None, "ensemble": None, "weights": None, "modality": None}
    words |= {"skip_bad_cases": False, "out": None, "fold": None, "runs": place} | options
    return Namespace(run=list(runs) or [str(place / "flair")], **words)


def test_a_run_s_validation_and_test(place):
    plan = make_plan(asked(place))
    assert [case.id[-1] for case in plan.cases] == ["1", "2", "3", "4", "5"] and len(plan.members) == 1
    assert plan.out == place / "flair" / "review.json" and plan.together == "alone"
    assert make_plan(asked(place, out=place / "mine.json")).out == place / "mine.json"


def test_patients_are_those_of_the_run(place):
    write_json(place / "flair" / "patients.json", {"validation": {"BraTS2021_00001": "x", "BraTS2021_00002": "x"}})
    assert [case.patient for case in make_plan(asked(place)).cases][:2] == ["x", "x"]


def change(place, name, **values):
    path = place / "flair" / name
    write_json(path, json.loads(path.read_text()) | values)


def test_a_run_that_is_not_finished(place):
    change(place, "run.json", state="interrupted")
    with pytest.raises(UserError, match="is not finished"):
        make_plan(asked(place))


def test_cases_that_are_gone(place):
    change(place, "splits.json", test=["BraTS2021_00007"])
    with pytest.raises(UserError, match="lacks BraTS2021_00007 .*name others with --data DIR"):
        make_plan(asked(place))


def test_an_imported_network_has_no_cases(place):
    (place / "flair" / "splits.json").unlink()
    state = json.loads((place / "flair" / "run.json").read_text())
    del state["data"]
    write_json(place / "flair" / "run.json", state | {"source_sha256": "0"})
    with pytest.raises(UserError, match="has no cases of its own; name a labelled cohort"):
        make_plan(asked(place))


def test_another_time_point_of_a_patient_is_not_unseen(place, made):
    change(place, "splits.json", train=["BraTS2021_00006"], validation=[], test=[])
    write_json(place / "flair" / "patients.json", {"train": {"BraTS2021_00006": "whose"}})
    (place / "who.csv").write_text("case,patient\nBraTS2021_00001,whose\n")
    shutil.copytree(made / "cohort", place / "cohort", ignore=lambda *_: ["BraTS2021_00006"])
    named = {"data": place / "cohort", "patients": place / "who.csv"}
    with pytest.raises(UserError, match=r"1 of the cases of .* \(BraTS2021_00001\): nothing is learnt from answers"):
        make_plan(asked(place, **named))
    assert len(make_plan(asked(place, data=place / "cohort")).cases) == 5


def test_a_fold_that_is_missing(place, made):
    folds = {"seed": 0, "folds": 2, "test": {"0": ["BraTS2021_00001"], "1": ["BraTS2021_00002"]}}
    write_reviewed_run(place / "net" / "fold0", made / "cohort", ["BraTS2021_00002"], ["BraTS2021_00001"])
    write_json(place / "net" / "folds.json", folds)
    with pytest.raises(UserError, match="expected 2 finished folds in .*; missing: 1"):
        make_plan(asked(place, str(place / "net")))
