"""What folds are stratified by: words, files of groups, and cases without a group."""

import json

import pytest

from segan_tl.data.find.cases import Case
from segan_tl.data.strata import Strata, quantiles, read_groups, read_strata
from segan_tl.errors import UserError

CASES = [Case("a", {}, grade="HGG", attributes={"site": "Bern"}), Case("b", {}, attributes={"site": "Basel"})]


def groups(text, cases=CASES, volumes_ml=None, folds=2):
    return read_strata(text).groups(cases, (volumes_ml or {}).get, folds=folds)


def test_words():
    assert groups(None) == groups("grade") == {"a": "HGG", "b": "unknown"}
    assert groups("site") == {"a": "Bern", "b": "Basel"}
    assert groups("none") == {"a": "all", "b": "all"}
    assert groups("volume", volumes_ml={"a": 7.0, "b": 3.0, "c": 1.0}) == {"a": "2 of 2", "b": "1 of 2"}


def test_quantiles_by_hand():
    # 9 cases, 3 folds: 3 quantiles of 3; ranks 0 to 8, rank · 3 // 9.
    values = {name: value for name, value in zip("abcdefghi", (9, 8, 7, 6, 5, 4, 3, 2, 1))}
    expected = {name: f"{number} of 3" for names, number in (("ghi", 1), ("def", 2), ("abc", 3)) for name in names}
    assert quantiles(values, most=3) == expected
    # 12 cases, 5 folds: 12 // 5 = 2 quantiles of 6; 30 cases: 5 (no more than folds) of 6.
    assert sorted(quantiles(dict.fromkeys("abcdefghijkl", 1.0), most=5).values()) == ["1 of 2"] * 6 + ["2 of 2"] * 6
    many = quantiles({f"{i:02}": i for i in range(60)}, most=5)
    assert [list(many.values()).count(f"{k} of 5") for k in range(1, 6)] == [12] * 5
    # 4 cases, 3 folds: two nevertheless.
    assert set(quantiles(dict.fromkeys("abcd", 1.0), most=3).values()) == {"1 of 2", "2 of 2"}


def test_files_of_groups(tmp_path):
    (tmp_path / "groups.json").write_text(
        json.dumps({"columns": [], "scaling": "l2", "cases": {"a": 0, "b": 3, "gone": 1}})
    )
    (tmp_path / "own.csv").write_text("case,group,more\n a ,old,1\nb,new,2\n")
    (tmp_path / "assigned.csv").write_text("case,cluster,shape_MeshVolume\na,1,2.5\nb,0,3.5\n")
    assert groups(str(tmp_path / "groups.json")) == {"a": "0", "b": "3"}
    assert groups(str(tmp_path / "own.csv")) == {"a": "old", "b": "new"}
    assert groups(str(tmp_path / "assigned.csv")) == {"a": "1", "b": "0"}
    assert read_strata(str(tmp_path / "own.csv")).kind == "groups" and Strata().kind == "grade"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("case,group\n", "expected a group of every case in .*own.csv; found no case; give a table"),
        ("case,grade\na,1\n", "expected the column group in .*own.csv; found case, grade; give a table"),
        ("group\n1\n", "expected the column case; found group; give a table"),
        ("case,group\na,1\na,2\n", "a has two lines; correct it"),
        ("case,group\na,\n", "a has no group; correct it"),
        ("case,group\na,1,2\n", "expected 2 cells, found 3 in line 2"),
    ],
)
def test_a_table_that_is_none(tmp_path, content, said):
    (tmp_path / "own.csv").write_text(content)
    with pytest.raises(UserError, match=said):
        read_groups(tmp_path / "own.csv")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("radiomics", "found the word radiomics; type --stratify groups.json"),
        ("volumes", "expected grade, site, volume, none, or a file that ends in .json or .csv.* --stratify volume"),
        ("groups.npz", "found groups.npz; type, for example"),
        ("nowhere.json", "nowhere.json is missing"),
        ("nowhere.csv", "nowhere.csv is missing; give a table with a line case,group"),
    ],
)
def test_what_is_no_stratification(text, said):
    with pytest.raises(UserError, match=said):
        read_strata(text)


def test_a_case_without_a_group_is_named(tmp_path):
    (tmp_path / "own.csv").write_text("case,group\na,1\n")
    with pytest.raises(UserError, match="expected a group of every case in .*own.csv; found none of b; add them"):
        groups(str(tmp_path / "own.csv"))
    with pytest.raises(UserError, match=r"1 of 3 do not \(BraTS2021_00001\); give --stratify a table"):
        groups("site", [*CASES, Case("BraTS2021_00001", {})])
    (tmp_path / "groups.json").write_text('{"columns": [], "scaling": "l2", "cases": {"a": "x"}}')
    with pytest.raises(UserError, match="groups.json is damaged"):
        read_strata(str(tmp_path / "groups.json"))
