"""Intensities: Nyúl's landmarks and Kaur's scale by hand, the others as a training has them, scanners closer."""

import numpy as np
import pytest

from segan_tl.clinical.space.intensity import landmarks_of, learn_standard, normalise, to_standard, to_unit
from segan_tl.data.phantom.subject import simulate_case
from segan_tl.data.prepare import prepare_volume
from segan_tl.errors import UserError

EVEN = np.arange(101.0)  # percentile p is p
SQUARE = EVEN**2  # percentile p is p squared


def test_landmarks_by_hand():
    assert landmarks_of(EVEN).tolist() == [1, 10, 20, 30, 40, 50, 60, 70, 80, 90, 99]
    assert landmarks_of(SQUARE)[[0, 5, 10]].tolist() == [1, 2500, 9801]


def test_the_standard_by_hand():
    """Ends to 0 and 100: the median of EVEN to (50 - 1) / 98 = 50, that of SQUARE to (2500 - 1) / 9800 = 25.5."""
    standard = learn_standard([landmarks_of(EVEN), landmarks_of(SQUARE)])
    assert standard[0] == 0 and standard[-1] == 100
    assert standard[5] == pytest.approx((50 + 25.5) / 2)
    assert standard[1] == pytest.approx(((10 - 1) / 98 * 100 + (100 - 1) / 9800 * 100) / 2)


def test_landmarks_come_to_lie_on_the_standard_ones():
    standard = learn_standard([landmarks_of(EVEN), landmarks_of(SQUARE)])
    np.testing.assert_allclose(landmarks_of(to_standard(EVEN, standard)), standard, atol=1e-4)
    halfway = to_standard(EVEN, standard)[15]  # between the first two deciles
    assert halfway == pytest.approx((standard[1] + standard[2]) / 2, abs=1e-4)


def test_beyond_the_ends_the_line_goes_on():
    """EVEN onto itself, 0 to 100 of it: the slope of the first line is (s10 - 0) / (10 - 1), so 0 goes to -s10 / 9."""
    standard = learn_standard([landmarks_of(EVEN)])
    mapped = to_standard(EVEN, standard)
    assert mapped[0] == pytest.approx(-standard[1] / 9, abs=1e-4)
    assert mapped[100] == pytest.approx(100 + (100 - standard[9]) / 9, abs=1e-4)


def test_a_constant_image_stays_finite():
    assert np.isfinite(to_standard(np.full(50, 7.0), learn_standard([landmarks_of(EVEN)]))).all()


def test_kaur_s_scale():
    np.testing.assert_allclose(to_unit(np.array([2.0, 4.0, 10.0])), [0, 0.25, 1], atol=1e-6)


@pytest.mark.parametrize("how", ["zscore", "ren", "percentiles"])
def test_the_others_are_a_training_s(how):
    rng = np.random.default_rng(1)
    brain = np.zeros((8, 9, 7), bool)
    brain[2:6, 2:7, 1:6] = True
    images = {"t1": np.where(brain, rng.random(brain.shape), 0), "t2": np.where(brain, rng.random(brain.shape) + 3, 0)}
    found = normalise(images, brain, how=how)
    stacked = np.stack(list(images.values()), axis=-1).astype(np.float32)
    wanted, _ = prepare_volume(stacked, normalise=how, crop=brain.shape)
    for channel, name in enumerate(images):
        np.testing.assert_allclose(found[name], np.moveaxis(wanted[..., channel], 0, 2), atol=1e-6)


def test_no_landmarks_of_a_modality():
    with pytest.raises(UserError, match="landmarks of t2 for --intensity nyul; found those of t1"):
        normalise({"t2": np.ones((2, 2, 2))}, np.ones((2, 2, 2), bool), how="nyul", landmarks={"t1": [0.0] * 11})


def test_two_scanners_come_closer():
    """Histograms of T2 at 3 T and 1.5 T, the distance of their distributions as a share of the range of the 3 T."""
    brains = {}
    for cohort in ("glioma-3t", "glioma-1.5t"):
        images = [simulate_case(cohort, case_index=i, shape=(48, 48, 31), seed=0).images["t2"] for i in range(3)]
        brains[cohort] = [image[image > 0].astype(float) for image in images]
    standard = learn_standard([landmarks_of(values) for values in brains["glioma-3t"]])

    def apart(change):
        one, other = (np.sort(np.concatenate([change(values) for values in brains[name]])) for name in brains)
        share = np.linspace(0.02, 0.98, 97)
        gaps = np.abs(np.quantile(one, share) - np.quantile(other, share))
        return gaps.mean() / (np.quantile(one, 0.98) - np.quantile(one, 0.02))

    before, after = apart(lambda values: values), apart(lambda values: to_standard(values, standard))
    assert after < before / 2, (before, after)
