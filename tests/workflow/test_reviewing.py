"""Which second look is taken: the run's, its cross-validation's, the given one, or none."""

from argparse import Namespace
from types import SimpleNamespace

import pytest

from segan_tl.errors import UserError
from segan_tl.runs import Run
from segan_tl.workflow.reviewing import find_reviewer
from tests.small_reviews import write_review


def members_of(*roots):
    """Return runs whose networks are called by the folder's name."""
    return [SimpleNamespace(run=Run(root), digest=root.name, artefact=None) for root in roots]


def asked(*runs, review=None, flag_below=None, vote=None, ensemble=None):
    return Namespace(run=list(runs), review=review, flag_below=flag_below, vote=vote, ensemble=ensemble)


def test_a_run_s_own(tmp_path):
    members = members_of(tmp_path / "flair")
    assert find_reviewer(asked("flair"), members, None) == (None, [])
    write_review(tmp_path / "flair" / "review.json", {"a": 0.5}, digest="flair")
    reviewer, remarks = find_reviewer(asked("flair", flag_below=0.7), members, None)
    assert reviewer.path == tmp_path / "flair" / "review.json" and remarks == []


def test_a_run_beside_others_does_not_take_what_lies_around(tmp_path):
    write_review(tmp_path / "review.json", {"a": 0.5}, digest="flair")
    assert find_reviewer(asked("flair"), members_of(tmp_path / "flair"), None) == (None, [])


def test_a_fold_has_that_of_the_cross_validation_and_so_have_all_together(tmp_path):
    write_review(tmp_path / "review.json", {"a": 0.5}, digest="fold0")
    fold = members_of(tmp_path / "fold0")
    assert find_reviewer(asked("net/fold0"), fold, None)[0].path == tmp_path / "review.json"
    assert find_reviewer(asked("net", ensemble="mean"), fold * 2, SimpleNamespace())[0] is not None
    assert find_reviewer(asked("net", "other", ensemble="mean"), fold * 2, SimpleNamespace()) == (None, [])


def test_one_of_another_network(tmp_path):
    write_review(tmp_path / "flair" / "review.json", {"a": 0.5}, digest="before")
    members = members_of(tmp_path / "flair")
    reviewer, (remark,) = find_reviewer(asked("flair"), members, None)
    assert reviewer is None and remark.endswith("learn it again: python -m segan_tl second-look flair")
    with pytest.raises(UserError, match="--flag-below goes by a second look, and there is none at flair"):
        find_reviewer(asked("flair", flag_below=0.7), members, None)
    given = tmp_path / "flair" / "review.json"
    with pytest.raises(UserError, match="or leave --review out"):
        find_reviewer(asked("flair", review=given), members, None)
    with pytest.raises(UserError, match=r"of other networks than one, two \(majority\)"):
        find_reviewer(asked("one", "two", review=given, vote="majority"), members * 2, None)


@pytest.mark.parametrize("run", ["zoo:segan_flair", "a.zip"])
def test_what_has_no_cases_of_its_own_is_told_how_to_learn(tmp_path, run):
    members = members_of(tmp_path / "x")
    members[0].artefact = run.endswith(".zip") or None
    with pytest.raises(UserError, match=f"second-look {run} --data LABELLED --out review.json, and add --review"):
        find_reviewer(asked(run, flag_below=0.5), members, None)
