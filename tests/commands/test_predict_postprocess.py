"""predict --postprocess: thresholds applied to what a run paints, said and recorded."""

import json
from pathlib import Path

import nibabel
import numpy as np
import pytest

from segan_tl.__main__ import main
from segan_tl.predict.components import TISSUES, Thresholds
from tests.small_folds import write
from tests.small_runs import make_run, small_config, small_labels, write_case

CASE = "BraTS2021_00000"


def test_predict_applies_them(tmp_path, capsys):
    labels = small_labels()
    labels[20, 17, 5] = 4  # one voxel far away, of ET
    make_run(tmp_path / "runs" / "small" / "all", small_config(("flair", "t2", "t1c"), ("wt", "tc", "et")))
    write_case(tmp_path / "cohort", CASE, labels)
    case = tmp_path / "cohort" / CASE
    run = ["predict", "small/all", str(case), "--runs", str(tmp_path / "runs")]
    assert main([*run, str(tmp_path / "plain")]) == 0
    plain = voxels(tmp_path / "plain" / f"{CASE}.nii.gz")
    np.testing.assert_array_equal(plain, labels)
    thresholds = {"all": Thresholds({"NCR": 0, "ED": 0, "ET": 2}, 0.0).in_json, "clusters": {}}
    capsys.readouterr()

    write(tmp_path / "post.json", {"thresholds": thresholds, "provenance": {"voxel_mm3": [1.0, 1.0]}})
    assert main([*run, str(tmp_path / "small"), "--postprocess", str(tmp_path / "post.json")]) == 0
    np.testing.assert_array_equal(voxels(tmp_path / "small" / f"{CASE}.nii.gz"), small_labels())
    printed = capsys.readouterr().out
    assert "post-processing: NCR 0, ED 0, ET 2 voxels, ET/WT 0" in printed and "cluster" not in printed
    assert "they were chosen on voxels of 1 mm3" in printed
    record = json.loads((tmp_path / "small" / "predictions.json").read_text())
    assert record["cases"][CASE]["postprocess"] == thresholds["all"]

    thresholds["all"]["et_wt_ratio"] = 0.95
    thresholds["clusters"] = {"large": thresholds["all"] | {"et_wt_ratio": 0.0}}
    write(tmp_path / "post.json", {"thresholds": thresholds})
    assert main([*run, str(tmp_path / "redefined"), "--postprocess", str(tmp_path / "post.json")]) == 0
    expected_labels = np.where(small_labels() == 4, 1, small_labels())
    np.testing.assert_array_equal(voxels(tmp_path / "redefined" / f"{CASE}.nii.gz"), expected_labels)
    assert "no case has a cluster assigned, so those of all cases count" in capsys.readouterr().out


def test_predict_refuses_what_it_cannot_apply(tmp_path, capsys):
    make_run(tmp_path / "runs" / "small" / "flair", small_config())
    write_case(tmp_path / "cohort", CASE, small_labels())
    run = ["predict", "small/flair", str(tmp_path / "cohort"), str(tmp_path / "out"), "--runs", str(tmp_path / "runs")]
    thresholds = {"all": Thresholds(dict.fromkeys(TISSUES, 0), 0.0).in_json}
    write(tmp_path / "post.json", {"thresholds": thresholds})
    for file, words in (("post.json", "tell NCR, ED and ET apart"), ("none.json", "none.json is missing; make it")):
        assert main([*run, "--postprocess", str(tmp_path / file)]) == 2
        assert words in capsys.readouterr().err and not (tmp_path / "out").exists()
    thresholds["all"]["sizes_voxels"]["ED"] = -1
    write(tmp_path / "post.json", {"thresholds": thresholds})
    assert main([*run, "--postprocess", str(tmp_path / "post.json")]) == 2
    assert "sizes_voxels.ED = -1" in capsys.readouterr().err


def test_each_case_has_the_thresholds_of_its_cluster(tmp_path, capsys, monkeypatch):
    """Clusters of what predict has segmented give a new prediction the cluster that the table of radiomics gives it."""
    pytest.importorskip("mirp", reason="MIRP is not installed: pip install -e '.[radiomics]'")
    monkeypatch.chdir(tmp_path)
    make_run(tmp_path / "runs" / "small" / "all", small_config(("flair", "t2", "t1c"), ("wt", "tc", "et")))
    for number, radius in enumerate((3.5, 3.6, 5.0, 5.1), start=1):
        write_case(tmp_path / "cohort", f"BraTS2021_0000{number}", small_labels(radius))
    assert main(["predict", "small/all", "cohort", "plain"]) == 0
    groups = ["--predictions", "plain", "--modalities", "t1", "flair", "--clusters", "groups.npz", "--jobs", "1"]
    assert main(["radiomics", "cohort", "features.csv", *groups]) == 0
    clusters = json.loads(Path("groups.json").read_text())["cases"]
    small, large = clusters["BraTS2021_00001"], clusters["BraTS2021_00004"]
    assert small != large

    for name, voxels_of_et in (("6", 1), ("7", 2)):
        speck = np.zeros_like(small_labels())
        speck[10, 10, 4 : 4 + voxels_of_et] = 4
        write_case(tmp_path / "cohort", f"BraTS2021_0000{name}", speck)
    kept, gone = (Thresholds({"NCR": 0, "ED": 0, "ET": size}, 0.0).in_json for size in (0, 9999))
    write(tmp_path / "post.json", {"thresholds": {"all": kept, "clusters": {str(large): gone}}})
    capsys.readouterr()
    words = ["predict", "small/all", "cohort", "out", "--postprocess", "post.json", "--clusters", "groups.npz"]
    assert main(words) == 0
    said = capsys.readouterr().out
    cases = json.loads(Path("out/predictions.json").read_text())["cases"]
    assert {case: cases[case]["cluster"] for case in clusters} == clusters
    for case, cluster in clusters.items():  # ET of the large ones alone is gone
        before, after = voxels(Path("plain") / f"{case}.nii.gz"), voxels(Path("out") / f"{case}.nii.gz")
        np.testing.assert_array_equal(after, np.where((before == 4) & (cluster == large), 0, before))
        assert (before == 4).any() and cases[case]["postprocess"] == (gone if cluster == large else kept)
        untuned = f"cluster {small} has no thresholds of its own, so those of all cases"
        assert cases[case].get("cluster_remark") == (untuned if cluster == small else None)
    # === Without features: the thresholds of all cases, and why ===
    for name, reason in (("6", "its largest piece has 1 voxel ("), ("7", "its largest piece has 2 voxels (")):
        record = cases[f"BraTS2021_0000{name}"]
        assert record["cluster"] is None and record["postprocess"] == kept
        remark = f"no cluster, so the thresholds of all cases: {reason}"
        assert record["cluster_remark"].startswith(remark) and remark in said
        assert remark in Path("out/volumes.csv").read_text()
    assert f"cluster {large}: NCR 0, ED 0, ET 9999 voxels" in said and "are not used" not in said

    # === What cannot be: a sentence, nothing written ===
    write_case(tmp_path / "lacking", CASE, small_labels(), modalities=("flair", "t2", "t1ce"))
    write(tmp_path / "none.json", {"thresholds": {"all": kept}})
    write(tmp_path / "other.json", {"thresholds": {"all": kept, "clusters": {"large": gone}}})
    for data, more, expected in (
        ("lacking", ["--postprocess", "post.json", "--clusters", "groups.npz"], f"of case {CASE}, which the clusters"),
        ("cohort", ["--clusters", "groups.npz"], "add --postprocess FILE"),
        ("cohort", ["--postprocess", "none.json", "--clusters", "groups.npz"], "has those of all cases alone"),
        ("cohort", ["--postprocess", "other.json", "--clusters", "groups.npz"], "has some of large"),
        ("cohort", ["--postprocess", "post.json", "--clusters", "no.npz"], "no.json is missing"),
    ):
        assert main(["predict", "small/all", data, "another", *more]) == 2
        assert expected in capsys.readouterr().err and not Path("another").exists()


def voxels(path: Path) -> np.ndarray:
    return np.asarray(nibabel.load(path).dataobj)
