"""What learns at a rate of its own and from a later epoch on: by every optimizer, with a frozen part, with a critic."""

import numpy as np
import pytest

from segan_tl.models.parts import parts_of
from segan_tl.train.groups import release_epochs
from tests.small_transfer import RECORD, make_batch, make_game, moves

OPTIMIZERS = ("sgd", "adam", "adamw", "rmsprop", "rmsprop_keras")


@pytest.fixture(scope="module")
def batch():
    return make_batch()


# === Rate ===


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_rate_scales_the_step_of_what_came_over_and_of_nothing_else(batch, optimizer):
    train = {"optimizer": optimizer}
    whole, slow = (moves(make_game(train=train, rate=rate), batch) for rate in (1.0, 0.25))
    assert set(whole) > {"logits", "enc1_conv1", "enc1_norm1"}
    for layer, steps in whole.items():
        factor = 1.0 if layer == "logits" else 0.25
        for ours, theirs in zip(slow[layer], steps, strict=True):
            # A weight of 1 and a step of 1e-3 · 0.25 leave 2⁻²⁴ / 2.5e-4 = 2.4e-4 of the step to rounding.
            assert np.allclose(ours, factor * theirs, rtol=1e-3, atol=2e-7), layer
        assert any(np.abs(step).max() > 1e-6 for step in steps), layer


def test_the_critic_that_came_over_has_the_rate_too(batch):
    critic = {"filters": [2], "clip": None, "learning_rate": 1e-2}
    whole, slow = (
        moves(make_game(train={"optimizer": "adam"}, critic=critic, rate=rate), batch, network="critic")
        for rate in (1.0, 0.25)
    )
    assert np.allclose(slow["enc1_conv"][0], whole["enc1_conv"][0], atol=1e-6)  # new
    game = make_game(train={"optimizer": "adam"}, critic=critic, rate=0.25)
    rates = {name: round(float(optimizer.learning_rate), 6) for name, optimizer in game.optimizers.items()}
    assert rates == {"segmentor": 0.00025, "segmentor_new": 0.001, "critic_new": 0.01}


def test_without_settings_there_is_one_optimizer_for_each_player():
    assert list(make_game(critic={"filters": [2]}).optimizers) == ["segmentor", "critic"]


def test_the_rate_falls_with_the_epochs_however_often_a_player_is_updated_in_one():
    critic = {"filters": [2], "update": "alternating", "steps": 3}
    game = make_game(train={"schedule": "polynomial", "power": 1.0}, critic=critic)
    for player, updates in (("segmentor", 1), ("critic", 3)):
        optimizer = game.optimizers[player]
        optimizer.iterations.assign(5 * 4 * updates)  # half of 10 epochs of 4 batches
        assert float(optimizer.learning_rate) == pytest.approx(5e-4)


# === Warm-up ===


def test_a_warm_up_counts_the_updates_of_each_player():
    # 10 epochs of 4 batches; a fifth of them are 8, in which the critic is updated 24 times.
    critic = {"filters": [2], "update": "alternating", "steps": 3}
    game = make_game(train={"schedule": "constant"}, critic=critic, warmup=0.2)
    assert float(game.optimizers["segmentor"].learning_rate) == pytest.approx(1e-3 / 8)
    assert float(game.optimizers["critic"].learning_rate) == pytest.approx(1e-3 / 24)


# === Release ===


def epochs_of(strategy, unfreeze, epochs=10, record=RECORD):
    game = make_game(strategy=strategy, unfreeze=unfreeze, train={"epochs": epochs}, record=record)
    parts = parts_of(game.segmentor, "cicek")
    return {parts[name]: epoch for name, epoch in game.waiting.items()}, game


def test_parts_are_let_go_from_the_last_to_the_first():
    assert epochs_of("full", 0.0)[0] == {}
    # The only layer of the head is new: of decoder and encoder the decoder begins.
    assert epochs_of("full", 0.6)[0] == {"encoder": 6}
    assert epochs_of("full", 0.6, record={"new": []})[0] == {"decoder": 3, "encoder": 6}
    # What the strategy freezes waits for nothing, and its layers are frozen still.
    for epoch in (0, 9):
        waiting, game = epochs_of("freeze-encoder", 0.6, record={"new": []})
        game.release(epoch)
        still = {parts_of(game.segmentor, "cicek")[layer.name] for layer in game.segmentor.layers
                 if layer.weights and not layer.trainable}  # fmt: skip
        assert waiting == {"decoder": 6} and still == ({"encoder", "decoder"} if epoch == 0 else {"encoder"})


def test_a_network_that_is_new_waits_for_nothing():
    game = make_game(unfreeze=0.5, record={"new": []})
    assert release_epochs(game.segmentor, game.config, record={}) == {}


def test_what_waits_stands_still_with_its_statistics_and_then_begins_as_at_the_start(batch):
    game = make_game(train={"optimizer": "adam", "schedule": "constant"}, unfreeze=0.2)
    encoder = [name for name, epoch in game.waiting.items() if epoch == 2]
    assert encoder and set(game.optimizers) == {"segmentor", "segmentor_from_3"}
    weights = {name: [np.array(weight) for weight in game.segmentor.get_layer(name).weights] for name in encoder}
    assert game.release(0) and not game.release(1)
    for _ in range(3):
        assert not set(moves(game, batch)) & set(encoder)
    for name in encoder:
        layer = game.segmentor.get_layer(name)
        assert all(np.array_equal(*pair) for pair in zip(layer.weights, weights[name], strict=True)), name
    assert int(game.optimizers["segmentor"].iterations) == 3
    assert game.release(2) and not game.release(3)
    # Adam's first step is the learning rate, whatever the gradient, but for tiny ones; after three steps it would be
    # (1 − β₁) / (1 − β₁⁴) · √((1 − β₂⁴) / (1 − β₂)) = 0.1 / 0.3439 · √3.994 = 0.58 of it.
    norms = {name: steps for name, steps in moves(game, batch).items() if name in encoder and "norm" in name}
    lengths = np.abs(np.concatenate([step for steps in norms.values() for step in steps]))
    assert np.median(lengths) == pytest.approx(1e-3, rel=1e-2) and lengths.max() < 1.01e-3
    for name in norms:
        for weight, value in zip(game.segmentor.get_layer(name).weights, weights[name], strict=True):
            assert not np.array_equal(weight, value), weight.path  # the statistics, too
