"""The scale of a loss in float16: its sequence by hand, what an overflow leaves alone, two replicas, a resumed run."""

import json
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from segan_tl.config.load import load_config
from segan_tl.config.train import TrainConfig
from segan_tl.disk.atomic import write_json
from segan_tl.models.precision import HALF, precision_of
from segan_tl.runs import Run
from segan_tl.train.checkpoint import restore_last, save_last
from segan_tl.train.loop import Progress
from segan_tl.train.loss_scale import (
    LossScale,
    Skippable,
    all_finite,
    remedy_in_float16,
    with_gradient_times,
    without_steps,
)
from segan_tl.train.optimizers import build_optimizer
from tests.train.steps.test_training import NNUNET, SEGAN, make_batch, make_game

WORKER = Path(__file__).with_name("loss_scale_worker.py")
OPTIMIZERS = ("sgd", "adam", "adamw", "rmsprop", "rmsprop_keras")


def test_the_sequence_by_hand():
    """Growth after two good steps in turn: an overflow halves and begins the count anew, and 1 is the floor."""
    scale = LossScale("segmentor", growth_steps=2)
    found = []
    for finite in (True, True, True, False, True, True, False, False):
        scale.update(tf.constant(finite))
        found.append((float(scale.value), int(scale.good_steps)))
    assert found == [(32768, 1), (65536, 0), (65536, 1), (32768, 0), (32768, 1), (65536, 0), (32768, 0), (16384, 0)]
    scale.value.assign(1.5)
    scale.update(tf.constant(False))
    scale.update(tf.constant(False))
    assert float(scale.value) == 1.0


def test_a_gradient_that_float16_does_not_know_arrives():
    # 2⁻³⁰ lies below float16's smallest number, 2⁻²⁴; times 2¹⁵ it is 2⁻¹⁵.
    weight, scale = tf.Variable(1.0), LossScale("segmentor")

    def gradient(factor):
        with tf.GradientTape() as tape:
            loss = tf.cast(tf.cast(weight, "float16"), "float32") * 2.0**-30 * factor
        return tape.gradient(loss, weight)

    assert gradient(1.0) == 0
    assert scale.unscaled([gradient(scale.value)])[0] == 2.0**-30


@pytest.mark.parametrize(("values", "expected"), [([1.0, -2.0], True), ([1.0, np.inf], False), ([np.nan, 1.0], False)])
def test_one_value_that_is_not_finite_is_enough(values, expected):
    assert bool(all_finite([tf.zeros(3), tf.constant(values)], replicas=1)) is expected


def test_a_gradient_passes_from_one_scale_to_another():
    x = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = 2 * with_gradient_times(tf.constant(4.0), x)
    assert float(y) == 6 and float(tape.gradient(y, x)) == 8  # 2 · 4


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_step_that_is_left_out_leaves_all_as_it_was(name):
    """Good, overflow, good is good, good: for weights, moments and the count; a weight outside its clip stays there."""

    def played(steps):
        config = TrainConfig(optimizer=name, epochs=2, amsgrad=True)
        weights = [keras.Variable(np.full(3, 0.5, np.float32)) for _ in range(2)]
        weights[1].constraint = lambda value: tf.clip_by_value(value, -0.4, 0.4)
        optimizer = build_optimizer(config, steps_per_epoch=1, name="o")
        optimizer.build(weights)
        skippable, seen = Skippable(optimizer), []
        for good in steps:
            gradient = tf.fill([3], 0.1 if good else np.inf)
            skippable.apply([gradient, gradient], weights, takes=tf.constant(good))
            seen.append([np.array(value) for value in (*weights, *optimizer.variables)])
        return seen

    first, plain, skipped = played([False])[0], played([True, True])[-1], played([True, False, True])[-1]
    assert np.array_equal(first[1], [0.5] * 3) and not any(np.any(value) for value in first[2:-1] if value.shape)
    assert all(np.array_equal(one, other) for one, other in zip(plain, skipped, strict=True))
    assert not np.array_equal(plain[0], first[0]) and plain[1].max() <= np.float32(0.4)


# === The game of two networks ===


def half_game(base=SEGAN, *, train=None, **sections):
    with precision_of(HALF):
        return make_game(base, train={"precision": HALF} | (train or {}), **sections)


def state(game):
    """Return the value of all that a step may change by itself, without statistics, metrics and scales."""
    weights = {
        f"{name}/{one.path}": one for name, network in game.networks.items() for one in network.trainable_weights
    }
    kept = {name: one for name, one in game.variables().items() if not name.startswith("metrics/")}
    return {name: np.array(value) for name, value in (weights | kept).items() if "loss_scale" not in name}


def scales(game):
    return {player: float(descent.scale.value) for player, descent in game.descents.items()}


@pytest.mark.parametrize("update", ["simultaneous", "alternating"])
@pytest.mark.parametrize(("base", "shape"), [(SEGAN, (32, 32)), (NNUNET, (8, 16, 16))], ids=["slices", "volumes"])
def test_an_overflow_of_both_changes_nothing_and_halves_both(base, shape, update):
    game = half_game(base, critic={"update": update}, train={"averaging": 0.9})
    for descent in game.descents.values():
        descent.scale.value.assign(2.0**100)
    before = state(game)
    game.step(make_batch(shape))
    assert all(np.array_equal(before[name], value) for name, value in state(game).items())
    assert scales(game) == {"segmentor": 2.0**99, "critic": 2.0**99}
    assert float(game.metrics["skipped_critic"].result()) == float(game.metrics["skipped_segmentor"].result()) == 1


def test_each_network_has_a_scale_of_its_own():
    """The segmentor's overflow on its way through the supervised loss is none of the critic's, and costs it no step."""
    game = half_game(train={"averaging": 0.9})
    game.descents["segmentor"].scale.value.assign(2.0**100)
    before = state(game)
    game.step(make_batch((32, 32)))
    moved = {name.partition("/")[0] for name, value in state(game).items() if not np.array_equal(before[name], value)}
    assert moved == {"critic", "critic_optimizer"}
    assert scales(game) == {"segmentor": 2.0**99, "critic": 2.0**15}
    game.descents["segmentor"].scale.value.assign(2.0**15)
    game.step(make_batch((32, 32)))
    assert not any(np.array_equal(before[name], value) for name, value in state(game).items() if "average" in name)


def changes(game, shape):
    """Return name of a network → its weights' change by a step, one vector."""
    before = {name: [np.array(w) for w in network.trainable_weights] for name, network in game.networks.items()}
    game.step(make_batch(shape))
    after = {name: network.trainable_weights for name, network in game.networks.items()}
    return {
        name: np.concatenate([np.ravel(new - old) for old, new in zip(before[name], after[name], strict=True)])
        for name in before
    }


@pytest.mark.parametrize("update", ["simultaneous", "alternating"])
@pytest.mark.parametrize(("base", "shape"), [(SEGAN, (32, 32)), (NNUNET, (8, 16, 16))], ids=["slices", "volumes"])
def test_the_step_is_that_of_float32_within_rounding(base, shape, update):
    """By SGD, whose step is as long as the gradient: nearer than bfloat16, which rounds eight times as coarsely.

    The critic's gradient is one of small differences between truth and prediction, so rounding shows in it: 0.018 of it
    at most on two cores, 0.022 on one, where bfloat16 is as far off. A scale of the critic that is 2⁻⁵ as large changes
    less than that rounding does.
    """
    sgd = {"optimizer": "sgd", "momentum": 0.0, "weight_decay": 0.0, "learning_rate": 0.01, "schedule": "constant"}
    critic = {"update": update, "clip": None}
    game, other = (half_game(base, train=sgd, critic=critic) for _ in range(2))
    other.descents["critic"].scale.value.assign(2.0**10)
    with precision_of("mixed_bfloat16"):
        coarse = changes(make_game(base, train=sgd, critic=critic), shape)
    found, again = changes(game, shape), changes(other, shape)
    for name, expected in changes(make_game(base, train=sgd, critic=critic), shape).items():
        error, coarse_error, between = (
            np.linalg.norm(one - two) / np.linalg.norm(expected)
            for one, two in ((found[name], expected), (coarse[name], expected), (found[name], again[name]))
        )
        assert between < error < (coarse_error if name == "segmentor" else 0.03), (name, error, coarse_error, between)


def test_a_resumed_training_goes_on_as_if_nothing_had_happened(tmp_path):
    def build():
        game = half_game(train={"averaging": 0.9})
        for descent in game.descents.values():
            descent.scale.growth_steps = 2
        return game

    game, run, batch = build(), Run(tmp_path), make_batch((32, 32))
    write_json(run.config, {})
    game.descents["segmentor"].scale.value.assign(2.0**100)  # an overflow first, then a step of two that are good
    for _ in range(2):
        game.step(batch)
        game.descents["segmentor"].scale.value.assign(2.0**14)
    save_last(run, game, Progress(), provenance={})
    resumed = build()
    restore_last(run, resumed)
    assert scales(resumed) == {"segmentor": 2.0**14, "critic": 2.0**16}
    for _ in range(3):
        game.step(batch)
        resumed.step(batch)
    ours, theirs = state(game), state(resumed)
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours)
    assert scales(game) == scales(resumed) and scales(game)["segmentor"] == 2.0**16  # grown at its second and fourth


def test_what_an_epoch_without_a_step_is():
    stuck = {"loss_segmentor": 0.5, "scale_segmentor": 1.0, "skipped_segmentor": 1.0}
    assert without_steps(stuck) == "segmentor" and "mixed_bfloat16" in remedy_in_float16(stuck)
    for logs in (stuck | {"skipped_segmentor": 0.9}, stuck | {"scale_segmentor": 2.0}, {"loss_segmentor": 0.5}):
        assert without_steps(logs) is None
    assert remedy_in_float16({"loss_segmentor": 0.5}) is None


def test_float32_has_no_scale():
    game = make_game()
    assert not [name for name in game.variables() if "loss_scale" in name or "skipped" in name]
    assert load_config("nnunet", ["train.precision=mixed_float16"]).train.precision == HALF


def test_two_replicas_train_as_one(tmp_path):
    """An overflow of both networks, then three steps: the same scales and counts, weights alike within rounding."""
    results = []
    for devices in ("cpu", "cpu:2"):
        target = tmp_path / f"{devices[3:]}.npz"
        subprocess.run([sys.executable, WORKER, devices, target], check=True, capture_output=True)
        with np.load(target) as saved:
            results.append(dict(saved))
    one, two = results
    assert one["scales"].tolist() == two["scales"].tolist() == [2.0**99, 2.0**99, 2.0**15, 2.0**15]
    assert one["steps"].tolist() == two["steps"].tolist() == [3, 3]
    for name in ("segmentor", "critic"):
        moved = one[f"{name}_last"] - one[f"{name}_first"]
        assert np.linalg.norm(two[f"{name}_last"] - one[f"{name}_last"]) < 0.005 * np.linalg.norm(moved)


def test_replicas_agree_about_an_overflow_of_any_of_them():
    """Keras' LossScaleOptimizer looks at the first one alone: where this fails one day, ours may go."""
    found = subprocess.run([sys.executable, WORKER], check=True, capture_output=True, encoding="utf-8").stdout
    for replica, (weights, scale, iterations, keras_weights) in enumerate(json.loads(found.splitlines()[-1])):
        assert weights == [1.0, 1.0] and scale == 2.0**14 and iterations == 0
        assert (keras_weights == [1.0, 1.0]) == (replica == 0)
