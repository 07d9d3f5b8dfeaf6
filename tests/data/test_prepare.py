"""Whole volumes: cropped, pasted back and normalised by hand."""

import numpy as np
import pytest

from segan_tl.data.prepare import Box, centred, crop_box, prepare_volume
from segan_tl.errors import UserError


def test_zscore_by_hand():
    image = np.zeros((4, 5, 3, 2), np.float32)
    image[1, 1:4, 2, 0] = [2, 4, 6]  # mean 4, standard deviation sqrt(8 / 3) of the three alone
    image[2, 3, 1, 1] = 9  # this voxel is brain too: 2, 4, 6, 0 have mean 3 and standard deviation sqrt(5)
    prepared, box = prepare_volume(image)
    assert box == Box((1, 1, 1), (2, 3, 2), (4, 5, 3))
    assert prepared.shape == (2, 2, 3, 2) and prepared.dtype == np.float32  # slices first
    np.testing.assert_allclose(prepared[1, 0, :, 0], np.array([-1, 1, 3]) / np.sqrt(5), rtol=1e-6)
    np.testing.assert_allclose(prepared[0, 1, 2, 0], -3 / np.sqrt(5), rtol=1e-6)
    # Second modality: 0, 0, 0, 9 have mean 2.25 and standard deviation 9 sqrt(3) / 4.
    np.testing.assert_allclose(prepared[0, 1, 2, 1], 6.75 / (9 * np.sqrt(3) / 4), rtol=1e-6)
    assert np.count_nonzero(prepared.any(axis=-1)) == 4  # outside of the brain: 0


def test_statistics_inside_the_brain():
    generator = np.random.default_rng(0)
    image = generator.uniform(100, 900, (20, 20, 20, 3)) * (generator.random((20, 20, 20, 1)) < 0.5)
    prepared, _ = prepare_volume(image)
    brain = prepared.any(axis=-1)
    np.testing.assert_allclose(prepared[brain].mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(prepared[brain].std(axis=0), 1, atol=1e-5)


def test_ren_scales_the_whole_volume_between_percentiles():
    image = np.zeros((10, 10, 10, 1), np.float32)
    image[2:8, 2:8, 2:8, 0] = np.arange(216).reshape(6, 6, 6) + 1
    prepared, box = prepare_volume(image, normalise="ren")
    assert box.size == (6, 6, 6)
    low, high = np.percentile(image, (1, 99))  # 784 of 1000 voxels are background
    expected = np.clip((box.cut(image) - low) / (high - low), 0, 1)
    np.testing.assert_allclose(prepared, expected, atol=1e-4)  # two decimals of 255: 2e-5


def test_empty_and_constant_volumes():
    for normalise in ("zscore", "ren"):
        prepared, box = prepare_volume(np.zeros((3, 4, 5, 1)), normalise=normalise)
        assert box.size == (3, 4, 5) and not prepared.any()
        prepared, _ = prepare_volume(np.ones((3, 4, 5, 1)), normalise=normalise)
        assert not prepared.any()


def test_paste_is_the_inverse_of_cut():
    box = Box((1, 2, 0), (3, 2, 4), (5, 6, 7))
    array = np.random.default_rng(0).random((4, 3, 2, 2))
    whole = box.paste(array)
    assert whole.shape == (5, 6, 7, 2) and np.array_equal(box.cut(whole), array)
    assert np.count_nonzero(whole) == array.size


# === A crop around the middle ===


def test_the_crop_of_brats_is_the_authors():
    # 240 → 180 leaves 30 on either side; 155 → 128 leaves 13 below and 14 above.
    volume = np.arange(240 * 240 * 155, dtype=np.int32).reshape(240, 240, 155)
    box = Box(centred(volume.shape, (180, 180, 128)), (180, 180, 128), volume.shape)
    assert np.array_equal(box.cut(volume), np.moveaxis(volume[30:210, 30:210, 13:141], 2, 0))


def test_smaller_volumes_are_padded_with_zeros():
    # 2 → 5: (5 - 2) // 2 = 1 zero before, 2 after.
    assert centred((2,), (5,)) == (-1,)
    box = Box((-1, 0, 0), (5, 1, 1), (2, 1, 1))
    assert box.cut(np.array([7, 8]).reshape(2, 1, 1)).ravel().tolist() == [0, 7, 8, 0, 0]


@pytest.mark.parametrize("shape", [(10, 9, 8, 2), (4, 5, 3, 2), (11, 4, 8, 1)])
def test_what_is_cropped_comes_back_where_it_was(shape):
    volume, crop = np.random.default_rng(0).normal(size=shape), (6, 7, 5)
    box = Box(centred(shape, crop), crop, shape[:3])
    restored = box.paste(box.cut(volume))
    assert restored.shape == shape
    inside = restored != 0
    assert np.array_equal(restored[inside], volume[inside])
    assert inside[..., 0].sum() == np.prod([min(a, b) for a, b in zip(shape, crop)])


def test_the_middle_of_a_box():
    # Odd sizes: the centre of the centre is not the centre, 0 + 1 + 1 and not (9 − 4) // 2.
    box = Box((1, 0, 2), (7, 6, 3), (9, 6, 8))
    assert box.middle(4, 6) == Box((2, 0, 2), (4, 6, 3), (9, 6, 8))


def prepared_between(image, percentiles):
    """Return the image, not cropped, between its percentiles, along H, W, D."""
    prepared, _ = prepare_volume(image, normalise="percentiles", crop=image.shape[:3], percentiles=percentiles)
    return np.moveaxis(prepared, 0, 2)


def test_percentiles_by_hand():
    # 0, 1, …, 100: the 2nd percentile is 2, the 98th is 98; 50 → (50 - 2) / 96 = 0.5.
    prepared = prepared_between(np.arange(101, dtype=np.int16).reshape(101, 1, 1, 1), (2, 98)).ravel()
    assert prepared[50] == pytest.approx(0.5)
    assert prepared[0] == prepared[2] == 0 and prepared[98] == prepared[100] == 1
    assert prepared.dtype == np.float32


def test_each_modality_has_its_own_range_and_a_constant_one_is_zero():
    image = np.stack([np.arange(8.0), 10 * np.arange(8.0) - 5, np.full(8, 3.0)], axis=-1).reshape(2, 2, 2, 3)
    prepared = prepared_between(image, (0, 100))
    assert np.allclose(prepared[..., 0], prepared[..., 1])
    assert not prepared[..., 2].any()


@pytest.mark.parametrize("value", [np.nan, -np.inf])
def test_what_is_not_finite_is_no_prepared_image(value):
    image = np.random.default_rng(0).normal(300, 40, (8, 8, 6, 1))
    image[4, 4, 3] = value
    with np.errstate(invalid="ignore"):
        with pytest.raises(UserError, match="expected finite intensities after the normalisation"):
            prepared_between(image, (0, 100))
        with pytest.raises(UserError, match="expected finite intensities after the normalisation"):
            prepare_volume(image)


# === A crop in voxels of another size ===


def test_a_crop_counts_voxels_of_the_grid_that_is_resampled_to():
    # 12 × 10 × 8 voxels of 1 mm; a crop of 4 × 3 × 2 voxels of 2 mm is 8 × 6 × 4 of the image, from 2, 2, 2 on.
    box = crop_box((12, 10, 8), (4, 3, 2), spacing_mm=(1, 1, 1), target_mm=2)
    assert (box.start, box.size) == ((2, 2, 2), (8, 6, 4))
    # Slices of 3 mm: 2 voxels of 2 mm are 4 mm, of which 1 slice is nearest; the result has 2 all the same.
    image = np.ones((12, 10, 8, 1), np.float32)
    prepared, box = prepare_volume(image, spacing_mm=(1, 1, 3), target_mm=2, crop=(4, 3, 2))
    assert box.size == (8, 6, 1) and prepared.shape == (2, 4, 3, 1)
    assert box.paste(np.ones((2, 4, 3, 1), np.float32)).sum() == 8 * 6 * 1


def test_the_same_crop_of_the_same_head_whatever_the_files_voxels():
    fine = np.zeros((24, 24, 24), np.float32)
    fine[6:18, 4:20, 8:16] = 1
    coarse = fine[::2, ::2, ::2]
    given = {"normalise": "percentiles", "percentiles": (0, 100), "target_mm": 2, "crop": (10, 10, 8)}
    one, _ = prepare_volume(fine[..., None], spacing_mm=(1, 1, 1), **given)
    other, _ = prepare_volume(coarse[..., None], spacing_mm=(2, 2, 2), **given)
    assert one.shape == other.shape == (8, 10, 10, 1)
    assert np.array_equal(one > 0.5, other > 0.5)
