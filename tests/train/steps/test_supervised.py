"""The supervised step: deep supervision, truth on coarser grids, clipping of the gradient, the terms of the loss."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from segan_tl.config.schema import Config
from segan_tl.config.train import LOSSES, TrainConfig
from segan_tl.losses import TERMS
from segan_tl.models import publish
from segan_tl.train.steps.supervised import coarsen, encode_truth, make_loss, supervision_weights
from segan_tl.train.steps.training import Training


def config(**train):
    model = {"family": "nnunet", "activation": train.pop("activation", "sigmoid")}
    predict = {"decision": "largest" if model["activation"] == "softmax" else "threshold"}
    data = {"regions": ["ncr", "ed", "et"] if model["activation"] == "softmax" else ["wt"]}
    train = {"optimizer": "sgd", "momentum": 0.0, "weight_decay": 0.0, "schedule": "constant", **train}
    return Config.model_validate(
        {"name": "test", "model": model, "predict": predict, "data": data, "train": train}
    )


def linear_network():
    """Return a network of one weight a channel: logits = w x + b, without deep supervision."""
    image = keras.Input((4, 4, 4, 1), name="image")
    logits = layers.Conv3D(1, 1, name="logits", kernel_initializer="zeros")(image)
    return keras.Model(image, logits)


def batch(seed=0):
    image = np.random.default_rng(seed).normal(size=(2, 4, 4, 4, 1)).astype(np.float32)
    return {"image": tf.constant(image), "mask": tf.constant((image > 0.3).astype(np.float32))}


def test_supervision_weights_are_nnunets_and_mednexts():
    # nnU-Net leaves the coarsest of its five outputs out.
    assert np.allclose(supervision_weights(4), [0.53333, 0.26667, 0.13333, 0.06667], atol=1e-5)
    assert np.allclose(supervision_weights(5), [0.51613, 0.25806, 0.12903, 0.06452, 0.03226], atol=1e-5)
    assert supervision_weights(1) == [1.0]


def test_truth_on_a_coarser_grid_is_every_second_voxel():
    truth = tf.reshape(tf.range(64.0), (1, 4, 4, 4, 1))
    found = coarsen(truth, tf.zeros((1, 2, 2, 4, 1)))
    assert found.shape == (1, 2, 2, 4, 1)
    assert np.array_equal(found[0, :, :, 0, 0], [[0, 8], [32, 40]])


def test_background_is_a_class_under_a_softmax():
    mask = np.array([[[1.0, 0.0], [0.0, 0.0]]])
    assert np.array_equal(encode_truth(mask, background=True), [[[0, 1, 0], [1, 0, 0]]])
    assert encode_truth(mask, background=False) is mask


def test_a_step_descends_the_gradient_of_the_loss():
    network = linear_network()
    training = Training(
        network, publish(network, activation="sigmoid"), config=config(loss="bce", learning_rate=0.5, clip_norm=0),
        replicas=1, steps_per_epoch=1,
    )  # fmt: skip
    data = batch()
    training.step(data)
    # At w = b = 0 the probability is 1/2: d loss / d w = mean((1/2 − y) x), d loss / d b = mean(1/2 − y).
    image, mask = data["image"].numpy(), data["mask"].numpy()
    kernel, bias = network.get_layer("logits").get_weights()
    assert kernel.item() == pytest.approx(-0.5 * np.mean((0.5 - mask) * image), rel=1e-5)
    assert bias.item() == pytest.approx(-0.5 * np.mean(0.5 - mask), rel=1e-5)
    assert float(training.metrics["loss_segmentor"].result()) == pytest.approx(np.log(2), rel=1e-5)


def test_clipping_keeps_the_direction_and_limits_the_norm():
    free, clipped = linear_network(), linear_network()
    for network, limit in ((free, 0), (clipped, 1e-3)):
        Training(
            network, publish(network, activation="sigmoid"), config=config(learning_rate=1.0, clip_norm=limit),
            replicas=1, steps_per_epoch=1,
        ).step(batch())  # fmt: skip
    moves = [np.concatenate([w.ravel() for w in network.get_weights()]) for network in (free, clipped)]
    assert np.linalg.norm(moves[1]) == pytest.approx(1e-3, rel=1e-3)
    assert np.allclose(moves[1] / 1e-3, moves[0] / np.linalg.norm(moves[0]), atol=1e-3)


@pytest.mark.parametrize("loss", ["dice_bce", "bce", "mse_bce"])
def test_losses_over_regions_learn(loss):
    check_learning(config(loss=loss, learning_rate=0.5, momentum=0.9, clip_norm=0), channels=1)


@pytest.mark.parametrize("loss", ["dice_ce", "ce", "multiple_dice", "multiple_dice_background"])
def test_losses_over_labels_learn(loss):
    check_learning(
        config(loss=loss, activation="softmax", learning_rate=0.5, momentum=0.9, clip_norm=0), channels=4
    )


def check_learning(settings, *, channels):
    """Train a voxel classifier on what one image tells and see its loss fall."""
    image = keras.Input((4, 4, 4, 1), name="image")
    keras.utils.set_random_seed(0)
    x = layers.Conv3D(8, 1, activation="tanh", name="hidden")(image)
    network = keras.Model(image, layers.Conv3D(channels, 1, name="logits")(x))
    training = Training(
        network, publish(network, activation=settings.model.activation), config=settings, replicas=1, steps_per_epoch=1
    )
    data = batch()
    edges = np.linspace(-1, 1, channels)
    labels = np.digitize(data["image"].numpy(), edges) - 1
    data["mask"] = tf.constant(np.concatenate([labels == i for i in range(max(channels - 1, 1))], -1), tf.float32)
    losses = []
    for _ in range(60):
        training.step(data)
        losses.append(float(training.metrics["loss_segmentor"].result()))
        training.metrics["loss_segmentor"].reset_state()
    assert losses[-1] < 0.7 * losses[0]


def test_every_term_of_a_loss_is_there_and_every_term_is_of_a_loss():
    assert {term for terms, _ in LOSSES.values() for term in terms} == set(TERMS)


def test_the_terms_of_the_loss_are_weighted():
    loss = make_loss(config(loss="mse_bce", loss_weights=(0.4, 0.7)))
    terms = loss(tf.ones((1, 2, 2, 2, 1)), tf.zeros((1, 2, 2, 2, 1)))
    # Probability 1/2 where the truth is 1: MSE 1/4, BCE log 2.
    assert float(terms["loss_mse"][0]) == pytest.approx(0.25)
    assert float(terms["loss_segmentor"][0]) == pytest.approx(0.4 * 0.25 + 0.7 * np.log(2), rel=1e-6)
    # Ren adds up both terms over the channels: three of them weigh three times as much.
    terms = loss(tf.ones((1, 2, 2, 2, 3)), tf.zeros((1, 2, 2, 2, 3)))
    assert float(terms["loss_mse"][0]) == pytest.approx(3 * 0.25)
    assert float(terms["loss_bce"][0]) == pytest.approx(3 * np.log(2), rel=1e-6)
    # nnU-Net's Dice + BCE takes the mean.
    terms = make_loss(config(loss="dice_bce"))(tf.ones((1, 2, 2, 2, 3)), tf.zeros((1, 2, 2, 2, 3)))
    assert float(terms["loss_bce"][0]) == pytest.approx(np.log(2), rel=1e-6)


def test_background_is_a_dice_term_where_it_is_asked_for():
    # All probability on label 3 where background is true: the labels 1 and 2 are empty on both sides (loss 0), label 3
    # has nothing but false positives (loss 1); background adds a loss of 1: 1/3 becomes 2/4.
    truth = tf.one_hot(tf.zeros((1, 2, 2, 2), tf.int32), 4)
    logits = 50.0 * tf.one_hot(tf.fill((1, 2, 2, 2), 3), 4)
    for name, expected in (("multiple_dice", 1 / 3), ("multiple_dice_background", 1 / 2)):
        loss = make_loss(config(loss=name, activation="softmax"))(truth, logits)
        assert float(loss["loss_segmentor"][0]) == pytest.approx(expected, abs=1e-4)


def test_no_term_of_a_loss_lacks_a_weight():
    assert all(1 <= len(terms) <= len(TrainConfig().loss_weights) for terms, _ in LOSSES.values())
