"""A second look that was learnt: what it expects, why, of whose answers, and files that are none."""

import json
from pathlib import Path

import numpy as np
import pytest

from segan_tl.errors import UserError
from segan_tl.predict.reviewer import Reviewer, Weights, read_reviewer

# A mean Dice of 0.8; one standard deviation of disagreement (0.1) costs 0.1, one of what is scattered (0.2) 0.05.
WEIGHTS = Weights(
    ("disagreement", "scattered"), np.array([0.1, 0.1]), np.array([0.1, 0.2]), np.array([-0.1, -0.05]), 0.8
)
REVIEW = {
    "networks_sha256": ["a", "b"], "together": "alone", "regions": ["wt"], "mean_dice": 0.8, "error": 0.15,
    "signs": [
        {"name": "disagreement", "mean": 0.1, "std": 0.1, "weight": -0.1},
        {"name": "scattered", "mean": 0.1, "std": 0.2, "weight": -0.05},
    ],
    "cases": {"x": {"patient": "x", "dice": 0.7, "predicted_dice": 0.6, "signs": {"disagreement": None}}},
}  # fmt: skip


def reviewer(together="alone"):
    return Reviewer(Path("review.json"), WEIGHTS, ("a", "b"), together, 0.15)


def test_by_hand():
    # 0.8 - 0.1 · 2 - 0.05 · 1 = 0.55
    said = reviewer().review({"disagreement": 0.3, "scattered": 0.3, "distance": 0.2})
    assert said["predicted_dice"] == 0.55 and (said["low"], said["high"]) == (0.4, 0.7)
    assert said["signs"] == {"disagreement": 0.3, "scattered": 0.3, "distance": 0.2}
    assert said["reasons"] == [
        "the answer and that on the mirrored image agree with Dice 0.70 (usually 0.90)",
        "30 % of what was found lies outside of its largest part (usually 10 %)",
    ]


def test_nothing_is_expected_beyond_0_and_1_and_nothing_strange_counts_for_ever():
    # Four standard deviations are the most: 0.8 - 0.4 - 0.2; the other way 0.8 + 0.1 + 0.025.
    assert reviewer().review({"disagreement": 1e9, "scattered": 1e9})["predicted_dice"] == pytest.approx(0.2)
    assert reviewer().review({"disagreement": 0.0, "scattered": 0.0})["predicted_dice"] == pytest.approx(0.925)
    said = Reviewer(Path("x"), WEIGHTS, ("a",), "alone", 1.0).review({"disagreement": 0.2, "scattered": 0.1})
    assert (said["low"], said["high"]) == (0, 1)


@pytest.mark.parametrize("sign", ["disagreement", "scattered"])
def test_more_of_a_sign_never_speaks_for_an_answer(sign):
    usual = {"disagreement": 0.1, "scattered": 0.1}
    expected = [WEIGHTS.predict(usual | {sign: value}) for value in np.linspace(-1, 3, 50)]
    assert all(later <= earlier for earlier, later in zip(expected, expected[1:]))


def test_what_is_not_known_is_usual_and_said():
    said = reviewer().review({"disagreement": None, "scattered": 0.1})
    assert said["predicted_dice"] == 0.8 and said["reasons"] == ["disagreement is not known: taken as usual"]


def test_whose_answers_it_knows():
    assert reviewer().knows(["b"], "alone") and reviewer().knows_each(["a", "b"])
    assert not reviewer().knows(["c"], "alone") and not reviewer().knows(["a", "b"], "mean")
    assert reviewer("mean").knows(["b", "a"], "mean") and not reviewer("mean").knows(["a"], "mean")
    assert not reviewer("mean").knows(["a"], "alone") and not reviewer("mean").knows_each(["a"])


def write(tmp_path, change):
    path = tmp_path / "review.json"
    path.write_text(json.dumps(REVIEW | change))
    return path


def test_a_file_is_what_was_written(tmp_path):
    found = read_reviewer(write(tmp_path, {}))
    signs = {"disagreement": 0.3, "scattered": 0.3}
    assert found.review(signs) == reviewer().review(signs)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mean_dice": 1.5}, "mean_dice = 1.5"),
        ({"signs": [REVIEW["signs"][0] | {"weight": 0.1}]}, "signs.0.weight = 0.1"),
        ({"signs": [REVIEW["signs"][0] | {"std": 0}]}, "signs.0.std"),
        ({"signs": [REVIEW["signs"][0]] * 2}, "expected every sign once"),
        ({"networks_sha256": []}, "networks_sha256"),
        ({"cases": {}}, "cases"),
    ],
)
def test_what_is_none_is_refused(tmp_path, change, message):
    with pytest.raises(UserError, match="second-look") as refused:
        read_reviewer(write(tmp_path, change))
    assert message in str(refused.value)


def test_an_absent_file():
    with pytest.raises(UserError, match="nowhere.json is missing; make it with python -m segan_tl second-look"):
        read_reviewer(Path("nowhere.json"))
