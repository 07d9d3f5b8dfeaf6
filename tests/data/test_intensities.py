"""Intensities that no normalisation makes an image of, and those that are merely unusual."""

import numpy as np
import pytest

from segan_tl.data.files.images import Source, read_volume
from segan_tl.data.intensities import find_background, find_intensity_fault, require_finite
from segan_tl.errors import UserError

SHAPE = (40, 40, 24)


def head(dtype=np.float32):
    """Return tissue of 300 ± 40 with air of 0 around it."""
    image = np.zeros(SHAPE)
    image[4:-4, 4:-4, 2:-2] = np.random.default_rng(0).normal(300, 40, (32, 32, 20)).clip(1)
    return image.astype(dtype)


@pytest.mark.parametrize(
    ("value", "dtype"),
    [(1e300, np.float64), (-1e300, np.float64), (3e38, np.float32), (1e9, np.float32), (2**31 - 1, np.int32),
     (2**63 - 1, np.int64)],
)  # fmt: skip
@pytest.mark.parametrize("count", [1, 7, 100])
def test_a_few_voxels_that_leave_no_contrast_are_named(value, dtype, count):
    image = head(dtype)
    image[20].ravel()[300 : 300 + count] = value
    reason, remedy = find_intensity_fault(image)
    number = "1 voxel leaves" if count == 1 else f"{count} voxels leave"
    assert reason == f"{number} no contrast to the others (intensities up to {abs(float(value)):.3g})"
    assert "replace these voxels by 0" in remedy


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int16, np.uint16])
def test_bright_vessels_and_quarters_of_an_image_are_fine(dtype):
    image = head(dtype)
    assert find_intensity_fault(image) is None
    image[20, 10:12, 8:10] = 15960  # a vessel: 4 of 20480 voxels
    image[20, 20, 12] = 32767
    assert find_intensity_fault(image) is None


def test_a_mask_has_enough_contrast():
    image = np.zeros(SHAPE, np.uint8)
    image[10:12, 10:12, 10:12] = 1
    assert find_intensity_fault(image) is None


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([np.nan, 1, 2], "12800 voxels are NaN and 0 are infinite"),
        ([np.inf, -np.inf, 2], "0 voxels are NaN and 25600 are infinite"),
        ([0, 0, 0], "the image is empty: every voxel is 0"),
        ([1e-9, 2e-9, 3e-9], "its intensities differ by 2e-09 at most"),
        ([1e300, 2e300, 3e300], "its intensities reach 3e+300, too large for single precision"),
    ],
)
def test_other_faults(values, reason):
    assert find_intensity_fault(np.resize(values, SHAPE))[0] == reason


def test_the_background_does_not_count():
    image = head() - 0.25
    assert find_intensity_fault(image, background=find_background(image)) is None
    image[20, 20, 12] = 3e38
    assert "1 voxel leaves" in find_intensity_fault(image, background=-0.25)[0]


def test_what_is_prepared_must_be_finite():
    assert require_finite(np.ones(3)) is not None
    with pytest.raises(UserError, match="found 2 voxels that are not"):
        require_finite(np.array([np.nan, np.inf, 1]))


@pytest.mark.real_data
def test_no_image_of_a_patient_is_refused(real_data):
    folders = ("brats2021/BraTS2021_00006", "brats2018/Brats18_TCIA03_265_1", "ms/patient07")
    paths = [path for folder in folders for path in (real_data / folder).glob("*.nii.gz")]
    assert len(paths) > 12
    for path in paths:
        data = read_volume(Source(path)).data
        assert find_intensity_fault(data, background=find_background(data)) is None, path


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
