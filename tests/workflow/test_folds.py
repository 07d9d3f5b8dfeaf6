"""--fold, --folds and --stratify: what they may say together, and beside folds that have begun."""

from argparse import Namespace
from pathlib import Path

import pytest

from segan_tl.data.folds import plan_folds
from segan_tl.data.find.cases import Case
from segan_tl.disk.atomic import write_json
from segan_tl.errors import UserError
from segan_tl.runs import Run
from segan_tl.workflow.folds import check_fold


def check(folder: Path, *, fold=None, folds=None, stratify=None):
    check_fold(Namespace(fold=fold, folds=folds, stratify=stratify), Run(folder / "fold0"), seed=0)


def test_what_makes_sense(tmp_path):
    check(tmp_path)
    check(tmp_path, fold=4)
    check(tmp_path, fold=9, folds=10, stratify="volume")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"folds": 3}, "--folds 3 needs --fold K beside it"),
        ({"stratify": "site"}, "--stratify site needs --fold K beside it"),
        ({"fold": 5}, "--fold expects 0 to 4 with --folds 5; got 5"),
        ({"fold": 0, "folds": 1}, "--folds expects at least 2"),
        ({"fold": 0, "stratify": "grades"}, "found grades; type, for example, --stratify grade"),
        ({"fold": 0, "stratify": "nowhere.json"}, "nowhere.json is missing"),
    ],
)
def test_what_does_not(tmp_path, words, said):
    with pytest.raises(UserError, match=said):
        check(tmp_path, **words)
    assert not list(tmp_path.iterdir())


def test_another_stratification_than_that_of_the_folds_beside_it(tmp_path):
    cases = [Case(f"p{i}", {}) for i in range(6)]
    planned = plan_folds(cases, folds=2, seed=0, groups={case.id: "all" for case in cases}, stratify="none")
    write_json(tmp_path / "folds.json", planned)
    check(tmp_path, fold=0, folds=2)  # none has started
    write_json(Run(tmp_path / "fold1").config, {})
    check(tmp_path, fold=0, folds=2, stratify="none")
    for stratify, asked in ((None, "grade"), ("volume", "volume")):
        with pytest.raises(UserError, match=f"stratified by none; this command asks for {asked}; add --stratify none"):
            check(tmp_path, fold=0, folds=2, stratify=stratify)
