"""A step as a sum of terms: one shared backward pass against two plain ones, clipping, averaging, frozen critic."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from segan_tl.config.load import validate
from segan_tl.data.augment import draw
from segan_tl.data.intensity import DRAWN
from segan_tl.data.presence import hide
from segan_tl.losses import multi_scale_l1
from segan_tl.models import publish
from segan_tl.train.recipes import build_network
from segan_tl.train.steps.critic import build_critic_of
from segan_tl.train.steps.supervised import make_loss, supervise
from segan_tl.train.steps.training import Training
from tests import small_transfer

SEGAN = {
    "name": "segan",
    "data": {"modalities": ["flair"], "regions": ["wt"], "normalise": "percentiles", "crop": [48, 48, 16],
             "patch": [1, 32, 32], "sampling": "slices"},
    "model": {"family": "segan", "filters": [4, 4, 8, 8], "deep_supervision": False},
    "train": {"batch_size": 4, "epochs": 5, "learning_rate": 1e-3, "loss": "squared_dice", "dice_smooth": 1e-6,
              "optimizer": "rmsprop", "schedule": "constant", "clip_norm": 0},
    "critic": {"filters": [4, 4, 8]},
    "predict": {"whole_slices": True, "mirror": False},
}  # fmt: skip
NNUNET = {
    "name": "nnunet",
    "data": {"modalities": ["flair"], "regions": ["wt"], "patch": [8, 16, 16]},
    "model": {"family": "nnunet", "filters": [4, 8], "blocks": [1, 1], "decoder_blocks": [1]},
    "train": {"learning_rate": 0.1, "clip_norm": 0, "momentum": 0.0, "weight_decay": 0.0, "schedule": "constant"},
    "critic": {"filters": [4, 8]},
}


def make_game(base=SEGAN, *, still=False, **sections):
    keras.utils.set_random_seed(3)
    merged = {key: value | sections.get(key, {}) if isinstance(value, dict) else value for key, value in base.items()}
    config = validate(merged, source="the test")
    network, critic = build_network(config), build_critic_of(config)
    critic.trainable = not still
    published = publish(network, activation=config.model.activation)
    return Training(network, published, config=config, replicas=1, steps_per_epoch=4, critic=critic)


def make_batch(shape):
    generator = np.random.default_rng(0)
    coarse = generator.random((4, *(size // 4 for size in shape), 1))
    image = np.kron(coarse, np.ones((1, *[4] * len(shape), 1))).astype(np.float32)
    return {"image": tf.constant(image), "mask": tf.constant((image > 0.7).astype(np.float32))}


@pytest.fixture
def batch():
    return make_batch((32, 32))


def plain_gradients(game, batch):
    """Return the gradients of both losses, each by a backward pass of its own."""
    critic, loss = game.networks["critic"], make_loss(game.config)
    with tf.GradientTape(persistent=True) as tape:
        outputs = game.segmentor(batch["image"], training=True)
        outputs = outputs if isinstance(outputs, list) else [outputs]
        probability = tf.sigmoid(outputs[0])
        l1 = multi_scale_l1(
            critic({"image": batch["image"], "mask": batch["mask"]}, training=True),
            critic({"image": batch["image"], "mask": probability}, training=True),
        )
        supervised = supervise(loss, batch["mask"], outputs)["loss_segmentor"]
        loss_segmentor = tf.reduce_mean(game.config.critic.weight * l1 + supervised)
        loss_critic = -tf.reduce_mean(l1)
    return {
        "segmentor": tape.gradient(loss_segmentor, game.segmentor.trainable_variables),
        "critic": tape.gradient(loss_critic, critic.trainable_variables),
    }


@pytest.mark.parametrize("weight", [1.0, 0.25])
@pytest.mark.parametrize("base, shape", [(SEGAN, (32, 32)), (NNUNET, (8, 16, 16))], ids=["slices", "volumes"])
def test_one_backward_pass_serves_both(base, shape, weight):
    """By SGD with a rate of 1, whose step is the gradient itself: Adam would make a whole step of its last digit."""
    critic = {"filters": [4, 4], "weight": weight, "clip": None}
    sgd = {"optimizer": "sgd", "momentum": 0.0, "weight_decay": 0.0, "learning_rate": 1.0, "schedule": "constant"}
    plain, game = (make_game(base, critic=critic, train=sgd) for _ in range(2))
    batch = make_batch(shape)
    before = {name: [np.array(value) for value in network.weights] for name, network in game.networks.items()}
    for name, gradients in plain_gradients(plain, batch).items():
        plain.optimizers[name].apply(gradients, plain.networks[name].trainable_variables)
    game.step(batch)
    for name, network in game.networks.items():
        for old, ours, expected in zip(before[name], network.weights, plain.networks[name].weights, strict=True):
            moved, apart = np.linalg.norm(expected - old), np.linalg.norm(ours - np.array(expected))
            assert apart <= 1e-4 * moved + 1e-6, (ours.path, apart, moved)


@pytest.mark.parametrize("update", ["simultaneous", "alternating"])
@pytest.mark.parametrize("base, shape", [(SEGAN, (32, 32)), (NNUNET, (8, 16, 16))], ids=["slices", "volumes"])
def test_checkpointing_is_the_same_step(base, shape, update):
    """Weights, moments, moving statistics of both networks and the metrics, by operations that are the same ones."""
    games = [
        make_game(base, train={"checkpointing": on, "averaging": 0.9}, critic={"update": update})
        for on in (True, False)
    ]
    for game in games:
        game.step(make_batch(shape))
        game.step(make_batch(shape))
    ours, theirs = (
        [weight for network in game.networks.values() for weight in network.weights] + [*game.variables().values()]
        for game in games
    )
    assert len(games[0].forward.segments) > 2
    assert all(np.array_equal(one, other) for one, other in zip(ours, theirs, strict=True))


def test_checkpointing_knows_what_begins_to_learn():
    """The encoder stands still in the first epoch, its statistics too, and learns in the second."""
    settings = {"rate": 0.5, "unfreeze": 0.1, "l2_source": 0.1}
    ours, theirs = (small_transfer.make_game(train={"checkpointing": on}, **settings) for on in (True, False))
    assert len(ours.forward.segments) > 2
    for epoch in range(2):
        assert ours.release(epoch) == theirs.release(epoch)
        moved = [small_transfer.moves(game, small_transfer.make_batch()) for game in (ours, theirs)]
        assert moved[0].keys() == moved[1].keys() and ("enc1_conv1" in moved[0]) == (epoch == 1)
        for one, other in zip(ours.segmentor.weights, theirs.segmentor.weights, strict=True):
            assert np.array_equal(one, other), one.path


def test_without_a_critic_there_is_no_other_loss():
    keras.utils.set_random_seed(3)
    config = validate({**NNUNET, "critic": None}, source="the test")
    network = build_network(config)
    training = Training(
        network, publish(network, activation="sigmoid"), config=config, replicas=1, steps_per_epoch=4
    )
    training.step(make_batch((8, 16, 16)))
    assert training.networks.keys() == {"segmentor"} and training.metrics.keys() == {
        "loss_segmentor", "loss_dice", "loss_bce"
    }  # fmt: skip


def test_alternating_moves_the_critic_first_and_counts(batch):
    game = make_game(critic={"update": "alternating", "steps": 2, "segmentor_steps": 3})
    game.step(batch)
    assert int(game.optimizers["critic"].iterations) == 2
    assert int(game.optimizers["segmentor"].iterations) == 3


def test_the_critic_raises_what_the_segmentor_lowers(batch):
    game = make_game(critic={"update": "alternating", "clip": None}, train={"learning_rate": 1e-4})
    before = float(tf.reduce_mean(game.losses(batch)["terms"]["l1"]))
    for _ in range(3):
        game.play(batch, ("critic",))
    risen = {name: float(tf.reduce_mean(loss)) for name, loss in game.losses(batch)["terms"].items()}
    assert risen["l1"] > before
    for _ in range(3):
        game.play(batch, ("segmentor",))
    assert float(tf.reduce_mean(game.losses(batch)["terms"]["loss_segmentor"])) < risen["loss_segmentor"]


def test_kernels_of_the_critic_are_clipped_and_nothing_else(batch):
    game = make_game(train={"learning_rate": 0.5})
    game.step(batch)
    for layer in game.networks["critic"].layers:
        if layer.name.endswith("_conv"):
            assert np.abs(layer.kernel).max() <= 0.05
    assert max(np.abs(weight).max() for weight in game.segmentor.trainable_variables) > 0.05


def test_without_dice_the_loss_is_l1_alone(batch):
    game = make_game(train={"loss_weights": [0.0, 1.0]})
    losses = game.losses(batch)["terms"]
    assert np.allclose(losses["loss_segmentor"], losses["l1"])


def test_a_frozen_critic_stands_still_to_the_last_statistic(batch):
    game = make_game(still=True)
    segmentor, critic = game.segmentor, game.networks["critic"]
    before = [np.array(weight) for weight in critic.weights]
    moving = [np.array(weight) for weight in segmentor.weights]
    game.step(batch)
    assert all(np.array_equal(old, new) for old, new in zip(before, critic.weights))
    assert not all(np.array_equal(old, new) for old, new in zip(moving, segmentor.weights))


def test_average_by_hand(batch):
    game = make_game(train={"averaging": 0.5})
    start = np.array(game.segmentor.weights[0])
    game.step(batch)
    first = np.array(game.segmentor.weights[0])
    # decay = min(0.5, (1 + 1) / (10 + 1)) = 2/11
    assert np.allclose(game.average.weights[0], start + (1 - 2 / 11) * (first - start), atol=1e-7)
    assert np.array_equal(game.best_weights()[0], game.average.weights[0])
    assert np.array_equal(make_game().best_weights()[0], start)


def test_the_segmentor_learns_to_threshold(batch):
    game = make_game(train={"learning_rate": 1e-2})
    step = tf.function(game.step)
    for _ in range(60):
        step(batch)
    assert float(tf.reduce_mean(game.losses(batch)["terms"]["loss_dice"])) < 0.25


ANY = {"data": {"modalities": ["t1", "flair"], "subsets": "any"}}


def make_pair(shape, seed=0):
    """Return a batch of two modalities, of which examples see t1, flair, both and t1."""
    generator = np.random.default_rng(seed)
    image = generator.uniform(0.2, 1, (4, *shape, 2)).astype(np.float32)
    present = tf.constant([[1.0, 0], [0, 1], [1, 1], [1, 0]])
    return {"image": tf.constant(image), "mask": tf.constant((image[..., 1:] > 0.7).astype(np.float32)),
            "present": present}  # fmt: skip


@pytest.mark.parametrize(("base", "shape"), [(SEGAN, (32, 32)), (NNUNET, (8, 16, 16))], ids=["segan", "nnunet"])
def test_what_is_hidden_has_no_say(base, shape):
    game, batch = make_game(base, **ANY), make_pair(shape)
    assert game.segmentor.input_shape[-1] == 4
    hidden = np.broadcast_to(batch["present"].numpy().reshape(4, *[1] * len(shape), 2) == 0, batch["image"].shape)
    other = tf.where(hidden, 7.0, batch["image"])
    found, again = (game.losses(one)["terms"] for one in (batch, batch | {"image": other}))
    assert all(np.array_equal(found[name], again[name]) for name in found)
    game.step(batch)


@pytest.mark.parametrize(("base", "shape"), [(SEGAN, (32, 32)), (NNUNET, (8, 16, 16))], ids=["segan", "nnunet"])
def test_the_planes_have_a_say(base, shape):
    """A plane of ones everywhere would be lost in nnU-Net's first instance normalisation; air is not a place of it."""
    game, batch = make_game(base, **ANY), make_pair(shape)
    image = batch["image"].numpy()
    image[:, :4], image[..., 0] = 0, 0  # some air, and no t1, which is said of it in one of two batches
    one, two = (
        game.losses(batch | {"image": tf.constant(image), "present": tf.constant([[t1, 1.0]] * 4)})["terms"]
        for t1 in (0.0, 1.0)
    )
    assert not np.allclose(one["loss_segmentor"], two["loss_segmentor"], rtol=1e-4)


def test_no_change_brings_a_hidden_modality_back():
    augment = {"noise": 1.0, "noise_std": (0.1, 0.2), "brightness": 1.0, "gamma": 1.0, "contrast": 1.0, "blur": 1.0}
    augment |= {"low_resolution": 1.0, "gamma_inverted": 1.0}
    game, batch = make_game(NNUNET | {"augment": {}}, **ANY, augment=augment), make_pair((8, 16, 16))
    drawn = draw(np.random.default_rng(1), game.config.augment, count=4, patch=(8, 16, 16), channels=2)
    batch["changes"] = {name: tf.constant(drawn[name]) for name in DRAWN}
    image, present = hide(game._image(batch), batch["present"]).numpy(), batch["present"].numpy()
    for example, there in zip(image, present):
        assert [bool(example[..., i].any()) for i in range(2)] == there.astype(bool).tolist()
    assert not np.allclose(image[2], batch["image"][2])


# === Slices with their neighbours ===


def test_the_critic_sees_the_middle_and_the_segmentor_all():
    game = make_game(SEGAN, data=SEGAN["data"] | {"neighbours": 1})
    assert game.segmentor.input_shape[-1] == 3
    assert game.networks["critic"].get_layer("enc1_conv").kernel.shape[-2] == 2  # image and mask
    plain, other = make_batch((32, 32)), np.random.default_rng(5).random((4, 32, 32, 2)).astype(np.float32)
    image = plain["image"].numpy()
    slab, turned = (tf.constant(np.concatenate([a, image, b], axis=-1)) for a, b in (
        (other[..., :1], other[..., 1:]), (other[..., 1:], other[..., :1])
    ))  # fmt: skip
    logits = tf.zeros((4, 32, 32, 1))
    assert np.array_equal(game.critic(slab, plain["mask"], logits), game.critic(turned, plain["mask"], logits))
    one, two = (game.losses(plain | {"image": seen})["terms"] for seen in (slab, turned))
    assert not np.allclose(one["loss_segmentor"], two["loss_segmentor"], rtol=1e-6)
    game.step(plain | {"image": slab})


def test_changes_on_the_device_know_of_neighbours():
    """Noise alone would be drawn for every slice; brightness is the same for all three of a modality."""
    augment = {"brightness": 1.0, "brightness_factor": (0.5, 0.6)}
    game = make_game(SEGAN | {"augment": {}}, data=SEGAN["data"] | {"neighbours": 1}, augment=augment)
    drawn = draw(np.random.default_rng(1), game.config.augment, count=4, patch=(1, 32, 32), channels=1)
    image = np.random.default_rng(0).random((4, 32, 32, 3)).astype(np.float32)
    found = game._image({"image": tf.constant(image), "changes": {name: tf.constant(drawn[name]) for name in DRAWN}})
    np.testing.assert_allclose(found, image * drawn["brightness"][:, None, None], rtol=1e-5)
