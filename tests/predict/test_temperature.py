"""Temperatures applied: by hand, no decision moved, and no file of another network taken."""

import numpy as np
import pytest

from segan_tl.errors import UserError
from segan_tl.predict.postprocess import decide, held_against_threshold
from segan_tl.predict.temperature import Temperatures, logit, temperatures_of
from tests.small_artefacts import volume_config
from tests.small_runs import small_config

DIGEST, OTHER = "a" * 64, "b" * 64
SIGMOID = {"segmentor_sha256": DIGEST, "exclusive": False, "temperatures": {"wt": 2.0}}
SOFTMAX = {"segmentor_sha256": DIGEST, "exclusive": True, "temperatures": dict.fromkeys(("ed", "ncr", "et"), 1.5)}


def test_of_a_region_by_hand():
    # T = 2 takes the root of the odds: 0.9 has odds 9 and becomes 3 / 4, 0.2 has 1 / 4 and becomes 1 / 3.
    found = Temperatures((2.0,), False).calibrate(np.array([[0.9], [0.5], [0.2], [0.0]], np.float32))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[:, 0], [3 / 4, 1 / 2, 1 / 3, 0], rtol=1e-6)
    assert Temperatures((2.0, 0.5), False).thresholds(0.9) == pytest.approx((3 / 4, 81 / 82))


def test_of_labels_by_hand():
    # T = 1 / 2 squares: 0.5, 0.3, 0.2 become 0.25, 0.09, 0.04 of 0.38; what was not segmented stays 0.
    found = Temperatures((0.5, 0.5), True).calibrate(np.array([[0.5, 0.3, 0.2], [0, 0, 0]], np.float32))
    np.testing.assert_allclose(found, [[25 / 38, 9 / 38, 4 / 38], [0, 0, 0]], rtol=1e-6)


def test_the_temperature_1_leaves_what_it_finds():
    probability = np.random.default_rng(0).random((500, 2)).astype(np.float32)
    np.testing.assert_allclose(Temperatures((1.0, 1.0), False).calibrate(probability), probability, rtol=2e-6)


@pytest.mark.parametrize("temperature", [0.05, 0.7, 3.0, 20.0])
def test_what_is_certain_stays_a_probability(temperature):
    ends = np.array([[0, 1e-38, 2**-30, 0.5, 1 - 2**-24, 1]], np.float32).T
    found = Temperatures((temperature,), False).calibrate(ends)[:, 0]
    assert np.isfinite(found).all() and (np.diff(found) >= 0).all() and found[0] == 0 and found[-1] <= 1
    assert np.isfinite(logit(ends)).all()


@pytest.mark.parametrize("threshold", [0.1, 0.5, 0.8])
@pytest.mark.parametrize("temperature", [0.4, 2.7])
def test_no_decision_moves(threshold, temperature):
    draw = np.random.default_rng(5)
    regions = draw.random((4000, 2)).astype(np.float32)
    found = Temperatures((temperature, 1 / temperature), False)
    predict = small_config(threshold=threshold).predict
    own = decide(regions, predict)
    calibrated = decide(found.calibrate(regions), predict, thresholds=found.thresholds(threshold))
    sure = np.abs(regions - threshold) > 1e-6  # float32 may round to either side of what lies on the threshold itself
    assert own.any() and not own.all() and sure.mean() > 0.99
    np.testing.assert_array_equal(own[sure], calibrated[sure])

    labels = draw.dirichlet(np.ones(4), 4000).astype(np.float32)
    found = Temperatures((temperature,) * 3, True)
    predict = volume_config(activation="softmax", decision="largest", threshold=threshold).predict
    own = decide(labels, predict)
    calibrated = decide(found.calibrate(labels), predict, thresholds=found.thresholds(threshold))
    sure = np.abs(held_against_threshold(labels, "largest") - threshold) > 1e-6
    assert own.any() and sure.mean() > 0.99
    np.testing.assert_array_equal(own[sure], calibrated[sure])


def test_of_its_own_network_alone():
    assert temperatures_of(SIGMOID, DIGEST, small_config(), where="x") == Temperatures((2.0,), False)
    config = volume_config(activation="softmax", decision="largest")
    assert temperatures_of(SOFTMAX, DIGEST, config, where="x") == Temperatures((1.5, 1.5, 1.5), True)
    with pytest.raises(UserError, match="made with other weights .aaaaaaaa….*segan_tl calibrate, or remove it"):
        temperatures_of(SIGMOID, OTHER, small_config(), where="x")


@pytest.mark.parametrize(
    ("found", "config"),
    [
        (SIGMOID | {"temperatures": {"tc": 2.0}}, small_config()),
        (SIGMOID | {"exclusive": True}, small_config()),
        (SOFTMAX | {"exclusive": False}, volume_config(activation="softmax", decision="largest")),
        (SOFTMAX | {"temperatures": {"ed": 1.0, "ncr": 2.0, "et": 1.0}},
         volume_config(activation="softmax", decision="largest")),
    ],
    ids=["another region", "labels", "regions", "several temperatures of labels"],
)  # fmt: skip
def test_of_other_regions_is_refused(found, config):
    with pytest.raises(UserError, match="x is of another run"):
        temperatures_of(found, DIGEST, config, where="x")
