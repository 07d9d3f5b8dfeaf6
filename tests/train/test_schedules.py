"""The learning rate in the course of a training: by hand."""

import pytest

from segan_tl.config.train import TrainConfig
from segan_tl.train.schedules import PolynomialDecay, Within, build_schedule


def rates(schedule, steps):
    return [round(float(schedule(step)), 6) for step in steps]


def test_polynomial_decay_stands_still_within_an_epoch():
    schedule = PolynomialDecay(1.0, steps_per_epoch=4, epochs=2, power=2.0)
    assert rates(schedule, (0, 3, 4, 7, 8, 9)) == [1, 1, 0.25, 0.25, 0, 0]


def test_a_warm_up_rises_in_a_line_and_loses_no_step():
    schedule = build_schedule(TrainConfig(schedule="constant"), 0.8, steps_per_epoch=10, warmup_steps=4)
    assert rates(schedule, range(6)) == [0.2, 0.4, 0.6, 0.8, 0.8, 0.8]


def test_a_warm_up_is_a_factor_on_a_falling_rate():
    # (1 − epoch / 4)² is 1 in steps 0 and 1, 0.5625 in 2 and 3, 0.25 in 4; the warm-up (s + 1) / 4.
    config = TrainConfig(schedule="polynomial", power=2.0, epochs=4)
    schedule = build_schedule(config, 1.0, steps_per_epoch=2, warmup_steps=4)
    assert rates(schedule, range(5)) == [0.25, 0.5, 0.75 * 0.5625, 0.5625, 0.25]
    # What begins to learn in step 3 has the rates of the others.
    late = build_schedule(config, 1.0, steps_per_epoch=2, warmup_steps=4, first_step=3)
    assert rates(late, range(2)) == [0.5625, 0.25]


@pytest.mark.parametrize("schedule", ["constant", "polynomial", "cosine"])
def test_without_a_warm_up_the_schedule_is_as_it_was(schedule):
    found = build_schedule(TrainConfig(schedule=schedule), 0.1, steps_per_epoch=2)
    assert not isinstance(found, Within) and (schedule != "constant" or found == 0.1)


def test_it_rebuilds_from_its_configuration():
    first = Within(PolynomialDecay(1.0, steps_per_epoch=1, epochs=8), first_step=2, warmup_steps=8)
    assert rates(Within.from_config(first.get_config()), range(4)) == rates(first, range(4))
