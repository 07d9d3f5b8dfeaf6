"""Gradient reversal to the last bit; the classifier's sizes; where it is attached."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from segan_tl.config.model import ModelConfig
from segan_tl.errors import UserError
from segan_tl.models import build_model
from segan_tl.models.albunet import build_albunet
from segan_tl.models.dann import GradientReversal, build_domain_classifier, find_latent, latent_shape
from segan_tl.models.nnunet import build_nnunet
from segan_tl.models.weights import load_network, save_network

SMALL = {
    "unet3d": ({"filters": (4, 6, 8, 10)}, "dec3_up_act", (4, 4, 8, 8)),
    "cicek": ({"filters": (4, 8, 16)}, "dec2_up", (8, 8, 16, 16)),
    "nnunet": ({"filters": (4, 6, 8), "blocks": (1, 1, 1), "decoder_blocks": (1, 1)}, "dec2_up", (8, 8, 16, 6)),
    "mednext": ({"filters": (4, 4, 4, 5, 6), "blocks": (1,) * 9}, "up4_pad", (2, 2, 4, 5)),
}


def bits(values):
    return np.asarray(values).view(np.uint32 if np.asarray(values).dtype.itemsize == 4 else np.uint16)


def values(dtype, *, seed):
    """Return a tensor of all magnitudes, zero of both signs and infinity among them."""
    generator = np.random.default_rng(seed)
    many = generator.normal(size=2000) * 10.0 ** generator.integers(-30, 30, 2000)
    return tf.cast(np.concatenate([many, [0.0, -0.0, np.inf, 1.0]]), dtype)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("traced", [False, True])
def test_forward_is_the_same_bits_and_the_gradient_minus_lambda_times_its_own(dtype, traced):
    layer = GradientReversal(0.37, dtype=dtype)
    layer.build((None,))
    x, upstream = values(dtype, seed=0), values(dtype, seed=1)

    def both():
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x)
        return y, tape.gradient(y, x, upstream)

    y, gradient = tf.function(both)() if traced else both()
    assert np.array_equal(bits(y), bits(x))
    assert np.array_equal(bits(gradient), bits(-(tf.cast(0.37, dtype) * upstream)))


def test_lambda_changes_without_another_trace():
    layer, traces = GradientReversal(1.0), []
    layer.build((None,))

    @tf.function
    def gradient(x):
        traces.append(1)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.reduce_sum(3.0 * layer(x))
        return tape.gradient(y, x)

    found = []
    for strength in (1.0, 0.5, 0.0):
        layer.strength.assign(strength)
        found.append(gradient(tf.ones(2)).numpy().tolist())
    assert found == [[-3.0, -3.0], [-1.5, -1.5], [0.0, 0.0]] and len(traces) == 1
    assert not layer.trainable_weights


def test_lambda_is_saved(tmp_path):
    classifier = build_domain_classifier((None, None, 3), strength=1.0)
    classifier.get_layer("reversal").strength.assign(0.25)
    save_network(classifier, tmp_path / "classifier.keras", {})
    again = load_network(tmp_path / "classifier.keras")
    assert float(again.get_layer("reversal").strength) == 0.25
    x = np.random.default_rng(0).normal(size=(2, 5, 6, 3)).astype(np.float32)
    assert np.array_equal(again(x), classifier(x))


def test_the_authors_classifier_has_their_number_of_parameters():
    # 64 (27 · 384) + 64, 128 · 64 + 128, 64 · 256 + 64, 64 + 1: [reference of the authors' code] 688,449
    classifier = build_domain_classifier((4, 4, 6, 384), form="goat_repo", strength=None)
    assert classifier.count_params() == 688_449
    assert classifier.get_layer("domain_features").output.shape == (None, 256)
    assert build_domain_classifier((4, 4, 6, 384), form="goat_repo", strength=1.0).count_params() == 688_450  # and λ


@pytest.mark.parametrize("shape", [(None, None, 3), (1, 1, 3), (7, 5, 3), (None, None, None, 3), (1, 2, 1, 3)])
def test_the_pooled_one_takes_any_grid(shape):
    classifier = build_domain_classifier(shape)
    image = np.ones((2, *(size or 3 for size in shape)), np.float32)
    assert classifier(image).shape == (2, 1) and classifier.output.name


@pytest.mark.parametrize("shape", [(None, 4, 4, 8), (4, 3, 4, 8), (2, 2, 8)])
def test_a_grid_too_small_for_the_authors_is_refused(shape):
    with pytest.raises(UserError, match="adversary.classifier=pooled"):
        build_domain_classifier(shape, form="goat_repo")


@pytest.mark.parametrize("family", sorted(SMALL))
def test_it_sees_what_the_first_upsampling_gives_the_skip_connection(family):
    options, layer, shape = SMALL[family]
    network = build_model(ModelConfig(family=family, **options), channels=2, classes=3)
    latent = find_latent(network)
    assert latent is network.get_layer(layer).output
    assert latent_shape(network, latent, patch=(16, 16, 32)) == shape
    assert find_latent(network, layer) is latent


def test_it_sees_albunets_first_upsampling_in_two_dimensions():
    network = build_albunet((None, None, 3))
    assert find_latent(network) is network.get_layer("dec5_up_act").output
    assert latent_shape(network, find_latent(network), patch=(64, 96)) == (4, 6, 128)


def test_an_unknown_layer_is_answered_with_the_nearest():
    network = build_nnunet((None, None, 2), filters=(4, 8), blocks=(1, 1), decoder_blocks=(1,))
    with pytest.raises(UserError, match=r"no layer dec1_upp; did you mean .*dec1_up\b") as caught:
        find_latent(network, "dec1_upp")
    assert "\n" not in str(caught.value)


def test_it_is_a_plain_keras_model_with_named_layers():
    classifier = build_domain_classifier((None, None, 4))
    assert isinstance(classifier, keras.Model) and classifier.layers[-1].name == "domain_logit"
    assert [layer.name for layer in classifier.layers][:2] == ["latent", "reversal"]
    assert "reversal" not in [layer.name for layer in build_domain_classifier((None, None, 4), strength=None).layers]
