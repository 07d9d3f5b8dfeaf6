"""Seconds of a step: of real steps of a real training, on one device and on two."""

import pytest
import tensorflow as tf

from segan_tl.config.load import load_config
from segan_tl.train.memory import estimate_memory
from segan_tl.train.probe import LEAST, time_steps

TINY = ["data.patch=[16,16,16]", "model.filters=[4,8]", "model.blocks=[1,1]", "model.decoder_blocks=[1]"]


def test_a_step_is_timed_after_those_that_trace():
    pace = time_steps(load_config("nnunet_small", TINY), tf.distribute.OneDeviceStrategy("/cpu:0"), seconds=0)
    assert pace.steps == LEAST
    assert 0 < pace.step_seconds < pace.first_seconds


def test_it_goes_on_as_long_as_it_is_told():
    pace = time_steps(load_config("nnunet_small", TINY), tf.distribute.OneDeviceStrategy("/cpu:0"), seconds=1)
    assert pace.steps > LEAST and 0.5 < pace.steps * pace.step_seconds


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("segan_cpu", ["model.filters=[4,8]", "critic.filters=[4]", "data.patch=[1,16,16]"]),
        ("segan_cpu", ["model.filters=[4,8]", "critic.filters=[4]", "data.patch=[1,16,16]", "data.neighbours=1"]),
        ("nnunet_small", [*TINY, "data.subsets=any"]),
        ("dann_small", ["data.patch=[16,16,16]", "model.filters=[4,4,8,8,8]"]),
        ("combined_small", ["data.patch=[16,16,16]", "model.filters=[4,4,8,8,8]"]),
    ],
)
def test_every_kind_of_training_has_its_batch(name, settings):
    config = load_config(name, settings)
    assert estimate_memory(config).step > 0
    assert time_steps(config, tf.distribute.OneDeviceStrategy("/cpu:0"), seconds=0).step_seconds > 0
