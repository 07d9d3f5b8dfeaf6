"""Small runs with seeded weights, and their artefacts: what the portable tests share."""

import keras
import numpy as np

from segan_tl.config.load import validate
from segan_tl.models.nnunet import build_nnunet
from segan_tl.models.segan import build_segmentor
from tests.small_runs import SHAPE, small_config, small_labels, write_case

FILTERS = (4, 8, 8, 8)


def stir(model: keras.Model, seed: int = 0) -> keras.Model:
    """Give every vector of a network, statistics of normalisations too, values that are not those of the start."""
    draw = np.random.default_rng(seed)
    for variable in model.variables:
        if variable.path.endswith("moving_variance"):
            variable.assign(draw.uniform(0.5, 2, variable.shape))
        elif len(variable.shape) == 1:
            variable.assign(draw.normal(float(variable.path.endswith("gamma")), 0.3, variable.shape))
    return model


def segan(channels: int = 1, classes: int = 1, seed: int = 0) -> keras.Model:
    """Return a small SegAN."""
    keras.utils.set_random_seed(seed)
    return stir(build_segmentor((None, None, channels), classes=classes, filters=FILTERS), seed)


def nnunet(channels: int, *, classes: int = 3, activation: str = "sigmoid", seed: int = 0) -> keras.Model:
    """Return a small nnU-Net."""
    keras.utils.set_random_seed(seed)
    sizes = {"filters": (4, 8), "blocks": (1, 1), "decoder_blocks": (1,), "activation": activation}
    return stir(build_nnunet((None, None, None, channels), classes=classes, **sizes), seed)


def volume_config(modalities=("flair", "t1c"), *, subsets: str = "all", activation: str = "sigmoid", **predict):
    """Return a configuration of overlapping patches that fits SHAPE."""
    regions = ["ed", "ncr", "et"] if activation == "softmax" else ["wt", "tc", "et"]
    values = {
        "name": "small",
        "data": {"modalities": list(modalities), "regions": regions, "patch": [8, 8, 8], "subsets": subsets},
        "model": {
            "family": "nnunet", "filters": [4, 8], "blocks": [1, 1], "decoder_blocks": [1], "activation": activation,
        },
        "train": {"loss": "dice_ce" if activation == "softmax" else "dice_bce"},
        "predict": {"mirror": True, "batch_size": 2, **predict},
    }  # fmt: skip
    return validate(values, source="the test")


__all__ = ["SHAPE", "nnunet", "segan", "small_config", "small_labels", "stir", "volume_config", "write_case"]
