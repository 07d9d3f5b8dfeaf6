"""How far a scan lies from a training, by hand."""

import math

import pytest

from segan_tl.data.distance import training_distance


def spread(low, high):
    return {"lowest": low, "low": low, "high": high, "highest": high}


COHORT = {"cases": 9, "quantities": {
    "flair.quartile": spread(0.5, 0.7), "flair.below_air": spread(0, 0), "head_ml": spread(1000, 1000),
    "spacing_mm.h": spread(1, 1), "wt.ml": spread(5, 80), "t2.quartile": spread(0.4, 0.6),
}}  # fmt: skip


def test_the_middle_is_no_distance():
    assert training_distance({"flair.quartile": 0.6, "flair.below_air": 0, "head_ml": 1000}, COHORT) == 0


def test_by_hand():
    # Quartile: (1.0 - 0.6) / (0.1 + 0.3) = 1. Air: (0.15 - 0) / (0 + 0.05) = 3. Head: log 1.4 / (0 + log 1.4) = 1.
    # What T2 is, nobody knows; grid and tumour do not count. √((1 + 9 + 1) / 3)
    case = {"flair.quartile": 1.0, "flair.below_air": 0.15, "head_ml": 1400, "spacing_mm.h": 3, "wt.ml": 300}
    assert training_distance(case, COHORT) == pytest.approx(math.sqrt(11 / 3))


def test_the_order_of_two_modalities_counts():
    # 0.2 below the middle, half of the range 0.1, floor 0.05: 0.2 / 0.15
    cohort = {"cases": 9, "quantities": {"t2-t1.quartile": spread(0.1, 0.3)}}
    assert training_distance({"t2-t1.quartile": 0.0}, cohort) == pytest.approx(4 / 3)


def test_nothing_known_in_common():
    assert training_distance({"t1.quartile": 0.5}, COHORT) is None
    assert training_distance({}, {"cases": 1, "quantities": {}}) is None


def test_no_head_is_far_away_and_finite():
    found = training_distance({"head_ml": 0}, COHORT)
    assert 10 < found < math.inf
