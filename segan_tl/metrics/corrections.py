"""p values of several tests, corrected for there being several."""

from collections.abc import Sequence


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Correct the p values of several comparisons, so that one false claim among all of them stays rare [Holm 1979].

    The smallest of m is multiplied by m, the next by m - 1 and so on; none ends below a smaller one, none above 1. A
    test without an answer (None) stays without one and does not count.
    """
    answered = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    corrected: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, (p, place) in enumerate(answered):
        largest = max(largest, min(1.0, (len(answered) - rank) * p))
        corrected[place] = largest
    return corrected
