"""Which share of the largest component is kept: chosen by the validation cases, and said where it deletes a tumour."""

from types import SimpleNamespace

import numpy as np
import pytest

from segan_tl.train.loop import Interruption, Progress
from segan_tl.train.validation import Validation, choose_validated


def case(name: str, truth: np.ndarray):
    """Return what a validation reads of a prepared case."""
    return SimpleNamespace(id=name, regions=("wt",), whole=lambda: (truth.astype("float32"), truth))


def row(*voxels: int) -> np.ndarray:
    """Return masks (1, 1, 10, 1) with tumour at the given voxels of a row of ten."""
    mask = np.zeros((1, 1, 10, 1), bool)
    mask[0, 0, list(voxels)] = True
    return mask


def validate(cases, answers, shares) -> tuple[Validation, dict]:
    """Validate one epoch; answers: name → share → masks."""
    found = iter([answers[one.id] for one in cases])
    validation = Validation(
        SimpleNamespace(best_weights=lambda: []), SimpleNamespace(weights=[]), segment=lambda *_: next(found),
        shares=shares, cases=cases, every=1, progress=Progress(), publish=lambda: None,
    )  # fmt: skip
    assert validation(0, Interruption())
    logs = {}
    validation.on_epoch_end(0, logs)
    return validation, logs


# a: 1 true voxel and 3 false ones that are apart: all, 2 · 1 / 5 = 0.4; the largest alone, nothing true.
# b: 3 true voxels and 1 false one: all, 2 · 3 / 7 = 6/7; the largest alone, 1.
A, B = case("a", row(0)), case("b", row(0, 1, 2))
ANSWERS = {
    "a": {0: row(0, 4, 5, 6), 0.5: row(4, 5, 6)},
    "b": {0: row(0, 1, 2, 6), 0.5: row(0, 1, 2)},
}


def test_the_validation_cases_choose_the_share():
    # Means: (0.4 + 6/7) / 2 = 0.629 without dropping, (0 + 1) / 2 = 0.5 with.
    validation, logs = validate([A, B], ANSWERS, (0, 0.5))
    assert logs["smallest_component"] == validation.share == validation.progress.smallest_component == 0
    assert logs["dice"] == pytest.approx((0.4 + 6 / 7) / 2)
    # b alone gains by it, and of equals the larger share is taken.
    assert validate([B], ANSWERS, (0, 0.5))[1] == {"dice_wt": 1, "dice": 1, "smallest_component": 0.5}
    assert validate([B], {"b": {0: row(0), 0.5: row(0)}}, (0, 0.5))[0].share == 0.5


def test_a_tumour_that_is_dropped_is_said_once(capsys):
    validation, logs = validate([A, B], ANSWERS, (0.5,))
    said = " ".join(capsys.readouterr().out.split())
    assert "a: dropping components below 0.5 of the largest deletes tumour" in said and "Dice 0.400 → 0.000" in said
    assert "predict.smallest_component=[0,0.1,0.25,0.5]" in said and "b:" not in said
    assert logs["dice"] == 0.5 and "smallest_component" not in logs
    validation.on_epoch_end(1, {})
    assert not capsys.readouterr().out


def test_of_many_cases_the_same_few_are_judged_every_time():
    names = [f"{number:03d}" for number in range(125)]
    chosen = choose_validated(names, most=16, seed=3)
    assert len(set(chosen)) == 16 and chosen == sorted(chosen) and set(chosen) < set(names)
    assert choose_validated(names, most=16, seed=3) == chosen != choose_validated(names, most=16, seed=4)
    assert choose_validated(names[:16], most=16, seed=3) == names[:16]
    assert choose_validated(names, most=1000, seed=3) == names
