"""The retest command: another cohort, an operating point of the validation cases, the area under the curve."""

import csv
import errno
import json

import pytest

from segan_tl.__main__ import main
from segan_tl.data.find.cases import find_cases
from segan_tl.disk.atomic import write_json
from segan_tl.errors import cannot_write
from segan_tl.predict.postprocess import binarise
from segan_tl.report.score import evaluate, tested
from segan_tl.runs import Run, read_json
from segan_tl.workflow.again import PARTIAL
from tests.commands.test_imports import words
from tests.small_checkpoints import REGIONS, small_plans, write_nnunet
from tests.small_runs import interrupt_segmenting, make_run, small_config, small_labels, threshold_segmentor, write_case


@pytest.fixture
def run(tmp_path):
    """Return a run whose network sees FLAIR's tumour, with a validation and a test case."""
    for case, radius in (("BraTS2021_00001", 4), ("BraTS2021_00002", 5), ("BraTS2021_00003", 6)):
        write_case(tmp_path / "cohort", case, small_labels(radius))
    made = make_run(tmp_path / "runs" / "small" / "flair", small_config(), segmentor=threshold_segmentor(1))
    state = read_json(made.state)
    write_json(made.state, state | {"data": state["data"] | {"folder": str(tmp_path / "cohort")}})
    split = {"train": ["BraTS2021_00001"], "validation": ["BraTS2021_00002"], "test": ["BraTS2021_00003"]}
    write_json(made.splits, split)
    return made


def rows_of(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def test_own_test_cases_with_area_and_operating_point(run):
    before = {path: path.read_bytes() for path in run.root.rglob("*") if path.is_file()}
    assert main(["retest", str(run.root), "--auc", "--operating-point"]) == 0
    again = Run(run.root / "again")
    assert {row["case"] for row in rows_of(again.metrics)} == {"BraTS2021_00003"}
    point = json.loads((again.root / "operating_point.json").read_text())
    assert point["cases"] == ["BraTS2021_00002"] and point["validation_dice"] > 0.9
    assert read_json(again.summary)["predict"]["threshold"] == point["threshold"]
    area = rows_of(again.root / "auc.csv")[0]
    # What the network sees is what shines: everything inside the window is ranked rightly.
    assert float(area["auc_brain"]) > 0.9 and float(area["auc_volume"]) > 0.9
    assert before == {path: path.read_bytes() for path in before}, "the run stays as it is"


def test_another_cohort_is_tested_whole(run, tmp_path):
    for case in ("BraTS2021_00011", "BraTS2021_00012"):
        write_case(tmp_path / "other", case, small_labels())
    out = tmp_path / "elsewhere"
    assert main(["retest", str(run.root), "--data", str(tmp_path / "other"), "--out", str(out)]) == 0
    assert {row["case"] for row in rows_of(out / "metrics.csv")} == {"BraTS2021_00011", "BraTS2021_00012"}
    assert read_json(out / "summary.json")["cases"] == 2
    assert len(list((out / "predictions").iterdir())) == 2


def test_cases_that_it_has_learnt_from_are_refused(run, tmp_path, capsys):
    assert main(["retest", str(run.root), "--data", str(tmp_path / "cohort")]) == 2
    error = capsys.readouterr().err
    assert "BraTS2021_00001, BraTS2021_00002" in error and "would be no test" in error


def test_another_time_point_of_a_patient_is_refused(run, tmp_path, capsys):
    write_json(run.splits, read_json(run.splits) | {"train": ["BraTS-GLI-00008-000"]})
    for case in ("BraTS-GLI-00008-001", "BraTS-GLI-00009-001"):
        write_case(tmp_path / "other", case, small_labels())
    assert main(["retest", str(run.root), "--data", str(tmp_path / "other")]) == 2
    assert "the patients of 1 of the cases" in (error := capsys.readouterr().err) and "(BraTS-GLI-00008-001)" in error


@pytest.mark.parametrize("held", ["config.json", "run.json", "best"])
def test_a_run_is_never_written_over(run, tmp_path, capsys, held):
    other = tmp_path / "other"
    (other / "best").mkdir(parents=True) if held == "best" else write_json(other / held, {})
    (other / "metrics.csv").write_text("its own scores")
    for out in (run.root, other):
        assert main(["retest", str(run.root), "--out", str(out)]) == 2
        error = capsys.readouterr().err
        assert f"{out} is a run, whose own scores would be lost" in error and error.count("\n") == 1
    assert (other / "metrics.csv").read_text() == "its own scores" and not run.summary.exists()
    assert main(["retest", str(run.root), "--out", str(other / "metrics.csv")]) == 2
    assert "is a file" in capsys.readouterr().err


def test_results_of_two_retests_do_not_mix(run, tmp_path):
    assert main(["retest", str(run.root), "--auc", "--operating-point"]) == 0
    again = Run(run.root / "again")
    (again.root / "notes.txt").touch()
    (again.predictions / "notes.txt").touch()
    write_case(tmp_path / "other", "BraTS2021_00011", small_labels())
    assert main(["retest", str(run.root), "--data", str(tmp_path / "other")]) == 0
    assert {path.name for path in again.predictions.iterdir()} == {"BraTS2021_00011.nii.gz", "notes.txt"}
    assert {path.name for path in again.root.iterdir()} == {
        ".segan_tl", "metrics.csv", "notes.txt", "overlays.png", "predictions", "summary.json",
    }  # fmt: skip


def test_an_interrupted_retest_goes_on_behind_the_last_case(run, tmp_path, monkeypatch, capsys):
    """Stopped in the third of three cases; what an option of the first call wrote is not of the second one."""
    names = [f"BraTS2021_0001{number}" for number in range(3)]
    for name in names:
        write_case(tmp_path / "other", name, small_labels())
    line = ["retest", str(run.root), "--data", str(tmp_path / "other"), "--out"]
    assert main([*line, str(tmp_path / "whole")]) == 0
    asked = interrupt_segmenting(monkeypatch, at=names[2])
    out = tmp_path / "out"
    assert main([*line, str(out), "--auc"]) == 130
    assert [path.name for path in out.iterdir()] == [PARTIAL] and (out / PARTIAL / "auc.csv").is_file()
    capsys.readouterr()
    assert main([*line, str(out)]) == 0
    assert sorted(asked) == [*names, names[2]]
    assert "2 of 3 test cases were scored before the interruption" in capsys.readouterr().out
    whole = {path.relative_to(tmp_path / "whole") for path in (tmp_path / "whole").rglob("*")}
    assert {path.relative_to(out) for path in out.rglob("*")} == whole
    seconds = [[row | {"seconds": ""} for row in rows_of(place / "metrics.csv")] for place in (out, tmp_path / "whole")]
    assert seconds[0] == seconds[1]


def test_masks_of_an_interrupted_retest_of_others_are_not_published(run, tmp_path, monkeypatch):
    write_case(tmp_path / "other", "BraTS2021_00011", small_labels())
    write_case(tmp_path / "other", "BraTS2021_00012", small_labels())
    segment = evaluate.segment_case

    def stop(*arguments, case, **options):
        if case == "BraTS2021_00012":
            raise KeyboardInterrupt
        return segment(*arguments, case=case, **options)

    monkeypatch.setattr(evaluate, "segment_case", stop)
    assert main(["retest", str(run.root), "--data", str(tmp_path / "other")]) == 130
    again = Run(run.root / "again")
    assert (again.root / PARTIAL / "predictions" / "BraTS2021_00011.nii.gz").is_file()
    assert main(["retest", str(run.root)]) == 0
    assert [path.name for path in again.predictions.iterdir()] == ["BraTS2021_00003.nii.gz"]
    assert not (again.root / PARTIAL).exists()


def test_a_full_disk_leaves_the_earlier_retest_and_nothing_else(run, monkeypatch, capsys):
    assert main(["retest", str(run.root)]) == 0
    before = {path: path.read_bytes() for path in (run.root / "again").rglob("*") if path.is_file()}

    def write(path, *_):
        full = OSError(errno.ENOSPC, "No space left on device")
        raise cannot_write(path, full) from full

    monkeypatch.setattr(tested, "write_volume", write)
    assert main(["retest", str(run.root)]) == 2
    assert "the disk is full" in words(capsys)
    assert {path: path.read_bytes() for path in (run.root / "again").rglob("*") if path.is_file()} == before
    assert not (run.root / "again" / PARTIAL).exists()


def test_a_folder_of_somebody_else_is_no_interrupted_retest(run, capsys):
    theirs = run.root / "again" / PARTIAL / "notes.txt"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("theirs")
    assert main(["retest", str(run.root)]) == 2
    assert f"{PARTIAL} is there already, and segan_tl did not make it" in words(capsys)
    assert theirs.read_text() == "theirs"


def test_what_is_refused_leaves_the_results_of_the_last_retest(run):
    assert main(["retest", str(run.root)]) == 0
    before = {path: path.read_bytes() for path in (run.root / "again").rglob("*") if path.is_file()}
    file = run.best / "segmentor.keras"
    file.write_bytes(file.read_bytes()[:-50])
    assert main(["retest", str(run.root)]) == 2
    assert before and before == {path: path.read_bytes() for path in before}


@pytest.mark.parametrize("more", [[], ["--auc"]])
def test_bad_cases_stop_it_unless_they_may_be_skipped(run, tmp_path, capsys, more):
    other = tmp_path / "other"
    write_case(other, "BraTS2021_00011", small_labels())
    write_case(other, "BraTS2021_00012", small_labels(), with_mask=False)
    damaged = write_case(other, "BraTS2021_00013", small_labels()) / "BraTS2021_00013_flair.nii.gz"
    damaged.write_bytes(b"damaged")
    command = ["retest", str(run.root), "--data", str(other), *more]
    assert main(command) == 2
    printed = capsys.readouterr()
    assert "case BraTS2021_00012: the label map is missing; add it" in printed.out
    assert f"case BraTS2021_00013 ({damaged}): " in printed.out
    assert f"{other}: 2 of 3 cases cannot be used (BraTS2021_00012, BraTS2021_00013)" in printed.err
    assert "--skip-bad-cases" in printed.err and not (run.root / "again").exists()

    assert main([*command, "--skip-bad-cases"]) == 0
    assert "going on without them" in capsys.readouterr().out
    again = Run(run.root / "again")
    for table in (again.metrics, *([again.root / "auc.csv"] if more else [])):
        assert {row["case"] for row in rows_of(table)} == {"BraTS2021_00011"}
    assert set(read_json(again.summary)["failed"]) == {"BraTS2021_00012", "BraTS2021_00013"}


def test_a_cohort_without_a_good_case_is_refused(run, tmp_path, capsys):
    write_case(tmp_path / "other", "BraTS2021_00011", small_labels(), with_mask=False)
    assert main(["retest", str(run.root), "--data", str(tmp_path / "other"), "--skip-bad-cases"]) == 2
    error = capsys.readouterr().err
    assert "1 of 1 cases cannot be used" in error and "--skip-bad-cases" not in error


def test_what_a_trained_run_segments_and_sees_cannot_be_chosen(run, tmp_path, capsys):
    other = tmp_path / "other"
    write_case(other, "BraTS2021_00011", small_labels(), modalities=("t1", "t2"))
    assert main(["retest", str(run.root), "--data", str(other)]) == 2
    error = words(capsys)
    assert f"{run.root} sees flair; {other} has t1, t2; give --data a cohort that has flair, too" in error
    write_json(other / "cohort.json", {"label_convention": "1=lesion"})
    assert main(["retest", str(run.root), "--data", str(other)]) == 2
    error = words(capsys)
    assert f"{run.root} segments wt; the labels of {other} (lesion) tell lesion; give --data a cohort" in error
    assert "--set" not in error


def test_the_last_lines_name_what_was_written(run, capsys):
    assert main(["retest", str(run.root), "--auc", "--operating-point"]) == 0
    again = Run(run.root / "again")
    lines = capsys.readouterr().out.splitlines()[-3:]
    point = read_json(again.root / "operating_point.json")
    area = float(rows_of(again.root / "auc.csv")[0]["auc_brain"])
    assert str(again.metrics) in lines[0] and str(again.overlays) in lines[0]
    assert f"threshold {point['threshold']:g}" in lines[1] and str(again.root / "operating_point.json") in lines[1]
    assert f"mean AUC {area:.3f} over the brain" in lines[2] and str(again.root / "auc.csv") in lines[2]


def test_an_operating_point_needs_label_maps(run, tmp_path, capsys):
    (tmp_path / "cohort" / "BraTS2021_00002" / "BraTS2021_00002_seg.nii.gz").unlink()
    assert main(["retest", str(run.root), "--operating-point"]) == 2
    assert "case BraTS2021_00002: the label map is missing" in words(capsys)


def test_an_imported_network_is_tested_on_any_cohort(tmp_path, tiny_cohort, capsys):
    plans = small_plans(spacing=[5.0, 5.0, 5.0])  # the cohort's own: nothing is resampled
    write_nnunet(tmp_path / "source", dataset=REGIONS, plans=plans)
    run = Run(tmp_path / "theirs")
    assert main(["import", str(tmp_path / "source"), "--run", str(run.root)]) == 0
    capsys.readouterr()
    case = find_cases(tiny_cohort).cases[0].images["t1"].path.parent
    assert main(["retest", str(run.root), "--data", str(case)]) == 0
    assert "theirs was imported: nothing is known of the cases" in words(capsys)
    assert read_json(run.root / "again" / "summary.json")["cases"] == 1

    assert main(["retest", str(run.root)]) == 2
    assert "was imported and has no test cases of its own; name the cohort to test it on with --data" in words(capsys)
    assert main(["retest", str(run.root), "--data", str(case), "--operating-point"]) == 2
    assert "no validation cases of its own; leave --operating-point out" in words(capsys)


def test_a_split_that_is_lost_is_no_import(run, tmp_path, capsys):
    run.splits.unlink()
    write_case(tmp_path / "other", "BraTS2021_00011", small_labels())
    for more in ([], ["--data", str(tmp_path / "other")]):
        assert main(["retest", str(run.root), *more]) == 2
        assert "splits.json is missing" in words(capsys)


def test_a_run_that_is_not_finished_is_refused(run, capsys):
    write_json(run.state, read_json(run.state) | {"state": "interrupted", "command": "THE COMMAND"})
    assert main(["retest", str(run.root)]) == 2
    assert "THE COMMAND" in capsys.readouterr().err


def test_a_case_that_is_gone_is_named(run, capsys):
    write_json(run.splits, read_json(run.splits) | {"test": ["BraTS2021_00009"]})
    assert main(["retest", str(run.root)]) == 2
    assert "BraTS2021_00009" in capsys.readouterr().err


def test_the_mask_is_that_of_the_chosen_threshold():
    """The decision that is scored is the one that the threshold was chosen for."""
    import numpy as np

    from segan_tl.config.predict import PredictConfig
    from segan_tl.predict.postprocess import held_against_threshold

    probability = np.random.default_rng(0).dirichlet(np.ones(4), (6, 6, 6)).astype(np.float32)
    for threshold in (0.2, 0.5, 0.8):
        mask = binarise(probability, PredictConfig(decision="largest", threshold=threshold))
        np.testing.assert_array_equal(mask, held_against_threshold(probability, "largest") >= threshold)
        assert mask.sum(axis=-1).max() == 1


def test_a_damaged_validation_case_leaves_the_earlier_retest_as_it_is(run, tmp_path, capsys):
    assert main(["retest", str(run.root)]) == 0
    again = Run(run.root / "again")
    before = again.summary.read_bytes()
    for file in (tmp_path / "cohort" / "BraTS2021_00002").glob("*.nii.gz"):
        file.write_bytes(file.read_bytes()[:200])
    assert main(["retest", str(run.root), "--operating-point"]) == 2
    assert "BraTS2021_00002" in words(capsys) and again.summary.read_bytes() == before
