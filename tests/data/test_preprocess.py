"""Crop, paste and intensity scaling."""

import numpy as np
import pytest

from segan_tl.data.preprocess import centre_crop, centre_paste, find_background, prepare_image
from segan_tl.data.volume_prepare import prepare_volume
from segan_tl.errors import UserError


def test_centre_crop_of_brats_is_the_authors():
    # 240 → 180 leaves 30 on either side; 155 → 128 leaves 13 below and 14 above.
    volume = np.arange(240 * 240 * 155, dtype=np.int32).reshape(240, 240, 155)
    assert np.array_equal(centre_crop(volume, (180, 180, 128)), volume[30:210, 30:210, 13:141])


def test_smaller_volumes_are_padded_with_zeros():
    # 2 → 5: (5 - 2) // 2 = 1 zero before, 2 after.
    assert centre_crop(np.array([7, 8]), (5,)).tolist() == [0, 7, 8, 0, 0]


@pytest.mark.parametrize("shape", [(10, 9, 8, 2), (4, 5, 3, 2), (11, 4, 8, 1)])
def test_paste_is_the_inverse_of_crop(shape):
    volume = np.random.default_rng(0).normal(size=shape)
    crop = (6, 7, 5)
    restored = centre_paste(centre_crop(volume, crop), shape[:3])
    assert restored.shape == shape
    inside = restored != 0
    assert np.array_equal(restored[inside], volume[inside])
    assert inside[..., 0].sum() == np.prod([min(a, b) for a, b in zip(shape, crop)])


def test_intensities_by_hand():
    # 0, 1, …, 100: the 2nd percentile is 2, the 98th is 98; 50 → (50 - 2) / 96 = 0.5.
    image = np.arange(101, dtype=np.int16).reshape(101, 1, 1, 1)
    prepared = prepare_image(image, crop=(101, 1, 1), percentiles=(2, 98)).ravel()
    assert prepared[50] == pytest.approx(0.5)
    assert prepared[0] == prepared[2] == 0 and prepared[98] == prepared[100] == 1
    assert prepared.dtype == np.float32


def test_each_modality_has_its_own_range_and_a_constant_one_is_zero():
    image = np.stack([np.arange(8.0), 10 * np.arange(8.0) - 5, np.full(8, 3.0)], axis=-1).reshape(2, 2, 2, 3)
    prepared = prepare_image(image, crop=(2, 2, 2), percentiles=(0, 100))
    assert np.allclose(prepared[..., 0], prepared[..., 1])
    assert not prepared[..., 2].any()


@pytest.mark.parametrize(("value", "found"), [(-0.41, -0.41), (-1024, -1024), (0, 0)])
def test_the_background_is_what_all_corners_have(value, found):
    image = np.full((8, 8, 8), value, np.float32)
    image[2:6, 2:6, 2:6] = np.arange(64).reshape(4, 4, 4) + 1
    assert find_background(image) == pytest.approx(found)
    image[0, 7, 0] += 1
    assert find_background(image) == 0  # the corners differ


def test_a_tight_image_has_no_background():
    image = np.arange(1000, dtype=np.float32).reshape(10, 10, 10)
    image[np.ix_([0, -1], [0, -1], [0, -1])] = -7  # 8 voxels of 1000
    assert find_background(image) == 0


@pytest.mark.parametrize("value", [np.nan, -np.inf])
def test_what_is_not_finite_is_no_prepared_image(value):
    image = np.random.default_rng(0).normal(300, 40, (8, 8, 6, 1))
    image[4, 4, 3] = value
    with np.errstate(invalid="ignore"):
        with pytest.raises(UserError, match="expected finite intensities after the normalisation"):
            prepare_image(image, crop=(8, 8, 6), percentiles=(0, 100))
        with pytest.raises(UserError, match="expected finite intensities after the normalisation"):
            prepare_volume(image)
