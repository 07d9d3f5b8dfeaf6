"""The tune-postprocess command, through the front door: cross-validations, folders, clusters, and what is refused."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from segan_tl.__main__ import main
from segan_tl.disk.manifest import sha256
from segan_tl.predict.chosen import read_chosen
from segan_tl.regions import ET, from_canonical
from segan_tl.report.compare.outcomes import Grid, objective_of, score_outcomes
from segan_tl.report.compare.tune import tune
from tests.small_folds import CONFIG, write, write_fold
from tests.small_masks import write_mask
from tests.small_tumours import random_case

NAMES = [f"BraTS2021_{number:05d}" for number in range(6)]
GRID = ("--sizes", "0,3,8,30", "--ratios", "0:0.3:0.1")


def cases():
    """Return six cases, two a fold."""
    found = [random_case(i, fold=i % 3, name=name) for i, name in enumerate(NAMES)]
    return [case._replace(patient=case.case_id.replace("BraTS2021_", "BraTS-GLI-")) for case in found]


def expected():
    """Return what the search says of them without any file."""
    grid = Grid((0, 3, 8, 30), (0.0, 0.1, 0.2, 0.3))
    objective = objective_of("lesion_dice", challenge="brats-gli")
    return tune([score_outcomes(case, grid, objective) for case in cases()], grid, better=1)


@pytest.fixture
def place(tmp_path) -> Path:
    """Return a folder with truths, predictions of BraTS 2023's numbers, and a cross-validation that painted its own."""
    for case in cases():
        write_mask(
            tmp_path / "truth" / case.case_id / f"{case.case_id}_seg.nii.gz", from_canonical(case.truth, "brats2017")
        )
        write_mask(tmp_path / "out" / f"{case.case_id}.nii.gz", case.prediction)
    folder = tmp_path / "runs" / "net" / "cohort"
    tests = {str(k): [case.case_id for case in cases() if case.fold == k] for k in range(3)}
    for k in range(3):
        write_fold(folder, k, scores=[(case, 0.5, 1) for case in tests[str(k)]])
        run = folder / f"fold{k}"
        state = json.loads((run / "run.json").read_text())
        state |= {"regions": ["wt", "tc", "et"], "data": {"folder": str(tmp_path / "truth"), "synthetic": False}}
        write(run / "run.json", state)
        others = [case for case in NAMES if case not in tests[str(k)]]
        write(run / "splits.json", {"train": others[1:], "validation": others[:1], "test": tests[str(k)]})
        for case in cases():
            if case.fold == k:
                painted = from_canonical(case.prediction, "brats2017")
                write_mask(run / "predictions" / f"{case.case_id}.nii.gz", painted)
    write(folder / "folds.json", {"seed": 3, "folds": 3, "test": tests})
    return tmp_path


def of_crossval(place, *options) -> int:
    return main(["tune-postprocess", "net/cohort", "--runs", str(place / "runs"), *GRID, *options])


def of_folders(place, *options, predictions="out", truth="truth") -> int:
    folders = ["--predictions", str(place / predictions), "--truth", str(place / truth)]
    stated = ["--prediction-labels", "brats2023"] if "--prediction-labels" not in options else []
    return main(["tune-postprocess", *folders, *stated, "--out", str(place / "new" / "post.json"), *GRID, *options])


def test_by_the_rules_of_2026(place, capsys):
    assert of_crossval(place, "--challenge", "brats2026-gli", "--sizes", "0,8", "--ratios", "0") == 0
    found = json.loads((place / "runs" / "net" / "cohort" / "postprocess.json").read_text())
    assert (found["objective"]["score"], found["objective"]["challenge"]) == ("lesion_f1", "brats2026-gli")
    grid, objective = Grid((0, 8), (0.0,)), objective_of("lesion_f1", challenge="brats2026-gli")
    tuned = tune([score_outcomes(case, grid, objective) for case in cases()], grid, better=1)
    gain, expected_gain = found["gain"]["objective"], tuned.gains["objective"]
    means = (expected_gain.first_mean, expected_gain.second_mean)
    assert (gain["before"], gain["after"]) == pytest.approx(means)
    assert "nothing found of nothing is undefined; here it counts 1" in (said := capsys.readouterr().out)
    assert "F1 of lesions, higher is better" in said
    assert of_crossval(place) == 0 and "counts 1" not in capsys.readouterr().out


def test_a_challenge_that_there_is_not(place, capsys):
    assert of_crossval(place, "--challenge", "brats2025-gli") == 2
    assert "did you mean" in (said := capsys.readouterr().err) and "'brats2025-gli'" in said


def test_a_cross_validation(place, capsys):
    assert of_crossval(place) == 0
    out = place / "runs" / "net" / "cohort" / "postprocess.json"
    tuned, found = expected(), json.loads(out.read_text())
    assert read_chosen(out).everywhere == tuned.chosen[None]
    gain = tuned.gains["objective"]
    assert found["gain"]["objective"] == pytest.approx(
        {
            "before": gain.first_mean, "after": gain.second_mean, "difference": gain.difference.mean,
            "low": gain.difference.low, "high": gain.difference.high, "patients": 6,
        }
    )  # fmt: skip
    for fold, chosen in tuned.folds.items():
        assert found["folds"][str(fold)]["all cases"] == chosen[None].in_json
    assert found["provenance"]["crossval"] == "net/cohort" and found["provenance"]["voxel_mm3"] == [2.0, 2.0]
    assert found["grid"]["et_wt_ratios"] == [0, 0.1, 0.2, 0.3] and found["objective"]["score"] == "lesion_dice"
    with out.with_suffix(".csv").open(newline="") as stream:
        rows = {row["case"]: row for row in csv.DictReader(stream)}
    for one in tuned.held_out:
        row = rows[one.case.case_id]
        assert (int(row["fold"]), int(row["NCR"])) == (one.case.fold, one.thresholds.sizes_voxels["NCR"])
        assert float(row["objective_after"]) == pytest.approx(one.after["objective"])
        assert float(row["et_before"]) == pytest.approx(one.before["et"])
    printed = capsys.readouterr().out
    assert "higher is better; thresholds of the other folds, 6 patients, 95 % interval" in printed
    assert f"{gain.first_mean:.3f} → {gain.second_mean:.3f}  {gain.difference.mean:+.3f} [" in printed
    assert "all but 2" in printed and "fewer than 10 patients (all cases: 6)" in printed
    assert of_crossval(place) == 0 and "replaced " in capsys.readouterr().out


def test_folders_with_the_same_folds_say_the_same(place):
    folds = place / "runs" / "net" / "cohort" / "folds.json"
    assert of_crossval(place) == 0 and of_folders(place, "--folds", str(folds)) == 0
    ours, theirs = (
        json.loads(path.read_text()) for path in (folds.with_name("postprocess.json"), place / "new" / "post.json")
    )
    assert all(ours[part] == theirs[part] for part in ("thresholds", "gain", "folds", "grid", "objective"))


def test_folders_without_folds_divide_their_patients(place, capsys):
    (place / "who.csv").write_text(f"case,patient\n{NAMES[0]},smith\n{NAMES[1]},smith\n")
    assert of_folders(place, "--patients", str(place / "who.csv")) == 0
    assert "5 folds of patients, drawn by seed 0" in capsys.readouterr().out
    with (place / "new" / "post.csv").open(newline="") as stream:
        rows = {row["case"]: row for row in csv.DictReader(stream)}
    assert {rows[name]["patient"] for name in NAMES[:2]} == {"smith"}
    assert rows[NAMES[0]]["fold"] == rows[NAMES[1]]["fold"] and len({row["fold"] for row in rows.values()}) == 5
    assert json.loads((place / "new" / "post.json").read_text())["provenance"]["patients"] == 5


def test_clusters(place, capsys):
    lines = "".join(f"{name},{'small' if i < 3 else 'large'}\n" for i, name in enumerate(NAMES))
    (place / "clusters.csv").write_text(f"case,cluster\nanother,large\n{lines}")
    assert of_crossval(place, "--clusters", str(place / "clusters.csv")) == 0
    chosen = read_chosen(place / "runs" / "net" / "cohort" / "postprocess.json")
    assert set(chosen.clusters) == {"small", "large"}
    assert chosen.thresholds_for("small") == chosen.clusters["small"]
    assert chosen.thresholds_for(None) == chosen.thresholds_for("unheard of") == chosen.everywhere
    assert "cluster small" in capsys.readouterr().out and chosen.groups_sha256 is None
    # groups.json of radiomics says the same by numbers, and predict can tell it again.
    cases = {name: int(i >= 3) for i, name in enumerate(NAMES)}
    write(place / "groups.json", {"columns": ["x"], "scaling": "l2", "cases": cases})
    assert of_crossval(place, "--clusters", str(place / "groups.json")) == 0
    again = read_chosen(place / "runs" / "net" / "cohort" / "postprocess.json")
    assert again.clusters == {"0": chosen.clusters["small"], "1": chosen.clusters["large"]}
    assert again.groups_sha256 == sha256(place / "groups.json")


def test_a_case_whose_features_failed_has_the_thresholds_of_all(place, capsys):
    write(place / "groups.json", {"columns": ["x"], "scaling": "l2", "cases": dict.fromkeys(NAMES[1:], 0)})
    assert of_crossval(place, "--clusters", str(place / "groups.json")) == 0
    assert f"so the thresholds of all cases: {NAMES[0]}" in capsys.readouterr().out


def test_masks_of_thresholds_that_the_other_folds_chose_score_as_the_table_says(place):
    assert of_folders(place, "--masks", str(place / "masks")) == 0
    options = ("--out", str(place / "m.csv"), "--challenge", "brats-gli", "--jobs", "1")
    assert main(["evaluate", str(place / "masks"), str(place / "truth"), *options]) == 0
    with (place / "m.csv").open() as file:
        found = {(row["case"], row["region"]): float(row["lesion_dice"]) for row in csv.DictReader(file)}
    with (place / "new" / "post.csv").open() as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        for region in ("wt", "tc", "et"):
            assert found[row["case"], region] == pytest.approx(float(row[f"{region}_after"]))
    assert len(rows) == 6 and of_folders(place, "--masks", str(place / "masks")) == 0  # its own are replaced
    assert of_folders(place, "--masks", str(place / "out")) == 2  # those of somebody else are not


def test_folders_of_folds_are_the_folds(place):
    for case in cases():
        folder = place / "ensemble" / f"fold{case.fold}" / "predictions"
        folder.mkdir(parents=True, exist_ok=True)
        (place / "out" / f"{case.case_id}.nii.gz").rename(folder / f"{case.case_id}.nii.gz")
    assert of_folders(place, predictions="ensemble") == 0
    found = json.loads((place / "new" / "post.json").read_text())
    assert found["gain"]["objective"]["difference"] == pytest.approx(expected().gains["objective"].difference.mean)


def test_a_case_in_two_folds(place, capsys):
    for number in range(2):
        folder = place / "ensemble" / f"fold{number}" / "predictions"
        folder.mkdir(parents=True)
        (folder / f"{NAMES[0]}.nii.gz").write_bytes((place / "out" / f"{NAMES[0]}.nii.gz").read_bytes())
    words = f"found {NAMES[0]} in fold 0 and in fold 1; remove one of the two"
    refused(place, capsys, of_folders(place, predictions="ensemble"), words)


def test_another_objective_with_its_direction(place, capsys):
    assert of_folders(place, "--objective", "lesions_invented", "--sizes", "0,1000", "--ratios", "0") == 0
    chosen = read_chosen(place / "new" / "post.json").everywhere
    assert set(chosen.sizes_voxels.values()) == {1000}  # without a prediction nothing is invented
    found = json.loads((place / "new" / "post.json").read_text())
    assert found["gain"]["objective"]["difference"] < 0 and found["objective"]["better"] == "lower"
    printed = capsys.readouterr().out
    assert "lower is better" in printed and "the largest size was chosen for NCR of all cases, ED of all" in printed


def test_the_configuration_of_the_folds_is_left_alone(place):
    """Nothing but the two files is written beside the folds."""
    folder = place / "runs" / "net" / "cohort"
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert of_crossval(place) == 0
    after = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert {path.name for path in after.keys() - before.keys()} == {"postprocess.json", "postprocess.csv"}
    assert all(after[path] == content for path, content in before.items())
    assert json.loads((folder / "fold0" / "config.json").read_text()) == CONFIG


# === Refused: one sentence, code 2, nothing written ===


def refused(place, capsys, code: int, words: str) -> None:
    message = capsys.readouterr().err
    assert code == 2 and words in message and len(message.splitlines()) == 1, message
    assert not (place / "new").exists() and not list((place / "runs").rglob("postprocess.*"))


def test_predictions_without_truth(place, capsys):
    (place / "out" / "BraTS2021_00009.nii.gz").write_bytes((place / "out" / f"{NAMES[0]}.nii.gz").read_bytes())
    refused(place, capsys, of_folders(place), "expected a truth of every prediction; found none of BraTS2021_00009")
    assert of_folders(place, "--allow-missing") == 0


def test_truth_without_prediction(place, capsys):
    (place / "runs" / "net" / "cohort" / "fold1" / "predictions" / f"{NAMES[1]}.nii.gz").unlink()
    refused(place, capsys, of_crossval(place), f"expected a prediction of every case; found none of {NAMES[1]}")


def test_a_cross_validation_whose_data_has_gone(place, capsys):
    (place / "truth").rename(place / "moved")
    refused(place, capsys, of_crossval(place), "say where the truth is with --truth DIR")
    assert of_crossval(place, "--truth", str(place / "moved")) == 0


def test_a_fold_that_is_missing(place, capsys):
    (place / "runs" / "net" / "cohort" / "fold2" / "summary.json").unlink()
    refused(place, capsys, of_crossval(place), "expected 3 finished folds")


def test_folds_that_lack_a_case(place, capsys):
    write(place / "folds.json", {"seed": 0, "folds": 2, "test": {"0": NAMES[:3], "1": NAMES[3:5]}})
    words = f"expected every case in one fold of {place / 'folds.json'}; found {NAMES[5]} in none"
    refused(place, capsys, of_folders(place, "--folds", str(place / "folds.json")), words)
    refused(place, capsys, of_folders(place, "--folds", str(place / "nowhere.json")), "nowhere.json is missing")


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("case,cluster\n", "expected a cluster of every case"),
        ("case,group\na,b\n", "expected the column cluster"),
        (f"case,cluster\n{NAMES[0]},a\n{NAMES[0]},b\n", "has two lines"),
        (f"case,cluster\n{NAMES[0]},\n", "has no cluster"),
    ],
)
def test_clusters_that_do_not_fit(place, capsys, table, words):
    (place / "clusters.csv").write_text(table)
    refused(place, capsys, of_folders(place, "--clusters", str(place / "clusters.csv")), words)


def test_labels_that_do_not_tell_the_tissues_apart(place, capsys):
    refused(place, capsys, of_folders(place, "--prediction-labels", "1=wt,2=et"), "tell NCR, ED and ET apart")
    for k in range(3):
        path = place / "runs" / "net" / "cohort" / f"fold{k}" / "run.json"
        write(path, json.loads(path.read_text()) | {"regions": ["wt"]})
    refused(place, capsys, of_crossval(place), "tell NCR, ED and ET apart")


def test_a_number_that_means_nothing(place, capsys):
    labels = np.where(cases()[2].prediction == ET, 7, 0).astype(np.uint8)
    write_mask(place / "out" / f"{NAMES[2]}.nii.gz", labels)
    refused(place, capsys, of_folders(place), "expected the labels 0, 1, 2, 3")


def test_a_cohort_smaller_than_two_folds(place, capsys):
    for name in NAMES[1:]:
        (place / "out" / f"{name}.nii.gz").unlink()
    words = "expected cases of at least two folds, so that thresholds are tried on cases that have not chosen them"
    refused(place, capsys, of_folders(place, "--allow-missing"), words)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--objective", "lesion_dise"), "did you mean lesion_dice?"),
        (("--folds", "folds.json"), "a cross-validation has its own folds"),
        (("--predictions", "out", "--truth", "truth"), "found both; give one of them"),
        (("--sizes", "0:20000:1"), "give fewer --sizes or --ratios"),
        (("--out", "thresholds.txt"), "expected --out to name a file that ends in .json"),
        (("--truth-labels", "brats2032"), "did you mean brats2023?"),
    ],
)
def test_options_that_make_no_sense(place, capsys, options, words):
    refused(place, capsys, of_crossval(place, *options), words)


@pytest.mark.parametrize("options", [("--sizes", "x"), ("--sizes", "1.5"), ("--ratios", "0,2"), ("--sizes", "9:1:3")])
def test_lists_that_are_none(place, capsys, options):
    with pytest.raises(SystemExit) as stopped:
        of_crossval(place, *options)
    assert stopped.value.code == 2 and "error: " in capsys.readouterr().err


def test_nothing_at_all(tmp_path, capsys):
    assert main(["tune-postprocess"]) == 2 and "found none" in capsys.readouterr().err
    assert main(["tune-postprocess", "nowhere", "--runs", str(tmp_path)]) == 2
    assert "no cross-validation at nowhere" in capsys.readouterr().err
    assert main(["tune-postprocess", "--predictions", str(tmp_path)]) == 2
    assert "add --truth DIR" in capsys.readouterr().err
    assert main(["tune-postprocess", "--predictions", str(tmp_path), "--truth", str(tmp_path)]) == 2
    assert "add --out postprocess.json" in capsys.readouterr().err


def test_what_somebody_else_wrote_stays(place, capsys):
    out = place / "runs" / "net" / "cohort" / "postprocess.json"
    for path, content in ((out, '{"mine": 1}'), (out.with_suffix(".csv"), "mine\n")):
        path.write_text(content)
        assert of_crossval(place) == 2 and "is there already" in capsys.readouterr().err
        assert path.read_text() == content
        path.unlink()
