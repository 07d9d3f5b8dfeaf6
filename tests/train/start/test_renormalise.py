"""Statistics of BatchNormalization measured anew: by a slow oracle, without labels, and nothing else is touched."""

import keras
import numpy as np
import pytest

from segan_tl.config.load import load_config
from segan_tl.data.cache import CachedCase
from segan_tl.data.prepare import Box
from segan_tl.models.blocks import normalisation
from segan_tl.train.start.renormalise import BATCHES, renormalise, said, unlabelled_images


def make_network():
    keras.utils.set_random_seed(1)
    x = image = keras.Input((None, None, 2))
    x = keras.layers.Conv2D(3, 3, padding="same", name="one_conv")(x)
    x = normalisation(x, 0.9, name="one_norm")
    x = keras.layers.Conv2D(2, 3, padding="same", name="two_conv")(keras.layers.ReLU()(x))
    x = normalisation(x, 0.9, name="two_norm")
    return keras.Model(image, normalisation(x, 0.9, name="new_norm"))


def make_images(count=5):
    generator = np.random.default_rng(0)
    return [generator.normal(k, 1 + k, (4, 8, 8, 2)).astype(np.float32) for k in range(count)]


def test_statistics_are_the_plain_average_over_the_batches():
    network, images = make_network(), make_images()
    before = {weight.path: np.array(weight) for weight in network.weights}
    network.get_layer("one_norm").trainable = False  # what stands still is measured, too
    assert renormalise(network, iter(images), spared=["new_norm"]) == ["one_norm", "two_norm"]

    # Oracle: every batch through the layers one by one, each normalised by its own moments in float64.
    found = {"one": [], "two": []}
    for batch in images:
        x = batch
        for name in found:
            convolved = np.array(network.get_layer(f"{name}_conv")(x), np.float64)
            mean, variance = convolved.mean((0, 1, 2)), convolved.var((0, 1, 2))
            found[name].append((mean, variance))
            epsilon = network.get_layer(f"{name}_norm").epsilon
            x = np.maximum((convolved - mean) / np.sqrt(variance + epsilon), 0)  # gamma 1, beta 0
    for name, moments in found.items():
        layer = network.get_layer(f"{name}_norm")
        mean, variance = (np.mean([one[i] for one in moments], axis=0) for i in range(2))
        assert np.allclose(layer.moving_mean, mean, atol=1e-5, rtol=1e-5)
        assert np.allclose(layer.moving_variance, variance, rtol=1e-4)

    # Nothing else has moved: no kernel, no layer that is new, and the layers are as they were.
    for weight in network.weights:
        if "moving" not in weight.path or "new_norm" in weight.path:
            assert np.array_equal(weight, before[weight.path]), weight.path
    flags = {layer.name: (layer.momentum, layer.trainable) for layer in network.layers if "norm" in layer.name}
    assert flags == {"one_norm": (0.9, False), "two_norm": (0.9, True), "new_norm": (0.9, True)}


def test_without_batch_normalisation_no_image_is_asked_for():
    network = keras.Sequential([keras.Input((4, 4, 2)), keras.layers.GroupNormalization(-1)])

    def images():
        raise AssertionError("asked for")
        yield

    assert renormalise(network, images()) == []
    assert said([]) == "transfer.normalisation changes nothing: no BatchNormalization comes over"
    assert said(["one_norm"]) == "statistics of 1 BatchNormalization layers measured on the training images"


class Unread:
    """Labels that nobody may look at."""

    def __init__(self, shape):
        self.shape = shape

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, key):
        raise AssertionError("a label was read")


@pytest.mark.parametrize("config", ["tiny", "unet3d_small"])
def test_images_are_plain_patches_and_no_label_is_read(tiny_config, config):
    overrides = ["data.modalities=[flair]", "data.regions=[wt]", "train.batch_size=2"]
    overrides += [] if config == "tiny" else ["data.patch=[16,16,16]"]
    settings = load_config(tiny_config if config == "tiny" else config, overrides)
    image = np.random.default_rng(0).normal(size=(32, 32, 32, 1)).astype(np.float16)
    box = Box((0, 0, 0), (32, 32, 32), (32, 32, 32))
    positions = {"wt": np.array([[3, 3, 3]])}
    cases = [CachedCase("a", image, Unread((32, 32, 32)), positions, box, ("wt",))]
    batches = list(unlabelled_images(cases, settings))
    assert len(batches) == BATCHES
    values = set(image.astype(np.float32).ravel())
    assert set(np.array(batches[0]).ravel()) <= values and batches[0].shape[0] == 2
    again = unlabelled_images(cases, settings)
    assert np.array_equal(batches[0], next(again))


def test_a_network_for_any_subset_sees_its_planes(tiny_config):
    overrides = ["data.modalities=[flair,t2]", "data.subsets=any", "data.regions=[wt]", "train.batch_size=4"]
    settings = load_config(tiny_config, overrides)
    image = np.random.default_rng(0).normal(2, 0.1, size=(32, 32, 32, 2)).astype(np.float16)  # head everywhere
    box = Box((0, 0, 0), (32, 32, 32), (32, 32, 32))
    case = CachedCase("a", image, Unread((32, 32, 32)), {"wt": np.array([[3, 3, 3]])}, box, ("wt",))
    seen = np.concatenate([np.array(batch) for batch in unlabelled_images([case], settings)])
    assert seen.shape[-1] == 4 and np.array_equal(seen[..., 2:], seen[..., :2] != 0)
    assert {tuple(planes) for planes in seen[:, 0, 0, 2:].tolist()} == {(1, 0), (0, 1), (1, 1)}
