"""What a trained run owes."""

import os

import pytest

from segan_tl.report.score.owed import has_page, has_scores, is_complete
from segan_tl.runs import Run
from tests.small_folds import write_fold


@pytest.fixture
def run(tmp_path):
    write_fold(tmp_path, 0)
    return Run(tmp_path / "fold0")


def test_a_run_with_everything_owes_nothing(run):
    assert has_scores(run) and has_page(run) and is_complete(run, page=True)


@pytest.mark.parametrize("name", ["summary.json", "metrics.csv", "overlays.png", "predictions/p3.nii.gz"])
def test_what_the_test_wrote_is_made_by_testing_again(run, name):
    (run.root / name).unlink()
    assert not has_scores(run) and not is_complete(run, page=False)


def test_curves_and_page_need_no_test(run):
    run.curves.unlink()
    assert has_scores(run) and not is_complete(run, page=False)
    run.curves.touch()
    run.report.unlink()
    assert is_complete(run, page=False) and not is_complete(run, page=True)


def test_a_page_is_owed_again_when_there_is_a_comparison_to_show(run):
    run.comparison.write_text("{}")
    os.utime(run.comparison, ns=(0, run.report.stat().st_mtime_ns + 1))
    assert not has_page(run)


def test_without_test_cases_there_are_no_pictures_of_them(run):
    run.metrics.write_text("case,region,dice\n")
    run.overlays.unlink()
    assert has_scores(run)


def test_a_training_that_is_not_finished_is_not_complete(tmp_path):
    write_fold(tmp_path, 1, state="interrupted")
    assert not is_complete(Run(tmp_path / "fold1"), page=False)
