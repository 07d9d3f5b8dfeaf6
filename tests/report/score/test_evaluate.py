"""The evaluation of a finished run, on cases whose scores are known."""

import csv
import functools
import json
import shutil
import statistics

import nibabel
import numpy as np
import pytest

from segan_tl.__main__ import main
from segan_tl.data.find.cases import find_cases
from segan_tl.disk.atomic import write_json
from segan_tl.disk.manifest import sha256
from segan_tl.errors import UserError
from segan_tl.metrics.columns import plan_of_run
from segan_tl.predict.crew import Crew
from segan_tl.predict.members import Member
from segan_tl.report.compare.score_tables import open_tables, require_same_cases
from segan_tl.report.score import evaluate
from segan_tl.report.score.evaluate import _print_table, describe, evaluate_run
from segan_tl.report.score.remarks import print_remarks
from segan_tl.runs import Run
from tests.small_runs import (
    SPACING_MM, interrupt_segmenting, make_run, small_config, small_labels, threshold_segmentor, write_case,
)

OVERLAP = ["dice", "precision", "sensitivity", "specificity"]
LESIONS = ["lesion_dice", "lesion_hd95_mm", "lesions_found", "lesions_missed", "lesions_invented"]


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory):
    """A run evaluated on a seen tumour, a tumour of which half of the truth is invisible, and a case without tumour."""
    root = tmp_path_factory.mktemp("evaluate")
    labels = small_labels()
    write_case(root / "cohort", "BraTS2021_00001", labels)
    place = write_case(root / "cohort", "BraTS2021_00002", labels)
    # The truth grows by a slab of equal size that no image shows.
    tumour = int((labels > 0).sum())
    larger = labels.copy()
    larger.reshape(-1)[np.flatnonzero(labels.reshape(-1) == 0)[:tumour]] = 2
    header = nibabel.load(place / "BraTS2021_00002_seg.nii.gz").affine
    nibabel.save(nibabel.Nifti1Image(larger, header), place / "BraTS2021_00002_seg.nii.gz")
    write_case(root / "cohort", "BraTS2021_00003", np.zeros_like(labels))
    config = small_config()
    run = make_run(root / "runs" / "small" / "flair", config)
    summary = evaluate_run(run, cases=find_cases(root / "cohort").cases, config=config)
    return run, summary, labels


def test_metrics_are_those_worked_out_by_hand(evaluated):
    run, _, labels = evaluated
    with run.metrics.open() as file:
        rows = {row["case"]: row for row in csv.DictReader(file)}
    voxel_ml = np.prod(SPACING_MM) / 1000
    tumour_ml = (labels > 0).sum() * voxel_ml
    seen = rows["BraTS2021_00001"]
    assert [float(seen[name]) for name in ("dice", "precision", "sensitivity")] == [1, 1, 1]
    assert float(seen["truth_ml"]) == pytest.approx(tumour_ml, rel=1e-5)
    # P = n, T = 2 n, P within T: Dice 2 n / 3 n, precision 1, sensitivity 1/2
    half = rows["BraTS2021_00002"]
    assert [float(half[name]) for name in ("dice", "precision", "sensitivity")] == pytest.approx(
        [2 / 3, 1, 1 / 2], rel=1e-5
    )
    assert float(half["truth_ml"]) == pytest.approx(2 * tumour_ml, rel=1e-5)
    # Without tumour the brightest brain is stretched to 1: everything above half of it is found, and truth is empty.
    empty = rows["BraTS2021_00003"]
    assert [float(empty[name]) for name in ("dice", "precision", "sensitivity", "truth_ml")] == [0, 0, 0, 0]


def test_summary_holds_statistics_and_provenance(evaluated):
    run, summary, _ = evaluated
    assert json.loads(run.summary.read_text()) == summary
    dice = summary["regions"]["wt"]["dice"]
    values = [1, 2 / 3, 0]
    assert (dice["n"], dice["min"], dice["max"]) == (3, 0, 1)
    assert dice["mean"] == pytest.approx(5 / 9) and dice["median"] == pytest.approx(2 / 3)
    assert dice["std"] == pytest.approx(statistics.stdev(values))
    assert summary["regions"]["wt"]["truth_is_empty"] == 1
    assert summary["segmentor_sha256"] == sha256(run.best / "segmentor.keras")
    assert summary["run"]["best_epoch"] == 3 and summary["failed"] == {} and summary["cases"] == 3


def test_what_lies_outside_of_the_segmented_area_is_said(evaluated, capsys):
    run, summary, _ = evaluated
    place = run.root.parents[2] / "cohort" / "BraTS2021_00002"
    inside = (slice(2, 22), slice(1, 19), slice(1, 9))  # a crop of 20 × 18 × 8 out of 24 × 20 × 10
    voxel_ml, expected = np.prod(SPACING_MM) / 1000, []
    for name in ("flair", "seg"):
        there = np.asarray(nibabel.load(place / f"BraTS2021_00002_{name}.nii.gz").dataobj) > 0
        expected.append((there.sum() - there[inside].sum()) * voxel_ml)
    said = summary["remarks"]["BraTS2021_00002"]
    assert [said["head_not_segmented_ml"], said["truth_not_segmented_ml"]] == pytest.approx(expected, abs=1e-3)
    assert expected[1] > 1 and said["unlike_training"] == []  # the run keeps nothing of its training
    print_remarks(summary["remarks"], Member(run, "flair", small_config(), {}))
    printed = capsys.readouterr().out
    assert "outside of the 20 × 18 × 8 voxels that are segmented: up to 18.2 ml of the head" in printed
    assert f"{expected[1]:.3g} ml of BraTS2021_00002" in printed and "of BraTS2021_00003" not in printed


def test_predictions_lie_on_the_grid_of_the_input(evaluated):
    run, _, labels = evaluated
    written = nibabel.load(run.predictions / "BraTS2021_00001.nii.gz")
    source = nibabel.load(run.root.parents[2] / "cohort" / "BraTS2021_00001" / "BraTS2021_00001_flair.nii.gz")
    np.testing.assert_array_equal(written.affine, source.affine)
    assert written.get_data_dtype() == np.uint8
    np.testing.assert_array_equal(np.asarray(written.dataobj), labels > 0)  # one region: the number is 1


def test_pictures_are_there(evaluated):
    run, _, _ = evaluated
    assert run.overlays.read_bytes().startswith(b"\x89PNG")


def test_nested_regions_are_written_in_the_cohorts_numbers(tmp_path):
    labels = small_labels(6)
    write_case(tmp_path / "cohort", "BraTS2021_00009", labels)
    config = small_config(("flair", "t2", "t1c"), ("wt", "tc", "et"))
    run = make_run(tmp_path / "run", config)
    summary = evaluate_run(run, cases=find_cases(tmp_path / "cohort").cases, config=config)
    written = np.asarray(nibabel.load(run.predictions / "BraTS2021_00009.nii.gz").dataobj)
    inside = np.zeros(labels.shape, bool)
    inside[2:22, 1:19, 1:9] = True  # the crop of (20, 18, 8) in (24, 20, 10)
    np.testing.assert_array_equal(written, np.where(inside, labels, 0))
    assert [summary["regions"][region]["dice"]["mean"] for region in ("tc", "et")] == [1, 1]


def test_labels_are_scored_as_the_regions_that_they_add_up_to(tmp_path):
    write_case(tmp_path / "cohort", "BraTS2021_00009", small_labels())
    config = small_config(("flair", "t2", "t1c"), ("ncr", "ed", "et"))
    segmentor = threshold_segmentor(3)
    # FLAIR shows wt, T2 tc, T1c et: necrosis is T2 without T1c, oedema FLAIR without T2. FLAIR weighs too little here:
    # no oedema is found.
    kernel = [[0, 10, 0], [40, -40, 0], [-40, 0, 40]]
    segmentor.get_layer("logits").set_weights([np.reshape(kernel, (1, 1, 3, 3)), np.full(3, -20.0)])
    run = make_run(tmp_path / "run", config, segmentor=segmentor)
    summary = evaluate_run(run, cases=find_cases(tmp_path / "cohort").cases, config=config)
    means = {region: found["dice"]["mean"] for region, found in summary["regions"].items()}
    labels = small_labels()[:, :, 1:9]
    core, whole = (labels % 2 == 1).sum() + (labels == 4).sum(), (labels > 0).sum()
    assert list(means) == ["ncr", "ed", "et", "wt", "tc"]
    assert (means["ncr"], means["ed"], means["et"], means["tc"]) == (1, 0, 1, 1)
    assert means["wt"] == pytest.approx(2 * core / (core + whole))


def test_a_case_that_cannot_be_read_is_left_out_and_named(tmp_path, capsys):
    labels = small_labels()
    write_case(tmp_path / "cohort", "BraTS2021_00001", labels)
    broken = write_case(tmp_path / "cohort", "BraTS2021_00002", labels) / "BraTS2021_00002_flair.nii.gz"
    broken.write_bytes(broken.read_bytes()[:-40])
    config = small_config()
    run = make_run(tmp_path / "run", config)
    summary = evaluate_run(run, cases=find_cases(tmp_path / "cohort").cases, config=config)
    assert summary["cases"] == 1 and list(summary["failed"]) == ["BraTS2021_00002"]
    assert "BraTS2021_00002" in capsys.readouterr().out
    broken_cases = [case for case in find_cases(tmp_path / "cohort").cases if case.id.endswith("2")]
    with pytest.raises(UserError, match="of 1 test case none could be read; the first: "):
        evaluate_run(run, cases=broken_cases, config=config)


def test_an_interrupted_test_goes_on_behind_the_last_case(tmp_path, monkeypatch, capsys):
    """Stopped in the third of three cases, it segments that one alone; all that is written is that of one call."""
    labels = small_labels()
    for number, found in enumerate((labels, np.zeros_like(labels), labels)):
        write_case(tmp_path / "cohort", f"BraTS2021_0000{number}", found)
    config, cases = small_config(), find_cases(tmp_path / "cohort").cases
    whole = make_run(tmp_path / "whole" / "small" / "flair", config)
    shutil.copytree(tmp_path / "whole", tmp_path / "stopped")
    run = Run(tmp_path / "stopped" / "small" / "flair")
    expected = evaluate_run(whole, cases=cases, config=config)
    asked = interrupt_segmenting(monkeypatch, at="BraTS2021_00002")
    with pytest.raises(KeyboardInterrupt):
        evaluate_run(run, cases=cases, config=config)
    assert not run.summary.exists() and not run.metrics.exists()
    summary = evaluate_run(run, cases=cases, config=config)
    assert sorted(asked) == [f"BraTS2021_0000{number}" for number in (0, 1, 2, 2)]  # two at a time, in any order
    assert "2 of 3 test cases were scored before the interruption" in capsys.readouterr().out
    assert {**summary, "seconds_per_case": 0} == {**expected, "seconds_per_case": 0}
    tables = [[line.rpartition(",")[0] for line in one.metrics.read_text().splitlines()] for one in (whole, run)]
    assert tables[0] == tables[1] and whole.overlays.read_bytes() == run.overlays.read_bytes()
    assert sorted(path.name for path in run.root.iterdir()) == sorted(path.name for path in whole.root.iterdir())


@pytest.mark.parametrize("change", ["prediction", "threshold", "image"])
def test_what_changed_since_the_interruption_is_tested_anew(change, tmp_path, monkeypatch):
    labels, config = small_labels(), small_config()
    for number in range(2):
        place = write_case(tmp_path / "cohort", f"BraTS2021_0000{number}", labels)
    run, cases = make_run(tmp_path / "run", config), find_cases(tmp_path / "cohort").cases
    asked, segment = [], evaluate.segment_case

    def note(*arguments, case, **options):
        asked.append(case)
        return segment(*arguments, case=case, **options)

    monkeypatch.setattr(evaluate, "segment_case", note)
    monkeypatch.setattr(evaluate, "write_scores", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        evaluate_run(run, cases=cases, config=config)
    if change == "prediction":
        (run.predictions / "BraTS2021_00001.nii.gz").unlink()
    elif change == "threshold":
        config = config.model_copy(update={"predict": config.predict.model_copy(update={"threshold": 0.4})})
    else:
        shutil.rmtree(place)
        write_case(tmp_path / "cohort", place.name, np.where(labels == 4, 2, labels))
    asked.clear()
    with pytest.raises(KeyboardInterrupt):
        evaluate_run(run, cases=find_cases(tmp_path / "cohort").cases, config=config)
    assert len(asked) == (2 if change == "threshold" else 1)


def test_cases_scored_at_a_time_stand_in_their_order(tmp_path, monkeypatch):
    config, found = small_config(("flair", "t2", "t1c"), ("wt", "tc", "et")), []
    for number in range(6):  # each with a tumour of its own
        write_case(tmp_path / "cohort", f"BraTS2021_0000{number}", small_labels(number + 1))
    cases = find_cases(tmp_path / "cohort").cases
    for threads in (1, 4):
        monkeypatch.setattr(evaluate, "Crew", functools.partial(Crew, threads))
        run = make_run(tmp_path / f"run{threads}", config)
        evaluate_run(run, cases=cases, config=config)
        with run.metrics.open() as file:
            rows = [{name: value for name, value in row.items() if name != "seconds"} for row in csv.DictReader(file)]
        found.append((rows, [path.read_bytes() for path in sorted(run.predictions.iterdir())]))
    assert found[0] == found[1] and len(found[0][1]) == 6
    assert [row["case"] for row in found[0][0] if row["region"] == "wt"] == [case.id for case in cases]


def test_a_fault_while_scoring_ends_the_test_of_a_run(tmp_path, monkeypatch):
    write_case(tmp_path / "cohort", "BraTS2021_00001", small_labels())
    run, config = make_run(tmp_path / "run", small_config()), small_config()
    monkeypatch.setattr(evaluate, "score_prediction", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        evaluate_run(run, cases=find_cases(tmp_path / "cohort").cases, config=config)
    assert not run.summary.is_file()


def test_remarks_of_many_cases_do_not_push_the_table_away(capsys):
    said = {"unlike_training": [], "doubtful": ["too small"], "head_not_segmented_ml": 0, "truth_not_segmented_ml": 0}
    print_remarks({f"case{number:02d}": said for number in range(13)}, member=None)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "case00  doubtful: too small" and len(lines) == 11
    assert lines[-1] == "3 more cases with such remarks: summary.json, report.html"


def test_no_test_case_gives_an_empty_summary(tmp_path):
    config = small_config()
    run = make_run(tmp_path / "run", config)
    summary = evaluate_run(run, cases=[], config=config)
    assert summary["cases"] == 0 and summary["regions"]["wt"]["dice"]["mean"] is None
    assert run.summary.is_file() and not run.overlays.exists()


def test_a_damaged_checkpoint_is_not_loaded(tmp_path):
    config = small_config()
    run = make_run(tmp_path / "run", config)
    with (run.best / "segmentor.keras").open("r+b") as file:
        file.seek(300)
        file.write(b"\0\1\2")
    with pytest.raises(UserError, match="sha256"):
        evaluate_run(run, cases=[], config=config)


def test_a_configuration_of_another_run_is_refused(tmp_path):
    run = make_run(tmp_path / "run", small_config())
    with pytest.raises(UserError, match="t2 to wt.*made for flair"):
        evaluate_run(run, cases=[], config=small_config(("t2",)))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], {"n": 0, "mean": None, "std": None, "median": None, "min": None, "max": None}),
        ([0.5], {"n": 1, "mean": 0.5, "std": None, "median": 0.5, "min": 0.5, "max": 0.5}),
        # mean 2, deviations -1, 0, 1: variance 2 / (3 - 1) = 1
        ([1.0, 2.0, 3.0], {"n": 3, "mean": 2, "std": 1, "median": 2, "min": 1, "max": 3}),
    ],
)
def test_describe(values, expected):
    assert describe(values) == expected


def test_surface_and_lesion_scores_stand_beside_the_overlap(evaluated, capsys):
    run, summary, labels = evaluated
    with run.metrics.open() as file:
        rows = {row["case"]: row for row in csv.DictReader(file)}
    assert list(rows["BraTS2021_00001"])[3:13] == [*OVERLAP, "hd95_mm", *LESIONS]
    seen, half, empty = rows.values()
    assert [float(seen[name]) for name in ("specificity", "hd95_mm", "lesion_dice", "lesion_hd95_mm")] == [1, 0, 1, 0]
    # What was found lies inside the truth, so no background is marked; 3 dilations join the slab to the tumour.
    assert float(half["specificity"]) == 1 and float(half["hd95_mm"]) > 10
    assert half["lesion_dice"] == half["dice"] and half["lesion_hd95_mm"] == half["hd95_mm"]
    assert [half[name] for name in LESIONS[2:]] == ["1", "0", "0"]
    # Truth is empty and the prediction is not: the rule's 374 mm, a number that any program can read.
    assert float(empty["hd95_mm"]) == 374 and float(empty["lesion_dice"]) == 0
    assert summary["challenge"] == "brats2023-gli" and summary["definitions"]["hd95_mm"].startswith("surface-weighted")
    assert summary["regions"]["wt"]["hd95_mm"]["max"] == 374


def test_evaluate_finds_the_same_numbers_to_the_last_digit(evaluated, tmp_path):
    run, _, _ = evaluated
    with run.metrics.open() as file:
        rows = list(csv.DictReader(file))
    write_json(run.splits, {"test": sorted({row["case"] for row in rows})})
    cohort = run.root.parents[2] / "cohort"
    out = tmp_path / "again.csv"
    assert main(["evaluate", str(run.root), str(cohort), "--out", str(out), "--challenge", "brats-gli"]) == 0
    tables = open_tables([run.root, out])
    require_same_cases(tables, ["wt"])
    for metric in (*OVERLAP, "hd95_mm", *LESIONS, "truth_ml", "prediction_ml"):
        assert tables[0].scores(metric, "wt") == tables[1].scores(metric, "wt"), metric


def test_a_table_fits_a_terminal(evaluated, capsys):
    run, summary, _ = evaluated
    with run.metrics.open() as file:
        rows = [row | {"case": "phantom-glioma-3t-0001"} for row in csv.DictReader(file)]
    words = ("case", "patient", "region")
    rows = [{key: cell if key in words else float(cell) for key, cell in row.items()} for row in rows]
    _print_table(rows, summary, plan_of_run(["wt"], "brats-gli"))
    printed = capsys.readouterr().out.splitlines()
    assert max(map(len, printed[:-1])) <= 100 and "HD95" in printed[2]
    assert printed[-1].startswith("HD95 in mm, surface-weighted")
