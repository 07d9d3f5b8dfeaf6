"""Devices: what is refused, and with which words."""

import subprocess
import sys

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


TWO_TRAININGS = """
import tensorflow as tf
from segan_tl.train.strategy import make_strategy

for channels in (8, 4):
    strategy = make_strategy("cpu:2")

    @tf.function
    def sum_of_replicas():
        reduce = lambda: tf.distribute.get_replica_context().all_reduce("sum", tf.ones(channels))
        return strategy.experimental_local_results(strategy.run(reduce))

    print([part.numpy().tolist() for part in sum_of_replicas()])
"""


def test_a_second_training_of_a_process_may_reduce_other_shapes():
    done = subprocess.run([sys.executable, "-c", TWO_TRAININGS], capture_output=True, text=True, timeout=120)
    assert done.stdout.splitlines() == [str([[2.0] * channels] * 2) for channels in (8, 4)], done.stderr
