"""How far a scan lies from those of a training, in one number: 0 in their middle, about 1 at the end of their range."""

import math
from collections.abc import Mapping

from segan_tl.data.fingerprint import ALWAYS, FLOORS, QUARTILE_FLOORS

KINDS = ("quartile", "below_air", "head_ml")  # what a grid measures, resampling takes away


def training_distance(case: Mapping[str, float], cohort: dict) -> float | None:
    """Return the root mean square of how far intensities and head lie from the middle of the training cases.

    A number lies |x - m| / (h + floor) away, with m the middle and h half the length of their middle 90 %, and the
    floor of its kind, as `data.fingerprint` has it; of heads the logarithm counts.

    Args:
        case: its numbers, of `fingerprint_case`.
        cohort: what `fingerprint_cohort` returned for the training.

    Returns:
        The distance; None where the training has none of these numbers.
    """
    found = []
    for name, spread in cohort["quantities"].items():
        subject, _, kind = name.rpartition(".")
        kind = kind or subject
        if kind not in KINDS or name not in case:
            continue
        value, low, high = case[name], spread["low"], spread["high"]
        if kind == "head_ml":
            value, low, high = (math.log(max(number, 1e-6)) for number in (value, low, high))
        floor = FLOORS.get(kind) or QUARTILE_FLOORS.get(subject, ALWAYS)
        found.append((value - (low + high) / 2) / ((high - low) / 2 + floor))
    return math.hypot(*found) / math.sqrt(len(found)) if found else None
