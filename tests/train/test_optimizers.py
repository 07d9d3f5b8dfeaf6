"""Optimizers: the numbers of TensorFlow 2.0 and PyTorch, and how far Keras 3's are from them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from segan_tl.config.train import TrainConfig
from segan_tl.train.optimizers import (
    AdamW,
    NesterovSGD,
    RMSprop,
    build_optimizer,
)
from segan_tl.train.schedules import PolynomialDecay

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
    config = TrainConfig(optimizer=name, schedule="constant", epochs=1)
    optimizer = build_optimizer(config, learning_rate=1e-3, steps_per_epoch=10, name="o")
    assert moved(optimizer) > 0


def test_cosine_ends_at_zero():
    config = TrainConfig(optimizer="rmsprop", schedule="cosine", epochs=1)
    optimizer = build_optimizer(config, learning_rate=1e-3, steps_per_epoch=3, name="o")
    weight = keras.Variable(1.0)
    optimizer.build([weight])
    rates = []
    for _ in range(4):
        rates.append(float(optimizer.learning_rate))
        optimizer.apply([keras.ops.ones(())], [weight])
    # lr · (1 + cos(π t / 3)) / 2
    assert np.allclose(rates, [1e-3, 0.75e-3, 0.25e-3, 0], atol=1e-9)


def test_nesterov_sgd_is_pytorchs():
    # PyTorch's SGD(nesterov, momentum=.99, weight_decay=3e-5) on p = [1, -2], g = [.5, -.25] (s + 1), with
    # lr = 1e-2 (1 - s / 200)^.9, three steps; Keras' own optimizer ends at [0.92114860, -1.96057296].
    rate = PolynomialDecay(1e-2, steps_per_epoch=1, epochs=200, power=0.9)
    weight = keras.Variable([1.0, -2.0], dtype="float64")
    optimizer = NesterovSGD(rate, momentum=0.99, decay=3e-5)
    optimizer.build([weight])
    for step in range(3):
        optimizer.apply([keras.ops.convert_to_tensor(np.array([0.5, -0.25]) * (step + 1))], [weight])
    assert np.allclose(weight, [0.92125678, -1.96062446], atol=2e-8)


def test_nesterov_sgd_by_hand():
    # w = 1, g = 1, decay 0.1: g' = 1.1, v = 1.1, step 1.1 + 0.5 · 1.1 = 1.65: w = 1 - 0.1 · 1.65 = 0.835.
    weight = keras.Variable(1.0, dtype="float64")
    optimizer = NesterovSGD(0.1, momentum=0.5, decay=0.1)
    optimizer.build([weight])
    optimizer.apply([keras.ops.convert_to_tensor(1.0, "float64")], [weight])
    assert float(weight) == pytest.approx(0.835, abs=1e-8)


def test_adamw_is_pytorchs():
    # PyTorch's AdamW(lr 1e-3, weight_decay 3e-5, eps 1e-4) on p = [1, -2], g = [.5, -2.5e-4] (s + 1), three steps;
    # Keras' own ends at [0.9970873, -1.9995627].
    weight = keras.Variable([1.0, -2.0], dtype="float64")
    optimizer = AdamW(1e-3, decay=3e-5, epsilon=1e-4)
    optimizer.build([weight])
    for step in range(3):
        optimizer.apply([keras.ops.convert_to_tensor(np.array([0.5, -2.5e-4]) * (step + 1))], [weight])
    assert np.allclose(weight, [0.99707705, -1.99770665], atol=2e-8)


def test_keras_amsgrad_is_pytorchs():
    # PyTorch's Adam(lr 6e-5, amsgrad), g = (.5, -2.5e-4), (.1, -1e-3), (.01, -1e-5).
    weight = keras.Variable([1.0, -2.0], dtype="float64")
    config = TrainConfig(
        optimizer="adam", learning_rate=6e-5, amsgrad=True, epsilon=1e-8, schedule="constant"
    )
    optimizer = build_optimizer(config, steps_per_epoch=1, name="adam")
    optimizer.build([weight])
    for gradient in ((0.5, -2.5e-4), (0.1, -1e-3), (0.01, -1e-5)):
        optimizer.apply([keras.ops.convert_to_tensor(np.array(gradient))], [weight])
    assert np.allclose(weight, [0.999853849, -1.999845624], atol=2e-9)


@pytest.mark.parametrize("make", [lambda: NesterovSGD(0.1, momentum=0.5), lambda: AdamW(0.1, epsilon=1e-3)])
def test_optimizers_rebuild_from_their_configuration(make):
    first = make()
    second = type(first).from_config(first.get_config())
    for optimizer in (first, second):
        optimizer.weight = keras.Variable(1.0)
        optimizer.build([optimizer.weight])
        optimizer.apply([keras.ops.convert_to_tensor(0.3)], [optimizer.weight])
    assert float(first.weight) == float(second.weight) != 1.0


@pytest.mark.parametrize("name", ["sgd", "adamw", "rmsprop", "rmsprop_keras", "adam"])
def test_nothing_of_the_size_of_the_weights_is_made_before_the_gradient_is_there(name):
    """Else it is made as the step begins, and held beside all features."""
    config = TrainConfig(optimizer=name, schedule="constant", epochs=1, amsgrad=name == "adam")
    optimizer = build_optimizer(config, learning_rate=1e-3, steps_per_epoch=10, name="o")
    weight = keras.Variable(np.ones((3, 5)), dtype="float32")
    optimizer.build([weight])
    step = tf.function(lambda gradient: optimizer.apply([gradient], [weight]))
    graph = step.get_concrete_function(tf.TensorSpec((3, 5), tf.float32)).graph
    late = {graph.inputs[0].op.name}
    for operation in graph.get_operations():  # each stands after what it waits for
        if late & {other.name for other in (*(tensor.op for tensor in operation.inputs), *operation.control_inputs)}:
            late.add(operation.name)
    made = [operation for operation in graph.get_operations() if any(out.shape == (3, 5) for out in operation.outputs)]
    assert len(made) > 5 and [operation.name for operation in made if operation.name not in late] == []
