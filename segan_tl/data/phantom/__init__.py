"""A small MR simulator: the built-in synthetic cohort ("phantom")."""

from segan_tl.data.phantom.cohorts import COHORTS
from segan_tl.data.phantom.subject import SimulatedCase, simulate_case
from segan_tl.data.phantom.write import write_cohort

__all__ = ["COHORTS", "SimulatedCase", "simulate_case", "write_cohort"]
