"""RMSprop: the numbers of TensorFlow 2.0, and how far Keras 3's are from them."""

import keras
import numpy as np
import pytest

from segan_tl.config import TrainConfig
from segan_tl.train.optimizers import RMSprop, build_optimizer

GRADIENTS = (1e-6, 1e-4, 1e-2)


def moved(optimizer):
    weight = keras.Variable(1.0, dtype="float64")
    optimizer.build([weight])
    for gradient in GRADIENTS:
        optimizer.apply([keras.ops.convert_to_tensor(gradient, "float64")], [weight])
    return 1 - float(weight)


def test_epsilon_outside_the_root_is_tensorflow_2_0():
    # v: 1e-13, 1.00009e-9, 1.0000900e-5 (×0.9 + 0.1 g²); steps lr·g / (√v + 1e-7); TensorFlow 2.0 moved 1.743e-4.
    v, expected = 0.0, 0.0
    for gradient in GRADIENTS:
        v = 0.9 * v + 0.1 * gradient**2
        expected += 2e-5 * gradient / (v**0.5 + 1e-7)
    assert expected == pytest.approx(1.743e-4, rel=1e-3)
    assert moved(RMSprop(2e-5)) == pytest.approx(expected, rel=1e-5)


def test_keras_3_puts_it_inside_and_moves_less():
    assert moved(keras.optimizers.RMSprop(2e-5)) == pytest.approx(6.93e-5, rel=1e-2)


@pytest.mark.parametrize("name", ["rmsprop", "rmsprop_keras", "adam"])
def test_every_name_builds_and_moves(name):
    optimizer = build_optimizer(TrainConfig(optimizer=name), learning_rate=1e-3, total_steps=10, name="o")
    assert moved(optimizer) > 0


def test_cosine_ends_at_zero():
    config = TrainConfig(schedule="cosine", epochs=2)
    optimizer = build_optimizer(config, learning_rate=1e-3, total_steps=3, name="o")
    weight = keras.Variable(1.0)
    optimizer.build([weight])
    rates = []
    for _ in range(4):
        rates.append(float(optimizer.learning_rate))
        optimizer.apply([keras.ops.ones(())], [weight])
    # lr · (1 + cos(π t / 3)) / 2
    assert np.allclose(rates, [1e-3, 0.75e-3, 0.25e-3, 0], atol=1e-9)
