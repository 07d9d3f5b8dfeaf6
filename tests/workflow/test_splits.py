"""A split that is taken over: of the cases that are here, and without those left out as bad, if that is asked."""

import json
from functools import partial
from types import SimpleNamespace

import pytest

from segan_tl.errors import UserError
from segan_tl.runs import Run
from segan_tl.workflow.folds import split_of
from segan_tl.workflow.source_data import split_as_source
from segan_tl.workflow.splits import hold_split, take_split
from segan_tl.workflow.unlabelled import divide
from tests.workflow.test_unlabelled import cohort_of

SPLIT = {"train": ["a", "b", "c"], "validation": ["d"], "test": ["e", "f"]}


def without(*bad, others="", bare=""):
    """Return a cohort of the six cases, and others, and its prepared ones: the bad are not."""
    cohort, cached = cohort_of("abcdef" + others, bare)
    return cohort, {case: prepared for case, prepared in cached.items() if case not in bad}


def as_source(cohort, cached, *, skip, split=None, other_patients=False):
    source = SimpleNamespace(split=split or SPLIT, path="runs/cpu/flair", data={"folder": "BraTS2021"})
    config = SimpleNamespace(data=SimpleNamespace(split=(0.5, 0.25, 0.25)), seed=0)
    return split_as_source(cohort, cached, source=source, config=config, other_patients=other_patients, skip=skip)


@pytest.fixture(params=["source", "run", "file"])
def choose(request, tmp_path):
    """Return (cohort, cached, skip) → the split: of a transfer's source, of --split RUN, of --split FILE."""
    run = Run(tmp_path / "run")
    run.root.mkdir()
    run.splits.write_text(json.dumps(SPLIT))
    run.config.write_text("{}")
    if request.param == "source":
        return as_source
    named = str(run.root if request.param == "run" else run.splits)

    def stated(cohort, cached, *, skip):
        return split_of(SimpleNamespace(split=named, runs=tmp_path, skip_bad_cases=skip))(cohort, cached)

    return stated


def test_bad_cases_are_left_out_of_it_and_named(choose, capsys):
    assert choose(*without("a", "f", others="x"), skip=True) == {
        "train": ["b", "c"], "validation": ["d"], "test": ["e"],
    }  # fmt: skip
    assert "without the cases left out as bad: a of train, f of test" in capsys.readouterr().out
    assert choose(*without("x", others="x"), skip=True) == SPLIT and capsys.readouterr().out == ""


@pytest.mark.parametrize("bad", [["a"], ["a", "f"]])
def test_they_are_refused_where_nobody_asked_to_skip_them(choose, bad):
    with pytest.raises(UserError, match=r"\(a[,)]"):
        choose(*without(*bad), skip=False)


@pytest.mark.parametrize(("bad", "part"), [("d", "validation"), ("ef", "test"), ("abc", "train")])
def test_a_part_without_any_case_is_refused(choose, bad, part):
    with pytest.raises(UserError, match=rf"all of its {part} cases are left out as bad \({', '.join(bad)}\); mend"):
        choose(*without(*bad), skip=True)


def test_a_case_that_is_not_here_is_still_refused(choose):
    cohort, cached = cohort_of("abcde", "")  # f is in another folder, and a is bad
    del cached["a"]
    with pytest.raises(UserError, match=r"[( ]f\)"):
        choose(cohort, cached, skip=True)


def test_a_run_that_goes_on_keeps_all_that_it_began_with(tmp_path):
    run = Run(tmp_path)
    run.splits.write_text(json.dumps(SPLIT))
    with pytest.raises(UserError, match=r"lacks now \(a\)"):
        take_split(run, *without("a"))


def test_other_patients_are_divided_anew_whoever_is_bad():
    """None of the source's six can be used, four others can: nobody of those was seen."""
    split = as_source(*without(*"abcdef", others="wxyz"), skip=True)
    assert sorted(case for part in split.values() for case in part) == list("wxyz")


def test_a_bad_case_without_a_mask_is_left_out_too():
    """x has no mask, trains beside the others where an adversary does without it, and cannot be read now."""
    split = SPLIT | {"train": ["a", "b", "c", "x", "y"]}
    choose = partial(hold_split, split, of="splits.json", skip=True)
    assert divide(*without("x", bare="xy"), choose)["train"] == ["a", "b", "c", "y"]
