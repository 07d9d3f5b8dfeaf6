"""Which way the slices of a prepared volume lie: it is turned, so that those of a plane come first.

Two axes change places, and left-right stays in the rows where it lies in the plane (`config.data.AXES`):

    plane       slices          rows          columns
    axial       D, foot-head    H, left-right W, front-back
    coronal     W, front-back   H, left-right D, foot-head
    sagittal    H, left-right   D, foot-head  W, front-back
"""

import numpy as np

from segan_tl.config.data import AXES


def turn(volume: np.ndarray, plane: str) -> np.ndarray:
    """Return a volume (d, h, w, …) with the slices of a plane first, or such a one as it was: a view.

    Turning twice is turning back, as two axes change places.
    """
    order = ["DHW".index(axis) for axis in AXES[plane]]
    return volume.transpose(*order, *range(3, volume.ndim))
