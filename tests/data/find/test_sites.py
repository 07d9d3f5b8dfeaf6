"""Where a case was scanned, by what is said of it and by published names."""

import pytest

from segan_tl.data.find.case import Case
from segan_tl.data.find.sites import site_by_name, site_of


@pytest.mark.parametrize(
    ("name", "site"),
    [
        ("Brats17_CBICA_AAB_1", "CBICA"),
        ("Brats18_TCIA01_147_1", "TCIA01"),
        ("BraTS19_2013_10_1", "2013"),
        ("brats_tcia_pat105_0001", "TCIA"),
        ("brats_2013_pat0001_1", "2013"),
        ("TCGA-02-0003", "TCGA-02"),
        ("site2_scan7", "SITE2"),
        ("glioma-center-03-0001", "CENTER-03"),
        ("BraTS2021_00001", None),
        ("BraTS-GLI-00001-000", None),
        ("patient_7", None),
        ("website_x", None),
    ],
)
def test_the_name_tells(name, site):
    assert site_by_name(name) == site


def test_what_is_said_counts_more_than_the_name():
    assert site_of(Case("site2_scan7", {}, attributes={"site": "Bern"})) == "Bern"
    assert site_of(Case("site2_scan7", {}, attributes={"site": "n/a", "centre": " Basel "})) == "Basel"
    assert site_of(Case("site2_scan7", {}, attributes={"site": "unknown"})) == "SITE2"
    assert site_of(Case("a", {})) is None
