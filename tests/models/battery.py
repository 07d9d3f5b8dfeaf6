"""What every network of the volumetric family has to keep: names, outputs, deep supervision, saving, sizes."""

import re
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

NAME = re.compile(r"image|probability|(stem|enc|down|bottleneck|up|dec|logits)\w*")


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    """Return normal noise, float32."""
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def check_names(model: keras.Model) -> None:
    """Hold that encoder and decoder can be told by the names of the layers, and what the ends are called."""
    names = [layer.name for layer in model.layers]
    assert len(set(names)) == len(names) and names[0] == "image"
    assert [name for name in names if not NAME.fullmatch(name)] == []
    assert "logits" in names


def check_deep_supervision(build: Callable[..., keras.Model], shape: tuple[int, ...], *, heads: int) -> None:
    """Hold the sizes of all logits, highest first, and that the one-output model is the first of them, activated."""
    deep, single = build(shape, deep_supervision=True), build(shape, deep_supervision=False)
    assert [layer.name for layer in deep.layers if layer.name.startswith("logits")].count("logits") == 1
    names = ["logits", *(f"logits_{2**level}" for level in range(1, heads))]
    for level, (name, output) in enumerate(zip(names, deep.outputs, strict=True)):
        assert output is deep.get_layer(name).output
        assert output.shape[1:-1] == tuple(size // 2**level for size in shape[:-1])
    for layer in single.layers:
        layer.set_weights(deep.get_layer(layer.name).get_weights() if layer.weights else [])
    image = noise(2, *shape)
    assert single.layers[-1].name == "probability"
    expected = keras.ops.sigmoid(deep(image)[0])
    assert np.abs(np.asarray(single(image)) - expected).max() < 1e-6


def check_saving(model: keras.Model, image: np.ndarray, folder: Path) -> None:
    """Hold that a saved model opens again and answers the same."""
    model.save(folder / "network.keras")
    again = keras.models.load_model(folder / "network.keras")
    assert np.array_equal(np.asarray(model(image)), np.asarray(again(image)))


def check_stock(model: keras.Model) -> None:
    """Hold that all layers are Keras' own, so that the file opens without this package."""
    assert {type(layer).__module__.split(".")[0] for layer in model.layers} == {"keras"}


def check_bfloat16(build: Callable[..., keras.Model], shape: tuple[int, ...]) -> None:
    """Hold that a network computes in bfloat16 and answers in float32, close to float32's answer."""
    keras.utils.set_random_seed(1)
    plain = build(shape)
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        mixed = build(shape)
    finally:
        keras.config.set_dtype_policy("float32")
    mixed.set_weights(plain.get_weights())
    image = noise(1, *shape)
    probability = mixed(image)
    assert mixed.get_layer("logits").compute_dtype == "bfloat16" and probability.dtype == "float32"
    assert np.abs(np.asarray(probability) - plain(image)).mean() < 0.02


def check_any_size(build: Callable[..., keras.Model], shape: tuple[int, ...]) -> None:
    """Hold that a network of unknown size answers as one of this size does."""
    free, fixed = build((*[None] * (len(shape) - 1), shape[-1])), build(shape)
    fixed.set_weights(free.get_weights())
    image = noise(1, *shape)
    assert np.allclose(free(image), fixed(image), atol=1e-6)
