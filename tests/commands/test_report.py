"""The page that a training writes by itself: it is there, or its absence is said without ending the training."""

import argparse
import csv
from pathlib import Path

import pytest

from segan_tl.__main__ import main
from segan_tl.commands.report import add_arguments, comparison_path
from segan_tl.disk.atomic import write_json
from segan_tl.report.html.page import show_bytes
from segan_tl.workflow.finish import write_page
from tests.report.pages import change_state, write_cohort, write_run


@pytest.fixture
def run(tmp_path):
    return write_run(tmp_path / "runs" / "small" / "flair", write_cohort(tmp_path / "cohort"))


def test_finished_training_leaves_its_page(run, capsys):
    write_page(run)
    assert "small/flair" in run.report.read_text()
    assert "report.html" in capsys.readouterr().out.replace("\n", "")


def test_one_case_is_one(tmp_path):
    cohort = write_cohort(tmp_path / "cohort", ["BraTS2021_00001"])
    data = {"folder": str(cohort), "layout": "brats2021", "synthetic": True}
    data["cases"] = {"train": 1, "validation": 1, "test": 1}
    run = write_run(tmp_path / "one" / "flair", cohort, cases=["BraTS2021_00001"], data=data)
    write_page(run)
    page = run.report.read_text()
    assert "trained on 1 synthetic case:" in page and "on 1 test case." in page and "mean over 1 test case<" in page


def test_transfer_page_says_what_it_was_worth(run):
    scores = {"source": 0.3914, "scratch": None, "transferred": 0.8171}
    write_json(run.comparison, {"regions": {"wt": scores}, "strategy": "freeze-critic"})
    change_state(run, transfer={"source": "runs/segan/t2", "strategy": "freeze-critic", "inputs": {"flair": "t2"}})
    write_page(run)
    page = run.report.read_text()
    assert "0.391" in page and "0.817" in page and "from runs/segan/t2, strategy freeze-critic (flair from t2)" in page


def test_scores_by_other_rules_stand_in_for_those_of_the_run(run, tmp_path, capsys):
    with run.metrics.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    table = tmp_path / "rules.csv"
    cells = [f"{row['case']},{row['region']},{row['dice']}" for row in rows]
    lines = [f"{cells[0]},0.25,inf", *(f"{cell},,inf" for cell in cells[1:])]
    table.write_text("\n".join(["case,region,dice,matched_dice,matched_hd95_mm", *lines]) + "\n")
    assert main(["report", str(run.root), "--scores", str(table), "--no-viewer"]) == 0
    page = run.report.read_text()
    assert "Dice of matched lesions: mean over lesions matched one to one" in page and "0.250" in page and "∞" in page
    assert main(["report", str(run.root), "--scores", str(table), "--scores", str(table)]) == 2
    assert "expected --scores once for every run; found 2 for 1 run" in capsys.readouterr().err


@pytest.mark.parametrize("spoil", ("metrics", "history"))
def test_failure_is_said_and_ends_nothing(run, spoil, capsys):
    getattr(run, spoil).write_text("case,region\nx,wt\n")
    write_page(run)
    assert "no report.html" in capsys.readouterr().out and not run.report.exists()


def test_run_without_test_cases_has_a_page(run):
    run.metrics.write_text("case,region,dice\n")
    write_page(run)
    assert "There were no test cases" in run.report.read_text()


def test_number_of_cases_is_a_number_or_all():
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    assert parser.parse_args(["r", "--cases", "all"]).cases is None
    with pytest.raises(SystemExit):
        parser.parse_args(["r", "--cases", "many"])


def test_a_comparison_is_named_after_its_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    roots = [Path("runs/segan/t2"), Path("runs/segan/flair-to-t2-frozen")]
    assert comparison_path(roots) == Path("runs/segan/t2-vs-flair-to-t2-frozen.html")
    same = [Path("runs/nnunet/glioma"), Path("runs/unet3d/glioma")]
    assert comparison_path(same) == Path("runs/nnunet/nnunet-glioma-vs-unet3d-glioma.html")
    assert comparison_path([Path("."), Path("other")]).parent == tmp_path.parent
    many = [Path(f"runs/a-name-that-is-rather-long-{number}") for number in range(9)]
    paths = [comparison_path(many), comparison_path([*many[:8], Path("runs/another")])]
    assert len(set(paths)) == 2 and all(len(path.name) < 140 for path in paths)


@pytest.mark.parametrize("option", (
    ("--megabytes", "0"), ("--megabytes", "-3"), ("--megabytes", "nan"), ("--megabytes", "x"), ("--out", "foo.txt"),
))  # fmt: skip
def test_sizes_and_names_that_make_no_sense_are_refused(option):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    with pytest.raises(SystemExit) as error:
        parser.parse_args(["r", *option])
    assert error.value.code == 2


def test_a_folder_without_the_cases_is_refused_where_it_was_given(run, tmp_path, capsys):
    assert main(["report", str(run.root), "--data", str(tmp_path / "nowhere")]) == 2
    assert "nowhere does not exist" in capsys.readouterr().err.replace("\n", " ")
    other = write_cohort(tmp_path / "other", ("BraTS2021_00077",))
    assert main(["report", str(run.root), "--data", str(other)]) == 2
    assert not run.report.exists()
    (tmp_path / "cohort").rename(tmp_path / "moved")
    assert main(["report", str(run.root)]) == 0 and run.report.exists()


def test_size_is_told_and_a_limit_that_was_missed_too(run, tmp_path, capsys):
    assert show_bytes(1_234_567) == "1.2 MB" and show_bytes(999_600) == "1.0 MB"
    assert show_bytes(213_400) == "213 KB" and show_bytes(12) == "1 KB"
    assert main(["report", str(run.root), "--megabytes", "0.5"]) == 0
    assert "larger than the 0.5 MB" in " ".join(capsys.readouterr().out.split())
    assert "larger than the 0.5 MB" in run.report.read_text()
    assert main(["report", str(run.root), "--megabytes", "0.5", "--no-viewer"]) == 0
    assert "larger than" not in run.report.read_text() and " KB" in capsys.readouterr().out
