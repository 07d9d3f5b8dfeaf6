"""The signal equation of each sequence, magnitude before noise, for unit receiver gain."""

from typing import NamedTuple

import numpy as np


class Sequence(NamedTuple):
    """The timing of one sequence; times in ms."""

    kind: str  # "spin_echo", "inversion_recovery" or "spoiled_gradient_echo"
    tr_ms: float
    te_ms: float
    ti_ms: float = 0.0
    flip_degrees: float = 90.0


def spin_echo(t1_ms, t2_ms, proton_density, *, tr_ms: float, te_ms: float):
    """Return PD (1 - exp(-TR/T1)) exp(-TE/T2)."""
    return proton_density * (1.0 - np.exp(-tr_ms / t1_ms)) * np.exp(-te_ms / t2_ms)


def inversion_recovery(t1_ms, t2_ms, proton_density, *, tr_ms: float, te_ms: float, ti_ms: float):
    """Return PD |1 - 2 exp(-TI/T1) + exp(-TR/T1)| exp(-TE/T2), the magnitude of a fluid-attenuated image."""
    longitudinal = 1.0 - 2.0 * np.exp(-ti_ms / t1_ms) + np.exp(-tr_ms / t1_ms)
    return proton_density * np.abs(longitudinal) * np.exp(-te_ms / t2_ms)


def spoiled_gradient_echo(t1_ms, t2_ms, proton_density, *, tr_ms: float, te_ms: float, flip_degrees: float):
    """Return the Ernst formula PD sin(a) (1 - E1) / (1 - cos(a) E1) exp(-TE/T2), with E1 = exp(-TR/T1).

    The decay should be T2*; at the echo times of these protocols (below 6 ms) the difference is a few percent.
    """
    angle = np.deg2rad(flip_degrees)
    recovery = np.exp(-tr_ms / t1_ms)
    return proton_density * np.sin(angle) * (1.0 - recovery) / (1.0 - np.cos(angle) * recovery) * np.exp(-te_ms / t2_ms)


def signal(sequence: Sequence, *, t1_ms, t2_ms, proton_density):
    """Return the magnitude that a sequence gives for relaxation times (numbers or arrays)."""
    times = {"tr_ms": sequence.tr_ms, "te_ms": sequence.te_ms}
    if sequence.kind == "spin_echo":
        return spin_echo(t1_ms, t2_ms, proton_density, **times)
    if sequence.kind == "inversion_recovery":
        return inversion_recovery(t1_ms, t2_ms, proton_density, ti_ms=sequence.ti_ms, **times)
    if sequence.kind == "spoiled_gradient_echo":
        return spoiled_gradient_echo(t1_ms, t2_ms, proton_density, flip_degrees=sequence.flip_degrees, **times)
    raise ValueError(f"unknown sequence {sequence.kind!r}")


def with_gadolinium(t1_ms, t2_ms, *, concentration_mmol, r1: float, r2: float):
    """Return T1 and T2 shortened by contrast agent: 1/T = 1/T0 + r C (relaxivities per mmol/l and second)."""
    rate1 = 1.0 / t1_ms + r1 * concentration_mmol / 1000.0
    rate2 = 1.0 / t2_ms + r2 * concentration_mmol / 1000.0
    return 1.0 / rate1, 1.0 / rate2
