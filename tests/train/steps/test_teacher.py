"""The teacher's term: its answer to all modalities in the place of the truth, and nothing where some are missing."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from segan_tl.config.load import validate
from segan_tl.train.steps.teacher import TeacherTerm
from segan_tl.train.steps.training import Training
from tests.small_runs import small_config, threshold_segmentor

MODALITIES = ["t1", "flair"]


def config_of(modalities=MODALITIES, regions=("wt",), *, subsets="any", **train):
    values = small_config(tuple(modalities), regions).model_dump(mode="json")
    values["data"] |= {"subsets": subsets}
    values["train"] |= {"optimizer": "rmsprop", "learning_rate": 1e-3, "clip_norm": 0.0}
    values["train"] |= {"teacher_loss": "cross_entropy", **train}
    values["critic"] = None
    return validate(values, source="the test")


def linear(weights, *, channels, regions=1):
    """Return a network whose logits are `weights` · image."""
    image = keras.Input((None, None, channels), name="image")
    logits = keras.layers.Conv2D(regions, 1, name="logits")(image)
    model = keras.Model(image, keras.layers.Activation("sigmoid", name="probability")(logits))
    model.get_layer("logits").set_weights([np.reshape(weights, (1, 1, channels, regions)), np.zeros(regions)])
    return model


def test_soft_targets_by_hand():
    # Teacher: flair − t1, its first modality flair; of t1 = 1, flair = 1 + ln 3 the probability 3 / 4.
    term = TeacherTerm(
        linear([1.0, -1.0], channels=2), theirs=config_of(["flair", "t1"], subsets="all"), config=config_of()
    )
    image = np.ones((2, 4, 4, 2), np.float32) * [1, 1 + np.log(3)]
    logits = np.full((2, 4, 4, 1), np.log(3), np.float32)
    found = term(tf.constant(image, tf.float32), tf.constant([1.0, 0.0]), tf.constant(logits))
    # −3/4 ln 3/4 − 1/4 ln 1/4: what is left where both agree, the teacher's own doubt
    assert found.numpy() == pytest.approx([0.5623, 0.0], abs=1e-4)


def test_squared_dice_of_soft_targets_by_hand():
    config = config_of(teacher_loss="squared_dice", dice_smooth=1e-6)
    term = TeacherTerm(linear([1.0, -1.0], channels=2), theirs=config_of(["flair", "t1"], subsets="all"), config=config)
    image = tf.constant(np.ones((2, 4, 4, 2)) * [1, 1 + np.log(3)], tf.float32)
    logits = tf.constant(np.repeat([np.log(3), 0], 16).reshape(2, 4, 4, 1), tf.float32)
    # 3/4 and 3/4: nothing left; 3/4 and 1/2: 1 − 2 · 3/8 / (9/16 + 1/4)
    assert term(image, tf.ones(2), logits).numpy() == pytest.approx([0.0, 0.0769], abs=1e-4)


def test_squared_dice_of_a_softmax_is_of_the_foreground():
    config = config_of(["flair"], subsets="all", teacher_loss="squared_dice")
    config = config.model_copy(update={"model": config.model.model_copy(update={"activation": "softmax"})})
    image = keras.Input((None, None, 1), name="image")
    logits = keras.layers.Conv2D(2, 1, name="logits", kernel_initializer="zeros")(image)
    teacher = keras.Model(image, keras.layers.Activation("softmax", name="probability")(logits))  # 1/2 and 1/2
    term = TeacherTerm(teacher, theirs=config, config=config)
    student = tf.constant(np.tile([np.log(3), 0], (1, 4, 4, 1)), tf.float32)  # background 3/4, WT 1/4
    # Of WT alone: 1 − 2 · 1/8 / (1/16 + 1/4); with the background, whose is 1 − 3/4 / (13/16), it would be 0.138
    assert term(tf.ones((1, 4, 4, 1)), tf.ones(1), student).numpy() == pytest.approx([0.2], abs=1e-4)


def test_regions_in_another_order():
    theirs = config_of(regions=("tc", "wt"), subsets="all")
    term = TeacherTerm(
        linear([[100, -100], [0, 0]], channels=2, regions=2), theirs=theirs, config=config_of(regions=("wt", "tc"))
    )
    logits = tf.constant(np.ones((1, 4, 4, 2)) * [-50.0, 50.0], tf.float32)
    assert term(tf.ones((1, 4, 4, 2)), tf.ones(1), logits).numpy() == pytest.approx([0], abs=1e-6)


def test_a_teacher_of_any_subset_is_told_that_all_are_there():
    term = TeacherTerm(linear([0, 0, 1, 2], channels=4), theirs=config_of(), config=config_of())
    found = term(tf.ones((1, 4, 4, 2)), tf.ones(1), tf.fill((1, 4, 4, 1), 3.0))
    # Of the planes alone, 1 + 2: the doubt of p = σ(3), −p ln p − (1 − p) ln (1 − p); without, ln (1 + e³) − 3 / 2.
    assert found.numpy() == pytest.approx([0.1909], abs=1e-4)


def test_the_network_learns_and_the_teacher_stands_still():
    teacher = threshold_segmentor(2)
    before = [weight.copy() for weight in teacher.get_weights()]
    config = config_of(regions=("wt", "tc"), teacher="runs/teacher", teacher_weight=3.0)
    term = TeacherTerm(teacher, theirs=config_of(regions=("wt", "tc"), subsets="all"), config=config)
    network = linear(np.zeros((4, 2)), channels=4, regions=2)
    logits = keras.Model(network.input, network.get_layer("logits").output)
    game = Training(logits, network, config=config, replicas=1, steps_per_epoch=2, teacher=term)
    image = np.random.default_rng(0).random((2, 8, 8, 2)).astype(np.float32)
    batch = {"image": image, "mask": (image > 0.5).astype(np.float32), "present": np.float32([[1, 0], [1, 1]])}
    batch = {name: tf.constant(values) for name, values in batch.items()} | {"whole": tf.constant([1.0, 0.0])}
    losses = game.losses(batch)
    terms = {name: values.numpy() for name, values in losses["terms"].items()}
    assert terms["loss_teacher"] == pytest.approx([np.log(2), 0], abs=1e-5)
    assert losses["target"].numpy() == pytest.approx((terms["loss_segmentor"] + 3 * terms["loss_teacher"]).mean())
    game.step(batch)
    assert np.abs(network.get_layer("logits").get_weights()[0]).max() > 0
    assert all(np.array_equal(a, b) for a, b in zip(before, teacher.get_weights(), strict=True))
    assert set(game.networks) == {"segmentor"}


def test_a_teacher_of_slices_alone_sees_the_one_in_the_middle():
    values = config_of().model_dump(mode="json")
    values["data"]["neighbours"] = 1
    config = validate(values, source="the test")
    image = tf.constant(np.ones((1, 4, 4, 6)) * [9, 9, 1, 1 + np.log(3), 9, 9], tf.float32)
    term = TeacherTerm(
        linear([1.0, -1.0], channels=2), theirs=config_of(["flair", "t1"], subsets="all"), config=config
    )
    logits = tf.fill((1, 4, 4, 1), float(np.log(3)))
    assert term(image, tf.ones(1), logits).numpy() == pytest.approx([0.5623], abs=1e-4)  # as above
    # One that is told what is there, and sees as many: it weighs the first slice of t1 and both planes.
    term = TeacherTerm(linear([1, 0, 0, 0, 0, 0, -3, -4], channels=8), theirs=config, config=config)
    assert term(image, tf.ones(1), logits * 0).numpy() == pytest.approx([np.log(2)], abs=1e-4)
