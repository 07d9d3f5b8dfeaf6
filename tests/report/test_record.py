"""A finished run, opened: what is refused in which words, and each file read only when it is asked for."""

import math

import numpy as np
import pytest

from segan_tl.disk.atomic import write_json
from segan_tl.errors import UserError
from segan_tl.report.record import metric_columns, number, open_finished, shared_metrics, shared_regions, whose
from segan_tl.runs import Run, is_imported, read_state, require_finished
from tests.report.pages import change_state, write_cohort, write_run
from tests.small_reviews import write_review


@pytest.fixture
def run(tmp_path):
    cohort = write_cohort(tmp_path / "cohort", cases=("BraTS2021_00001", "BraTS2021_00002"))
    return write_run(tmp_path / "runs" / "small" / "flair", cohort, cases=("BraTS2021_00001", "BraTS2021_00002"))


def test_what_a_run_says(run):
    one = open_finished(run)
    assert (one.name, one.synthetic, one.regions, one.modalities) == ("small/flair", True, ("wt",), ("flair",))
    assert one.cases == ["BraTS2021_00001", "BraTS2021_00002"] and one.split["validation"] == ["c"]
    assert one.patients["BraTS2021_00001"] == "BraTS-GLI-00001"
    np.testing.assert_array_equal(one.history["dice"], [0.1, 0.4, 0.6, math.nan])
    assert one.comparison is None and one.failed == {} and one.definitions == {}
    assert one.scores("dice", "wt")["BraTS2021_00001"] == one.dice("BraTS2021_00001") > 0


def test_a_file_that_nobody_asks_for_hinders_nobody(run):
    run.history.write_text("damaged")
    one = open_finished(run)
    assert one.scores("dice", "wt")
    with pytest.raises(UserError, match="history.csv"):
        one.history


@pytest.mark.parametrize("state, said", [("interrupted", "interrupted, epoch 4"), (None, "missing, epoch 0")])
def test_a_run_that_is_not_finished_says_how_to_go_on(run, state, said):
    change_state(run, state=state, command="COMMAND") if state else run.state.unlink()
    for function in (open_finished, require_finished):
        with pytest.raises(UserError) as caught:
            function(run)
        command = "COMMAND" if state else "the command that started it"
        assert str(caught.value) == f"{run.root} is not finished (run.json: {said}); go on with: {command}"
    with pytest.raises(UserError, match="COMMAND" if state else "go on with: ANOTHER"):
        require_finished(run, otherwise="ANOTHER")


def test_a_run_without_scores_says_how_to_make_them(run):
    run.metrics.unlink()
    with pytest.raises(UserError, match=r"no scores yet \(metrics.csv is missing\); make them with: python train"):
        open_finished(run)


def test_an_import_is_told_from_a_run_that_lost_its_split(run):
    write_json(run.state, {"state": "finished", "source_sha256": "12ab"})
    assert not is_imported(run)
    run.splits.unlink()
    assert is_imported(run)
    assert read_state(Run(run.root / "nowhere")) == {} and not is_imported(Run(run.root / "nowhere"))


def test_what_several_runs_share(run, tmp_path):
    other = write_run(tmp_path / "runs" / "small" / "all", tmp_path / "cohort", regions=("tc", "wt"),
                      cases=("BraTS2021_00001", "BraTS2021_00002"))  # fmt: skip
    other.metrics.write_text(other.metrics.read_text().replace("sensitivity", "recall"))
    runs = [open_finished(one) for one in (other, run)]
    assert shared_regions(runs) == ["wt"]
    assert shared_metrics(runs) == ["dice", "precision", "truth_ml", "prediction_ml"]


def test_rows_of_a_table():
    assert whose({"case": "BraTS2021_00001", "patient": "smith"}) == "smith"
    assert whose({"case": "BraTS-GLI-00008-001"}) == whose({"case": "BraTS-GLI-00008-000"})
    assert number("0.5") == 0.5 and math.isnan(number("")) and math.isnan(number(None))
    rows = [{"case": "a", "dice": "0.5", "hd95_mm": "", "remark": "large", "seconds": "1"}]
    assert metric_columns(rows) == ["dice"] and metric_columns([]) == []


def test_what_a_second_look_expects_of_the_network_that_is_there_now(run):
    assert open_finished(run).predicted_dice == {}
    write_review(run.review, {"BraTS2021_00001": 0.61, "elsewhere": 0.5}, digest="now")
    assert open_finished(run).predicted_dice == {}  # nobody knows whether it is of this network
    write_json(run.summary, {"segmentor_sha256": "now"})
    assert open_finished(run).predicted_dice == {"BraTS2021_00001": 0.61, "elsewhere": 0.5}
    write_json(run.summary, {"segmentor_sha256": "trained anew"})
    assert open_finished(run).predicted_dice == {}


def test_that_of_a_cross_validation_is_that_of_its_folds(tmp_path):
    cohort = write_cohort(tmp_path / "cohort", cases=("BraTS2021_00001",))
    fold = write_run(tmp_path / "runs" / "net" / "fold1", cohort, cases=("BraTS2021_00001",))
    write_json(fold.summary, {"segmentor_sha256": "one"})
    write_review(fold.root.parent / "review.json", {"BraTS2021_00001": 0.4}, digest="one")
    assert open_finished(fold).predicted_dice == {"BraTS2021_00001": 0.4}
