"""The statistics of BatchNormalization, measured anew on images of the target; no label is used [Li 2017, AdaBN].

    mean = 1/K Σ_k mean of batch k,  variance = 1/K Σ_k variance of batch k

The average over K batches forgets nothing of the earlier ones, unlike that of a training. Each layer normalises by its
batch meanwhile, so that the layers behind it see what they would in a training.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence

import keras
import numpy as np

from segan_tl.config.augment import AugmentConfig
from segan_tl.config.schema import Config
from segan_tl.data.batches import make_patches
from segan_tl.data.cache import CachedCase
from segan_tl.data.presence import hide, with_planes
from segan_tl.data.sample import plan_patches

BATCHES = 32


def unlabelled_images(cases: Sequence[CachedCase], config: Config) -> Iterator:
    """Yield BATCHES batches of patches as the network sees them, not augmented, wherever they lie; no label is read.

    Args:
        cases: prepared training cases.
        config: the configuration.
    """
    plain = config.model_copy(
        update={
            "augment": AugmentConfig(),
            "data": config.data.model_copy(update={"foreground": 0.0}),
            "train": config.train.model_copy(update={"steps_per_epoch": BATCHES}),
        }
    )
    plan = plan_patches(cases, plain, epoch=0)
    plan = dataclasses.replace(plan, labelled=np.zeros_like(plan.labelled))
    for batch in make_patches(cases, plan, plain):
        present = batch.get("present")
        yield batch["image"] if present is None else with_planes(hide(batch["image"], present), present)


def normalisations(network: keras.Model) -> list[keras.layers.BatchNormalization]:
    """Return the layers that keep statistics."""
    return [layer for layer in network.layers if isinstance(layer, keras.layers.BatchNormalization)]


def renormalise(network: keras.Model, images: Iterable, *, spared: Sequence[str] = ()) -> list[str]:
    """Put the averages over batches of images in place of the moving statistics; return the layers' names.

    What stands still gets them, too. Without a layer to do that to, no image is asked for.

    Args:
        network: model of batches of images.
        images: batches, one at least.
        spared: layers whose statistics are left as they are.
    """
    layers = normalisations(network)
    chosen = [layer.name for layer in layers if layer.name not in spared]
    before = [(layer, layer.trainable, layer.momentum) for layer in layers]
    try:
        for layer in layers:
            layer.trainable = True  # else it normalises by its statistics
        for k, batch in enumerate(images if chosen else ()):
            for layer in layers:  # the average of k + 1 from that of k; a momentum of 1 changes nothing
                layer.momentum = k / (k + 1) if layer.name in chosen else 1.0
            network(batch, training=True)
    finally:
        for layer, trainable, momentum in before:
            layer.trainable, layer.momentum = trainable, momentum
    return chosen


def said(layers: Sequence[str]) -> str:
    """Say of how many layers the statistics were measured, for a person."""
    if not layers:
        return "transfer.normalisation changes nothing: no BatchNormalization comes over"
    return f"statistics of {len(layers)} BatchNormalization layers measured on the training images"
