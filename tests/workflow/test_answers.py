"""What an answer scores, and what becomes of cases that have none."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from segan_tl.errors import CannotWrite, UserError
from segan_tl.predict import voters
from segan_tl.workflow.answers import score_plan
from segan_tl.workflow.second_look import Plan, Sitting

SIGNS = {"disagreement": 0.25}


def answer(labels, whole, core):
    """Return an answer of a network with two regions: four voxels in a row each, truth as labels of BraTS."""
    regions = SimpleNamespace(config=SimpleNamespace(data=SimpleNamespace(regions=("wt", "tc"))))
    masks = np.array([whole, core], bool).T.reshape(4, 1, 1, 2)
    loaded = SimpleNamespace(labels=None if labels is None else np.array(labels).reshape(4, 1, 1))
    return SimpleNamespace(voters=(regions,), loaded=loaded, prediction=masks, signs=SIGNS)


def case_of(name: str):
    return SimpleNamespace(id=name, patient=f"patient {name}", convention="brats2021")


@pytest.fixture
def plan_of(monkeypatch):
    """Return case → what comes of it as a plan, of networks that need no TensorFlow."""

    def make(**found) -> Plan:
        cases = {name: case_of(name) for name in found}

        def segment_each(_members, _cases, *, then, **_):
            for name, one in found.items():
                try:
                    yield cases[name], one if isinstance(one, UserError) else then(cases[name], one)
                except UserError as error:
                    yield cases[name], error

        monkeypatch.setattr(voters, "segment_each", segment_each)
        sitting = Sitting((SimpleNamespace(artefact=object()),), None, tuple(cases.values()))
        return Plan((sitting,), "alone", "these", Path("review.json"))

    return make


def test_the_dice_of_an_answer_is_the_mean_of_its_regions(plan_of):
    # Truth: oedema (2), necrosis (1), nothing, nothing: the whole is voxels 0 and 1, the core is voxel 1.
    # Whole 1, 1, 1, 0: Dice 2 · 2 / (2 + 3) = 0.8. Core 0, 1, 1, 0: Dice 2 · 1 / (1 + 2) = 2/3.
    (scored,) = score_plan(plan_of(a=answer([2, 1, 0, 0], [1, 1, 1, 0], [0, 1, 1, 0])), skip=False)
    assert (scored.case, scored.patient, scored.signs) == ("a", "patient a", SIGNS)
    assert scored.dice == pytest.approx((0.8 + 2 / 3) / 2)


def test_a_core_outside_of_the_whole_counts_as_it_is_written(plan_of):
    # The file has one number a voxel: voxel 3, of the core alone, is written as core, and so is of the whole, too.
    # Whole 1, 1, 0, 1: Dice 2 · 2 / (2 + 3) = 0.8. Core 0, 1, 0, 1: Dice 2 · 1 / (1 + 2) = 2/3.
    (scored,) = score_plan(plan_of(a=answer([2, 1, 0, 0], [1, 1, 0, 0], [0, 1, 0, 1])), skip=False)
    assert scored.dice == pytest.approx((0.8 + 2 / 3) / 2)


def test_a_case_that_cannot_be_used_is_left_out_or_refused(plan_of, capsys):
    good, unreadable = answer([2, 1, 0, 0], [1, 1, 0, 0], [0, 1, 0, 0]), answer(None, [1, 1, 0, 0], [0, 1, 0, 0])
    for bad in (UserError("case b: its FLAIR is damaged"), unreadable):
        assert [one.case for one in score_plan(plan_of(b=bad, a=good), skip=True)] == ["a"]
        assert "b  left out: " in capsys.readouterr().out
        with pytest.raises(UserError, match="case b.*; --skip-bad-cases goes on without it"):
            score_plan(plan_of(b=bad, a=good), skip=False)


def test_a_full_disk_is_no_fault_of_a_case(plan_of):
    with pytest.raises(CannotWrite):
        score_plan(plan_of(a=CannotWrite("the disk is full")), skip=True)
