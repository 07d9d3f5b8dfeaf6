"""Folds of patients that are drawn, and clusters that are read."""

import pytest

from segan_tl.errors import UserError
from segan_tl.workflow.postprocess_cases import Tuning, _two_folds, draw_folds, read_clusters


def test_folds_never_divide_a_patient_and_are_the_same_every_time():
    patients = {f"scan{i}": f"patient{i // 2}" for i in range(24)}
    folds = draw_folds(patients)
    assert folds == draw_folds(dict(reversed(patients.items())))
    assert len({(patients[case], fold) for case, fold in folds.items()}) == 12
    sizes = [list(folds.values()).count(fold) for fold in range(5)]
    assert sorted(sizes) == [4, 4, 4, 6, 6]  # 12 patients with two scans each: 3, 3, 2, 2, 2
    assert set(draw_folds({"a": "a", "b": "b"}).values()) == {0, 1}


def test_patients_in_several_folds_are_told():
    from segan_tl.data.files.images import Source
    from segan_tl.report.score.masks import Mask

    masks = {case: Mask(case, Source("x"), "brats2023", patient="smith") for case in ("a", "b")}
    tuning = _two_folds(Tuning(masks, masks, {"a": 0, "b": 1}, {}))
    assert tuning.remarks == ["note: patients in several folds: 1 (smith); the gain flatters"]
    with pytest.raises(UserError, match="at least two folds, .* found one, of 1 patient; add cases"):
        _two_folds(Tuning(masks, masks, {"a": 0, "b": 0}, {}))


def test_a_table_of_clusters(tmp_path):
    (tmp_path / "clusters.csv").write_text("case,cluster,more\na, 1 ,x\nb,2,\nc,2,\n")
    assert read_clusters(tmp_path / "clusters.csv", ["b", "a"]) == {"b": "2", "a": "1"}
    with pytest.raises(UserError, match="expected a cluster of every case in .*; found none of d; add them"):
        read_clusters(tmp_path / "clusters.csv", ["a", "d"])
    (tmp_path / "groups.json").write_text('{"columns": ["x"], "scaling": "l2", "cases": {"a": 3, "b": 0}}')
    assert read_clusters(tmp_path / "groups.json", ["b", "a"]) == {"b": "0", "a": "3"}
    # Features may fail: such a case has no cluster, as when predict asks for it.
    assert read_clusters(tmp_path / "groups.json", ["b", "c"]) == {"b": "0"}
    with pytest.raises(UserError, match="found none of c; add them"):
        read_clusters(tmp_path / "groups.json", ["c"])
