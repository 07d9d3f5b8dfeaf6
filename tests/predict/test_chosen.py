"""The thresholds of a file: which of them count, and what a run's labels have to tell."""

import json
from dataclasses import replace

import numpy as np
import pytest

from segan_tl.data.files.geometry import Geometry
from segan_tl.data.find.case import Case
from segan_tl.errors import UserError
from segan_tl.predict.chosen import apply_chosen, cluster_text, open_chosen, read_chosen, values_of
from segan_tl.regions import ED, ET

NOTHING = {"sizes_voxels": {"NCR": 0, "ED": 0, "ET": 0}, "et_wt_ratio": 0}
LARGE = {"sizes_voxels": {"NCR": 25, "ED": 475, "ET": 2}, "et_wt_ratio": 0.05}

CASE, GRID = Case("a", {}, convention="brats2017"), Geometry((5, 5, 5), np.eye(4))


def write(path, **more):
    path.write_text(json.dumps({"thresholds": {"all": LARGE, "clusters": {"1": NOTHING}}} | more))
    return path


def test_a_cluster_has_its_own_and_all_others_those_of_all_cases(tmp_path):
    chosen = read_chosen(write(tmp_path / "post.json", newer_than_this=1))
    assert chosen.thresholds_for("1").sizes_voxels == NOTHING["sizes_voxels"]
    for cluster in (None, "2"):
        assert chosen.thresholds_for(cluster).in_json == LARGE
    assert chosen.remarks()[0] == "post-processing: NCR 25, ED 475, ET 2 voxels, ET/WT 0.05"
    assert "thresholds of 1 clusters are not used" in chosen.remarks()[1] and len(chosen.remarks()) == 2


def test_a_run_of_regions_is_painted_in_labels_that_are_told_apart():
    assert values_of(("wt", "tc", "et"), "brats2017") == {"NCR": (1,), "ED": (2,), "ET": (4,)}
    assert values_of(("ncr", "ed", "et"), "msd") == {"NCR": (2,), "ED": (1,), "ET": (3,)}
    assert values_of(("et", "wt", "tc"), "unknown") == {"NCR": (3,), "ED": (2,), "ET": (1,)}
    for regions in (("wt",), ("wt", "et"), ("lesion",)):
        with pytest.raises(UserError, match="tell NCR, ED and ET apart"):
            values_of(regions, "brats2017")


def test_what_is_applied_is_recorded(tmp_path):
    labels = np.full((5, 5, 5), 2, np.uint8)  # 125 voxels of ED, fewer than 475
    labels[0, 0, 0:2] = 4
    path = write(tmp_path / "post.json")
    chosen = open_chosen(path, ("wt", "tc", "et"), ["brats2017"])
    found, record = apply_chosen(chosen, labels, ("wt", "tc", "et"), CASE, GRID)
    assert np.unique(found).tolist() == [0, 4] and record == {"postprocess": LARGE} and (ED, ET) == (2, 3)
    assert open_chosen(None, ("wt",), ["brats2017"]) is None
    same, record = apply_chosen(None, labels, ("wt",), CASE, GRID)
    assert same is labels and record == {} and cluster_text(record) == []


@pytest.mark.parametrize(
    ("answer", "applied", "remark"),
    [
        ((1, None), NOTHING, None),
        ((2, None), LARGE, "cluster 2 has no thresholds of its own, so those of all cases"),
        ((None, "too small"), LARGE, "no cluster, so the thresholds of all cases: too small"),
    ],
)
def test_a_case_has_the_thresholds_of_its_cluster(tmp_path, answer, applied, remark):
    labels = np.full((5, 5, 5), 2, np.uint8)
    labels[0] = 0
    labels[1, 1, 1] = 4
    asked = []

    def assign(*given):
        asked.append(given)
        return answer

    chosen = replace(read_chosen(write(tmp_path / "post.json")), assign=assign)
    found, record = apply_chosen(chosen, labels, ("wt", "tc", "et"), CASE, GRID)
    ((case, tumour, geometry),) = asked
    assert case is CASE and geometry is GRID and np.array_equal(tumour, labels > 0)
    expected = {"postprocess": applied, "cluster": answer[0]} | ({"cluster_remark": remark} if remark else {})
    assert record == expected and cluster_text(record) == [remark or "cluster 1"]
    assert np.array_equal(found, labels) == (applied is NOTHING)
    assert chosen.remarks()[1] == "cluster 1: NCR 0, ED 0, ET 0 voxels, ET/WT 0"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"et_wt_ratio": 1.5}, "et_wt_ratio = 1.5"),
        ({"sizes_voxels": {"NCR": 1, "ED": 1}}, "expected thresholds.all.sizes_voxels.ET, which is missing"),
        ({"sizes_voxels": {"NCR": 1, "ED": 1, "ET": 2.5}}, "expected a whole number"),
    ],
)
def test_a_damaged_file_is_named(tmp_path, change, words):
    path = write(tmp_path / "post.json", thresholds={"all": LARGE | change})
    with pytest.raises(UserError, match=words) as error:
        read_chosen(path)
    assert str(path) in str(error.value) and "again with python -m segan_tl tune-postprocess" in str(error.value)
