"""Signal equations against numbers worked out by hand, and what they make of the tissues."""

import math

import numpy as np
import pytest

from segan_tl.data.phantom import simulate_case
from segan_tl.data.phantom.cohorts import COHORTS
from segan_tl.data.phantom.fields import generator, smooth_field
from segan_tl.data.phantom.scanner import Scan, acquire
from segan_tl.data.phantom.sequences import (
    Sequence,
    inversion_recovery,
    signal,
    spin_echo,
    spoiled_gradient_echo,
    with_gadolinium,
)
from segan_tl.data.phantom.tissues import TISSUES

SITES = [site for plan in COHORTS.values() for site in plan.sites]


def tissue_signal(site, modality: str, name: str) -> float:
    """Return the signal of one tissue of the table."""
    tissue = TISSUES[name]
    field = site.field_tesla
    sequence = site.scans[modality].sequence
    times = {"t1_ms": tissue.t1_ms[field], "t2_ms": tissue.t2_ms[field]}
    return float(signal(sequence, proton_density=tissue.proton_density, **times))


def test_spin_echo():
    # TR = T1 ln 2 recovers a half, TE = T2 ln 2 leaves a half of it: 0.8 * 0.5 * 0.5 = 0.2.
    value = spin_echo(1000.0, 100.0, 0.8, tr_ms=1000.0 * math.log(2), te_ms=100.0 * math.log(2))
    assert value == pytest.approx(0.2)


def test_inversion_recovery_nulls_fluid():
    # With TR much longer than T1 the null lies at TI = T1 ln 2.
    value = inversion_recovery(1000.0, 100.0, 1.0, tr_ms=1e6, te_ms=0.0, ti_ms=1000.0 * math.log(2))
    assert value == pytest.approx(0.0, abs=1e-12)
    # One T1 after inversion: 1 - 2/e = 0.264241.
    assert inversion_recovery(500.0, 100.0, 1.0, tr_ms=1e6, te_ms=0.0, ti_ms=500.0) == pytest.approx(0.264241, abs=1e-6)


def test_spoiled_gradient_echo():
    # E1 = 1/2, cos a = 1/2, sin a = sqrt(3)/2: 0.8660254 * 0.5 / (1 - 0.25) = 0.5773503.
    times = {"tr_ms": 1000.0 * math.log(2), "te_ms": 0.0, "flip_degrees": 60.0}
    assert spoiled_gradient_echo(1000.0, 100.0, 1.0, **times) == pytest.approx(0.5773503)


def test_unknown_sequence():
    with pytest.raises(ValueError, match="echo planar"):
        signal(Sequence("echo planar", 1.0, 1.0), t1_ms=1.0, t2_ms=1.0, proton_density=1.0)


def test_gadolinium_shortens_relaxation():
    # T1 1000 ms is 1 per second; 0.5 mmol/l at 4 per mmol/l and second adds 2: 1/3 s. T2: 10 + 2.5 per second: 80 ms.
    t1_ms, t2_ms = with_gadolinium(1000.0, 100.0, concentration_mmol=0.5, r1=4.0, r2=5.0)
    assert t1_ms == pytest.approx(1000.0 / 3.0)
    assert t2_ms == pytest.approx(80.0)


@pytest.mark.parametrize("site", SITES, ids=lambda site: site.name)
def test_tissues_rank_as_in_mri(site):
    t1 = {name: tissue_signal(site, "t1", name) for name in TISSUES}
    t2 = {name: tissue_signal(site, "t2", name) for name in TISSUES}
    flair = {name: tissue_signal(site, "flair", name) for name in TISSUES}
    assert t1["wm"] > t1["gm"] > t1["csf"]
    assert t2["csf"] > t2["gm"] > t2["wm"]
    assert t2["csf"] > t2["necrosis"] > t2["edema"] > t2["wm"]
    # Flowing blood gives next to nothing in any spin echo.
    assert flair["csf"] == min(value for name, value in flair.items() if name != "vessel")
    assert flair["edema"] > 1.15 * max(flair["gm"], flair["wm"])
    assert flair["plaque"] > 1.15 * max(flair["gm"], flair["wm"])


def test_relaxation_lengthens_with_the_field():
    for name, tissue in TISSUES.items():
        assert tissue.t1_ms[3.0] >= tissue.t1_ms[1.5], name
        assert tissue.t2_ms[3.0] <= tissue.t2_ms[1.5], name


def test_rician_noise_matches_its_snr():
    # Far above the noise the magnitude is Gaussian with the deviation of one channel: 100 / 20 = 5.
    axes = [np.arange(40.0)] * 3
    scan = Scan(Sequence("spin_echo", 1.0, 1.0), 1.0, 1.0, 0.0, 20.0)
    bright = np.full((40, 40, 40), 100.0, np.float32)
    image = acquire(bright, scan, generator(0, 0, "x"), axes_mm=axes, white_signal=100.0)
    assert image.std() == pytest.approx(5.0, rel=0.03)
    # Without signal it is Rayleigh: mean 5 * sqrt(pi / 2) = 6.2666.
    empty = acquire(np.zeros((40, 40, 40), np.float32), scan, generator(0, 0, "y"), axes_mm=axes, white_signal=100.0)
    assert empty.mean() == pytest.approx(6.2666, rel=0.02)


def test_thick_slices_blur_along_z_only():
    axes = [np.arange(30.0) - 15.0] * 3
    scan = Scan(Sequence("spin_echo", 1.0, 1.0), 1.0, 6.0, 0.0, 1e9)
    image = np.zeros((30, 30, 30), np.float32)
    image[15:] = 100.0
    across = acquire(image, scan, generator(0, 0, "x"), axes_mm=axes, white_signal=1.0)
    np.testing.assert_allclose(across[5:25, 10, 15], image[5:25, 10, 15], atol=0.01)
    along = acquire(np.moveaxis(image, 0, 2).copy(), scan, generator(0, 0, "x"), axes_mm=axes, white_signal=1.0)
    assert 5.0 < along[10, 10, 14] < 60.0 and 40.0 < along[10, 10, 15] < 95.0


def test_fields_are_the_same_on_every_grid():
    coarse = smooth_field(generator(1, 2, "f"), [np.arange(-40.0, 41.0, 4.0)] * 3, 20.0)
    fine = smooth_field(generator(1, 2, "f"), [np.arange(-40.0, 41.0, 2.0)] * 3, 20.0)
    np.testing.assert_allclose(fine[::2, ::2, ::2], coarse, atol=1e-5)
    wide = smooth_field(generator(1, 2, "g"), [np.arange(-90.0, 91.0, 3.0)] * 3, 12.0)
    assert abs(wide.mean()) < 0.1 and 0.85 < wide.std() < 1.15


def test_contrast_of_a_case_is_that_of_mri():
    # Range of real cases, widened: edema over all other tissue, in units of that tissue's standard deviation.
    case = simulate_case("glioma-3t", case_index=2, shape=(80, 80, 52), seed=0)
    healthy = (case.images["t2"] > 0) & (case.labels == 0)
    contrast = {}
    for name, image in case.images.items():
        values = image[healthy].astype(float)
        contrast[name] = (image[case.labels == 2].mean() - values.mean()) / values.std()
    assert 0.8 < contrast["flair"] < 6.0
    assert contrast["flair"] > contrast["t2"] > -0.5
    assert abs(contrast["t1"]) < contrast["flair"]
