"""Devices: what is refused, and with which words."""

import pytest
import tensorflow as tf

from segan_tl.errors import UserError
from segan_tl.train.strategy import make_strategy


def test_default_is_one_device_here():
    assert make_strategy("cpu").num_replicas_in_sync == 1


@pytest.mark.parametrize("devices", ["tpu", "cpu:", "gpu:a", "cpu:2:3", ""])
def test_words_that_mean_nothing(devices):
    with pytest.raises(UserError, match="--devices expects"):
        make_strategy(devices)


def test_zero_cpus():
    with pytest.raises(UserError, match="at least 1"):
        make_strategy("cpu:0")


@pytest.mark.skipif(bool(tf.config.list_physical_devices("GPU")), reason="this computer has a GPU")
def test_a_gpu_that_is_not_there():
    with pytest.raises(UserError, match="TensorFlow sees 0 GPUs"):
        make_strategy("gpu:0")
