"""The cohorts: who is scanned, where, and with which protocol."""

from typing import NamedTuple

from segan_tl.data.phantom.scanner import Scan
from segan_tl.data.phantom.sequences import Sequence


class Site(NamedTuple):
    """One hospital: its scanner and its protocol."""

    name: str
    field_tesla: float
    scans: dict[str, Scan]
    bias: float


class CohortPlan(NamedTuple):
    """A group of patients and the hospitals they go to."""

    disease: str
    sites: tuple[Site, ...]
    low_grade_share: float
    late_stage: float


def site(name, field_tesla, *, bias, t1, t1c, t2, flair) -> Site:
    """Build a site from its four scans."""
    return Site(name, field_tesla, {"t1": t1, "t1c": t1c, "t2": t2, "flair": flair}, bias)


PREPARED_3T = Sequence("inversion_recovery", 2000.0, 3.0, 980.0)
GRADIENT_3T = Sequence("spoiled_gradient_echo", 12.0, 4.0, flip_degrees=20.0)
SPIN_T1 = Sequence("spin_echo", 600.0, 10.0)
SPIN_T1_SHORT = Sequence("spin_echo", 500.0, 12.0)

UNIVERSITY = site(
    "synthetic-university-3t",
    3.0,
    bias=0.07,
    t1=Scan(PREPARED_3T, 1.0, 1.0, 0.0, 32.0),
    t1c=Scan(PREPARED_3T, 1.0, 1.0, 0.0, 32.0),
    t2=Scan(Sequence("spin_echo", 5000.0, 95.0), 0.9, 2.0, 0.0, 30.0),
    flair=Scan(Sequence("inversion_recovery", 9000.0, 135.0, 2480.0), 1.0, 2.0, 0.0, 24.0),
)
CITY = site(
    "synthetic-city-3t",
    3.0,
    bias=0.05,
    t1=Scan(SPIN_T1, 0.9, 4.0, 0.4, 34.0),
    t1c=Scan(GRADIENT_3T, 1.0, 1.2, 0.0, 22.0),
    t2=Scan(Sequence("spin_echo", 4500.0, 100.0), 0.8, 3.0, 0.3, 35.0),
    flair=Scan(Sequence("inversion_recovery", 9000.0, 120.0, 2480.0), 0.9, 3.0, 0.3, 30.0),
)
REGION = site(
    "synthetic-region-3t",
    3.0,
    bias=0.09,
    t1=Scan(SPIN_T1, 0.9, 3.0, 0.3, 30.0),
    t1c=Scan(SPIN_T1, 0.9, 3.0, 0.3, 30.0),
    t2=Scan(Sequence("spin_echo", 4000.0, 90.0), 0.9, 3.0, 0.0, 32.0),
    flair=Scan(Sequence("inversion_recovery", 8500.0, 125.0, 2440.0), 1.0, 4.0, 0.4, 28.0),
)
DISTRICT_LOW = site(
    "synthetic-district-1.5t-a",
    1.5,
    bias=0.12,
    t1=Scan(SPIN_T1_SHORT, 1.0, 5.0, 1.0, 15.0),
    t1c=Scan(SPIN_T1_SHORT, 1.0, 5.0, 1.0, 15.0),
    t2=Scan(Sequence("spin_echo", 4000.0, 100.0), 1.0, 5.0, 1.0, 16.0),
    flair=Scan(Sequence("inversion_recovery", 8000.0, 110.0, 2340.0), 1.1, 5.0, 1.0, 13.0),
)
MISSION_LOW = site(
    "synthetic-mission-1.5t-b",
    1.5,
    bias=0.14,
    t1=Scan(Sequence("spin_echo", 450.0, 14.0), 1.1, 6.0, 1.2, 13.0),
    t1c=Scan(Sequence("spin_echo", 450.0, 14.0), 1.1, 6.0, 1.2, 13.0),
    t2=Scan(Sequence("spin_echo", 3800.0, 105.0), 1.1, 6.0, 1.2, 14.0),
    flair=Scan(Sequence("inversion_recovery", 8000.0, 115.0, 2340.0), 1.2, 6.0, 1.2, 11.0),
)
SCLEROSIS = site(
    "synthetic-clinic-ms-3t",
    3.0,
    bias=0.05,
    t1=Scan(PREPARED_3T, 1.0, 1.0, 0.0, 30.0),
    t1c=Scan(SPIN_T1, 0.9, 3.0, 0.0, 30.0),
    t2=Scan(Sequence("spin_echo", 5000.0, 95.0), 0.9, 3.0, 0.0, 34.0),
    flair=Scan(Sequence("inversion_recovery", 8000.0, 115.0, 2400.0), 1.0, 1.5, 0.0, 24.0, "sagittal"),
)

COHORTS = {
    "glioma-3t": CohortPlan("glioma", (UNIVERSITY, CITY, REGION), 0.30, 1.0),
    "glioma-1.5t": CohortPlan("glioma", (DISTRICT_LOW, MISSION_LOW), 0.22, 1.35),
    "ms": CohortPlan("ms", (SCLEROSIS,), 0.0, 1.0),
}
