"""The run that teaches: found, finished, of the same modalities, and of whom it is known whom it has seen."""

import pytest

from segan_tl.config.load import validate
from segan_tl.disk.atomic import write_json
from segan_tl.errors import UserError
from segan_tl.runs import Run
from segan_tl.train.start.teacher import find_teacher
from segan_tl.train.start.weights import refuse_seen
from tests.small_runs import make_run, small_config

FOUR = ("flair", "t1", "t2", "t1c")


def config_of(teacher, *, modalities=FOUR, **data):
    values = small_config(modalities, ("wt",)).model_dump(mode="json")
    values["data"] |= {"subsets": "any", **data}
    values["train"]["teacher"] = str(teacher)
    return validate(values, source="the test")


@pytest.fixture
def teacher(tmp_path):
    return make_run(tmp_path / "teacher", small_config(FOUR, ("wt",)))


def test_a_finished_run_of_all_modalities(teacher, tmp_path):
    found = find_teacher(config_of(teacher.root), Run(tmp_path / "student"), resuming=False)
    assert found.segmentor == teacher.best / "segmentor.keras" and found.learnt_from.cases == {"a", "b"}
    assert find_teacher(small_config(FOUR), Run(tmp_path / "student"), resuming=False) is None


def test_a_teacher_that_has_seen_a_test_patient_is_refused(teacher, tmp_path):
    found = find_teacher(config_of(teacher.root), Run(tmp_path / "student"), resuming=False)
    refuse_seen(found, {"c": "c"})
    with pytest.raises(UserError, match="trained or tuned on the patients of 1 of the test cases .b."):
        refuse_seen(found, {"b": "b", "c": "c"})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"modalities": ("flair", "t1")}, "has data.modalities .*, expected .'flair', 't1'."),
        ({"percentiles": [1, 99]}, "has data.percentiles"),
        ({"regions": ["tc"]}, "has data.regions"),
    ],
)
def test_a_run_of_other_settings_is_none(teacher, tmp_path, changes, words):
    with pytest.raises(UserError, match=words):
        find_teacher(config_of(teacher.root, **changes), Run(tmp_path / "student"), resuming=False)


def test_no_run_there(tmp_path):
    with pytest.raises(UserError, match="expected the folder of a finished run; there is none at nowhere"):
        find_teacher(config_of("nowhere"), Run(tmp_path / "student"), resuming=False)


def test_a_run_that_is_not_finished(tmp_path):
    run = make_run(tmp_path / "teacher", small_config(FOUR, ("wt",)), state="interrupted")
    with pytest.raises(UserError, match="is not finished"):
        find_teacher(config_of(run.root), Run(tmp_path / "student"), resuming=False)


def test_a_run_that_was_trained_again_cannot_go_on_teaching(teacher, tmp_path):
    student = Run(tmp_path / "student")
    write_json(student.state, {"state": "interrupted", "teacher": {"run": "x", "sha256": "0" * 64}})
    with pytest.raises(UserError, match="it was trained again since"):
        find_teacher(config_of(teacher.root), student, resuming=True)
    assert find_teacher(config_of(teacher.root), student, resuming=False)


def test_a_teacher_needs_a_network_for_any_subset():
    with pytest.raises(UserError, match="expected data.subsets = 'any' beside it"):
        config_of("runs/segan/all", subsets="all")


def test_a_teacher_sees_no_more_neighbours(tmp_path):
    values = small_config(FOUR, ("wt",)).model_dump(mode="json")
    values["data"]["neighbours"] = 1
    run = make_run(tmp_path / "wide", validate(values, source="the test"))
    with pytest.raises(UserError, match="has data.neighbours 1, expected at most 0"):
        find_teacher(config_of(run.root), Run(tmp_path / "student"), resuming=False)
    assert find_teacher(config_of(run.root, neighbours=2), Run(tmp_path / "student"), resuming=False)
