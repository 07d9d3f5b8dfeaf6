"""A small network that came over from nowhere, and how far a step takes it."""

import keras
import numpy as np
import tensorflow as tf

from segan_tl.config.load import validate
from segan_tl.config.strategies import STRATEGIES
from segan_tl.models import publish
from segan_tl.models.parts import parts_of
from segan_tl.train.recipes import build_network
from segan_tl.train.start.freeze import freeze
from segan_tl.train.steps.critic import build_critic_of
from segan_tl.train.steps.training import Training

RECORD = {"new": ["logits"], "critic": {"new": ["enc1_conv"]}}
VALUES = {
    "name": "moved",
    "data": {"modalities": ["flair"], "regions": ["wt"], "patch": [8, 8, 8]},
    "model": {"family": "cicek", "filters": [2, 2], "norm": "batch", "deep_supervision": False},
    "train": {"epochs": 10, "learning_rate": 1e-3, "clip_norm": 0.0},
}


def make_game(*, train=None, critic=None, strategy="full", record=None, seed=3, **settings):
    """Return the game of a small 3-D U-Net that came over but for the layers of a record, with settings of transfer."""
    keras.utils.set_random_seed(seed)
    transfer = {"source": "x", "source_sha256": "0", "strategy": strategy, **settings}
    values = VALUES | {"train": VALUES["train"] | (train or {}), "transfer": transfer, "critic": critic}
    config = validate(values, source="the test")
    network, judged = build_network(config), build_critic_of(config) if critic else None
    freeze(network, parts_of(network, "cicek"), frozen=STRATEGIES[strategy].frozen, new=RECORD["new"])
    published = publish(network, activation="sigmoid")
    return Training(
        network, published, config=config, replicas=1, steps_per_epoch=4, critic=judged, record=record or RECORD
    )


def make_batch():
    """Return a batch of two patches of noise, whose bright voxels are tumour."""
    image = np.random.default_rng(0).normal(size=(2, 8, 8, 8, 1)).astype(np.float32)
    return {"image": tf.constant(image), "mask": tf.constant((image > 0.6).astype(np.float32))}


def moves(game, batch, *, network="segmentor"):
    """Return layer → how far its trainable weights went in a step."""
    layers = [layer for layer in game.networks[network].layers if layer.trainable_variables]
    before = {layer.name: [np.array(weight) for weight in layer.trainable_variables] for layer in layers}
    game.step(batch)
    return {
        layer.name: [np.array(now) - old for now, old in zip(layer.trainable_variables, before[layer.name])]
        for layer in layers
    }
