"""Which challenge's rule for lesions fits the cases of a run."""

from collections.abc import Iterable, Sequence

# Lesion-wise scores are defined for the regions of glioma. Metastases and meningioma are stored in the same numbers:
# `evaluate --challenge` scores them by their own rule.
CHALLENGE_REGIONS = {"wt", "tc", "et"}
CHALLENGE_OF = {
    "brats2012": "brats2023-gli",
    "brats2015": "brats2023-gli",
    "brats2017": "brats2023-gli",
    "brats2023": "brats2023-gli",
    "msd": "brats2023-gli",
    "brats_ped2024": "brats2023-ped",
}


def choose_challenge(regions: Sequence[str], conventions: Iterable[str]) -> str | None:
    """Return the challenge whose lesion-wise scores make sense for all cases; None where there is no such one.

    Args:
        regions: of the run.
        conventions: label conventions of its cases.
    """
    challenges = {CHALLENGE_OF.get(convention) for convention in conventions}
    return challenges.pop() if len(challenges) == 1 and CHALLENGE_REGIONS.issuperset(regions) else None
