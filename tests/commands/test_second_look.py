"""`second-look`, and `predict` after it, through the front door, with a network that finds too much of some patients.

FLAIR of case n shows 3 n bright voxels far from a tumour of T voxels, in one piece: the Dice is 2 T / (2 T + 3 n).
"""

import csv
import json
import shutil

import nibabel
import numpy as np
import pytest

from segan_tl.__main__ import main
from segan_tl.disk.atomic import write_json
from tests.small_reviews import write_patients, write_reviewed_run
from tests.small_runs import small_labels

TUMOUR = int((small_labels(3) > 0).sum())
NUMBERS = range(1, 13)
DICE = {f"BraTS2021_{number:05d}": 2 * TUMOUR / (2 * TUMOUR + 3 * number) for number in NUMBERS}


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """A cohort, a run that has left twelve of its cases out, a cross-validation of two folds, and new patients."""
    root = tmp_path_factory.mktemp("second")
    names = write_patients(root / "cohort", NUMBERS, of=lambda number: 3 * number)
    write_patients(root / "new", (20, 21), of=lambda number: 3 if number == 20 else 45)
    write_reviewed_run(root / "runs" / "small" / "flair", root / "cohort", names[:3], names[3:])
    for number, test in enumerate((names[:6], names[6:])):
        others = names[6:] if number == 0 else names[:6]
        run = write_reviewed_run(root / "runs" / "net" / "cohort" / f"fold{number}", root / "cohort", others, test)
        write_json(run.splits, {"train": others[1:], "validation": others[:1], "test": test})
    folds = {"seed": 0, "folds": 2, "test": {"0": names[:6], "1": names[6:]}}
    write_json(root / "runs" / "net" / "cohort" / "folds.json", folds)
    return root


def call(places, command, *words):
    return main([command, *map(str, words), "--runs", str(places / "runs")])


@pytest.fixture
def learnt(places):
    """Learn a second look at the run; forget it at the end."""
    run = places / "runs" / "small" / "flair"
    assert call(places, "second-look", "small/flair") == 0
    yield run
    for name in ("review.json", "review.png"):
        (run / name).unlink(missing_ok=True)


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_run_learns_from_what_it_has_left_out(places, learnt, capsys):
    assert call(places, "second-look", "small/flair") == 0  # over what the last call wrote
    said = capsys.readouterr().out
    assert "learning from 12 cases: its validation and test cases" in said and "flatters a little" in said
    assert "Spearman's rank correlation 1.000" in said
    found = json.loads((learnt / "review.json").read_text())
    assert {case: one["dice"] for case, one in found["cases"].items()} == pytest.approx(DICE)
    assert found["together"] == "alone" and found["regions"] == ["wt"] and len(found["networks_sha256"]) == 1
    # A network that sees each voxel by itself answers the mirrored head alike.
    assert {one["signs"]["disagreement"] for one in found["cases"].values()} == {0}
    assert "disagreement" not in {sign["name"] for sign in found["signs"]}
    quality = found["quality"]
    assert quality["mae"] < 0.3 * quality["guess_mae"] and quality["area"] < quality["blind_area"]
    assert (learnt / "review.png").read_bytes()[:4] == b"\x89PNG"
    one = found["cases"]["BraTS2021_00005"]["signs"]
    assert one["scattered"] == pytest.approx(15 / (15 + TUMOUR), rel=1e-4)


def test_predict_says_what_to_look_at_again(places, learnt, tmp_path, capsys):
    assert call(places, "predict", "small/flair", places / "new", tmp_path, "--flag-below", "0.85") == 0
    said = capsys.readouterr().out
    assert "1 of 2 cases is flagged: Dice below 0.85 expected (BraTS2021_00021)" in said
    assert "predicted Dice 0.9" in said and f"second look, worst first: {tmp_path / 'review.csv'}" in said
    worst, best = rows_of(tmp_path / "review.csv")
    assert (worst["case"], worst["flagged"]) == ("BraTS2021_00021", "yes") and best["flagged"] == "no"
    scattered = "of what was found lies outside of its largest part"
    assert scattered in worst["reasons"] and scattered not in best["reasons"]
    assert float(best["predicted_dice"]) == pytest.approx(2 * TUMOUR / (2 * TUMOUR + 3), abs=0.08)
    record = json.loads((tmp_path / "predictions.json").read_text())
    assert record["cases"]["BraTS2021_00021"]["review"]["predicted_dice"] == float(worst["predicted_dice"])


def test_the_masks_are_those_without_a_second_look(places, learnt, tmp_path):
    case = places / "new" / "BraTS2021_00021"
    assert call(places, "predict", "small/flair", case, tmp_path / "with") == 0
    (learnt / "review.json").rename(learnt / "elsewhere.json")
    assert call(places, "predict", "small/flair", case, tmp_path / "without") == 0
    (learnt / "elsewhere.json").unlink()
    assert not (tmp_path / "without" / "review.csv").exists()
    one, other = (tmp_path / name / "BraTS2021_00021.nii.gz" for name in ("with", "without"))
    assert one.read_bytes() == other.read_bytes()


def test_cases_of_an_earlier_call_stay(places, learnt, tmp_path):
    for number, options in ((20, ("--flag-below", "0.85")), (21, ())):
        case = places / "new" / f"BraTS2021_000{number}"
        assert call(places, "predict", "small/flair", case, tmp_path, *options) == 0
    rows = rows_of(tmp_path / "review.csv")
    assert [(row["case"][-2:], row["flagged"]) for row in rows] == [("21", "yes"), ("20", "no")]


def test_a_single_file_has_its_table_beside_it(places, learnt, tmp_path):
    case = places / "new" / "BraTS2021_00021"
    assert call(places, "predict", "small/flair", case, tmp_path / "tumour.nii.gz") == 0
    assert len(rows_of(tmp_path / "tumour_review.csv")) == 1


def test_a_table_of_somebody_else_is_left_alone(places, learnt, tmp_path, capsys):
    (tmp_path / "review.csv").write_text("mine\n")
    assert call(places, "predict", "small/flair", places / "new", tmp_path) == 2
    assert "no predict of segan_tl wrote it" in capsys.readouterr().err
    assert (tmp_path / "review.csv").read_text() == "mine\n"


def test_a_network_that_was_trained_anew_has_no_second_look(places, learnt, tmp_path, capsys):
    found = json.loads((learnt / "review.json").read_text())
    write_json(learnt / "review.json", found | {"networks_sha256": ["0" * 64]})
    assert call(places, "predict", "small/flair", places / "new", tmp_path / "out") == 0
    said = capsys.readouterr().out
    assert "trained anew since? No second look; learn it again: python -m segan_tl second-look small/flair" in said
    assert not (tmp_path / "out" / "review.csv").exists()
    given = ("--review", learnt / "review.json")
    assert call(places, "predict", "small/flair", places / "new", tmp_path / "two", *given) == 2
    assert "answers of other networks than small/flair" in capsys.readouterr().err


def test_flags_go_by_a_second_look(places, tmp_path, capsys):
    assert call(places, "predict", "small/flair", places / "new", tmp_path / "out", "--flag-below", "0.7") == 2
    error = capsys.readouterr().err
    assert "learn it first: python -m segan_tl second-look small/flair" in error and error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_cross_validation_learns_fold_by_fold_and_judges_its_ensemble(places, tmp_path, capsys):
    assert call(places, "second-look", "net/cohort") == 0
    folder = places / "runs" / "net" / "cohort"
    assert "the test cases of 2 folds, each case by the fold that has not seen it" in capsys.readouterr().out
    found = json.loads((folder / "review.json").read_text())
    assert len(found["cases"]) == 12 and len(found["networks_sha256"]) == 2
    assert {case: one["dice"] for case, one in found["cases"].items()} == pytest.approx(DICE)
    assert call(places, "predict", "net/cohort/fold1", places / "new", tmp_path / "one") == 0
    ensemble = ("--ensemble", "mean", "--flag-below", "0.85")
    assert call(places, "predict", "net/cohort", places / "new", tmp_path / "all", *ensemble) == 0
    # The folds are one network here, so that the mean of their signs is that of one.
    one, every = ([row["predicted_dice"] for row in rows_of(tmp_path / name / "review.csv")] for name in ("one", "all"))
    assert one == every
    (folder / "review.json").unlink()
    (folder / "review.png").unlink()


@pytest.mark.parametrize("rule", ["mean", "staple"])
def test_an_ensemble_is_judged_by_how_far_its_members_agree(places, tmp_path, rule):
    runs = ("net/cohort/fold0", "net/cohort/fold1")
    write_patients(tmp_path / "labelled", range(30, 36), of=lambda number: 4 * (number - 29))
    out, how = tmp_path / "review.json", ("--ensemble", rule)
    assert call(places, "second-look", *runs, *how, "--data", tmp_path / "labelled", "--out", out) == 0
    found = json.loads(out.read_text())
    assert found["together"] == rule and {one["signs"]["disagreement"] for one in found["cases"].values()} == {0}
    assert call(places, "predict", *runs, places / "new", tmp_path / "out", *how, "--review", out) == 0
    assert len(rows_of(tmp_path / "out" / "review.csv")) == 2
    assert call(places, "predict", runs[0], places / "new", tmp_path / "two", "--review", out) == 2


def test_a_vote_is_judged_too(places, tmp_path):
    for name in ("flair", "t2"):
        write_reviewed_run(tmp_path / "runs" / "vote" / name, places / "cohort", (), ("x",), modalities=(name,))
    labelled = tmp_path / "labelled"
    write_patients(labelled, range(30, 36), of=lambda number: 4 * (number - 29))
    (labelled / "BraTS2021_00035" / "BraTS2021_00035_t2.nii.gz").unlink()
    out, how = tmp_path / "review.json", ("--vote", "majority", "--runs", str(tmp_path / "runs"))
    runs = ("vote/flair", "vote/t2")
    assert main(["second-look", *runs, *how, "--data", str(labelled), "--out", str(out)]) == 0
    found = json.loads(out.read_text())["cases"]
    # T2 shows the core alone, and nothing of what is far away; who has FLAIR alone has nobody to disagree.
    wide, core = TUMOUR + 4, int(np.isin(small_labels(3), (1, 4)).sum())
    expected = 1 - 2 * core / (wide + core)
    assert found["BraTS2021_00030"]["signs"]["disagreement"] == pytest.approx(expected, abs=1e-5)
    assert found["BraTS2021_00035"]["signs"]["disagreement"] is None
    command = ["predict", *runs, str(places / "new"), str(tmp_path / "out"), *how, "--review", str(out)]
    assert main(command) == 0 and len(rows_of(tmp_path / "out" / "review.csv")) == 2


def test_what_comes_along_learns_from_labelled_cases(places, tmp_path):
    command = ["second-look", "zoo:segan_flair", "--data", str(places / "cohort"), "--out", str(tmp_path / "r.json")]
    assert main(command) == 0
    assert len(json.loads((tmp_path / "r.json").read_text())["cases"]) == 12


def test_a_case_without_labels_may_be_left_out(places, tmp_path, capsys):
    shutil.copytree(places / "cohort", tmp_path / "cohort")
    (tmp_path / "cohort" / "BraTS2021_00004" / "BraTS2021_00004_seg.nii.gz").unlink()
    for number, kind in ((5, "flair"), (6, "seg")):
        damaged = tmp_path / "cohort" / f"BraTS2021_0000{number}" / f"BraTS2021_0000{number}_{kind}.nii.gz"
        damaged.write_bytes(b"nothing")
    command = ["zoo:segan_flair", "--data", tmp_path / "cohort", "--out", tmp_path / "review.json"]
    assert call(places, "second-look", *command) == 2
    assert "BraTS2021_00004 has no label map that tells wt" in capsys.readouterr().err
    assert call(places, "second-look", *command, "--skip-bad-cases") == 0
    said = capsys.readouterr().out
    assert "BraTS2021_00005  left out" in said and "the label map of case BraTS2021_00006 cannot be read" in said
    assert len(json.loads((tmp_path / "review.json").read_text())["cases"]) == 9


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("nobody",), "no run at nobody"),
        (("zoo:segan_flair",), "zoo:segan_flair has no cases of its own; name a labelled cohort"),
        (("zoo:segan_flair", "--data", "cohort"), "nothing may be written beside zoo:segan_flair; say where"),
        (("small/flair", "--data", "cohort"), "was trained or tuned on the patients of 3 of the cases of"),
        (("small/flair", "net/cohort/fold0"), "name a labelled cohort of others with --data DIR"),
        (("small/flair", "--vote", "majority"), "name a labelled cohort of others with --data DIR"),
        (("small/flair", "net/cohort/fold0", "--data", "cohort"), "expected one RUN, --vote or --ensemble"),
        (("small/flair", "--patients", "who.csv"), "--patients says whose scans those of --data are"),
        (("small/flair", "--data", "new"), "expected at least 5 patients to learn a second look from; found 2"),
        (("small/flair", "--data", "nowhere"), "nowhere does not exist"),
        (("small/flair", "--out", "review.txt"), "expected a name that ends in .json"),
        (("small/flair", "--out", "theirs.json"), "is there already, and no second look wrote it"),
    ],
)  # fmt: skip
def test_what_is_refused_in_one_sentence(places, monkeypatch, capsys, words, message):
    monkeypatch.chdir(places)
    (places / "theirs.json").write_text("{}")
    try:
        assert main(["second-look", *words]) == 2
    except SystemExit as stopped:
        assert stopped.code == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1 and "Traceback" not in error
    assert (places / "theirs.json").read_text() == "{}" and not list(places.glob("runs/*/*/review.json"))


def test_the_network_finds_what_these_tests_say(places, tmp_path):
    case = places / "new" / "BraTS2021_00021"
    assert call(places, "predict", "small/flair", case, tmp_path / "tumour.nii.gz") == 0
    assert np.asarray(nibabel.load(tmp_path / "tumour.nii.gz").dataobj).sum() == TUMOUR + 45
