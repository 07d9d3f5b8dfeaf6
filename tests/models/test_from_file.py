"""Networks of one's own: plain Keras models, as somebody else writes them."""

import keras
import numpy as np
import pytest
from keras import layers

from segan_tl.config.model import ModelConfig
from segan_tl.errors import UserError
from segan_tl.models import build_model, publish
from segan_tl.models.parts import last_three, parts_of


def write_unet(path, *, rank=3, channels=2, classes=3, end="sigmoid", size=None, final="own_head"):
    """Write a small U-Net as anybody might: other names, a norm that follows its convolution, an activation inside."""
    convolution, pool, up = (getattr(layers, f"{name}{rank}D") for name in ("Conv", "MaxPooling", "UpSampling"))
    image = keras.Input((*[size] * rank, channels), name="scan")
    skip = convolution(4, 3, padding="same", activation="relu", name="first")(image)
    x = layers.BatchNormalization(name="first_bn")(skip)
    x = convolution(6, 3, padding="same", activation="relu", name="deep")(pool(name="halve")(x))
    x = layers.Concatenate(name="join")([up(name="double")(x), skip])
    x = convolution(5, 3, padding="same", name="late")(x)
    x = layers.BatchNormalization(name="late_bn")(x)
    inside = end if end in ("sigmoid", "softmax", "tanh") else None
    x = convolution(classes, 1, activation=inside, name=final)(x)
    if end == "layer":
        x = layers.Activation("sigmoid", name="squash")(x)
    if end == "softmax layer":
        x = layers.Softmax(name="squash")(x)
    network = keras.Model(image, x)
    network.save(path)
    return network


def build(path, *, channels=2, classes=3, activation="sigmoid"):
    settings = ModelConfig(family="file", file=str(path), activation=activation, deep_supervision=False)
    return build_model(settings, channels=channels, classes=classes)


@pytest.mark.parametrize(
    ("end", "activation"),
    [("sigmoid", "sigmoid"), ("layer", "sigmoid"), ("linear", "sigmoid"), ("softmax", "softmax"),
     ("softmax layer", "softmax"), ("linear", "softmax")],
)  # fmt: skip
@pytest.mark.parametrize("rank", [2, 3])
def test_what_is_published_answers_as_the_file_does(rank, end, activation, tmp_path):
    theirs = write_unet(tmp_path / "own.keras", rank=rank, end=end)
    network = build(tmp_path / "own.keras", activation=activation)
    image = np.random.default_rng(0).normal(size=(2, *[8] * rank, 2)).astype("float32")
    expected = np.asarray(theirs(image))
    if end == "linear":
        assert np.allclose(network(image), expected, atol=1e-6)
        expected = np.asarray(keras.ops.sigmoid(expected) if activation == "sigmoid" else keras.ops.softmax(expected))
    published = publish(network, activation=activation)
    assert np.allclose(published(image), expected, atol=1e-6)
    published.save(tmp_path / "published.keras")
    assert np.allclose(keras.models.load_model(tmp_path / "published.keras")(image), expected, atol=1e-6)
    # What is published can be the file of the next one.
    again = build(tmp_path / "published.keras", activation=activation)
    assert np.allclose(publish(again, activation=activation)(image), expected, atol=1e-6)


@pytest.mark.parametrize("size", [None, 16])
def test_parts_are_told_by_the_grid(size, tmp_path):
    write_unet(tmp_path / "own.keras", size=size)
    network = build(tmp_path / "own.keras")
    parts = parts_of(network, "file")
    assert parts == {
        "first": "encoder", "first_bn": "encoder", "deep": "encoder", "late": "decoder", "late_bn": "decoder",
        "own_head": "head",
    }  # fmt: skip
    assert last_three(network, parts) == ("late", "late_bn", "own_head")


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ({"channels": 1}, "takes 1 channels, expected 2: correct data.modalities"),
        ({"classes": 2}, "answers with 2 channels, expected 3: correct data.regions"),
        ({"end": "softmax"}, "ends in softmax, expected model.activation = sigmoid; --set model.activation=softmax"),
        ({"end": "tanh"}, "ends in tanh, expected model.activation = sigmoid, or in logits"),
    ],
)
def test_what_does_not_fit_is_one_sentence(how, reason, tmp_path):
    write_unet(tmp_path / "own.keras", **how)
    with pytest.raises(UserError, match=reason):
        build(tmp_path / "own.keras")


@keras.saving.register_keras_serializable(package="another_library")
class WrappedUNet(keras.Model):
    """A functional model with a class of its own, as other libraries have them."""


def test_a_class_of_another_library_is_left_behind(tmp_path):
    network = write_unet(tmp_path / "own.keras")
    WrappedUNet(network.inputs, network.outputs).save(tmp_path / "wrapped.keras")
    with pytest.raises(UserError, match=r"save the network without it: keras.Model\(model.inputs, model.outputs\)"):
        build(tmp_path / "wrapped.keras")


def test_files_that_are_none(tmp_path):
    with pytest.raises(UserError, match="there is no .*nothing.keras; give a .keras file"):
        build(tmp_path / "nothing.keras")
    image = keras.Input((8, 8, 2))
    keras.Model(image, [image, image]).save(tmp_path / "two.keras")
    with pytest.raises(UserError, match="has 1 inputs and 2 outputs"):
        build(tmp_path / "two.keras")
    keras.Sequential([keras.Input((8, 8, 2)), layers.GlobalAveragePooling2D()]).save(tmp_path / "vector.keras")
    with pytest.raises(UserError, match=r"makes \(B, 2\) of \(B, 8, 8, 2\)"):
        build(tmp_path / "vector.keras")
    keras.Model(image, layers.Lambda(lambda x: x, output_shape=(8, 8, 2))(image)).save(tmp_path / "code.keras")
    with pytest.raises(UserError, match="do not load this file"):
        build(tmp_path / "code.keras")
