"""The scans of hard patients: protocols that differ, brain extraction that errs, a field of view that ends."""

import numpy as np
import pytest

from segan_tl.data.phantom import hospital
from segan_tl.data.phantom.cohorts import COHORTS, UNIVERSITY

AXES = [np.arange(-84.0, 85.0, 4.0), np.arange(-105.0, 106.0, 4.0), np.arange(-80.0, 79.0, 4.0)]


def sites(count: int) -> list:
    return [hospital.vary_site(UNIVERSITY, np.random.default_rng(index)) for index in range(count)]


def test_protocols_differ_from_patient_to_patient():
    found = sites(200)
    assert {site.name for site in found} == {UNIVERSITY.name}
    echo_ms = np.array([site.scans["t2"].sequence.te_ms for site in found])
    assert 80 < np.median(echo_ms) < 110 and echo_ms.max() / echo_ms.min() > 1.5
    assert len({site.scans["t1"].sequence.kind for site in found}) == 3
    assert {site.scans["flair"].sequence.kind for site in found} == {"inversion_recovery"}
    least, most = hospital.BIAS
    assert all(least <= site.bias <= most for site in found)
    spins = [s for site in found for s in site.scans.values() if s.sequence.kind != "spoiled_gradient_echo"]
    assert {scan.sequence.flip_degrees for scan in spins} == {90.0}


def test_single_modalities_are_coarse():
    coarse = np.array([[scan.gap_mm > 0 for scan in site.scans.values()] for site in sites(200)])
    assert coarse.mean(0) == pytest.approx(np.full(4, hospital.COARSE), abs=0.13)
    assert 0 < (coarse.sum(1) == 1).mean() and coarse.all(1).mean() < 0.05
    assert {scan.orientation for site in sites(200) for scan in site.scans.values()} == {"axial", "coronal", "sagittal"}


def test_every_site_of_every_cohort_can_be_varied():
    for plan in COHORTS.values():
        for site in plan.sites:
            varied = hospital.vary_site(site, np.random.default_rng(0))
            assert set(varied.scans) == set(site.scans) and varied.field_tesla == site.field_tesla


def test_brain_extraction_errs_outwards_and_inwards():
    none, residue, missing = (
        hospital.strip_limit(AXES, traits, np.random.default_rng(2)) for traits in ((), {"residue"}, {"missing cortex"})
    )
    assert np.unique(none) == pytest.approx([hospital.STRIP_MM])
    assert residue.max() > 4 and residue.min() == pytest.approx(hospital.STRIP_MM, abs=1e-3)
    assert missing.min() < -3 and missing.max() == pytest.approx(hospital.STRIP_MM, abs=1e-3)
    assert (residue > 2).mean() < 0.3 and (missing < -2).mean() < 0.3


def test_the_field_of_view_ends_but_never_before_the_tumour():
    centres = np.array([[20.0, 30.0, -40.0], [10.0, -20.0, 50.0]])
    nearest = [[np.abs(axis - at).argmin() for axis, at in zip(AXES, centre, strict=True)] for centre in centres]
    shares = []
    for index in range(40):
        inside = hospital.field_of_view(AXES, centres, np.random.default_rng(index))
        assert all(inside[tuple(place)] for place in nearest)
        shares.append(hospital.field_of_view(AXES, None, np.random.default_rng(index)).mean())
    assert 0.5 < min(shares) and max(shares) < 0.95
