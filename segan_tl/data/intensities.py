"""Whether the intensities of an image can be normalised: finite, with contrast, not drowned by a few absurd voxels."""

import numpy as np

from segan_tl.errors import UserError

_ZERO = "export the image again, or replace these voxels by 0"
_EXPORT = "export the image again"
# Standard deviation of all voxels but the 1 % farthest out, as a part of that of all. In 108 images of patients it is
# 0.82 and more (bright vessels, an intensity of 15960); one flipped exponent bit leaves 0.00001.
LEAST_CONTRAST = 0.1
FARTHEST = 0.01
# Normalisation adds 1e-8 to the standard deviation.
LEAST_RANGE = 1e-6
LEAST_BACKGROUND = 0.2  # of an image; skull-stripped ones have 0.7 and more
MOST_BRAIN = 0.6  # of an image: one with more that is not air is no extracted brain; as scanned it has 0.9 and more


def find_intensity_fault(data: np.ndarray, *, background: float = 0.0) -> tuple[str, str] | None:
    """Return why the intensities cannot be normalised, and the remedy; None where they can.

    Args:
        data: any shape, at least one voxel.
        background: value of the air, left out where the contrast is measured.
    """
    lowest, highest = data.min(), data.max()
    if not (np.isfinite(lowest) and np.isfinite(highest)):
        nans, infinities = int(np.isnan(data).sum()), int(np.isinf(data).sum())
        return f"{nans} voxels are NaN and {infinities} are infinite", _ZERO
    if lowest == highest:
        return f"the image is empty: every voxel is {lowest:g}", _EXPORT
    if float(highest) - float(lowest) < LEAST_RANGE:
        return f"its intensities differ by {float(highest) - float(lowest):.2g} at most", "multiply them by 1000"
    largest = max(abs(float(lowest)), abs(float(highest)))
    values = data[data != background].astype(np.float64) / largest  # 1e300 has no square
    if number := _count_drowning(values):
        far = "1 voxel leaves" if number == 1 else f"{number} voxels leave"
        return f"{far} no contrast to the others (intensities up to {largest:.3g})", _ZERO
    if largest > float(np.finfo(np.float32).max):
        return f"its intensities reach {largest:.3g}, too large for single precision", "divide its intensities"
    return None


def require_finite(prepared: np.ndarray) -> np.ndarray:
    """Return an image that is ready for a network.

    Raises:
        UserError: it holds NaN or infinity.
    """
    if not np.isfinite(prepared).all():
        number = int(np.count_nonzero(~np.isfinite(prepared)))
        raise UserError(
            f"expected finite intensities after the normalisation; found {number} voxels that are not; look at the "
            "image and replace absurd intensities by 0"
        )
    return prepared


def _count_drowning(values: np.ndarray) -> int:
    """Return how many voxels are so far out that the rest is all but constant; 0 where none are."""
    mean, deviation = values.mean(), values.std()
    if max(values.max() - mean, mean - values.min()) <= 9 * deviation:
        return 0  # 1 % of the voxels cannot make up 99 % of such a variance
    distance = np.abs(values - mean)
    count = max(int(FARTHEST * len(values)), 1)
    rest = values[np.argpartition(distance, len(values) - count)[:-count]]
    if rest.std() >= LEAST_CONTRAST * deviation:
        return 0
    return int(np.count_nonzero(distance > distance.max() / 100))


def find_background(data: np.ndarray) -> float:
    """Return the value of the air around the head: that of all corners, where a fifth of the image has it; else 0.

    Images that were normalised with their background, such as those that some distribute of BRATS 2013 and 2015, hold
    another constant there than 0, which everything else takes for "outside".

    Args:
        data: (H, W, D).
    """
    corners = np.unique(data[np.ix_(*([0, -1] for _ in data.shape))])
    if len(corners) > 1 or np.mean(data == corners[0]) < LEAST_BACKGROUND:
        return 0.0
    return float(corners[0])
