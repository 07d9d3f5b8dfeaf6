"""The answer on the mirrored head, by networks that see left and right alike, or not."""

import keras
import numpy as np

from segan_tl.data.files.images import Geometry
from segan_tl.data.find.cases import LoadedCase
from segan_tl.predict.postprocess import binarise
from segan_tl.predict.second_opinion import mirrored_agreement, mutual_agreement
from segan_tl.predict.segment import segment_case
from tests.small_runs import SHAPE, SPACING_MM, small_config, threshold_segmentor


def shifted_segmentor() -> keras.Model:
    """Build a network that says of a voxel what the one before it along H is."""
    image = keras.Input((None, None, 1), name="image")
    convolution = keras.layers.Conv2D(1, 3, padding="same", name="logits")
    model = keras.Model(image, keras.layers.Activation("sigmoid", name="probability")(convolution(image)))
    kernel = np.zeros((3, 3, 1, 1))
    kernel[0, 1] = 40
    convolution.set_weights([kernel, np.array([-20.0])])
    return model


def loaded():
    image = np.full((*SHAPE, 1), 100, np.float32)
    image[10:14, 8:12, 3:6] = 1000
    return LoadedCase(image, None, Geometry(SHAPE, np.diag([-SPACING_MM[0], -SPACING_MM[1], SPACING_MM[2], 1])))


def agreement_of(model, config):
    case = loaded()
    prediction = binarise(segment_case(model, case.image, config, spacing_mm=case.spacing_mm), config.predict)
    assert prediction.any()
    return mirrored_agreement(model, case, config, prediction=prediction, case="x")


def test_a_network_that_sees_each_voxel_by_itself_says_the_same():
    assert agreement_of(threshold_segmentor(1), small_config()) == {"wt": 1}


def test_one_that_moves_what_it_sees_does_not():
    # The tumour is 4 voxels wide: moved by one to this side and to that side, 2 are shared: 2 · 2 / (4 + 4).
    assert agreement_of(shifted_segmentor(), small_config()) == {"wt": 0.5}


def test_the_mean_over_flips_is_held_against_one_pass():
    # The mean of both sides is 0.5 at each end, 6 voxels in all; one pass has 4, all among them: 2 · 4 / (6 + 4).
    config = small_config(mirror=True)
    config = config.model_copy(update={"augment": config.augment.model_copy(update={"mirror_axes": ("H",)})})
    assert agreement_of(shifted_segmentor(), config) == {"wt": 0.8}


def test_one_answer_agrees_with_nobody():
    assert mutual_agreement([np.ones((2, 2, 2, 1), bool)], ("wt",)) is None
    assert mutual_agreement([np.ones((2, 2, 2, 1), bool)] * 2, ("wt",)) == {"wt": 1}
