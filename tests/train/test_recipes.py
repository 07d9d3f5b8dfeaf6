"""Networks are built once before any data is read: a configuration that describes none ends there."""

import keras
import pytest

from segan_tl.config.load import load_config
from segan_tl.errors import UserError
from segan_tl.train import recipes
from segan_tl.train.recipes import check_networks

SMALL = ["data.patch=[16,16,16]", "model.filters=[4,8,8]", "model.blocks=[1,1,1]", "model.decoder_blocks=[1,1]"]


def test_what_can_be_built(monkeypatch):
    check_networks(load_config("nnunet_small", SMALL))
    monkeypatch.setattr(recipes, "memory_bytes", lambda: 2**20)
    wide = ["data.patch=[16,16,16]", "model.filters=[256,256,256]"]
    with pytest.raises(UserError, match=r"\[model\] describes no network .* weights are declared"):
        check_networks(load_config("unet3d", wide))


def test_a_layer_that_is_not_there():
    with pytest.raises(UserError, match="adversary.layer: .* has no layer dec1_pu; did you mean"):
        check_networks(load_config("dann_small", ["adversary.layer=dec1_pu"]))


def test_what_a_builder_says_is_one_sentence(monkeypatch):
    def build(_):
        raise ValueError("Negative dimension size\nand a long trace")

    monkeypatch.setattr(recipes, "build_network", build)
    with pytest.raises(UserError, match=r"^\[model\] describes no network .* built: Negative dimension size; correct"):
        check_networks(load_config("nnunet_small", SMALL))
    assert keras.backend.backend() == "tensorflow"
