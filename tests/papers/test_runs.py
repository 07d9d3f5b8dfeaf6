"""What the runs of a reproduction scored."""

from segan_tl.papers.runs import describe_runs, read_scores
from segan_tl.runs import Run
from tests.small_study import write_run


def test_scores_are_those_of_a_complete_run_and_one_region(tmp_path):
    run = Run(tmp_path / "run")
    write_run(run, (0.5, 0.6))
    assert read_scores(run) == {"p0": 0.5, "p1": 0.6} and read_scores(run, region="tc") == {}
    run.summary.unlink()
    assert read_scores(run) == {}


def test_runs_are_described_by_data_time_and_versions(tmp_path):
    run, other = Run(tmp_path / "run"), Run(tmp_path / "other")
    write_run(run, (0.5,))  # four epochs of 9 s
    write_run(other, (0.5,), versions={"keras": "3.15.2"})
    text = describe_runs([run, other], total=3, split={"train": ["a", "b"]}, scale="quick", more=("weights: none",))
    assert "2 of 3 runs trained and scored; training time, added up: 1 min" in text
    assert "patients: 2 train" in text and "keras 3.15.1/3.15.2, commit 0123456" in text and "- weights: none" in text
    assert describe_runs([], total=3, split={}, scale="quick") == "0 of 3 runs are trained and scored."
