"""Changes of a patch: nothing where nothing is drawn, exact turns, image and labels together, background stays 0."""

import math

import numpy as np
import pytest
import tensorflow as tf
from scipy.ndimage import gaussian_filter, map_coordinates

from segan_tl.config.augment import AugmentConfig
from segan_tl.data.augment import augment, draw
from segan_tl.data.space import rotations
from tests.data.published_augmentation import NNUNET, WACKER

SIDE = 9
PATCH = (SIDE, SIDE, SIDE)


def nothing(patch=PATCH, channels=2):
    """Return a row that changes nothing."""
    row = draw(np.random.default_rng(0), AugmentConfig(), count=1, patch=patch, channels=channels)
    return {name: values[0] for name, values in row.items()} | {"centre": (np.array(patch, np.float32) - 1) / 2}


def apply(image, labels, *, patch=PATCH, keeps_statistics=True, **changed):
    row = nothing(patch, image.shape[-1])
    row |= {name: np.asarray(value, row[name].dtype) for name, value in changed.items()}
    tensors = {name: tf.constant(value) for name, value in row.items()}
    image, labels = augment(
        tf.constant(image), tf.constant(labels), tensors, patch=patch, keeps_statistics=keeps_statistics
    )
    return image.numpy(), labels.numpy()


@pytest.fixture
def example():
    generator = np.random.default_rng(0)
    image = generator.normal(size=(*PATCH, 2)).astype(np.float32)
    image[0] = image[:, :2] = 0  # background
    return image, (image[..., 0] > 0.3).astype(np.uint8) * 3


def turned(degrees, axis):
    angles = np.zeros((1, 3))
    angles[0, axis] = math.radians(degrees)
    return rotations(angles)[0]


def test_nothing_drawn_changes_nothing(example):
    image, labels = apply(*example)
    assert np.array_equal(image, example[0]) and np.array_equal(labels, example[1])


def test_a_published_set_at_chance_zero_draws_nothing():
    chances = ("rotation", "scaling", "elastic", "mirror", "noise", "blur", "brightness", "contrast", "low_resolution")
    off = WACKER.model_copy(update=dict.fromkeys((*chances, "gamma", "gamma_inverted"), 0.0))
    rows, plain = (
        draw(np.random.default_rng(1), config, count=50, patch=PATCH, channels=2)
        for config in (off, AugmentConfig())
    )
    rows.pop("seed"), plain.pop("seed")
    assert all(np.array_equal(values, plain[name]) for name, values in rows.items())


@pytest.mark.parametrize("axis, plane", [(0, (1, 2)), (1, (0, 2)), (2, (0, 1))])
def test_a_quarter_turn_moves_image_and_labels_together(example, axis, plane):
    image, labels = apply(*example, matrix=turned(90, axis))
    # Seen from the centre, (a, b) of the plane reads (−b, a): a quarter turn from the second axis to the first.
    expected = [np.rot90(x, -1, axes=plane) for x in example]
    np.testing.assert_allclose(image, expected[0], atol=1e-5)
    assert np.array_equal(labels, expected[1])


def test_any_turn_and_scale_equals_map_coordinates(example):
    matrix = turned(20, 0) @ turned(-13, 1) @ turned(30, 2) * 1.3
    image, labels = apply(*example, matrix=matrix, centre=[4, 4, 4])
    grid = np.stack(np.meshgrid(*[np.arange(SIDE)] * 3, indexing="ij")).reshape(3, -1) - 4
    positions = np.clip(matrix @ grid + 4, 0, SIDE - 1)
    for channel in range(2):
        expected = map_coordinates(example[0][..., channel], positions, order=1).reshape(PATCH)
        np.testing.assert_allclose(image[..., channel], expected, atol=1e-5)
    rounded = np.floor(positions + 0.5).astype(int)
    assert (labels.ravel() == example[1][tuple(rounded)]).mean() > 0.999  # ties may fall either way


def test_scale_reads_more_of_the_head():
    image = np.zeros((17, 17, 17, 1), np.float32)
    image[4:13, 4:13, 4:13] = 1
    small, labels = apply(image, image[..., 0].astype(np.uint8), matrix=np.eye(3) * 2, centre=[8, 8, 8])
    assert labels.sum() == 5**3 and small[2:7, 2:7, 2:7].all() and small.sum() == 5**3  # 9 voxels look like 5


@pytest.mark.parametrize("mirror", [(True, False, False), (False, True, True)])
def test_mirror(example, mirror):
    axes = tuple(axis for axis in range(3) if mirror[axis])
    image, labels = apply(*example, mirror=mirror)
    assert np.array_equal(image, np.flip(example[0], axes)) and np.array_equal(labels, np.flip(example[1], axes))


@pytest.mark.parametrize("stored", [np.float16, np.float32])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_a_mirrored_patch_keeps_its_modalities_however_it_is_stored(channels, stored):
    image = np.random.default_rng(0).normal(size=(3, 4, 5, channels)).astype(stored)
    labels = np.arange(60, dtype=np.uint8).reshape(3, 4, 5)
    mirrored, turned_labels = apply(image, labels, patch=(3, 4, 5), mirror=(True, False, True))
    assert mirrored.dtype == np.float32 and np.array_equal(mirrored, np.flip(image, (0, 2)))
    assert np.array_equal(turned_labels, np.flip(labels, (0, 2)))


@pytest.mark.parametrize("bent", [0.0, 1.5])
def test_what_is_moved_and_mirrored_is_what_is_moved_turned_round(example, bent):
    changes = {"matrix": turned(20, 0) @ turned(-13, 1), "elastic_sigma": [3.0] * 3, "elastic_voxels": bent, "seed": 5}
    image, labels = apply(*example, **changes)
    mirrored, labels_mirrored = apply(*example, **changes, mirror=(True, False, True))
    np.testing.assert_allclose(mirrored, np.flip(image, (0, 2)), atol=1e-6)
    assert (labels_mirrored == np.flip(labels, (0, 2))).mean() > 0.999  # ties may fall either way


def test_elastic_moves_image_and_labels_alike_and_by_no_more_than_drawn():
    # Coordinates as image: what comes out is where it was read.
    side = 24
    grid = np.stack(np.meshgrid(*[np.arange(side, dtype=np.float32)] * 3, indexing="ij"), axis=-1)
    labels = (grid[..., 0] >= 12).astype(np.uint8)
    changes = {"elastic_sigma": [4.0] * 3, "elastic_voxels": 2.0, "seed": 7}
    read, moved = apply(grid, labels, patch=(side,) * 3, **changes)
    shift = (read - grid)[3:-3, 3:-3, 3:-3]
    assert 1.0 < abs(shift).max() <= 2.0 + 1e-4
    assert np.mean((read[..., 0] >= 11.5) == moved) > 0.999
    assert abs(np.diff(shift[..., 0], axis=0)).max() < 1  # it never folds
    other, _ = apply(grid, labels, patch=(side,) * 3, **(changes | {"seed": 8}))
    assert not np.allclose(read, other)


def test_background_stays_zero(example):
    drawn = {
        "noise": 0.1, "blur": np.ones((2, 3)), "brightness": [1.2, 0.9], "contrast": [0.8, 1.2], "zoom": [0.5, 0.7],
        "gamma_inverted": [1.3, 0.8], "gamma": [1.4, 0.7],
    }  # fmt: skip
    image, labels = apply(*example, **drawn)
    background = ~example[0].any(axis=-1)
    assert background.any() and not image[background].any() and np.array_equal(labels, example[1])
    assert not np.isclose(image[~background], example[0][~background]).any(axis=-1).all()


def test_noise_has_the_drawn_deviation_and_differs_between_modalities():
    image = np.ones((24, 24, 24, 2), np.float32)
    noisy, _ = apply(image, image[..., 0].astype(np.uint8), patch=(24,) * 3, noise=0.1, seed=3)
    assert np.allclose((noisy - 1).std(axis=(0, 1, 2)), 0.1, rtol=0.03)
    assert abs(np.corrcoef(noisy[..., 0].ravel(), noisy[..., 1].ravel())[0, 1]) < 0.05


def test_blur_equals_scipy(example):
    image = np.random.default_rng(2).normal(size=(*PATCH, 2)).astype(np.float32)
    sigma = [0.6, 0.9, 1.4]
    blurred, _ = apply(image, example[1], blur=[sigma, [0, 0, 0]])
    np.testing.assert_allclose(blurred[..., 0], gaussian_filter(image[..., 0], sigma, mode="reflect"), atol=1e-5)
    assert np.array_equal(blurred[..., 1], image[..., 1])


def test_low_resolution_by_hand():
    line = np.array([1, 2, 3, 4], np.float32)
    image = np.broadcast_to(line, (4, 4, 4))[..., None].copy()
    coarse, _ = apply(image, image[..., 0].astype(np.uint8), patch=(4, 4, 4), zoom=[0.5])
    # Two voxels are kept, those at floor(0.5 · 2) = 1 and floor(1.5 · 2) = 3: 2 and 4. Voxel i reads
    # (i + 0.5) / 2 − 0.5 of them: −0.25 (the end: 2), 0.25, 0.75, 1.25 (the end: 4).
    np.testing.assert_allclose(coarse[0, 0, :, 0], [2, 2.5, 3.5, 4], atol=1e-6)


def test_brightness_and_contrast_by_hand():
    image = np.array([1, 2, 3, 6], np.float32).reshape(1, 1, 4, 1)
    labels = np.ones((1, 1, 4), np.uint8)
    bright, _ = apply(image, labels, patch=(1, 1, 4), brightness=[1.5])
    np.testing.assert_allclose(bright.ravel(), [1.5, 3, 4.5, 9])
    # Mean 3: 3 + 1.25 · (−2, −1, 0, 3) = 0.5, 1.75, 3, 6.75, kept within 1 … 6.
    stretched, _ = apply(image, labels, patch=(1, 1, 4), contrast=[1.25])
    np.testing.assert_allclose(stretched.ravel(), [1, 1.75, 3, 6], atol=1e-6)


def test_gamma_by_hand():
    image = np.array([1, 2, 3, 5], np.float32).reshape(1, 1, 4, 1)
    labels = np.ones((1, 1, 4), np.uint8)
    options = {"patch": (1, 1, 4), "keeps_statistics": False}
    # 0, 1/4, 1/2, 1 squared is 0, 1/16, 1/4, 1; times 4, plus 1.
    bent, _ = apply(image, labels, gamma=[2], **options)
    np.testing.assert_allclose(bent.ravel(), [1, 1.25, 2, 5], atol=1e-5)
    # Upside down: −1, −2, −3, −5 → 1, 3/4, 1/2, 0 squared is 1, 9/16, 1/4, 0; times 4, minus 5, and back.
    bent, _ = apply(image, labels, gamma_inverted=[2], **options)
    np.testing.assert_allclose(bent.ravel(), [1, 2.75, 4, 5], atol=1e-5)
    kept, _ = apply(image, labels, patch=(1, 1, 4), gamma=[2])
    assert kept.mean() == pytest.approx(image.mean()) and kept.std() == pytest.approx(image.std(), rel=1e-5)


def test_a_slice_turns_in_its_plane_only():
    config = AugmentConfig(rotation=1, scaling=1, elastic=1, mirror=1)
    rows = draw(np.random.default_rng(0), config, count=20, patch=(1, 16, 16), channels=1)
    assert np.array_equal(rows["matrix"][:, 0], np.tile([1, 0, 0], (20, 1))) and not rows["matrix"][:, 1:, 0].any()
    assert not rows["mirror"][:, 0].any() and rows["mirror"][:, 1:].all()
    image = np.random.default_rng(1).normal(size=(1, 16, 16, 1)).astype(np.float32)
    changes = {name: rows[name][0] for name in ("matrix", "elastic_sigma", "elastic_voxels", "seed")}
    moved, _ = apply(image, np.ones((1, 16, 16), np.uint8), patch=(1, 16, 16), **changes)
    assert moved.shape == image.shape and not np.allclose(moved, image)


def test_drawn_parameters_have_their_chances_and_ranges():
    rows = draw(np.random.default_rng(0), NNUNET, count=4000, patch=(64, 64, 64), channels=3)
    scale = np.cbrt(np.linalg.det(rows["matrix"]))
    turn = rows["matrix"] / scale[:, None, None]
    assert abs((abs(turn - np.eye(3)).max(axis=(1, 2)) > 1e-4).mean() - 0.2) < 0.03
    assert abs((abs(scale - 1) > 1e-4).mean() - 0.2) < 0.03
    assert scale.min() >= 0.7 - 1e-4 and scale.max() <= 1.4 + 1e-4
    assert np.allclose(turn @ turn.transpose(0, 2, 1), np.eye(3), atol=1e-5)
    assert not rows["elastic_voxels"].any()
    assert np.allclose(rows["mirror"].mean(axis=0), 0.5, atol=0.04)
    for name, chance, low, high in (
        ("brightness", 0.15, 0.75, 1.25), ("contrast", 0.15, 0.75, 1.25), ("gamma", 0.3, 0.7, 1.5),
        ("gamma_inverted", 0.1, 0.7, 1.5),
    ):  # fmt: skip
        changed = rows[name] != 1
        assert abs(changed.any(axis=1).mean() - chance) < 0.03
        assert np.array_equal(changed.any(axis=1), changed.all(axis=1))
        values = rows[name][changed]
        assert low <= values.min() and values.max() <= high and abs((values < 1).mean() - 0.5) < 0.05
    assert abs((rows["noise"] > 0).mean() - 0.1) < 0.02 and rows["noise"].max() <= 0.1
    assert abs((rows["blur"] > 0).mean() - 0.2 * 0.5) < 0.02 and abs((rows["zoom"] < 1).mean() - 0.25 * 0.5) < 0.02
    assert len(np.unique(rows["seed"])) == 4000 and len(np.unique(rows["noise"])) > 300


def test_wackers_elastic_never_folds():
    rows = draw(np.random.default_rng(0), WACKER, count=4000, patch=(24, 128, 128), channels=3)
    bent = rows["elastic_voxels"] > 0
    assert abs(bent.mean() - 0.1) < 0.02
    assert (rows["elastic_voxels"] <= rows["elastic_sigma"].min(axis=1) / 2 + 1e-6).all()
    brightness = rows["brightness"][rows["brightness"] != 1]
    assert abs((brightness < 1).mean() - 0.3 / 0.8) < 0.04  # uniform in 0.7 … 1.5


def test_the_same_seed_draws_the_same():
    first, again, other = (
        draw(np.random.default_rng(seed), NNUNET, count=9, patch=PATCH, channels=2) for seed in (4, 4, 5)
    )
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not np.array_equal(first["seed"], other["seed"])
