"""The pull towards the source: by hand, for both players, and what is left free."""

import keras
import numpy as np
import pytest

from segan_tl.train.anchor import Anchor
from tests.small_transfer import make_batch, make_game, moves


def test_loss_and_gradient_by_hand():
    network = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, name="a"), keras.layers.Dense(1, name="b")])
    kernel, bias = network.get_layer("a").weights
    kernel.assign([[1.0]])
    anchor = Anchor({"segmentor": network}, 0.5, record={"new": ["b"]})
    assert float(anchor.loss()) == 0
    kernel.assign([[3.0]])
    bias.assign([-1.0])
    network.get_layer("b").kernel.assign([[9.0]])
    # 0.5 / 2 · (2² + 1²) = 1.25; gradients 0.5 · 2 and 0.5 · −1, of each of two replicas the half.
    assert float(anchor.loss()) == 1.25
    gradients = anchor.pulled([np.float32(1), np.float32(1), np.float32(1)],
                              [kernel, bias, network.get_layer("b").kernel], replicas=2)  # fmt: skip
    assert [float(np.squeeze(gradient)) for gradient in gradients] == [1.5, 0.75, 1.0]


def test_scales_and_shifts_of_normalisation_are_free():
    game = make_game(l2_source=1.0)
    held = {variable.path for variable in game.anchor.held}
    assert any(path.endswith("kernel") for path in held) and any(path.endswith("bias") for path in held)
    assert not any("norm" in path or "logits" in path for path in held)


@pytest.mark.parametrize("network", ["segmentor", "critic"])
def test_each_player_is_pulled_back(network):
    """With plain gradient descent: step = −rate · (gradient + weight · (w − w₀)), whichever way the player goes."""
    train = {"optimizer": "sgd", "momentum": 0.0, "weight_decay": 0.0, "schedule": "constant"}
    critic = {"filters": [2], "clip": None, "update": "simultaneous", "weight": 0.5}
    record = {"new": [], "critic": {"new": []}}
    found = []
    for weight in (0.0, 2.0):
        game = make_game(train=train, critic=critic, record=record, l2_source=weight)
        layer = next(layer for layer in game.networks[network].layers if hasattr(layer, "kernel"))
        layer.kernel.assign_add(np.full(layer.kernel.shape, 0.25, np.float32))
        found.append(moves(game, make_batch(), network=network)[layer.name][0])
    assert np.allclose(found[1] - found[0], -1e-3 * 2.0 * 0.25, atol=2e-7)
    # 2 / 2 · 0.25² for each value of the kernel
    away = game.networks[network].get_layer(layer.name).kernel.shape
    assert float(game.metrics["l2_source"].result()) == pytest.approx(np.prod(away) * 0.25**2, rel=1e-5)
