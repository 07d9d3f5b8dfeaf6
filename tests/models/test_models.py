"""The networks by name: what a configuration may say is what the builders take."""

import importlib
import inspect

import keras
import numpy as np
import pytest

from segan_tl.config.families import FAMILIES
from segan_tl.config.model import ModelConfig
from segan_tl.models import build_model, publish
from segan_tl.models.parts import parts_of

SMALL = {
    "segan": {"filters": [4, 8, 8], "deep_supervision": False},
    "unet3d": {"filters": [4, 8, 8]},
    "cicek": {"filters": [4, 8, 8]},
    "nnunet": {"filters": [4, 8, 8], "blocks": [1, 1, 1], "decoder_blocks": [1, 1]},
    "mednext": {"filters": [4, 8, 8, 8, 8], "blocks": [1] * 9},
    "albunet3d": {"deep_supervision": False},
    "albunet2d": {"deep_supervision": False},
}


def test_every_family_is_tried():
    assert FAMILIES.keys() - SMALL.keys() == {"file"}


@pytest.mark.parametrize("family", FAMILIES)
def test_the_options_of_a_family_are_its_builders(family):
    row = FAMILIES[family]
    module = importlib.import_module(f"segan_tl.models.{row.module}")
    parameters = inspect.signature(getattr(module, row.builder)).parameters
    assert set(row.options) <= set(parameters)
    assert tuple(getattr(module, "VARIANTS", {}) if "variant" in row.options else ()) == row.variants
    assert row.deep <= ("deep_supervision" in parameters)
    if "filters" in row.options:
        assert row.stages == len(parameters["filters"].default or module.FILTERS)


@pytest.mark.parametrize("family", SMALL)  # "file" has tests of its own
def test_a_training_network_ends_in_logits_and_its_published_form_in_probabilities(family):
    settings = ModelConfig.model_validate({"family": family, **SMALL[family]})
    network = build_model(settings, channels=2, classes=3)
    published = publish(network, activation="sigmoid")
    assert set(parts_of(network, family).values()) == {"encoder", "decoder", "head"}
    image = np.random.default_rng(0).normal(size=(1, *[32] * FAMILIES[family].axes, 2)).astype(np.float32)
    outputs = network(image)
    logits = outputs[0] if isinstance(outputs, list) else outputs
    assert (len(network.outputs) > 1) == settings.deep_supervision
    probability = published(image)
    assert probability.shape == (*image.shape[:-1], 3)
    assert np.allclose(probability, keras.ops.sigmoid(logits), atol=1e-6)
