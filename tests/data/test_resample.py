"""Volumes on another grid: sizes and values by hand, and the way back."""

import numpy as np

from segan_tl.data.prepare import prepare_volume
from segan_tl.data.resample import resample_image, resample_labels, resampled_shape


def test_shapes_cover_the_same_field_of_view():
    assert resampled_shape((155, 240, 240), (1, 1, 1), target_mm=2) == (78, 120, 120)  # 77.5 rounds to the even 78
    assert resampled_shape((30, 256, 256), (5, 0.9, 0.9), target_mm=1) == (150, 230, 230)
    assert resampled_shape((1, 4, 4), (0.2, 1, 1), target_mm=1) == (1, 4, 4)


def test_its_own_grid_changes_nothing():
    image = np.random.default_rng(0).random((3, 4, 5, 2), np.float32)
    assert resample_image(image, (3, 4, 5)) is image
    labels = np.ones((3, 4, 5), np.uint8)
    assert resample_labels(labels, (3, 4, 5)) is labels


def test_finer_by_hand():
    # Voxel centres lie at 0.5 and 1.5 of two voxels: those of four lie at 0.25, 0.75, 1.25, 1.75.
    line = np.array([0, 4], np.float32).reshape(1, 1, 2, 1)
    assert resample_image(line, (1, 1, 4))[0, 0, :, 0].tolist() == [0, 1, 3, 4]


def test_a_slope_survives_the_way_there_and_back():
    line = np.linspace(0, 31, 32, dtype=np.float32)
    image = np.stack(np.broadcast_arrays(line[:, None, None], line[None, :, None], line), axis=-1)
    coarse = resample_image(image, (16, 16, 16))
    assert coarse.dtype == np.float32 and coarse.shape == (16, 16, 16, 3)
    np.testing.assert_allclose(coarse[4:-4, 0, 0, 0], np.arange(8, 24, 2) + 0.5, atol=1e-3)
    back = resample_image(coarse, (32, 32, 32))
    np.testing.assert_allclose(back[8:-8, 8:-8, 8:-8], image[8:-8, 8:-8, 8:-8], atol=1e-2)


def test_labels_stay_labels_and_keep_their_volume():
    grid = np.indices((40, 40, 40)) - 19.5
    distance = np.sqrt((grid**2).sum(axis=0))
    labels = np.zeros((40, 40, 40), np.uint8)
    labels[distance < 15], labels[distance < 8] = 2, 3
    coarse = resample_labels(labels, (20, 20, 20))
    assert coarse.dtype == np.uint8 and set(np.unique(coarse)) == {0, 2, 3}
    for label in (2, 3):
        assert abs(8 * (coarse == label).sum() / (labels == label).sum() - 1) < 0.05


def test_preparation_resamples_after_cropping_and_pastes_back():
    image = np.zeros((20, 24, 16, 2), np.float32)
    image[4:16, 4:20, 3:13] = np.random.default_rng(0).random((12, 16, 10, 2)) + 1
    prepared, box = prepare_volume(image, spacing_mm=(1, 0.5, 2), target_mm=1)
    assert prepared.shape == (20, 12, 8, 2)  # D 10 × 2 mm, H 12 × 1 mm, W 16 × 0.5 mm
    assert box.paste(np.ones((20, 12, 8, 3), np.float32)).sum(axis=(0, 1, 2)).tolist() == [12 * 16 * 10] * 3
