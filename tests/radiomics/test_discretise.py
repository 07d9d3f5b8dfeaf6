"""Grey levels."""

import numpy as np
import pytest

from segan_tl.commands import radiomics
from segan_tl.radiomics.discretise import DEFAULT, DISCRETISATIONS, Discretisation, scale, to_levels


def test_the_command_offers_all():
    assert radiomics.DISCRETISATIONS == tuple(DISCRETISATIONS) and radiomics.DISCRETISATIONS[0] == DEFAULT


def test_scaling_by_hand():
    image, head = np.array([0, 0, 2, 4], np.float32), np.array([False, False, True, True])
    # head: mean 3, deviation 1; image: mean 1.5, variance (2 × 2.25 + 0.25 + 6.25) / 3
    assert scale(image, head, "head").tolist() == [-3, -3, -1, 1]
    assert scale(image, head, "image") == pytest.approx((image - 1.5) / (11 / 3) ** 0.5)
    assert scale(image, head, "none").tolist() == [0, 0, 2, 4]
    assert scale(np.ones(4), head, "head").tolist() == [0, 0, 0, 0]


def test_a_number_of_levels_by_hand():
    # ⌊4 (x − 0) / 8⌋ + 1, the largest in the last bin
    values = np.array([0, 1.9, 2, 5, 7.9, 8])
    assert to_levels(values, Discretisation("none", levels=4)).tolist() == [1, 1, 2, 3, 4, 4]
    assert to_levels(np.full(3, 5.0), Discretisation("none", levels=4)).tolist() == [1, 1, 1]


def test_bins_begin_at_a_multiple_of_their_width():
    # 30 lies in the bin from 25: 1; 49.9 too; 50 and 76 in the next ones
    how = Discretisation("none", bin_width=25)
    assert to_levels(np.array([30, 49.9, 50, 76]), how).tolist() == [1, 1, 2, 3]
    assert to_levels(np.array([-3.0, -0.1, 0, 4]), how).tolist() == [1, 1, 2, 2]


def test_a_number_of_levels_does_not_see_gain_and_offset():
    values, how = np.random.default_rng(0).normal(size=500), DISCRETISATIONS["32-levels"]
    levels = to_levels(values, how)
    assert levels.min() == 1 and levels.max() == 32 and (to_levels(8 * values + 64, how) == levels).all()


def test_the_authors_bins_leave_two_levels_at_most():
    random = np.random.default_rng(0)
    image = np.where(random.random((20, 20, 20)) < 0.3, random.gamma(4, 200, (20, 20, 20)), 0)
    scaled = scale(image, image > 0, DISCRETISATIONS["authors"].scaling)
    assert scaled.max() > 3  # far out, and still
    assert set(to_levels(scaled[image > 0], DISCRETISATIONS["authors"])) <= {1, 2}
    assert len(set(to_levels(scaled[image > 0], DISCRETISATIONS["32-levels"]))) > 20
