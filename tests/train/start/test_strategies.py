"""Strategies: which layers are the last three, what stands still, on one and on two replicas, what is written down."""

import json
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from segan_tl.config.model import ModelConfig
from segan_tl.config.schema import Config
from segan_tl.config.strategies import STRATEGIES
from segan_tl.disk.manifest import sha256
from segan_tl.errors import UserError
from segan_tl.models import build_model, publish
from segan_tl.models.parts import last_three, parts_of, stage_of
from segan_tl.models.unet import LAST_THREE
from segan_tl.models.weights import save_network
from segan_tl.runs import Run
from segan_tl.train.start.begin import begin
from segan_tl.train.start.freeze import freeze
from segan_tl.train.start.weights import find_start
from tests.train.start.strategies_worker import KNOWN, NOTHING, OTHER_REGIONS

WORKER = Path(__file__).with_name("strategies_worker.py")
ENCODER, DECODER = {"stem", "enc", "down", "bottleneck"}, {"up", "dec", "logits"}
NEW = set(LAST_THREE)


def new_layers(strategy):
    return NEW if strategy.startswith("last-three") else {"logits"} if strategy == "new-head" else set()


@pytest.fixture(scope="module", params=["cpu", pytest.param("cpu:2", marks=pytest.mark.slow)])
def played(request, tmp_path_factory):
    """Return what every strategy did on one and on two replicas."""
    return play(tmp_path_factory.mktemp("strategies"), request.param)


def play(folder, devices, *strategies):
    subprocess.run(
        [sys.executable, WORKER, devices, folder / "found.json", *strategies], check=True, capture_output=True
    )
    return json.loads((folder / "found.json").read_text())


def test_what_is_frozen_stands_still_to_the_last_bit_and_the_rest_moves(played):
    frozen = {
        "full": set(),
        "freeze-encoder": ENCODER,
        "freeze-decoder": DECODER,
        "new-head": set(),
        "last-three": ENCODER | DECODER,
        "last-three-decoder": ENCODER,
        "last-three-all": set(),
    }
    assert set(frozen) == set(KNOWN)
    for strategy, parts in frozen.items():
        found, new = played[strategy], new_layers(strategy)
        expected = [name for name in found["layers"] if stage_of(name) in parts and name not in new]
        assert found["frozen"] == found["still"] == found["frozen, published"] == expected, strategy
        # Frozen layers are published with the very bits of the source; before training all but the new ones have them.
        assert found["as the source, published"] == expected
        assert set(found["layers"]) - set(found["as the source, at first"]) == new
        assert found["record"]["frozen"] == expected and set(found["record"]["new"]) == new
        assert found["record"]["learnt_from"] == ["a"] and np.isfinite(found["loss"])


def test_a_new_head_trains_in_a_frozen_decoder(played):
    check_new_head(played[OTHER_REGIONS])


@pytest.mark.slow
def test_two_replicas_freeze_too(tmp_path):
    check_new_head(play(tmp_path, "cpu:2", OTHER_REGIONS)[OTHER_REGIONS])


def check_new_head(found):
    assert stage_of("enc1_conv1") not in {stage_of(name) for name in found["still"]}
    assert found["frozen"] == found["still"] == found["as the source, published"]
    assert found["record"]["new"] == ["logits"] and "dec1_conv2" in found["still"]
    assert "logits" not in found["frozen"] + found["still"] + found["as the source, at first"]


def test_a_network_without_anything_to_train_does_not_crash(played):
    found = played[NOTHING]
    assert found["still"] == found["layers"] == found["frozen, published"]


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ({"family": "cicek", "filters": [2, 2]}, LAST_THREE),
        # Its norms have no weights.
        ({"family": "unet3d", "filters": [2, 2, 2]}, ("dec1_conv1", "dec1_conv2", "logits")),
        ({"family": "nnunet", "filters": [2, 2], "blocks": [1, 1], "decoder_blocks": [2]}, LAST_THREE),
        (
            {"family": "nnunet", "filters": [2, 2], "blocks": [1, 1], "decoder_blocks": [1]},
            ("dec1_up", "dec1_conv1", "dec1_norm1", "logits"),
        ),
        (
            {"family": "mednext", "filters": [2] * 5, "blocks": [1] * 9},
            ("dec1_block1_expand", "dec1_block1_compress", "logits"),
        ),
        (
            {"family": "albunet3d", "deep_supervision": False},
            ("dec0_conv", "dec0_norm", "dec0_depth_conv", "dec0_depth_norm", "logits"),
        ),
    ],
)
def test_the_last_three(model, expected):
    network = build_model(ModelConfig(**model), channels=1, classes=1)
    parts = parts_of(network, model["family"])
    assert last_three(network, parts, named=LAST_THREE) == tuple(expected)
    # Every layer of every network belongs to one of the two halves.
    halves = [
        freeze(network, parts, frozen=STRATEGIES[strategy].frozen, new=())
        for strategy in ("freeze-encoder", "freeze-decoder")
    ]
    weighted = [layer.name for layer in network.layers if layer.weights]
    assert all(halves) and sorted(halves[0] + halves[1]) == sorted(weighted)
    assert freeze(network, parts, frozen=(), new=()) == [] and network.trainable_weights


def values_of(source, strategy="full", modalities=("t1",), inputs=None):
    transfer = {"source": str(source), "source_sha256": sha256(source), "strategy": strategy, "inputs": inputs or {}}
    return Config.model_validate(
        {
            "name": "a", "transfer": transfer, "data": {"modalities": modalities, "regions": ["wt"]},
            "model": {"family": "cicek", "filters": [2, 2]},
        }  # fmt: skip
    )


@pytest.fixture
def source(tmp_path):
    keras.utils.set_random_seed(3)
    model = ModelConfig(family="cicek", filters=[2, 2])
    network = publish(build_model(model, channels=2, classes=1), activation="sigmoid")
    save_network(network, tmp_path / "source.keras", {"modalities": ["t1", "t2"], "regions": ["wt"]})
    return tmp_path / "source.keras"


def test_inputs_come_over_one_by_one(source, tmp_path):
    theirs = keras.models.load_model(source).get_layer("enc1_conv1").get_weights()[0]
    inputs = {"flair": "t2", "t1": "t1", "t1c": None}
    config = values_of(source, "frozen-encoder", tuple(inputs), inputs)
    network = build_model(config.model, channels=3, classes=1)
    fresh = network.get_layer("enc1_conv1").get_weights()[0]
    pretrained = find_start(config, Run(tmp_path / "run"), resuming=False)
    lines = begin(network, None, pretrained, config)
    kernel = network.get_layer("enc1_conv1").get_weights()[0]
    for place, expected in enumerate((theirs[..., 1, :], theirs[..., 0, :], fresh[..., 2, :])):
        assert np.array_equal(kernel[..., place, :], expected)
    assert "  input flair ← t2" in lines and "  input t1c ← new, random weights" in lines
    # An input layer that is new in part trains, although the encoder stands still.
    assert network.get_layer("enc1_conv1").trainable and not network.get_layer("enc1_norm1").trainable
    assert "    new, so trained although its part stands still: enc1_conv1" in lines

    # A part of the modalities: nothing is new.
    config = values_of(source, "frozen-encoder", ("t2",), {"t2": "t2"})
    network = build_model(config.model, channels=1, classes=1)
    begin(network, None, find_start(config, Run(tmp_path / "run"), resuming=False), config)
    layer = network.get_layer("enc1_conv1")
    assert np.array_equal(layer.get_weights()[0], theirs[..., 1:, :]) and not layer.trainable


def test_a_source_that_changed_is_refused(source, tmp_path):
    config = values_of(source)
    save_network(keras.models.load_model(source), source, {"modalities": ["t1"], "regions": ["wt"]})
    with pytest.raises(UserError, match="was trained again since; run the command again"):
        find_start(config, Run(tmp_path / "run"), resuming=False)
