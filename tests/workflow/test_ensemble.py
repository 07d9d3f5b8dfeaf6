"""Models of an ensemble: what counts as one, and what each of them weighs."""

from argparse import Namespace

import pytest

from segan_tl.errors import UserError
from segan_tl.predict.members import open_member
from segan_tl.workflow.ensemble import Model, keep_tested, open_ensemble, weigh
from tests.small_folds import SCORES, write_folds
from tests.small_runs import make_run, small_config


def asked(*runs, rule="weighted", weights=None, folder=None, fold=None):
    return Namespace(run=[str(run) for run in runs], runs=folder, ensemble=rule, weights=weights, fold=fold)


def test_weights_of_a_cross_validation_and_of_a_run(tmp_path):
    """wt: (0.8 + 0.6 + 0.9 + 0.7 + 0.5 + 0.7 + 0.3) / 7 = 4.5 / 7, et: 0.5; their mean 0.57143, beside 0.6."""
    folder = write_folds(tmp_path / "net" / "data")
    run = make_run(tmp_path / "flair", small_config())
    folds = tuple(folder / f"fold{number}" for number in SCORES)
    models = [Model(folder, "net/data", folds), Model(run.root, "flair", (run.root,))]
    members = [None, None, None, open_member(run.root)]
    weights, remarks = weigh(models, members, asked(), regions=("wt", "et"))
    score = (4.5 / 7 + 0.5) / 2
    assert weights == pytest.approx([score / (score + 0.6), 0.6 / (score + 0.6)])
    assert remarks == [
        f"weights: net/data {weights[0]:.4f} (test Dice of 3 folds {score:.4f}), flair {weights[1]:.4f} "
        "(best validation Dice 0.6000)"
    ]


def test_the_weights_of_parida_2024_are_taken_as_they_are():
    models = [Model(None, name, (None,)) for name in ("nnunet", "mednext")]
    assert weigh(models, [], asked(weights=[0.4722, 0.5278]), regions=())[0] == pytest.approx([0.4722, 0.5278])


def test_a_cross_validation_that_does_not_tell_its_score(tmp_path):
    folder = write_folds(tmp_path / "net" / "data", leave_out=[1])
    folds = tuple(folder / f"fold{number}" for number in SCORES)
    with pytest.raises(UserError, match="missing: 1; run fold 1 with: .*; or give the weights with --weights"):
        weigh([Model(folder, "net/data", folds)], [], asked(), regions=("wt",))
    folder = write_folds(tmp_path / "whole" / "data")
    with pytest.raises(UserError, match="expected the test Dice of wt, tc .*; tc has none in metrics.csv; give the"):
        weigh([Model(folder, "whole/data", folds)], [], asked(), regions=("wt", "tc"))


def test_a_run_that_does_not_tell_its_score(tmp_path):
    run = make_run(tmp_path / "flair", small_config(), best_dice=-0.1)
    with pytest.raises(UserError, match="no best validation Dice to weigh it by .* or give an ensemble --weights"):
        weigh([Model(run.root, "flair", (run.root,))], [open_member(run.root)], asked(), regions=("wt",))


def test_folds_that_are_due_but_not_there(tmp_path):
    folder = write_folds(tmp_path / "net" / "data", leave_out=[1])
    with pytest.raises(UserError, match="expected the 3 folds that .*folds.json names; fold1 of .* is missing"):
        open_ensemble(asked(folder, rule="mean", folder=tmp_path), modality=None)


def test_more_than_ten_folds_come_in_their_order_and_share_one_weight(tmp_path):
    for number in range(11):
        make_run(tmp_path / "net" / "data" / f"fold{number}", small_config())
    make_run(tmp_path / "net" / "data" / "fold0-before", small_config())  # is no fold
    run = make_run(tmp_path / "net" / "alone", small_config())
    ensemble, remarks = open_ensemble(asked("net/data", run.root, rule="mean", folder=tmp_path), modality=None)
    assert [member.run.root.name for member in ensemble.members] == [*(f"fold{k}" for k in range(11)), "alone"]
    assert ensemble.shares == pytest.approx((*[0.5 / 11] * 11, 0.5))
    assert remarks == [f"mean of net/data (11 folds), {run.root}; regions: wt"]


def test_where_one_fold_answers_the_others_weigh(tmp_path):
    """Of wt the folds but 2 have (0.8 + 0.6 + 0.9 + 0.7) / 4 = 0.75, of fold 2 alone 0.5; beside a model of 0.6."""
    folder = write_folds(tmp_path / "net" / "data")
    run = make_run(tmp_path / "flair", small_config())
    models = [Model(folder, "net/data", (folder / "fold2",), 2), Model(run.root, "flair", (run.root,))]
    weights, remarks = weigh(models, [None, open_member(run.root)], asked(fold=2), regions=("wt",))
    assert weights == pytest.approx([0.75 / 1.35, 0.6 / 1.35])
    assert "net/data 0.5556 (test Dice of the folds but 2 0.7500)" in remarks[0]


def test_one_fold_of_each(tmp_path):
    for name in ("one", "two"):
        for number in range(2):
            make_run(tmp_path / name / "data" / f"fold{number}", small_config())
    alike = {"rule": "mean", "folder": tmp_path}
    ensemble, remarks = open_ensemble(asked("one/data", "two/data", fold=1, **alike), modality=None)
    assert [member.run.root.parent.parent.name for member in ensemble.members] == ["one", "two"]
    assert {member.run.root.name for member in ensemble.members} == {"fold1"} and ensemble.shares == (0.5, 0.5)
    assert remarks == ["mean of one/data (fold 1), two/data (fold 1); regions: wt"]
    with pytest.raises(UserError, match="expected a fold from 0 to 1 of one/data; found --fold 2; give one of them"):
        open_ensemble(asked("one/data", "two/data", fold=2, **alike), modality=None)
    alone = make_run(tmp_path / "one" / "alone", small_config())
    with pytest.raises(UserError, match="a cross-validation for --fold 0; .*alone is one run; leave --fold out"):
        open_ensemble(asked("one/data", alone.root, fold=0, **alike), modality=None)


def test_one_fold_answers_on_the_cases_that_it_was_tested_on(tmp_path):
    runs = [make_run(tmp_path / name, small_config()) for name in ("one", "two")]  # both were tested on c
    members, cases = [open_member(run.root) for run in runs], [Namespace(id=name) for name in "abc"]
    assert [case.id for case in keep_tested(members, cases, place=tmp_path)] == ["c"]
    with pytest.raises(UserError, match="expected the test cases of .*one in .*; c is missing; give the folder"):
        keep_tested(members, cases[:2], place=tmp_path)
    runs[1].splits.write_text('{"train": ["a"], "validation": ["b"], "test": ["c", "d"]}')
    with pytest.raises(UserError, match="expected folds of the same cases; d is a test case of .*; train both with"):
        keep_tested(members, cases, place=tmp_path)
