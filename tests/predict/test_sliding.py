"""Tiles over a volume: against a slow reference, at every size, through 3-D and 2-D networks."""

import gc
import itertools
import math
import weakref

import keras
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from segan_tl.config.load import load_config
from segan_tl.errors import UserError
from segan_tl.predict.keras_network import TRACED_TILES, trace_tiles
from segan_tl.predict.sliding import make_grid, segment_volume, tile_starts, tile_weights


def network(rank=3, channels=2, classes=3, seed=0):
    keras.utils.set_random_seed(seed)
    image = keras.Input((*(None,) * rank, channels), name="image")
    x = getattr(keras.layers, f"Conv{rank}D")(classes, 3, padding="same", name="logits")(image)
    return keras.Model(image, keras.layers.Activation("sigmoid", name="probability")(x))


def identity(rank=3, channels=2):
    image = keras.Input((*(None,) * rank, channels), name="image")
    return keras.Model(image, keras.layers.Activation("linear", name="probability")(image))


@pytest.fixture(scope="module")
def model():
    return network()


def volume(shape, channels=2, seed=0):
    return np.random.default_rng(seed).normal(size=(*shape, channels)).astype(np.float32)


def slow(model, image, *, patch, overlap, weighting, mirror_axes=()):
    """Do what segment_volume says, one tile after another, with whole arrays of weights."""
    pads = [max(tile - size, 0) for size, tile in zip(image.shape, patch)]
    padded = np.pad(image, [(pad // 2, pad - pad // 2) for pad in pads] + [(0, 0)])
    delta = np.zeros(patch)
    delta[tuple(tile // 2 for tile in patch)] = 1
    weight = gaussian_filter(delta, [tile / 8 for tile in patch], mode="constant", truncate=8)
    weight = weight if weighting == "gaussian" else np.ones(patch)
    total, weights = np.zeros((*padded.shape[:3], model.output_shape[-1])), np.zeros((*padded.shape[:3], 1))
    axes = []
    for size, tile, share in zip(padded.shape, patch, np.broadcast_to(overlap, 3)):
        number = math.ceil((size - tile) / max(tile * (1 - share), 1)) + 1
        axes.append([round((size - tile) * i / max(number - 1, 1)) for i in range(number)])
    for corner in itertools.product(*axes):
        where = tuple(slice(start, start + tile) for start, tile in zip(corner, patch))
        outputs = []
        for n in range(len(mirror_axes) + 1):
            for flip in itertools.combinations(mirror_axes, n):
                outputs.append(np.flip(call(model, np.flip(padded[where], flip)), flip))
        total[where] += np.mean(outputs, axis=0) * weight[..., None]
        weights[where] += weight[..., None]
    cut = tuple(slice(pad // 2, pad // 2 + size) for pad, size in zip(pads, image.shape))
    return (total / weights)[cut]


def call(model, tile):
    if len(model.input_shape) == 4:
        return model(tile, training=False).numpy()  # the one slice is the batch
    return model(tile[None], training=False).numpy()[0]


@pytest.mark.parametrize("weighting", ["gaussian", "constant"])
@pytest.mark.parametrize("shape", [(16, 16, 16), (19, 23, 17), (8, 33, 8), (5, 3, 30)])
def test_equals_the_slow_reference(model, shape, weighting):
    options = {"patch": (8, 12, 10), "overlap": 0.5, "weighting": weighting}
    image = volume(shape)
    got = segment_volume(model, image, batch_size=3, **options)
    assert got.dtype == np.float32 and got.shape == (*shape, 3)
    np.testing.assert_allclose(got, slow(model, image, **options), atol=2e-6)


def test_every_axis_may_have_an_overlap_of_its_own(model):
    options = {"patch": (8, 12, 10), "overlap": (0, 0.75, 0.5), "weighting": "constant"}
    image = volume((19, 23, 17))
    np.testing.assert_allclose(segment_volume(model, image, **options), slow(model, image, **options), atol=2e-6)


def test_the_windows_of_albunet_are_those_of_the_paper():
    # Steps of 24, 32 and 32 voxels over 144 × 192 × 192 [Wacker 2020].
    config = load_config("albunet3d")
    grid = make_grid((144, 192, 192), config.data.patch, overlap=config.predict.overlap, weighting="constant")
    assert grid.starts[0].tolist() == [0, 24, 48, 72, 96, 120]
    assert grid.starts[1].tolist() == grid.starts[2].tolist() == [0, 32, 64]


@pytest.mark.parametrize("axes", [(0,), (1, 2), (0, 1, 2)])
def test_mirroring_equals_the_slow_reference(model, axes):
    options = {"patch": (8, 8, 6), "overlap": 0.25, "weighting": "gaussian", "mirror_axes": axes}
    image = volume((9, 14, 6))
    np.testing.assert_allclose(
        segment_volume(model, image, batch_size=4, **options), slow(model, image, **options), atol=2e-6
    )


def test_two_dimensional_networks_go_slice_by_slice():
    model = network(rank=2)
    image = volume((5, 18, 13))
    for axes in ((), (1, 2)):
        options = {"patch": (1, 8, 8), "overlap": 0.5, "weighting": "gaussian", "mirror_axes": axes}
        got = segment_volume(model, image, batch_size=4, **options)
        np.testing.assert_allclose(got, slow(model, image, **options), atol=2e-6)
    whole = segment_volume(model, image, patch=(1, 18, 13), batch_size=2)
    np.testing.assert_allclose(whole, model(image, training=False), atol=1e-6)


@pytest.mark.parametrize("overlap", [0.0, 0.5, 0.7])
@pytest.mark.parametrize("rank, patch", [(3, (4, 4, 4)), (2, (1, 5, 6))])
def test_an_identity_comes_back_at_every_size(rank, patch, overlap):
    model = identity(rank)
    for shape in ((1, 1, 1), (3, 4, 5), (7, 6, 11), (2, 13, 4)):
        image = volume(shape)
        got = segment_volume(model, image, patch=patch, overlap=overlap, batch_size=5)
        np.testing.assert_allclose(got, image, atol=3e-6)


@pytest.mark.parametrize("size, tile, overlap, starts", [
    (155, 128, 0.5, [0, 27]),
    (128, 128, 0.5, [0]),
    (240, 128, 0.5, [0, 56, 112]),
    (10, 4, 0.0, [0, 3, 6]),  # ceil(6 / 4) + 1 = 3
    (3, 1, 0.5, [0, 1, 2]),  # slices: never half a voxel apart
    (5, 8, 0.5, [-1]),  # 3 zeros: 1 before, 2 behind
])  # fmt: skip
def test_starts(size, tile, overlap, starts):
    assert tile_starts(size, tile, overlap=overlap).tolist() == starts


def test_every_voxel_is_covered():
    for size, tile, overlap in itertools.product(range(1, 40), (1, 3, 8, 13), (0.0, 0.3, 0.5, 0.9)):
        starts = tile_starts(size, tile, overlap=overlap)
        covered = {voxel for start in starts for voxel in range(start, start + tile)}
        assert set(range(size)) <= covered
        assert np.diff(starts).max(initial=0) <= math.ceil(max(tile * (1 - overlap), 1))


def test_weights_are_the_filtered_point_of_nnunet():
    delta = np.zeros(64)
    delta[32] = 1
    expected = gaussian_filter(delta, 8, mode="constant", truncate=4)
    np.testing.assert_allclose(tile_weights(64, "gaussian"), expected / expected.max(), atol=1e-6)
    assert (tile_weights(5, "constant") == 1).all() and (tile_weights(1, "gaussian") == 1).all()


def test_a_mirrored_volume_gives_the_mirrored_result(model):
    image = volume((8, 12, 10))  # tiles of 8 at 0 and 4, and at 0 and 2: the grid is symmetric
    got = segment_volume(model, image, patch=(8, 8, 8), weighting="constant", mirror_axes=(0, 1, 2))
    turned = segment_volume(model, image[:, ::-1], patch=(8, 8, 8), weighting="constant", mirror_axes=(0, 1, 2))
    np.testing.assert_allclose(turned, got[:, ::-1], atol=1e-6)


def test_memory_maps_in_and_out_and_progress(model, tmp_path):
    image = volume((9, 11, 10)).astype(np.float16)
    np.save(tmp_path / "image.npy", image)
    out = np.lib.format.open_memmap(tmp_path / "out.npy", "w+", np.float32, (9, 11, 10, 3))
    out[:] = 7
    seen = []
    stored = np.load(tmp_path / "image.npy", mmap_mode="r")
    segment_volume(
        model, stored, patch=(8, 8, 8), batch_size=3, out=out, progress=lambda done, of: seen.append((done, of))
    )
    expected = segment_volume(model, image.astype(np.float32), patch=(8, 8, 8), batch_size=3)
    np.testing.assert_array_equal(out, expected)
    assert seen == [(3, 8), (6, 8), (8, 8)]


def test_one_graph_serves_every_volume_and_goes_with_the_model():
    model = network(channels=1, seed=4)
    for shape in ((9, 9, 9), (20, 8, 8), (30, 9, 9)):
        segment_volume(model, volume(shape, 1), patch=(8, 8, 8), batch_size=4, mirror_axes=(0, 2))
    assert trace_tiles(model).experimental_get_tracing_count() == 1
    model.set_weights([np.zeros_like(weight) for weight in model.get_weights()])
    half = segment_volume(model, volume((9, 9, 9), 1), patch=(8, 8, 8), batch_size=4)  # sigmoid(0)
    np.testing.assert_allclose(half, 0.5, atol=1e-6)
    graph, still_there = weakref.ref(TRACED_TILES[model]), weakref.ref(model)
    del model
    gc.collect()
    assert graph() is None and still_there() is None


def test_what_does_not_fit_is_refused(model):
    image = volume((8, 8, 8))
    with pytest.raises(UserError, match="2 modalities; found 1"):
        segment_volume(model, image[..., :1], patch=(8, 8, 8))
    with pytest.raises(UserError, match="overlap"):
        segment_volume(model, image, patch=(8, 8, 8), overlap=1)
    with pytest.raises(UserError, match="mirror axes"):
        segment_volume(model, image, patch=(8, 8, 8), mirror_axes=(3,))
    with pytest.raises(UserError, match=r"\(1, h, w\)"):
        segment_volume(network(rank=2), image, patch=(8, 8, 8))


@pytest.mark.parametrize("joined", [True, False], ids=["skip connection", "smaller output"])
def test_a_tile_that_the_network_does_not_give_back_is_refused(joined):
    image = keras.Input((None, None, None, 1))
    x = keras.layers.MaxPooling3D(2)(image)
    if joined:
        x = keras.layers.Concatenate()([image, keras.layers.UpSampling3D(2)(x)])
    with pytest.raises(UserError, match=r"\(15, 16, 16\) does not .*for example \(32, 32, 32\)"):
        segment_volume(keras.Model(image, x), volume((20, 20, 20), channels=1), patch=(15, 16, 16))


def test_a_grid_lists_its_tiles_slab_by_slab():
    grid = make_grid((6, 4, 5), (4, 4, 4), overlap=(0.5, 0.5, 0.5), weighting="constant")
    assert grid.corners == [(0, 0, 0), (0, 0, 1), (2, 0, 0), (2, 0, 1)]
