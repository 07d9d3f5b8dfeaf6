"""Slices and volumes through a real, tiny segmentor."""

import gc

import keras
import numpy as np
import pytest

from segan_tl.config.load import validate
from segan_tl.data.prepare import prepare_volume
from segan_tl.errors import UserError
from segan_tl.models.segan import build_segmentor
from segan_tl.predict.keras_network import TRACED_SLICES, grid_multiple, trace_slices
from segan_tl.predict.plausibility import area_text
from segan_tl.predict.prepare import segmented_box
from segan_tl.predict.segment import segment_case, segment_prepared, segment_slices

SPACING_MM = (1.0, 1.0, 1.0)


@pytest.fixture(scope="module")
def segmentor():
    keras.utils.set_random_seed(3)
    return build_segmentor((None, None, 1), filters=(4, 8, 8, 8))


def small_config(**predict):
    data = {"crop": (40, 36, 6), "window": (32, 32), "modalities": ("flair",)}
    return validate({"data": data, "predict": {"batch_size": 4, **predict}}, source="the test")


def test_slices_equal_the_model_called_directly(segmentor):
    slices = np.random.default_rng(0).random((7, 32, 48, 1), np.float32)
    probability = segment_slices(segmentor, slices, batch_size=3)  # 3 + 3 + 1 slice and two of padding
    assert probability.shape == (7, 32, 48, 1) and probability.dtype == np.float32
    np.testing.assert_allclose(probability, segmentor(slices, training=False), atol=1e-6)


def test_sizes_off_the_grid_are_padded_evenly_and_cut_back(segmentor):
    slices = np.random.default_rng(1).random((2, 20, 33, 1), np.float32)
    # 20 → 32: 6 and 6; 33 → 48: 15 = 7 and 8
    padded = np.pad(slices, ((0, 0), (6, 6), (7, 8), (0, 0)))
    expected = segmentor(padded, training=False)[:, 6:26, 7:40]
    np.testing.assert_allclose(segment_slices(segmentor, slices, batch_size=2), expected, atol=1e-6)


def test_one_trace_serves_every_case(segmentor):
    for depth in (2, 4):  # a batch of 2, batches of 4
        segment_slices(segmentor, np.zeros((depth, 64, 64, 1), np.float32), batch_size=4)
    before = trace_slices(segmentor).experimental_get_tracing_count()
    for depth in (2, 3, 5, 9):
        segment_slices(segmentor, np.zeros((depth, 64, 64, 1), np.float32), batch_size=4)
    assert trace_slices(segmentor).experimental_get_tracing_count() == before


def test_new_weights_are_used_without_tracing_again(segmentor):
    slices = np.random.default_rng(2).random((2, 32, 32, 1), np.float32)
    segment_slices(segmentor, slices, batch_size=2)
    weights = segmentor.get_weights()
    segmentor.set_weights([np.zeros_like(weight) for weight in weights])
    assert (segment_slices(segmentor, slices, batch_size=2) == 0.5).all()  # sigmoid(0)
    segmentor.set_weights(weights)


def test_the_traced_graph_goes_with_its_model():
    gc.collect()
    before = len(TRACED_SLICES)
    model = build_segmentor((None, None, 1), filters=(2, 2))
    segment_slices(model, np.zeros((1, 16, 16, 1), np.float32), batch_size=1)
    assert len(TRACED_SLICES) == before + 1
    del model
    gc.collect()
    assert len(TRACED_SLICES) == before


def test_no_slices_give_no_probability(segmentor):
    assert segment_slices(segmentor, np.zeros((0, 32, 32, 1), np.float32), batch_size=2).shape == (0, 32, 32, 1)


def test_grid_multiple_is_two_per_stage_or_the_fixed_size(segmentor):
    assert grid_multiple(segmentor) == (16, 16)
    assert grid_multiple(build_segmentor((None, None, 2), filters=(4, 8))) == (4, 4)
    assert grid_multiple(build_segmentor((32, 48, 1), filters=(4, 8))) == (32, 48)


@pytest.mark.parametrize("shape", [(48, 50, 9), (41, 37, 7), (30, 36, 4)])
def test_a_case_comes_back_on_its_own_grid(segmentor, shape):
    image = np.random.default_rng(3).integers(0, 900, (*shape, 1)).astype(np.float32)
    probability = segment_case(segmentor, image, small_config(), spacing_mm=SPACING_MM)
    assert probability.shape == (*shape, 1)
    assert (probability > 0).sum() == np.prod(np.minimum(shape, (40, 36, 6)))  # the crop, nothing around it


def test_the_crop_is_pasted_where_it_was_cut(segmentor):
    image = np.random.default_rng(4).integers(0, 900, (48, 50, 9, 1)).astype(np.float32)
    config = small_config()
    data = config.data
    prepared, _ = prepare_volume(image, normalise="percentiles", crop=data.crop, percentiles=data.percentiles)
    expected = np.moveaxis(segment_slices(segmentor, prepared, batch_size=4), 0, 2)
    # (48 - 40) // 2 = 4, (50 - 36) // 2 = 7, (9 - 6) // 2 = 1
    inside = segment_case(segmentor, image, config, spacing_mm=SPACING_MM)[4:44, 7:43, 1:7]
    np.testing.assert_array_equal(inside, expected)


def test_window_leaves_the_rim_of_the_crop_empty(segmentor):
    image = np.random.default_rng(5).integers(0, 900, (48, 50, 9, 1)).astype(np.float32)
    probability = segment_case(segmentor, image, small_config(area="window"), spacing_mm=SPACING_MM)
    # window in crop: (40 - 32) // 2 = 4, (36 - 32) // 2 = 2; crop in image: 4, 7, 1
    assert (probability[8:40, 9:41, 1:7] > 0).all()
    assert (probability > 0).sum() == 32 * 32 * 6


def test_several_modalities_and_regions():
    model = build_segmentor((None, None, 4), classes=3, filters=(4, 4))
    image = np.random.default_rng(6).random((48, 50, 9, 4), np.float32)
    assert segment_case(model, image, small_config(), spacing_mm=SPACING_MM).shape == (48, 50, 9, 3)


def test_an_answer_that_is_no_number_is_an_error_of_its_case():
    """3e38 · 2 is more than float32 holds, and infinity less infinity is no number."""
    image = keras.Input((None, None, 1), name="image")
    large = keras.layers.Conv2D(1, 1, kernel_initializer=keras.initializers.Constant(3e38), name="large")(image)
    logits = keras.layers.Subtract(name="logits")([large, large])
    model = keras.Model(image, keras.layers.Activation("sigmoid", name="probability")(logits))
    prepared = np.zeros((3, 16, 16, 1), np.float32)
    assert np.isfinite(segment_prepared(model, prepared, small_config(), case="case7")).all()
    prepared[1, 2, 3] = 2
    with pytest.raises(UserError, match="case7: the network's answer holds values that are NaN or infinite"):
        segment_prepared(model, prepared, small_config(), case="case7")


def test_flips_of_whole_slices_are_averaged_by_hand(segmentor):
    slices = np.random.default_rng(0).normal(size=(3, 16, 24, 1)).astype(np.float32)
    given = {"batch_size": 2}
    plain = segment_slices(segmentor, slices, **given)
    turned = segment_slices(segmentor, slices[:, ::-1], **given)[:, ::-1]
    found = segment_slices(segmentor, slices, mirror_axes=[1], **given)
    np.testing.assert_allclose(found, (plain + turned) / 2, atol=1e-6)
    assert abs(found - plain).max() > 1e-4


def weighted(weights):
    """Return a network whose logit is the sum of its channels, weighted."""
    image = keras.Input((None, None, len(weights)), name="image")
    logits = keras.layers.Conv2D(1, 1, use_bias=False, name="logits")(image)
    model = keras.Model(image, keras.layers.Activation("sigmoid", name="probability")(logits))
    model.get_layer("logits").set_weights([np.reshape(weights, (1, 1, -1, 1)).astype(np.float32)])
    return model


PATCH = {"axial": (1, 16, 16), "coronal": (1, 16, 8), "sagittal": (1, 8, 16)}


def sliced_config(modalities=("flair",), *, predict=None, augment=None, plane="axial", **data):
    values = small_config().model_dump(mode="json") | {"critic": None}
    values["data"] |= {"crop": (20, 18, 8), "plane": plane, "patch": PATCH[plane], "modalities": modalities, **data}
    values["model"]["filters"] = [4, 8, 8]
    values["predict"] |= predict or {}
    values["augment"] |= augment or {}
    return validate(values, source="the test")


@pytest.mark.parametrize("mirror", [False, True])
def test_neighbours_are_stacked_by_hand(mirror):
    """Logits 1 · below + 10 · own + 100 · above, of slices 0.01, 0.02 and 0.03: 2.1 + 1, 0.1 + …"""
    prepared = np.ones((3, 16, 16, 1), np.float32) * np.float32([0.01, 0.02, 0.03])[:, None, None, None]
    config = sliced_config(neighbours=1, predict={"mirror": mirror}, augment={"mirror_axes": ["H", "W"]})
    found = segment_prepared(weighted([1, 10, 100]), prepared, config)
    logits = np.array([0.1 + 2, 0.01 + 0.2 + 3, 0.02 + 0.3])
    np.testing.assert_allclose(found[:, 5, 5, 0], 1 / (1 + np.exp(-logits)), atol=1e-5)
    assert found.shape == (3, 16, 16, 1)


def test_flips_of_slices_with_neighbours(segmentor):
    network = build_segmentor((None, None, 3), filters=(4, 8, 8, 8))
    prepared = np.random.default_rng(0).normal(size=(3, 16, 32, 1)).astype(np.float32)
    plain = sliced_config(neighbours=1, predict={"mirror": False}, augment={"mirror_axes": ["H"]})
    mirrored = sliced_config(neighbours=1, predict={"mirror": True}, augment={"mirror_axes": ["H"]})
    turned = segment_prepared(network, prepared[:, ::-1], plain)[:, ::-1]
    expected = (segment_prepared(network, prepared, plain) + turned) / 2
    np.testing.assert_allclose(segment_prepared(network, prepared, mirrored), expected, atol=1e-6)


def test_planes_stand_behind_the_neighbours():
    """Of t1 only the plane counts, 4; of the missing FLAIR nothing, whose plane is 0."""
    prepared = np.zeros((2, 16, 16, 2), np.float32)
    prepared[..., 0] = 0.5
    config = sliced_config(("t1", "flair"), neighbours=1, subsets="any")
    found = segment_prepared(weighted([0] * 6 + [4, 7]), prepared, config)
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-4.0)), atol=1e-5)


# === Planes ===


@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
def test_a_case_is_turned_and_turned_back(plane):
    """What tells a voxel by its intensity alone tells it in slices of any plane, and where it lies."""
    image = np.random.default_rng(7).integers(0, 900, (24, 20, 10, 1)).astype(np.float32)
    whole, config = (sliced_config(plane=plane, predict={"area": area}) for area in ("crop", "window"))
    axial = segment_case(weighted([3]), image, sliced_config(), spacing_mm=SPACING_MM)
    np.testing.assert_allclose(segment_case(weighted([3]), image, whole, spacing_mm=SPACING_MM), axial, atol=1e-6)
    # The crop is (2, 1, 1) to (22, 19, 9); of its slices 16 × 16, 16 × 8 or 8 × 16 in the middle are looked at.
    window = segment_case(weighted([3]), image, config, spacing_mm=SPACING_MM)
    inside = {"axial": np.s_[4:20, 2:18, 1:9], "coronal": np.s_[4:20, 1:19, 1:9], "sagittal": np.s_[2:22, 2:18, 1:9]}
    expected = np.zeros_like(axial)
    expected[inside[plane]] = axial[inside[plane]]
    np.testing.assert_allclose(window, expected, atol=1e-6)
    box = segmented_box(image.shape[:3], config, spacing_mm=SPACING_MM)
    assert box.inside == inside[plane]
    assert area_text(config) == f"{' × '.join(map(str, box.size))} voxels"


def test_flips_of_slices_are_left_right_where_they_can_be():
    """A network that takes each row from the next one; a flip of the rows makes it the row before."""
    prepared = np.random.default_rng(0).normal(size=(4, 16, 16, 1)).astype(np.float32)
    network = weighted([1])
    image = keras.Input((None, None, 1), name="image")
    shifted = keras.layers.Conv2D(1, (3, 1), padding="same", use_bias=False, name="rows")(image)
    shift = keras.Model(image, network(shifted))
    shift.get_layer("rows").set_weights([np.float32([0, 0, 1]).reshape(3, 1, 1, 1)])

    def found(plane, mirror):
        config = sliced_config(plane=plane, predict={"mirror": mirror}, augment={"mirror_axes": ["H"]})
        return segment_prepared(shift, prepared, config)

    assert abs(found("coronal", True) - found("coronal", False)).max() > 0.01
    np.testing.assert_array_equal(found("sagittal", True), found("sagittal", False))
