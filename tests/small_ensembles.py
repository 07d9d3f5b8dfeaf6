"""Runs that see the same images and answer differently: a volumetric one of labels, one of always the same answer."""

import keras
import numpy as np

from segan_tl.config.load import validate
from segan_tl.config.schema import Config

SEEN = ("flair", "t2", "t1c")


def label_config(*regions: str, **predict) -> Config:
    """Return the configuration of a network of patches whose labels exclude each other."""
    values = {
        "name": "labels", "data": {"modalities": SEEN, "regions": regions, "patch": [8, 8, 8]},
        "model": {"family": "nnunet", "filters": [4, 4], "blocks": [1, 1], "decoder_blocks": [1]},
        "train": {"loss": "dice_ce"}, "predict": {"decision": "largest", "mirror": False, **predict},
    }  # fmt: skip
    values["model"]["activation"] = "softmax"
    return validate(values, source="the test")


def label_segmentor(sharpness: float = 20.0) -> keras.Model:
    """Build a network of background, NCR, ED, ET of z-scores: ED is bright in FLAIR, NCR in T2, too, ET in all.

    The logits are 0, F + T, F, F + T + C, with F, T and C positive where FLAIR, T2 and T1c are bright.
    """
    image = keras.Input((None, None, None, 3), name="image")
    logits = keras.layers.Conv3D(4, 1, name="logits")(image)
    model = keras.Model(image, keras.layers.Softmax(name="probability")(logits), name="segmentor")
    seen = np.array([[0, 1, 1, 1], [0, 1, 0, 1], [0, 0, 0, 1]])
    model.get_layer("logits").set_weights([sharpness * seen.reshape(1, 1, 1, 3, 4), -sharpness * seen.sum(axis=0)])
    return model


def constant_segmentor(channels: int, *probabilities: float) -> keras.Model:
    """Build a network of slices that says the same of every voxel."""
    image = keras.Input((None, None, channels), name="image")
    logits = keras.layers.Conv2D(len(probabilities), 1, name="logits")(image)
    model = keras.Model(image, keras.layers.Activation("sigmoid", name="probability")(logits), name="segmentor")
    values = np.array(probabilities)
    kernel, bias = np.zeros((1, 1, channels, len(probabilities))), np.log(values / (1 - values))
    model.get_layer("logits").set_weights([kernel, bias])
    return model
