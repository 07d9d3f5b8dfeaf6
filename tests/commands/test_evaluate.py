"""The evaluate command, through the front door."""

import csv

import pytest

from segan_tl.__main__ import main
from segan_tl.commands import evaluate
from segan_tl.disk.atomic import write_json
from segan_tl.metrics.distances import DEFAULT_HD95, HD95_DEFINITIONS
from segan_tl.report.score import scores
from segan_tl.runs import Run
from tests.small_masks import small_truth, write_mask, write_truths


@pytest.fixture
def places(tmp_path):
    """Two cases, the first predicted exactly, the second without enhancing tumour, in the numbers of BraTS 2023."""
    write_truths(tmp_path / "truths", cases=2)
    write_mask(tmp_path / "out" / "BraTS2021_00000.nii.gz", small_truth(3))
    write_mask(tmp_path / "out" / "BraTS2021_00001.nii.gz", small_truth(1))
    return tmp_path


STATED = ("--prediction-labels", "brats2023")
BOTH_RULES = (*STATED, "--rules", "brats2023-gli,brats2026-gli")


def run(places, *options, predictions="out", truths="truths"):
    out = places / "scores" / "metrics.csv"
    code = main(["evaluate", str(places / predictions), str(places / truths), "--out", str(out), *options])
    if code:
        return code
    with out.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_rows_and_table(places, capsys):
    rows = run(places, "--prediction-labels", "brats2023")
    assert [row["region"] for row in rows] == ["wt", "tc", "et", "ed", "ncr"] * 2
    missed = rows[7]
    assert (missed["case"], missed["region"], missed["dice"]) == ("BraTS2021_00001", "et", "0.0")
    assert missed["hd95_surface_weighted_mm"] == "374.0"
    printed = capsys.readouterr().out
    assert "labels of the prediction: brats2023" in printed
    assert "HD95, surface-weighted: larger of the two directed 95th percentiles" in printed
    assert "scored 2 cases" in printed and "1/2  BraTS2021_00000" in printed and "s left" in printed


def test_whose_scans_they_are(places, capsys):
    assert [row["patient"] for row in run(places, *STATED)][::5] == ["BraTS-GLI-00000", "BraTS-GLI-00001"]
    (places / "who.csv").write_text("case,patient\nBraTS2021_00001,smith\nBraTS2021_00000,smith\n")
    rows = run(places, *STATED, "--patients", str(places / "who.csv"), "--overwrite")
    assert {row["patient"] for row in rows} == {"smith"}
    assert "scored 2 cases, of 1 patient in" in capsys.readouterr().out
    (places / "who.csv").write_text("case,patient\na,smith\n")
    assert run(places, *STATED, "--patients", str(places / "who.csv")) == 2
    assert "names 1 case not in" in capsys.readouterr().err


def test_a_challenge_brings_its_lesions_and_regions(places, capsys):
    rows = run(places, *STATED, "--challenge", "brats-met")
    assert [row["region"] for row in rows] == ["wt", "tc", "et"] * 2
    assert [row["lesions_missed"] for row in rows] == ["0", "0", "0", "0", "0", "1"]
    assert "joined by 1 dilation, up to 2 mm3 not counted" in capsys.readouterr().out


def test_all_definitions_of_hd95(places):
    options = ("--challenge", "brats-gli", "--hd95", "all", "--regions", "wt", "--tolerance-mm", "2")
    (row, *_) = run(places, *STATED, *options)
    assert {"hd95_pooled_mm", "hd95_maximum_of_directed_mm", "surface_dice_2mm"} <= row.keys()


def test_names_in_capitals_and_twice(places):
    rows = run(places, "--prediction-labels", "BraTS2023", "--regions", "WT, wt,ET")
    assert [row["region"] for row in rows] == ["wt", "et"] * 2
    rows = run(places, "--prediction-labels", "2=WT,1=TC,3=ET", "--overwrite")
    assert [row["region"] for row in rows] == ["wt", "tc", "et"] * 2


def test_a_missing_prediction_is_an_error_unless_asked_for(places, capsys):
    (places / "out" / "BraTS2021_00001.nii.gz").unlink()
    assert run(places, *STATED, "--challenge", "brats-gli") == 2
    assert "found none of BraTS2021_00001" in capsys.readouterr().err
    assert len(run(places, *STATED, "--challenge", "brats-gli", "--allow-missing")) == 3
    assert "left out, no prediction: 1 of 2 cases (BraTS2021_00001)" in capsys.readouterr().out


@pytest.mark.parametrize("layout", ["cohort", "bare"])
def test_a_prediction_without_truth_is_an_error_unless_asked_for(places, capsys, layout):
    if layout == "bare":
        for path in (places / "truths").glob("*/*_seg.nii.gz"):
            path.rename(places / "truths" / path.name.replace("_seg", ""))
        stated = ("--truth-labels", "brats2017", *STATED)
    else:
        stated = STATED
    write_mask(places / "out" / "stranger.nii.gz", small_truth(3))
    assert run(places, *stated) == 2
    assert "expected a truth of every prediction; found none of stranger.nii.gz" in capsys.readouterr().err
    assert len(run(places, *stated, "--allow-missing")) == 10
    assert "left out, no truth: 1 file (stranger.nii.gz)" in capsys.readouterr().out


def test_no_truth_is_passed_over_for_its_name(places, capsys):
    for name in ("A", "B", "C_seg"):
        write_mask(places / "mixed" / f"{name}.nii.gz", small_truth())
    for name in ("A", "B", "C"):
        write_mask(places / "found" / f"{name}.nii.gz", small_truth(3))
    options = ("--truth-labels", "brats2017", *STATED)
    rows = run(places, *options, predictions="found", truths="mixed")
    assert sorted({row["case"] for row in rows}) == ["A", "B", "C"]
    (places / "found" / "A.nii.gz").unlink()
    assert run(places, *options, predictions="found", truths="mixed") == 2
    assert "found none of A;" in capsys.readouterr().err


def test_damaged_and_misplaced_predictions_are_named(places, capsys):
    write_mask(places / "out" / "BraTS2021_00001.nii.gz", small_truth(3), shift_mm=1.0)
    assert run(places, *STATED, "--challenge", "brats-gli") == 2
    assert "the prediction of BraTS2021_00001 where its truth lies" in capsys.readouterr().err
    path = places / "out" / "BraTS2021_00000.nii.gz"
    path.write_bytes(path.read_bytes()[:40])
    assert run(places, *STATED) == 2
    message = capsys.readouterr().err
    assert "2 of 2 cases" in message and "BraTS2021_00000.nii.gz" in message and "BraTS2021_00001 where" in message


def test_bad_cases_can_be_skipped(places, capsys):
    write_mask(places / "out" / "BraTS2021_00001.nii.gz", small_truth(3)[:, :, :5])
    assert run(places, *STATED) == 2
    assert "grid is 8×7×5" in capsys.readouterr().err and not (places / "scores").exists()
    assert {row["case"] for row in run(places, *STATED, "--skip-bad-cases")} == {"BraTS2021_00000"}
    printed = capsys.readouterr().out
    assert "left out, cannot be scored: 1 case\n  BraTS2021_00001: expected" in printed
    assert "scored 1 case in" in printed and "no prediction" not in printed and "replaced" not in printed
    path = places / "out" / "BraTS2021_00000.nii.gz"
    path.write_bytes(path.read_bytes()[:-9])
    assert run(places, *STATED, "--skip-bad-cases") == 2


def test_bad_voxels_are_found_while_scoring(places, capsys):
    write_mask(places / "out" / "BraTS2021_00001.nii.gz", small_truth(9))
    assert run(places, *STATED) == 2
    assert "found 9" in capsys.readouterr().err
    # No table, but what is scored is not scored again when the mask is mended.
    assert [path.name for path in (places / "scores").iterdir()] == [".metrics.csv.partial"]
    assert len(run(places, *STATED, "--skip-bad-cases")) == 5
    assert len(run(places, *STATED, "--skip-bad-cases", "--overwrite")) == 5
    assert "replaced " in capsys.readouterr().out


@pytest.mark.parametrize("options", [STATED, BOTH_RULES], ids=["one", "rules"])
def test_the_same_once_more_is_quick_and_another_is_refused(options, places, monkeypatch, capsys):
    run(places, *options)
    out = places / "scores" / "metrics.csv"
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in out.parent.iterdir()}
    capsys.readouterr()
    with monkeypatch.context() as patch:
        patch.setattr(scores, "score_case", lambda *_: pytest.fail("scored again"))
        run(places, *options)
        assert capsys.readouterr().out == f"scored before, and nothing has changed: {out}\n"
        for more in (("--tolerance-mm", "2"), ("--regions", "wt")):
            assert run(places, *options, *more) == 2
            said = capsys.readouterr().err
            assert f"{out} exists already" in said and "add --overwrite" in said and said.count("\n") == 1
        write_mask(places / "out" / "BraTS2021_00000.nii.gz", small_truth(1))
        assert run(places, *options) == 2  # other masks
    assert {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in out.parent.iterdir()} == before
    run(places, *options, "--overwrite")
    assert "replaced " in capsys.readouterr().out and out.read_bytes() != before["metrics.csv"][0]


def test_a_table_that_somebody_changed_is_not_replaced(places, capsys):
    run(places, *STATED)
    out = places / "scores" / "metrics.csv"
    for change in (lambda: out.write_text("mine"), lambda: (out.parent / ".metrics.csv.made").unlink()):
        change()
        assert run(places, *STATED) == 2 and out.read_text() == "mine"
        assert "exists already, and is not what this command would write" in capsys.readouterr().err
    (out.parent / ".metrics.csv.made").write_text("[]")
    assert run(places, *STATED) == 2
    assert ".metrics.csv.made is damaged" in capsys.readouterr().err


def test_a_replacement_that_was_interrupted_goes_on(places, monkeypatch, capsys):
    """Asked to replace, and killed behind the first case: the same words go on without --overwrite."""
    run(places, *STATED)
    write_mask(places / "out" / "BraTS2021_00000.nii.gz", small_truth(1))
    score_case = scores.score_case
    stop = ["BraTS2021_00001"]

    def score(case_id, *arguments):
        if case_id in stop:
            raise KeyboardInterrupt
        return score_case(case_id, *arguments)

    monkeypatch.setattr(scores, "score_case", score)
    assert run(places, *STATED, "--overwrite") == 130
    stop.clear()
    assert len(run(places, *STATED)) == 10
    assert "1 of 2 cases were scored before the interruption" in capsys.readouterr().out


@pytest.fixture
def trained(places, monkeypatch):
    """A run whose only test case is the second; it has no prediction of the first."""
    root = Run(places / "runs" / "segan" / "t2")
    write_json(root.config, {})
    write_json(root.state, {"regions": ["wt", "tc", "et"]})
    write_json(root.splits, {"train": ["BraTS2021_00000"], "validation": [], "test": ["BraTS2021_00001"]})
    write_mask(root.predictions / "BraTS2021_00001.nii.gz", small_truth())
    monkeypatch.chdir(places)
    return root


@pytest.mark.parametrize("name", ["runs/segan/t2", "segan/t2", "segan/t2/predictions"])
def test_a_run_is_expected_to_predict_its_test_cases(trained, name):
    name = "runs/" + name if name.endswith("predictions") else name
    assert main(["evaluate", name, "truths", "--out", "m.csv"]) == 0
    with open("m.csv", newline="") as stream:
        assert {(row["case"], row["dice"]) for row in csv.DictReader(stream)} == {("BraTS2021_00001", "1.0")}


def test_a_run_below_another_folder(trained, capsys):
    trained.root.parents[1].rename("elsewhere")
    assert main(["evaluate", "segan/t2", "truths", "--out", "m.csv"]) == 2
    assert "segan/t2 is none" in capsys.readouterr().err
    assert main(["evaluate", "segan/t2", "truths", "--out", "m.csv", "--runs", "elsewhere"]) == 0


def test_runs_without_predictions_or_on_other_cases(trained, capsys):
    write_json(trained.splits, {"test": ["p1", "p2"]})
    assert main(["evaluate", "segan/t2", "truths", "--out", "m.csv"]) == 2
    assert "such as p1," in capsys.readouterr().err
    (trained.predictions / "BraTS2021_00001.nii.gz").unlink()
    trained.predictions.rmdir()
    assert main(["evaluate", "segan/t2", "truths", "--out", "m.csv"]) == 2
    assert "finish its training" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options, complaint",
    [
        ((), "add --prediction-labels"),
        (("--challenge", "brats-gli"), "add --prediction-labels"),
        (("--prediction-labels", "brats2016"), "did you mean brats2017?"),
        (("--prediction-labels", "lesion"), "there are none"),
        (("--prediction-labels", "wt", "--regions", "wt,et"), "(wt); found et"),
        (("--prediction-labels", "brats2017"), "found 3; state the right convention"),
        (("--tolerance-mm", "-1"), "--tolerance-mm as numbers of 0 or more"),
        (("--jobs", "0"), "--jobs of at least 1"),
        (("--out", "scores.nii.gz"), "ends in .csv"),
    ],
)
def test_mistakes_are_answered_in_a_sentence(places, capsys, options, complaint):
    assert run(places, *options) == 2
    assert complaint in capsys.readouterr().err


def test_what_the_command_offers_is_what_exists():
    # The command names them itself so that --help imports nothing heavy.
    assert evaluate.HD95 == tuple(HD95_DEFINITIONS) and evaluate.HD95[0] == DEFAULT_HD95


@pytest.mark.parametrize("options", [STATED, BOTH_RULES], ids=["one", "rules"])
def test_an_interrupted_call_goes_on_where_it_stopped(options, places, monkeypatch, capsys):
    """Stopped in the second case, it scores that one alone when it is typed again; the table is that of one call."""
    run(places, *options)
    out = places / "scores" / "metrics.csv"
    expected, names = out.read_bytes(), sorted(path.name for path in out.parent.iterdir())
    for path in out.parent.iterdir():
        path.unlink()
    score_case, asked = scores.score_case, []

    def score(case_id, *arguments):
        asked.append(case_id)
        if len(asked) == 2 and asked[0] == "BraTS2021_00000":
            raise KeyboardInterrupt
        return score_case(case_id, *arguments)

    monkeypatch.setattr(scores, "score_case", score)
    assert run(places, *options) == 130
    assert not out.exists() and (out.parent / ".metrics.csv.partial").is_file()
    stopped, asked[:] = list(asked), []
    asked.append("the second time")
    run(places, *options)
    once = 2 if "--rules" in options else 1  # a case is scored once by each set of rules
    assert stopped == ["BraTS2021_00000", "BraTS2021_00001"]
    assert sorted(asked[1:]) == sorted(["BraTS2021_00000"] * (once - 1) + ["BraTS2021_00001"] * once)
    assert out.read_bytes() == expected and sorted(path.name for path in out.parent.iterdir()) == names
    assert "1 of 2 cases were scored before the interruption" in capsys.readouterr().out


def test_what_changed_since_the_interruption_is_scored_anew(places, monkeypatch):
    score_case, asked = scores.score_case, []

    def score(case_id, *arguments):
        if len(asked) == 1:
            asked.append("stop")
            raise KeyboardInterrupt
        asked.append(case_id)
        return score_case(case_id, *arguments)

    monkeypatch.setattr(scores, "score_case", score)
    assert run(places, *STATED) == 130
    write_mask(places / "out" / "BraTS2021_00000.nii.gz", small_truth(1))
    rows = run(places, *STATED)
    assert asked == ["BraTS2021_00000", "stop", "BraTS2021_00000", "BraTS2021_00001"]
    assert [row["dice"] for row in rows if row["region"] == "et"] == ["0.0", "0.0"]
