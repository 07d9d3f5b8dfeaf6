"""What the brightness of a label says, by hand."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
from label_brightness import brightness  # noqa: E402


def test_the_mean_is_in_deviations_of_the_brain_and_held_against_healthy_voxels_alone():
    """Brain 2, 4, 6, 8: mean 5, deviation √5. The region, 8, is 3 / √5 above; of healthy 2, 4, 6 all are darker."""
    image = np.array([0, 0, 0, 0, 0, 2, 4, 6, 8], float).reshape(3, 3, 1)
    deviations, darker = brightness(image, image == 8, image == 8)
    assert deviations == pytest.approx(3 / 5**0.5) and darker == 1


def test_a_dark_region_is_told():
    """The region, 2 and 4, has a mean of 3; of healthy 6 and 8 none is darker."""
    image = np.array([0, 0, 0, 0, 0, 2, 4, 6, 8], float).reshape(3, 3, 1)
    region = (image == 2) | (image == 4)
    deviations, darker = brightness(image, region, region)
    assert deviations == pytest.approx(-2 / 5**0.5) and darker == 0
