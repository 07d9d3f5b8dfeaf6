"""What moved between two networks, on differences made by hand."""

import keras
import numpy as np
import pytest

from segan_tl.report.inspect.checkpoint import read_network
from segan_tl.report.inspect.moved import compare_networks, summarise_changes
from tests.small_runs import small_networks


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """A critic, and the same critic with one bias raised by 0.5 and one moving mean set."""
    folder = tmp_path_factory.mktemp("pair")
    critic = small_networks()[1]
    critic.save(folder / "old.keras")
    kernel, bias = critic.get_layer("enc1_conv").get_weights()
    bias[2] += 0.5
    critic.get_layer("enc1_conv").set_weights([kernel, bias])
    norm = critic.get_layer("enc2_norm")
    norm.set_weights([*norm.get_weights()[:2], np.full(8, 0.25, np.float32), norm.get_weights()[3]])
    critic.save(folder / "new.keras")
    return read_network(folder / "new.keras"), read_network(folder / "old.keras")


def test_differences_by_hand(pair):
    new, old = pair
    changes = {change.name: change for change in compare_networks(new, old)}
    assert list(changes) == ["enc1_conv", "enc2_conv", "enc2_norm"]
    bias = changes["enc1_conv"]
    assert (bias.identical, bias.moved, bias.largest) == (False, ("bias",), 0.5)
    # one weight differs by 0.5; biases of the reference are 0, so its norm is that of the kernel
    kernel = next(layer for layer in old.layers if layer.config.name == "enc1_conv").weights["kernel"]
    assert bias.relative == pytest.approx(0.5 / np.sqrt((kernel.astype(float) ** 2).sum()))
    norm = changes["enc2_norm"]
    # 8 moving means of 0.25: norm sqrt(8 / 16); reference: 8 gammas and 8 variances of 1: norm sqrt(16)
    assert norm.moved == ("moving_mean",) and norm.largest == 0.25
    assert norm.relative == pytest.approx(np.sqrt(0.5) / 4)
    assert changes["enc2_conv"].identical and changes["enc2_conv"].largest == 0
    assert summarise_changes("critic", list(changes.values())) == "critic: 2 of 3 layers moved"


def test_a_network_against_itself(pair):
    changes = compare_networks(pair[0], pair[0])
    assert all(change.identical for change in changes)
    assert summarise_changes("critic", changes) == "critic: byte-identical in all 3 layers"


def test_layers_in_one_only_and_other_shapes(tmp_path, pair):
    image = keras.Input((None, None, 3), name="image")
    x = keras.layers.Conv2D(4, 4, strides=2, padding="same", name="enc1_conv")(image)
    keras.Model(image, keras.layers.Conv2D(2, 1, name="head")(x)).save(tmp_path / "other.keras")
    other = read_network(tmp_path / "other.keras")
    remarks = {change.name: change.remark for change in compare_networks(other, pair[1])}
    assert remarks["enc1_conv"].startswith("other shapes: kernel 4×4×3×4") and "4×4×2×4" in remarks["enc1_conv"]
    assert remarks["head"] == "only in this network"
    assert remarks["enc2_conv"] == remarks["enc2_norm"] == f"only in {pair[1].path}"
    assert summarise_changes("x", compare_networks(other, pair[1])) == "x: no layer in common; 4 cannot be compared"
