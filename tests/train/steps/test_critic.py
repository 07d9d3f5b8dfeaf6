"""The game: one shared backward pass against two plain ones, clipping, averaging, frozen critic."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from segan_tl.config.load import TrainConfig
from segan_tl.losses import dice_loss, multi_scale_l1
from segan_tl.models.segan import build_critic, build_segmentor
from segan_tl.train.steps.critic import SeganGame


def make_game(**settings):
    keras.utils.set_random_seed(3)
    segmentor = build_segmentor((32, 32, 1), filters=(4, 4, 8, 8))
    critic = build_critic((32, 32, 1), filters=(4, 4, 8), clip=settings.get("clip", 0.05))
    config = TrainConfig(**{"batch_size": 4, "epochs": 5, "learning_rate": 1e-3} | settings)
    return SeganGame(segmentor, critic, config=config, replicas=1, total_steps=20)


@pytest.fixture
def batch():
    generator = np.random.default_rng(0)
    image = np.kron(generator.random((4, 4, 4, 1)), np.ones((1, 8, 8, 1))).astype(np.float32)
    return {"image": tf.constant(image), "mask": tf.constant((image > 0.7).astype(np.float32))}


def plain_gradients(game, batch):
    """Return the gradients of both losses, each by a backward pass of its own."""
    with tf.GradientTape(persistent=True) as tape:
        probability = game.forward["segmentor"](batch["image"], training=True)
        l1 = multi_scale_l1(
            game.forward["critic"]({"image": batch["image"], "mask": batch["mask"]}, training=True),
            game.forward["critic"]({"image": batch["image"], "mask": probability}, training=True),
        )
        loss_segmentor = tf.reduce_mean(game.config.adversarial_weight * l1 + dice_loss(batch["mask"], probability))
        loss_critic = -tf.reduce_mean(l1)
    return (
        tape.gradient(loss_segmentor, game.segmentor.trainable_variables),
        tape.gradient(loss_critic, game.critic.trainable_variables),
    )


@pytest.mark.parametrize("weight", [1.0, 0.25])
def test_one_backward_pass_serves_both(batch, weight):
    plain, game = make_game(adversarial_weight=weight), make_game(adversarial_weight=weight)
    for name, gradients in zip(("segmentor", "critic"), plain_gradients(plain, batch)):
        network = getattr(plain, name)
        plain.optimizers[name].apply(gradients, network.trainable_variables)
    game.step(batch)
    for ours, expected in zip(
        game.segmentor.weights + game.critic.weights, plain.segmentor.weights + plain.critic.weights
    ):
        assert np.allclose(ours, expected, atol=2e-6), ours.path


def test_alternating_moves_the_critic_first_and_counts(batch):
    game = make_game(update="alternating", critic_steps=2, segmentor_steps=3)
    game.step(batch)
    assert int(game.optimizers["critic"].iterations) == 2
    assert int(game.optimizers["segmentor"].iterations) == 3


def test_the_critic_raises_what_the_segmentor_lowers(batch):
    game = make_game(update="alternating", learning_rate=1e-4, clip=None)
    before = float(tf.reduce_mean(game._play(batch, {})["l1"]))
    for _ in range(3):
        game._play(batch, {"critic": game.critic})
    risen = {name: float(tf.reduce_mean(loss)) for name, loss in game._play(batch, {}).items()}
    assert risen["l1"] > before
    for _ in range(3):
        game._play(batch, {"segmentor": game.segmentor})
    assert float(tf.reduce_mean(game._play(batch, {})["loss_segmentor"])) < risen["loss_segmentor"]


def test_kernels_of_the_critic_are_clipped_and_nothing_else(batch):
    game = make_game(learning_rate=0.5)
    game.step(batch)
    for layer in game.critic.layers:
        if layer.name.endswith("_conv"):
            assert np.abs(layer.kernel).max() <= 0.05
    assert max(np.abs(weight).max() for weight in game.segmentor.trainable_variables) > 0.05


def test_without_dice_the_loss_is_l1_alone(batch):
    game = make_game(dice_weight=0.0)
    losses = game._play(batch, {})
    assert np.allclose(losses["loss_segmentor"], losses["l1"])


def test_a_frozen_critic_stands_still_to_the_last_statistic(batch):
    keras.utils.set_random_seed(3)
    segmentor, critic = build_segmentor((32, 32, 1), filters=(4, 4, 8, 8)), build_critic((32, 32, 1), filters=(4, 4, 8))
    critic.trainable = False
    game = SeganGame(segmentor, critic, config=TrainConfig(epochs=1), replicas=1, total_steps=1)
    before = [np.array(weight) for weight in critic.weights]
    moving = [np.array(weight) for weight in segmentor.weights]
    game.step(batch)
    assert all(np.array_equal(old, new) for old, new in zip(before, critic.weights))
    assert not all(np.array_equal(old, new) for old, new in zip(moving, segmentor.weights))


def test_average_by_hand(batch):
    game = make_game(averaging=0.5)
    start = np.array(game.segmentor.weights[0])
    game.step(batch)
    first = np.array(game.segmentor.weights[0])
    # decay = min(0.5, (1 + 1) / (10 + 1)) = 2/11
    assert np.allclose(game.average.weights[0], start + (1 - 2 / 11) * (first - start), atol=1e-7)
    assert np.array_equal(game.best_weights()[0], game.average.weights[0])
    assert np.array_equal(make_game().best_weights()[0], start)


def test_the_segmentor_learns_to_threshold(batch):
    game = make_game(learning_rate=1e-2)
    step = tf.function(game.step)
    for _ in range(60):
        step(batch)
    assert float(tf.reduce_mean(game._play(batch, {})["dice_loss"])) < 0.25
