"""Every family's ONNX graph against Keras, and every layer of a network of one's own."""

import keras
import numpy as np
import pytest
from keras import layers

from segan_tl.errors import UserError
from segan_tl.models.albunet import build_albunet
from segan_tl.models.dann import GradientReversal
from segan_tl.models.mednext import build_mednext
from segan_tl.models.nnunet import build_nnunet
from segan_tl.models.precision import as_float32
from segan_tl.models.unet import build_cicek, build_unet3d
from tests.models.battery import noise
from tests.small_artefacts import nnunet, segan, stir

onnx = pytest.importorskip("onnx", reason="needs pip install 'segan_tl[onnx]'")
pytest.importorskip("onnxruntime", reason="needs pip install 'segan_tl[onnx]'")

from segan_tl.portable.graph import make_graph  # noqa: E402
from segan_tl.predict.onnx_network import OnnxNetwork  # noqa: E402

WITHIN = 1e-4
VOLUME, SLICE = (None, None, None, 2), (None, None, 2)
RESIDUAL = {"variant": "resenc_m", "filters": (4, 8), "strides": (1, (1, 2, 2)), "blocks": (1, 1)}
FAMILIES = {
    "segan": (lambda: segan(2, 2), (32, 48)),
    "unet3d": (lambda: build_unet3d(VOLUME, filters=(4, 4, 6)), (8, 8, 16)),
    "unet3d literal": (lambda: build_unet3d(VOLUME, variant="goat_repo", filters=(4, 4, 6)), (8, 8, 16)),
    "cicek": (lambda: build_cicek(VOLUME, activation="softmax", filters=((4, 8), (8, 8)), norm="batch"), (8, 8, 16)),
    "nnunet": (lambda: nnunet(2), (8, 12, 8)),
    "nnunet residual": (lambda: build_nnunet(VOLUME, decoder_blocks=(1,), **RESIDUAL), (5, 8, 12)),
    "nnunet 2-D": (lambda: build_nnunet(SLICE, filters=(4, 8), blocks=(1, 1), decoder_blocks=(1,)), (8, 12)),
    "mednext 3": (lambda: build_mednext(VOLUME, filters=(2, 4, 4, 6, 6), blocks=(1,) * 9), (16, 16, 32)),
    "mednext 5": (lambda: build_mednext(VOLUME, kernel_size=5, filters=(2,) * 5, blocks=(1,) * 9), (16, 16, 16)),
    "albunet3d": (lambda: build_albunet(VOLUME), (3, 32, 32)),
    "own": (lambda: own_network(), (8, 12)),
    "own 3-D": (lambda: own_volume(), (7, 9, 8)),
}


def own_network():
    """Return a network of slices with squeeze-and-excitation, groups, a nested model and every padding."""
    image = keras.Input((None, None, 2), name="image")
    x = layers.Conv2D(8, 3, padding="same", activation="relu", name="stem")(image)
    x = layers.SpatialDropout2D(0.5)(layers.GroupNormalization(groups=4, name="groups")(x))
    down = layers.DepthwiseConv2D(4, strides=2, padding="same", depth_multiplier=2, name="down")(x)
    down = layers.MaxPooling2D(3, strides=1, padding="same")(layers.LeakyReLU(0.1)(down))
    weights = layers.GlobalAveragePooling2D()(down)
    weights = layers.Dense(16, activation="sigmoid")(layers.Dense(4, activation="relu", use_bias=False)(weights))
    down = layers.Multiply()([down, layers.Reshape((1, 1, 16))(weights)])
    dilated = layers.Conv2D(8, 3, dilation_rate=2, padding="same")
    inside = keras.Sequential([keras.Input((None, None, 16)), dilated, layers.BatchNormalization()])
    down = GradientReversal(name="reversal")(layers.Activation("gelu")(inside(down)))
    up = layers.Conv2DTranspose(8, 3, strides=2, padding="same", name="up")(down)
    up = layers.Maximum()([up, layers.UpSampling2D(2)(layers.AveragePooling2D(2)(x))])
    up = layers.Subtract()([layers.Dropout(0.5)(layers.Concatenate()([up, x])), layers.Concatenate()([x, x])])
    up = layers.Cropping2D(((2, 1), (0, 1)))(layers.ZeroPadding2D(((1, 2), (1, 0)))(up))
    return keras.Model(image, layers.Dense(3, activation="softmax", name="probability")(up))


def own_volume():
    """Return a network of volumes that "same" padding makes odd: sizes that the stride does not divide."""
    image = keras.Input((7, 9, 8, 2), name="image")
    x = layers.Conv3D(4, (2, 3, 4), strides=(1, 3, 2), padding="same", name="down", groups=2)(image)
    x = layers.Conv3DTranspose(4, (1, 2, 4), strides=(1, 3, 2), padding="same", name="up")(x)
    x = layers.Add()([x, layers.Conv3D(4, 1)(image), layers.Conv3D(4, 3, padding="same")(image)])
    return keras.Model(image, layers.Conv3D(2, 1, activation="sigmoid", name="probability")(x))


@pytest.mark.parametrize("family", FAMILIES)
def test_the_graph_answers_as_keras_does(family):
    build, sizes = FAMILIES[family]
    keras.utils.set_random_seed(1)
    model = stir(build(), seed=1)
    graph = make_graph(model, source=family)
    onnx.checker.check_model(onnx.load_from_string(graph), full_check=True)
    network = OnnxNetwork(graph, grid_multiple=(1, 1), source=family)
    assert network.input_shape == model.input_shape and network.output_shape == model.output_shape
    for batch in (1, 3):
        image = noise(batch, *sizes, 2, seed=batch)
        expected = np.asarray(model(image, training=False))
        assert expected.std() > 0.01  # else anything would do
        np.testing.assert_allclose(network.answer(image), expected, atol=WITHIN, rtol=0)


def test_any_size_goes_where_the_model_leaves_it_open():
    model = segan()
    network = OnnxNetwork(make_graph(model, source="it"), grid_multiple=(16, 16), source="it")
    for rows, columns in ((16, 32), (48, 16)):
        image = noise(2, rows, columns, 1)
        np.testing.assert_allclose(network.answer(image), model(image, training=False), atol=WITHIN, rtol=0)


def test_the_same_network_gives_the_same_bytes():
    assert make_graph(nnunet(2), source="it") == make_graph(nnunet(2), source="it")
    assert make_graph(nnunet(2), source="it") != make_graph(nnunet(2, seed=1), source="it")


@pytest.mark.parametrize("build", [lambda: nnunet(2), lambda: build_unet3d(VOLUME, filters=(4, 4, 6))])
def test_what_was_trained_in_half_precision_computes_in_single(build):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        half = build()
    finally:
        keras.config.set_dtype_policy("float32")
    single = as_float32(half)
    assert {layer.compute_dtype for layer in single.layers} == {"float32"} and as_float32(single) is single
    image = noise(1, 8, 8, 8, 2)
    found = OnnxNetwork(make_graph(half, source="it"), grid_multiple=(1, 1), source="it").answer(image)
    np.testing.assert_allclose(found, single(image, training=False), atol=WITHIN, rtol=0)
    assert np.abs(found - np.asarray(half(image, training=False))).max() > WITHIN  # these two are not the same


@pytest.mark.parametrize(
    ("layer", "named"),
    [
        (lambda: layers.LayerNormalization(name="odd"), "odd is a LayerNormalization,"),
        (lambda: layers.ReLU(max_value=6, name="odd"), "odd is a ReLU with max_value or threshold,"),
        (lambda: layers.Conv2D(2, 3, activation="mish", name="odd"), "odd is a Conv2D with the activation mish,"),
        (lambda: layers.UpSampling2D(2, interpolation="bicubic", name="odd"), "with the interpolation bicubic,"),
    ],
)
def test_a_layer_that_is_not_known_is_named(layer, named):
    image = keras.Input((8, 8, 2))
    with pytest.raises(UserError, match=f"mine.keras: layer .*{named} expected one") as error:
        make_graph(keras.Model(image, layer()(image)), source="mine.keras")
    assert "--saved-model" in str(error.value)


def test_a_graph_that_the_runtime_refuses_is_one_sentence():
    with pytest.raises(UserError, match="a.zip: onnxruntime .* does not take its network") as error:
        OnnxNetwork(b"no graph", grid_multiple=(1, 1), source="a.zip")
    assert "\n" not in str(error.value)
