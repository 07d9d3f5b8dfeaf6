"""Augmentation: exact where it can be, image and mask together, background untouched."""

import math

import numpy as np
import pytest
import tensorflow as tf

from segan_tl.config.augment import AugmentConfig
from segan_tl.data.augment import augment, draw

IDENTITY = [0.0, 0.0, 1.0, 1.0, 1.0]


def apply(image, mask, row, config):
    parameters = tf.constant([row] * len(image), tf.float32)
    return [
        x.numpy() for x in augment(tf.constant(image), tf.constant(mask), parameters, tf.constant(5, tf.int64), config)
    ]


@pytest.fixture
def picture():
    image = np.random.default_rng(0).uniform(0.2, 0.9, (2, 9, 9, 1)).astype(np.float32)
    image[:, 0] = 0
    return image, (image > 0.6).astype(np.float32)


def test_off_means_unchanged(picture):
    image, mask = apply(*picture, IDENTITY, AugmentConfig())
    assert np.array_equal(image, picture[0]) and np.array_equal(mask, picture[1])


def test_identity_parameters_change_nothing(picture):
    image, mask = apply(
        *picture, IDENTITY, AugmentConfig(mirror=1, rotation=1, scaling=1, gamma=1, brightness=1)
    )
    assert np.allclose(image, picture[0], atol=1e-6) and np.array_equal(mask, picture[1])


def test_flip_mirrors_left_and_right(picture):
    image, mask = apply(*picture, [1.0, *IDENTITY[1:]], AugmentConfig(mirror=1))
    assert np.array_equal(image, picture[0][:, ::-1]) and np.array_equal(mask, picture[1][:, ::-1])


def test_a_flip_comes_before_the_turn(picture):
    config, turn = AugmentConfig(mirror=1, rotation=1, scaling=1), [0.25, 1.1, 1.0, 1.0]
    mirrored = [x[:, ::-1] for x in picture]
    image, mask = apply(*picture, [1.0, *turn], config)
    expected_image, expected_mask = apply(*mirrored, [0.0, *turn], config)
    assert np.allclose(image, expected_image, atol=1e-5) and np.array_equal(mask, expected_mask)


def test_a_quarter_turn_moves_image_and_mask_together(picture):
    image, mask = apply(*picture, [0.0, math.pi / 2, 1.0, 1.0, 1.0], AugmentConfig(rotation=1))
    turned = [np.rot90(x, k, axes=(1, 2)) for k in (1, 3) for x in (picture[0],)]
    k = int(np.allclose(image, turned[1], atol=1e-5))
    assert np.allclose(image, turned[k], atol=1e-5)
    assert np.array_equal(mask, np.rot90(picture[1], (1, 3)[k], axes=(1, 2)))


def test_gamma_and_brightness_by_hand():
    image = np.full((1, 1, 1, 1), 0.25, np.float32)
    # 0.25 ** 0.5 = 0.5, times 1.2 = 0.6
    changed, _ = apply(image, image, [0, 0, 1, 0.5, 1.2], AugmentConfig(gamma=1, brightness=1))
    assert changed.item() == pytest.approx(0.6)


def test_background_stays_zero_and_values_stay_in_range(picture):
    config = AugmentConfig(gamma=1, brightness=1, noise=1, noise_std=(0.2, 0.2))
    changed, _ = apply(*picture, [0, 0, 1, 1.2, 1.3], config)
    assert not changed[:, 0].any()
    assert changed.min() >= 0 and changed.max() <= 1


def test_drawn_parameters_lie_in_their_ranges():
    config = AugmentConfig(
        mirror=0.5, rotation=1, rotation_degrees=10, scaling=1, scale=(0.8, 1.25), gamma=1, gamma_exponent=(2 / 3, 1.5),
        brightness=1, brightness_factor=(0.9, 1.1),
    )  # fmt: skip
    rows = draw(np.random.default_rng(0), 4000, config).parameters
    assert 0.46 < rows[:, 0].mean() < 0.54
    assert abs(rows[:, 1]).max() <= math.radians(10) + 1e-6
    assert rows[:, 2].min() >= 1 / 1.25 - 1e-6 and rows[:, 2].max() <= 1.25 + 1e-6
    assert rows[:, 4].min() >= 0.9 - 1e-6 and rows[:, 4].max() <= 1.1 + 1e-6
