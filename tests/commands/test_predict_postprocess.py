"""predict --postprocess: thresholds applied to what a run paints, said and recorded."""

import json
from pathlib import Path

import nibabel
import numpy as np

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


def voxels(path: Path) -> np.ndarray:
    return np.asarray(nibabel.load(path).dataobj)
