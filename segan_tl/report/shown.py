"""Which modality a picture shows."""

from collections.abc import Sequence

# The modality in which a region stands out.
BRIGHT_IN = {"wt": "flair", "ed": "flair", "lesion": "flair", "tc": "t1c", "et": "t1c", "ncr": "t1c"}


def shown_modality(modalities: Sequence[str], regions: Sequence[str]) -> str:
    """Return the modality in which the first region stands out, else the first one: what a picture shows.

    >>> shown_modality(("t1", "t1c", "t2", "flair"), ("wt", "tc", "et"))
    'flair'
    """
    best = BRIGHT_IN.get(regions[0])
    return best if best in modalities else modalities[0]
