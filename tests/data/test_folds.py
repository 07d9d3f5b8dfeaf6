"""Saved folds: written once, and refused when cases, their grades, the number of folds or the seed have changed."""

from pathlib import Path

import pytest

from segan_tl.data.find.cases import Case
from segan_tl.data.folds import FILE, keep_folds, plan_folds, read_folds, require_folds
from segan_tl.data.splits import fold_cases
from segan_tl.disk.atomic import write_json
from segan_tl.errors import UserError
from segan_tl.runs import Run

FRACTIONS = (0.8, 0.2, 0.0)


def plan(count=9, *, low=0, folds=3, seed=0, stratify="grade", patients=None):
    cases = [Case(f"p{i:02}", {}, stated_patient=patients and f"of{i // patients}") for i in range(count)]
    groups = {case.id: "LGG" if i < low else "HGG" for i, case in enumerate(cases)}
    return plan_folds(cases, folds=folds, seed=seed, groups=groups, stratify=stratify)


def keep(folder, planned):
    keep_folds(folder, planned, cohort=Path("BraTS"))


def test_they_are_the_folds_that_trainings_test_on(tmp_path):
    cases = [Case(f"p{i:02}", {}, grade="HGG") for i in range(9)]
    keep(tmp_path, plan())
    saved = read_folds(tmp_path)
    assert (saved["seed"], saved["folds"]) == (0, 3)
    assert saved["stratify"] == "grade" and saved["groups"] == {case.id: "HGG" for case in cases}
    expected = {str(k): fold_cases(cases, FRACTIONS, fold=k, folds=3, seed=0)["test"] for k in range(3)}
    assert saved["test"] == expected
    assert sorted(sum(saved["test"].values(), [])) == [f"p{i:02}" for i in range(9)]


def start(folder, fold=0):
    write_json(Run(folder / f"fold{fold}").config, {})


def test_the_same_ones_again_change_nothing(tmp_path):
    keep(tmp_path, plan())
    before = (tmp_path / FILE).read_bytes()
    keep(tmp_path, plan())
    assert (tmp_path / FILE).read_bytes() == before and [file.name for file in tmp_path.iterdir()] == [FILE]
    start(tmp_path)
    keep(tmp_path, plan())
    assert (tmp_path / FILE).read_bytes() == before


@pytest.mark.parametrize(
    ("planned", "expected"),
    [
        (plan(10), r"expected the 9 cases .* BraTS has 10 now \(p09 came\)"),
        (plan(8), r"BraTS has 8 now \(p08 went\)"),
        (plan(14), r"BraTS has 14 now \(p09, p10, p11 and 2 more came\)"),
        (plan(low=4), r"has 9 now \(the group of p00, p01, p02 and 1 more has changed\)"),
        (plan(patients=3), r"has 9 now \(the patients of some have changed\)"),
        (plan(stratify="site"), "holds folds stratified by grade; this command asks for site; add --stratify grade"),
        (plan(folds=4), "holds 3 folds of seed 0; this command asks for 4 of seed 0"),
        (plan(seed=1), "holds 3 folds of seed 0; this command asks for 3 of seed 1"),
    ],
)
def test_others_are_refused(tmp_path, planned, expected):
    keep(tmp_path, plan())
    start(tmp_path, 2)
    with pytest.raises(UserError, match=expected):
        keep(tmp_path, planned)
    assert read_folds(tmp_path) == plan()


def test_folds_of_before_are_of_grades(tmp_path):
    """Their file says neither what they are stratified by nor the groups."""
    before = {name: value for name, value in plan().items() if name not in ("stratify", "groups")}
    write_json(tmp_path / FILE, before)
    start(tmp_path)
    keep(tmp_path, plan())
    assert read_folds(tmp_path) == before
    with pytest.raises(UserError, match="the grades or patients of some have changed, or an earlier version"):
        keep(tmp_path, plan(low=4))
    with pytest.raises(UserError, match="stratified by grade; this command asks for groups"):
        keep(tmp_path, plan(stratify="groups"))


def test_folds_of_a_file_ask_for_the_file(tmp_path):
    keep(tmp_path, plan(stratify="groups"))
    start(tmp_path)
    with pytest.raises(UserError, match="stratified by groups; this command asks for grade; add --stratify FILE, with"):
        require_folds(tmp_path, folds=3, seed=0)


def test_other_groups_are_refused_even_where_they_test_the_same(tmp_path):
    keep(tmp_path, plan(stratify="groups"))
    start(tmp_path)
    other = plan(stratify="groups")
    other["groups"] = other["groups"] | {"p03": "another"}
    with pytest.raises(UserError, match="the group of p03 has changed"):
        keep(tmp_path, other)


@pytest.mark.parametrize("planned", [plan(8), plan(low=4), plan(folds=4, seed=1)])
def test_others_take_their_place_where_no_fold_has_started(tmp_path, planned):
    """A command that was refused after it had saved the folds says what to change: the change must be possible."""
    keep(tmp_path, plan())
    (tmp_path / "fold0").mkdir()  # without configuration: nothing was trained
    require_folds(tmp_path, folds=planned["folds"], seed=planned["seed"])
    keep(tmp_path, planned)
    assert read_folds(tmp_path) == planned


def test_nothing_saved_is_nothing_to_hold_to(tmp_path):
    assert read_folds(tmp_path) is None
    require_folds(tmp_path, folds=5, seed=0)


@pytest.mark.parametrize("text", ["[]", "{}", "{"])
def test_a_damaged_file(tmp_path, text):
    (tmp_path / FILE).write_text(text)
    with pytest.raises(UserError, match="damaged"):
        read_folds(tmp_path)
