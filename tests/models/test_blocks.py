"""Building blocks: clipping, upsampling, initial kernels."""

import keras
import numpy as np
import pytest

from segan_tl.models.blocks import ClipWeights, convolution, normalisation, upsample


def test_clip_keeps_what_is_within():
    assert np.allclose(ClipWeights(0.05)(np.array([-1.0, -0.05, 0.01, 0.3], "float32")), [-0.05, -0.05, 0.01, 0.05])
    assert ClipWeights.from_config(ClipWeights(0.2).get_config()).limit == 0.2


def test_bilinear_upsampling_by_hand():
    # [0, 4] → 0, 3/4·0 + 1/4·4, 1/4·0 + 3/4·4, 4: half-pixel centres, the border repeated.
    row = np.array([0, 4], "float32").reshape(1, 1, 2, 1)
    assert np.allclose(np.ravel(upsample(row, name="up")), [0, 1, 3, 4] * 2)


def test_upsampling_repeats_in_3d():
    volume = np.arange(2, dtype="float32").reshape(1, 1, 1, 2, 1)
    answer = np.asarray(upsample(volume, name="up"))
    assert answer.shape == (1, 2, 2, 4, 1)
    assert np.array_equal(answer[0, 0, 0, :, 0], [0, 0, 1, 1])


@pytest.mark.parametrize(
    ("shape", "strides", "expected"), [((8, 6, 3), 2, (4, 3, 64)), ((8, 6, 4, 3), 1, (8, 6, 4, 64))]
)
def test_convolution_follows_the_rank_and_initialises_as_the_authors(shape, strides, expected):
    keras.utils.set_random_seed(0)
    image = keras.Input(shape)
    model = keras.Model(image, convolution(image, 64, 4, name="conv", strides=strides))
    assert model.output_shape[1:] == expected
    rank = len(shape) - 1
    assert model.layers[1].use_bias is False
    assert np.isclose(np.std(model.layers[1].kernel), (2 / (4**rank * 64)) ** 0.5, rtol=0.05)


def test_normalisation_is_synchronised_and_has_the_authors_epsilon():
    image = keras.Input((4, 4, 2))
    layer = keras.Model(image, normalisation(image, 0.7, name="norm")).layers[1]
    assert (layer.synchronized, layer.momentum, layer.epsilon) == (True, 0.7, 1e-5)
