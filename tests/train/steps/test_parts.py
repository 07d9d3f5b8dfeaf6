"""A step in parts: the weights of the same step in one piece, and the same examples in the same order."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from segan_tl.config.load import load_config, revise_config, validate
from segan_tl.data.cache import prepare_cases
from segan_tl.data.find.cases import find_cases
from segan_tl.errors import UserError
from segan_tl.models import publish
from segan_tl.train.recipes import build_network, build_training, make_batches_of
from segan_tl.train.steps.critic import build_critic_of
from segan_tl.train.steps.parts import check_batch, parts_of_batch, unlike_one_batch
from segan_tl.train.steps.training import Training
from segan_tl.workflow.numbers import device
from tests.small_volumes import TINY
from tests.train.steps.test_training import NNUNET, SEGAN, make_batch, make_game

SGD = {"optimizer": "sgd", "momentum": 0.9, "weight_decay": 1e-3, "learning_rate": 0.1, "clip_norm": 0.05}
LARGE, SMALL = {"batch_size": 4}, {"batch_size": 1, "accumulate": 4}


def test_parts_come_in_order_and_one_after_the_other():
    batch = {"image": tf.range(6), "changes": {"noise": tf.range(6) * 10}}
    parts = list(parts_of_batch(batch, 3, after=lambda: None))
    assert [part["image"].numpy().tolist() for part in parts] == [[0, 1], [2, 3], [4, 5]]
    assert [part["changes"]["noise"].numpy().tolist() for part in parts] == [[0, 10], [20, 30], [40, 50]]
    assert next(parts_of_batch(batch, 1, after=lambda: None)) is batch

    @tf.function
    def total(rows):
        found = None
        for part in parts_of_batch({"rows": rows}, 2, after=lambda: found):
            value = tf.reduce_sum(part["rows"], name="sum")
            found = value if found is None else found + value
        return found

    graph = total.get_concrete_function(tf.TensorSpec((4,), tf.float32)).graph
    later = graph.get_operation_by_name("sum_1").inputs[0].op
    assert later.type == "Identity" and [one.name for one in later.control_inputs] == ["sum"]


# === One step ===


def played(train, *, critic):
    """Return weights and metrics after two steps of four examples; a critic with its moving moments."""
    keras.utils.set_random_seed(3)
    config = validate({**NNUNET, "train": SGD | train, "critic": critic}, source="the test")
    network, critic = build_network(config), build_critic_of(config)
    for layer in critic.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
    published = publish(network, activation="sigmoid")
    game = Training(network, published, config=config, replicas=1, steps_per_epoch=4, critic=critic)
    for _ in range(2):
        game.step(make_batch((8, 16, 16)))
    weights = [np.array(weight) for network in game.networks.values() for weight in network.weights]
    return weights, {name: float(metric.result()) for name, metric in game.metrics.items()}


@pytest.mark.parametrize("update", ["simultaneous", "alternating"])
@pytest.mark.parametrize("parts", [{"batch_size": 2, "accumulate": 2}, SMALL], ids=["two", "four"])
def test_a_step_in_parts_is_the_step_of_the_whole_batch(parts, update):
    critic = {"update": update, "filters": [4, 8]}
    (expected, whole), (found, divided) = (played(LARGE, critic=critic), played(parts, critic=critic))
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
    assert divided == pytest.approx(whole, rel=1e-5)


def test_batch_normalisation_makes_it_another_step_and_is_told():
    whole, game = (make_game(SEGAN, train=SGD | one) for one in (LARGE, SMALL))
    for one in (whole, game):
        one.step(make_batch((32, 32)))
    pairs = zip(whole.segmentor.weights, game.segmentor.weights, strict=True)
    assert max(np.abs(np.subtract(a, b)).max() for a, b in pairs) > 1e-3
    said = unlike_one_batch(game.networks.values(), game.config)
    assert said.startswith("train.accumulate 4: batch normalisation takes 1 examples at a time") and "\n" not in said
    assert unlike_one_batch(make_game(SEGAN, train=LARGE).networks.values(), load_config("segan_cpu")) is None


def test_the_dice_of_a_batch_makes_it_another_step_and_is_told():
    config = load_config("nnunet_small", ["train.accumulate=2"])
    assert unlike_one_batch([], config) is None
    for changes in ("train.batch_dice=true", "train.loss='multiple_dice'"):
        softmax = ["model.activation='softmax'", "predict.decision='largest'", "data.regions=['ncr','ed','et']"]
        other = load_config("nnunet_small", ["train.accumulate=2", changes, *softmax * ("multiple" in changes)])
        assert "the Dice loss takes 2 examples at a time" in unlike_one_batch([], other)


def test_a_part_without_labels_takes_its_share():
    """Of four examples the last two are the source's, whose labels alone are read; with a classifier of the domain."""

    def learnt(train):
        config = validate(
            {**NNUNET, "train": SGD | train, "critic": None, "source": {},
             "adversary": {"schedule": "constant", "target_labels": False}}, source="the test",
        )  # fmt: skip
        keras.utils.set_random_seed(3)
        game = build_training(config, replicas=1, steps=4)
        for _ in range(2):
            game.step(make_batch((8, 16, 16)) | {"domain": tf.constant([1.0, 1.0, 0.0, 0.0])})
        return [np.array(weight) for network in game.networks.values() for weight in network.weights]

    for ours, theirs in zip(learnt(SMALL), learnt(LARGE), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


# === The data ===


@pytest.mark.parametrize("kind", ["volumes", "slices"])
def test_the_examples_are_those_of_the_large_batch(tiny_cohort, tiny_config, tmp_path, kind):
    file = tmp_path / "tiny.toml"
    file.write_text(TINY)
    whole = load_config(file if kind == "volumes" else tiny_config, ["train.batch_size=6", "data.foreground=0.33"])
    divided = revise_config(whole, ["train.batch_size=2", "train.accumulate=3"])
    cases, _ = prepare_cases(find_cases(tiny_cohort).cases[:3], tmp_path / "cache", config=whole.data)
    for first_step in (0, 1):
        expected, found = (
            [batch for _, batch in zip(range(2), make_batches_of(cases, one)[0](1, first_step))]
            for one in (whole, divided)
        )
        for ours, theirs in zip(found, expected, strict=True):
            assert ours["image"].shape[0] == 6
            assert all(np.array_equal(ours[name], theirs[name]) for name in ("image", "mask"))
    assert make_batches_of(cases, whole)[1] == make_batches_of(cases, divided)[1]


# === What cannot be shared ===


@pytest.mark.parametrize(
    ("train", "replicas", "devices", "remedy"),
    [
        # nnU-Net's batch of two on eight GPUs: eight is a multiple, or two of the GPUs share it.
        ({"batch_size": 2}, 8, None, "of 8, --set train.batch_size=8, or fewer devices, --devices gpu:0,1"),
        # 2 · 4 examples are a step: eight GPUs take them at once.
        ({"batch_size": 2, "accumulate": 4}, 8, "gpu",
         "of 8, --set train.batch_size=8 --set train.accumulate=1, or fewer devices, --devices gpu:0,1"),
        ({"batch_size": 6, "accumulate": 2}, 4, "gpu:4,5,6,7",
         "of 4, --set train.batch_size=4 --set train.accumulate=3, or fewer devices, --devices gpu:4,5,6"),
        ({"batch_size": 64}, 3, "cpu:3",
         "of 3, --set train.batch_size=63 or --set train.batch_size=66, or fewer devices, --devices cpu:2"),
        ({"batch_size": 3}, 2, "cpu:2",
         "of 2, --set train.batch_size=2 or --set train.batch_size=4, or fewer devices, --devices cpu"),
    ],
)  # fmt: skip
def test_a_batch_that_replicas_cannot_share_says_what_to_type(train, replicas, devices, remedy):
    config = validate({**NNUNET, "critic": None, "train": train}, source="the test")
    with pytest.raises(UserError) as error:
        check_batch(config, replicas, devices=devices)
    said = f"train.batch_size {train['batch_size']} cannot be shared by {replicas} replicas; choose a multiple "
    assert str(error.value) == said + remedy
    for choice in remedy.split(", ")[1].split(" or "):
        check_batch(revise_config(config, [one for one in choice.split() if "=" in one]), replicas)
    named = device(remedy.rpartition(" ")[2])
    check_batch(config, named.count(",") + 1 if named.startswith("gpu") else int(named.partition(":")[2] or 1))


def test_machines_are_not_named_by_devices():
    config = validate({**NNUNET, "critic": None, "train": {"batch_size": 6}}, source="the test")
    with pytest.raises(UserError, match="train.batch_size=8, or fewer replicas on all machines together, 3$"):
        check_batch(config, 4, devices="gpu:0,1", workers=2)
