"""Scores of patients brought together, and what they promise: on three thresholds' worth of numbers, by hand."""

import math

import numpy as np
import pytest

from segan_tl.report.score.guarantee import (
    THRESHOLDS,
    Scores,
    from_json,
    hold_promise,
    join_scans,
    kinds_of_scores,
    promise,
    to_json,
)

COUNT = len(THRESHOLDS)
MIDDLE = THRESHOLDS.index(0.5)


def scores(missed: float, false: float, log_error: float) -> dict[str, Scores]:
    """Return scores of a region: `missed` from 0.5 on and nothing below, `false` below and nothing from there on."""
    upper = np.arange(COUNT) >= MIDDLE
    return {"wt": Scores(np.where(upper, missed, 0.0), np.where(upper, 0.0, false), log_error)}


def patients(*losses: float) -> dict[str, dict[str, Scores]]:
    return {f"p{number}": scores(loss, loss, loss) for number, loss in enumerate(losses)}


def test_the_thresholds_are_even_on_both_sides_of_a_half():
    assert list(THRESHOLDS) == sorted(THRESHOLDS) and 0 < THRESHOLDS[0] < 1e-6 and COUNT == 113
    np.testing.assert_allclose(np.array(THRESHOLDS) + THRESHOLDS[::-1], 1)
    # float32, which networks answer in, tells each from the next, and the last from 1.
    assert (np.diff(np.array([*THRESHOLDS, 1], np.float32)) > 0).all()


def test_scans_of_a_patient_by_hand():
    found = join_scans([("a", scores(0.2, 0.4, -0.5)), ("b", scores(1, 1, 0)), ("a", scores(0.4, 0, 0.3))])
    assert list(found) == ["a", "b"]
    joint = found["a"]["wt"]
    assert joint.missed[MIDDLE] == pytest.approx(0.3) and joint.false[0] == pytest.approx(0.2)
    assert joint.log_error == -0.5  # the one that is farther from 0


def test_promises_by_hand():
    # From 0.5 on (0.1 + 0.2 + 0.3 + 1) / 4 = 0.4, below 1 / 4.
    own = promise(patients(0.1, 0.2, 0.3), ["wt"], 0.4)["wt"]
    assert own["missed"] == {"threshold": THRESHOLDS[-1], "bound": pytest.approx(0.4), "price": 0}
    # What is false falls: from 0.5 on nothing is, and below 0.4 are.
    assert own["false"] == {"threshold": THRESHOLDS[0], "bound": pytest.approx(0.4), "price": 0}
    strict = promise(patients(0.1, 0.2, 0.3), ["wt"], 0.3)["wt"]
    assert strict["missed"]["threshold"] == THRESHOLDS[MIDDLE - 1] and strict["missed"]["bound"] == 0.25
    assert strict["missed"]["price"] == pytest.approx(0.2)  # the mean of what is false there
    assert strict["false"]["threshold"] == 0.5 and strict["false"]["price"] == pytest.approx(0.2)
    # ⌈4 · 0.6⌉ = 3: the largest error; ⌈4 · 0.7⌉ = 3 as well; ⌈4 · 0.8⌉ = 4 of 3.
    assert own["volume"]["reach"] == strict["volume"]["reach"] == 0.3
    nothing = promise(patients(0.1, 0.2, 0.3), ["wt"], 0.2)["wt"]
    assert nothing["missed"]["threshold"] is None and nothing["volume"]["reach"] is None


def test_weights_by_hand():
    # The second weighs 3, and so does the next: (0.1 + 3 · 0.5 + 3) / 7 = 0.657 from 0.5 on, 3 / 7 below.
    weights = {"p0": 1.0, "p1": 3.0}
    found = promise(patients(0.1, 0.5), ["wt"], 0.5, weights=weights, own=3.0)["wt"]
    assert found["missed"]["threshold"] == THRESHOLDS[MIDDLE - 1]
    assert found["missed"]["price"] == pytest.approx((0.1 + 3 * 0.5) / 4)
    # Errors 0.1 (1) and 0.5 (4) of 7: 0.5 · 7 = 3.5.
    assert found["volume"]["reach"] == 0.5


def test_what_became_of_a_promise_by_hand():
    regions = {"wt": {"missed": {"threshold": 0.5}, "false": {"threshold": None}, "volume": {"reach": 0.25}}}
    found = hold_promise(regions, patients(0.1, 0.2, 0.3, 0.4))
    assert found == {"wt": {"missed": pytest.approx(0.25), "false": None, "covered": 0.5}}
    regions["wt"]["volume"]["reach"] = None
    assert hold_promise(regions, patients(0.1))["wt"]["covered"] is None
    kinds = kinds_of_scores(patients(0.1, 0.2), ["wt"])
    assert kinds == {"wt, missed at 0.5": [0.1, 0.2], "wt, false at 0.5": [0, 0], "wt, volume": [0.1, 0.2]}


def test_a_file_gives_back_what_it_was_given():
    draw = np.random.default_rng(0)
    own = {"p": {"wt": Scores(np.sort(draw.random(COUNT)), np.sort(draw.random(COUNT))[::-1], math.pi)}}
    found = from_json({"scores": to_json(own)})["p"]["wt"]
    np.testing.assert_allclose(found.missed, own["p"]["wt"].missed, atol=1e-6)
    assert (np.diff(found.missed) >= 0).all() and (np.diff(found.false) <= 0).all() and found.log_error == math.pi
