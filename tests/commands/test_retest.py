"""The retest command: another cohort, an operating point of the validation cases, the area under the curve."""

import csv
import json

import pytest

from segan_tl.__main__ import main
from segan_tl.predict.postprocess import binarise
from segan_tl.runs import Run, read_json, write_json
from tests.small_runs import make_run, small_config, small_labels, threshold_segmentor, write_case


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

    from segan_tl.config_volume import VolumePredictConfig
    from segan_tl.predict.postprocess import held_against_threshold

    probability = np.random.default_rng(0).dirichlet(np.ones(4), (6, 6, 6)).astype(np.float32)
    for threshold in (0.2, 0.5, 0.8):
        mask = binarise(probability, VolumePredictConfig(decision="largest", threshold=threshold))
        np.testing.assert_array_equal(mask, held_against_threshold(probability, "largest") >= threshold)
        assert mask.sum(axis=-1).max() == 1
