"""Voxels of the brain that fit and judge temperatures, on a few of them."""

import numpy as np
import pytest

from segan_tl.metrics.calibration import fit_temperature
from segan_tl.predict.temperature import Temperatures
from segan_tl.report.score.calibration import Voxels, describe, fit, hold
from tests.small_artefacts import volume_config
from tests.small_runs import small_config

LABELS = volume_config(activation="softmax", decision="largest")


def voxels(probability, truth, near=None) -> Voxels:
    truth = np.array(truth, bool)
    near = np.ones_like(truth) if near is None else np.array(near, bool)
    return Voxels(np.array(probability, np.float32), truth, near)


def test_what_was_not_segmented_fits_nothing():
    draw = np.random.default_rng(0)
    probability = draw.random((3000, 1)).astype(np.float32)
    truth = draw.random((3000, 1)) < probability**2 / (probability**2 + (1 - probability) ** 2)
    own = fit([voxels(probability, truth)], small_config()).values[0]
    assert own == pytest.approx(0.5, rel=0.1)  # odds are squared
    more = np.concatenate([probability, np.zeros((5000, 1))]), np.concatenate([truth, np.ones((5000, 1), bool)])
    assert fit([voxels(*more)], small_config()).values[0] == pytest.approx(own)


def test_labels_have_their_background():
    draw = np.random.default_rng(1)
    probability = draw.dirichlet(np.ones(4), 4000)
    label = (draw.random((4000, 1)) > probability.cumsum(axis=1)).sum(axis=1)  # 0 is none of them
    truth = label[:, None] == np.arange(1, 4)
    found = fit([voxels(probability, truth)], LABELS)
    assert found.exclusive and len(found.values) == 3 and len(set(found.values)) == 1
    assert found.values[0] == pytest.approx(1, abs=0.05)
    assert found.values[0] == pytest.approx(fit_temperature([(label, np.log(probability))]), rel=1e-3)


def test_brain_and_border_before_and_after_by_hand():
    # Two voxels, 0.9 outside and 0.2 inside; only the second near the border. T = 2: 3 / 4 and 1 / 3.
    case = voxels([[0.9], [0.2]], [[0], [1]], near=[[0], [1]])
    held = hold([(case, Temperatures((2.0,), False))], ["wt"])
    found = describe(held)["wt"]
    assert found["brain"]["calibration_error"] == {"before": pytest.approx(0.85), "after": pytest.approx(0.708333)}
    assert found["border"]["brier"] == {"before": pytest.approx(0.64), "after": pytest.approx(0.444444)}
    # A case without tumour has no border.
    empty = hold([(voxels([[0.5]], [[0]], near=[[0]]), Temperatures((2.0,), False))], ["wt"])
    assert describe(empty)["wt"]["border"] == {
        "cases": 0, "calibration_error": {"before": None, "after": None}, "brier": {"before": None, "after": None},
    }  # fmt: skip


def test_each_case_is_judged_by_its_own_temperature_and_labels_without_their_background():
    case = voxels([[0.5, 0.3, 0.1, 0.1]], [[1, 0, 0]])
    held = hold([(case, Temperatures((1.0,) * 3, True)), (case, Temperatures((0.5,) * 3, True))], ["ed", "ncr", "et"])
    # T = 1 / 2 squares: 0.09 of 0.25 + 0.09 + 0.01 + 0.01.
    assert held.before["ed", "brain"].calibration_error == pytest.approx(0.7)
    assert held.after["ed", "brain"].brier == pytest.approx((0.7**2 + (1 - 0.25) ** 2) / 2)
