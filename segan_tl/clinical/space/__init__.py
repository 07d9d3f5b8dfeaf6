"""Patients as they left the scanner, brought into the space of a cohort, and results brought back."""
