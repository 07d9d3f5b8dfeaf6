"""`predict --vote`: a patient is segmented from whichever modalities exist."""

import json

import nibabel
import numpy as np
import pytest

from segan_tl.__main__ import main
from segan_tl.disk.manifest import sha256
from tests.small_runs import make_run, small_config, small_labels, write_case


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """Runs that mark what is bright (everything in FLAIR, the core in T2, enhancement in T1c), and four patients."""
    root = tmp_path_factory.mktemp("vote")
    for modality, weight in (("t1c", 0.25), ("t2", 0.25), ("flair", 0.75)):
        make_run(root / "runs" / "small" / modality, small_config((modality,)), best_dice=weight)
    make_run(root / "runs" / "small" / "flair-to-t2", small_config(("t2",)))
    make_run(root / "runs" / "small" / "all", small_config(("flair", "t2")))
    make_run(root / "runs" / "small" / "unknown", small_config(("t1",)), best_dice=None)
    existing = {1: ("t1ce", "t2", "flair"), 2: ("t1ce", "t2"), 3: ("flair",), 4: ("t1", "t2")}
    for number, modalities in existing.items():
        write_case(root / "cohort", f"BraTS2021_0000{number}", small_labels(), modalities=modalities)
    write_case(root / "without", "BraTS2021_00005", small_labels(), modalities=("t1",))
    write_case(root / "without", "BraTS2021_00006", small_labels(), with_mask=False)
    return root


ALL = ("small/t1c", "small/t2", "small/flair")


def predict(places, runs, source, out, *options):
    return main(["predict", *runs, str(source), str(out), "--runs", str(places / "runs"), *options])


def voxels(path):
    return np.asarray(nibabel.load(path).dataobj)


@pytest.mark.parametrize(
    ("rule", "seen"),
    [
        # 1: two of three see the core, FLAIR alone the rest. 2: T2 alone sees necrosis, with probability 1, so the mean
        # is at least one half. 3: FLAIR alone. 4: T2 alone, no run for its T1.
        ("majority", {1: (1, 4), 2: (1, 4), 3: (1, 2, 4), 4: (1, 4)}),
        # 1: FLAIR's 0.75 against 0.5. 2: 0.25 against 0.25, a tie as above.
        ("weighted", {1: (1, 2, 4), 2: (1, 4), 3: (1, 2, 4), 4: (1, 4)}),
    ],
)
def test_whichever_modalities_exist_decide(places, tmp_path, capsys, rule, seen):
    assert predict(places, ALL, places / "cohort", tmp_path / "out", "--vote", rule) == 0
    for number, labels in seen.items():
        found = voxels(tmp_path / "out" / f"BraTS2021_0000{number}.nii.gz")
        np.testing.assert_array_equal(found, np.isin(small_labels(), labels))
    printed = capsys.readouterr().out
    assert "BraTS2021_00001  vote of t1c+t2+flair  wt" in printed and "BraTS2021_00003  vote of flair  wt" in printed
    core = small_labels()
    part = np.isin(core, (1, 4)).sum()
    dice = 2 * part / (part + (core > 0).sum())
    one, three = (1 + dice) / 2, dice if rule == "majority" else 1
    assert f"1 modality available: mean Dice {one:.3f} of 2" in printed
    assert f"2 modalities available: mean Dice {dice:.3f} of 1" in printed
    assert f"3 modalities available: mean Dice {three:.3f} of 1" in printed


def test_the_record_names_every_run(places, tmp_path):
    assert predict(places, ALL, places / "cohort", tmp_path, "--vote", "weighted", "--threshold", "0.25") == 0
    record = json.loads((tmp_path / "predictions.json").read_text())
    assert record["vote"] == "weighted" and record["regions"] == ["wt"]
    assert [run["modalities"] for run in record["runs"]] == [["t1c"], ["t2"], ["flair"]]
    assert [run["best_validation_dice"] for run in record["runs"]] == [0.25, 0.25, 0.75]
    assert {run["predict"]["threshold"] for run in record["runs"]} == {0.25}
    file = places / "runs" / "small" / "t2" / "best" / "segmentor.keras"
    assert record["runs"][1]["segmentor_sha256"] == sha256(file)
    assert record["cases"]["BraTS2021_00002"]["voted"] == ["t1c", "t2"]


@pytest.mark.parametrize(("rule", "expected"), [("majority", 1 / 3), ("weighted", 0.75 / 1.25)])
def test_the_probability_is_the_mean(places, tmp_path, rule, expected):
    source = places / "cohort" / "BraTS2021_00001"
    assert predict(places, ALL, source, tmp_path, "--vote", rule, "--probabilities") == 0
    probability = voxels(tmp_path / "BraTS2021_00001_probability.nii.gz")
    assert probability.dtype == np.float32
    # oedema is bright in FLAIR alone
    np.testing.assert_allclose(probability[small_labels() == 2], expected, atol=1e-3)


def test_one_voter_gives_what_its_run_gives(places, tmp_path):
    source = places / "cohort" / "BraTS2021_00001"
    assert predict(places, ["small/t2"], source, tmp_path / "a") == 0
    assert predict(places, ["small/t2"], source, tmp_path / "b", "--vote", "weighted") == 0
    np.testing.assert_array_equal(*(voxels(tmp_path / place / "BraTS2021_00001.nii.gz") for place in "ab"))


def test_a_single_file_is_segmented_by_the_run_of_its_modality(places, tmp_path, capsys):
    source = places / "cohort" / "BraTS2021_00001" / "BraTS2021_00001_t2.nii.gz"
    assert predict(places, ALL, source, tmp_path / "a.nii.gz", "--vote", "majority") == 0
    assert "vote of t2 " in capsys.readouterr().out
    copy = tmp_path / "scan.nii.gz"
    copy.write_bytes(source.read_bytes())
    assert predict(places, ALL, copy, tmp_path / "b.nii.gz", "--vote", "majority") == 2
    assert "does not name its modality, expected one of t1c, t2, flair" in capsys.readouterr().err
    assert predict(places, ALL, copy, tmp_path / "b.nii.gz", "--vote", "majority", "--modality", "t2") == 0
    np.testing.assert_array_equal(voxels(tmp_path / "a.nii.gz"), voxels(tmp_path / "b.nii.gz"))


@pytest.mark.parametrize(
    ("folder", "name", "message"),
    [
        ("BraTS2021_00004", "BraTS2021_00004_t1", "is a t1 image, expected one of t1c, t2, flair; add a run of that"),
        ("BraTS2021_00001", "BraTS2021_00001_seg", "is a label map by its name"),
    ],
)
def test_a_single_file_of_another_kind(places, tmp_path, capsys, folder, name, message):
    source = places / "cohort" / folder / f"{name}.nii.gz"
    assert predict(places, ALL, source, tmp_path / "out", "--vote", "majority") == 2
    assert message in capsys.readouterr().err


def test_runs_trained_on_synthetic_patients_are_named(places, tmp_path, capsys):
    make_run(tmp_path / "t1", small_config(("t1",)), synthetic=False)
    runs = ("small/t2", "small/flair", str(tmp_path / "t1"))
    assert predict(places, runs, places / "cohort", tmp_path / "out", "--vote", "majority") == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if "SYNTHETIC" in line)
    assert "small/flair were trained on SYNTHETIC patients" in line and str(tmp_path / "t1") not in line


def test_a_case_without_any_of_the_modalities(places, tmp_path, capsys):
    assert predict(places, ALL, places / "without", tmp_path / "out", "--vote", "majority") == 2
    error = capsys.readouterr().err
    assert "case BraTS2021_00005 has none of t1c, t2, flair (it has t1)" in error and "--skip-bad-cases" in error
    assert not (tmp_path / "out").exists()
    assert predict(places, ALL, places / "without", tmp_path / "out", "--vote", "majority", "--skip-bad-cases") == 0
    assert "left out: case BraTS2021_00005" in capsys.readouterr().out
    alone = places / "without" / "BraTS2021_00005"
    assert predict(places, ALL, alone, tmp_path / "none", "--vote", "majority", "--skip-bad-cases") == 2
    assert "has any of t1c, t2, flair" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("runs", "options", "message"),
    [
        (ALL, (), "add --vote majority or --vote weighted"),
        (("small/flair", "small/all"), ("--vote", "majority"), "was trained on flair, t2; leave it out"),
        (("small/t2", "small/flair-to-t2"), ("--vote", "majority"), "both trained on t2, and a vote takes one run"),
        (("small/t2", "small/unknown"), ("--vote", "weighted"), "expected a number as best_dice"),
    ],
)
def test_what_is_refused_in_one_sentence(places, tmp_path, capsys, runs, options, message):
    assert predict(places, runs, places / "cohort", tmp_path / "out", *options) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1 and "Traceback" not in error
    assert not (tmp_path / "out").exists()
