"""Where the runs of a study lie, and what is said of those that are missing."""

import pytest

from segan_tl.config.strategies import moved_name
from segan_tl.papers.study import Group, Study, name_missing, only_there
from segan_tl.runs import Run
from tests.small_study import write_run


@pytest.fixture
def study(tmp_path):
    """Return a study of which the run "there" is scored."""
    study = Study(tmp_path / "runs", "quick", tmp_path / "out", "target", "source")
    write_run(study.place("-some", "there"), (0.5,))
    return study


def test_runs_lie_below_the_name_of_their_configuration(tmp_path):
    class Small(Study):
        paper = "small-2026"

    study = Small(tmp_path, "full", tmp_path / "out")
    assert study.name == "small-2026-full" and (study.target, study.source) == ("", "")
    assert study.place("-cases4", "a-to-b", "fold0").root == tmp_path / "small-2026-full-cases4" / "a-to-b" / "fold0"


@pytest.mark.parametrize(
    ("strategy", "folder"),
    [("full", "a-to-b"), ("freeze-critic", "a-to-b-frozen"), ("last-three", "a-to-b-last-three"),
     ("scratch", "a-to-b-scratch")],
)  # fmt: skip
def test_a_moved_run_is_called_as_transfer_calls_it(strategy, folder):
    assert moved_name("a", "b", strategy) == folder


def test_only_finished_runs_are_there(study):
    runs = {name: study.place("-some", name) for name in ("there", "lacking")}
    assert list(only_there(runs)) == ["there"]
    assert only_there(runs, lambda run: run.root.name == "lacking") == {"lacking": runs["lacking"]}


def test_what_is_missing_is_counted_by_group(study):
    there, lacking = (study.place("-some", name) for name in ("there", "lacking"))
    assert name_missing([Group("A", [there])]) == "" == name_missing([])
    groups = [Group("A", [there]), Group("B", [lacking]), Group("C", [there, lacking, lacking], "folds")]
    assert name_missing(groups) == "**Incomplete: not run yet are B, C (2 of 3 folds).**"
    assert name_missing([Group("A", [there], is_there=lambda run: Run(run.root / "again").summary.is_file())]) != ""
