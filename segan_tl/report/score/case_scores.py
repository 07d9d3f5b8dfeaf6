"""The scores of a test case of a run: what stands in its metrics.csv beside the case and the region."""

from collections.abc import Iterable, Sequence

import numpy as np

from segan_tl.metrics.distances import DEFAULT_HD95, HD95_DEFINITIONS, MISSED_MM, weighted_hausdorff_mm
from segan_tl.metrics.lesions import CHALLENGES, score_lesions
from segan_tl.metrics.pair import MaskPair

OVERLAP = ("dice", "precision", "sensitivity", "specificity")
VOLUMES = ("truth_ml", "prediction_ml")
LESIONS = ("lesion_dice", "lesion_hd95_mm", "lesions_found", "lesions_missed", "lesions_invented")
# Lesion-wise scores are defined for the regions of glioma. Metastases and meningioma are stored in the same numbers:
# `evaluate --challenge` scores them by their own rule.
CHALLENGE_REGIONS = {"wt", "tc", "et"}
CHALLENGE_OF = {
    "brats2012": "brats-gli",
    "brats2015": "brats-gli",
    "brats2017": "brats-gli",
    "brats2023": "brats-gli",
    "msd": "brats-gli",
    "brats_ped2024": "brats-ped",
}


def choose_challenge(regions: Sequence[str], conventions: Iterable[str]) -> str | None:
    """Return the challenge whose lesion-wise scores make sense for all cases; None where there is no such one.

    Args:
        regions: of the run.
        conventions: label conventions of its cases.
    """
    challenges = {CHALLENGE_OF.get(convention) for convention in conventions}
    return challenges.pop() if len(challenges) == 1 and CHALLENGE_REGIONS.issuperset(regions) else None


def score_columns(challenge: str | None) -> tuple[str, ...]:
    """Return the columns of metrics.csv that hold scores; HD95 is surface-weighted, the default of `evaluate`."""
    return (*OVERLAP, "hd95_mm", *(LESIONS if challenge else ()))


def score_regions(
    truth: np.ndarray,
    prediction: np.ndarray,
    regions: Sequence[str],
    *,
    spacing_mm: tuple[float, float, float],
    challenge: str | None,
) -> dict[str, dict[str, float]]:
    """Score every region of a case.

    Args:
        truth: (H, W, D, R) bool, in the order of `regions`.
        prediction: same shape, bool.
        spacing_mm: voxel size along H, W and D.
        challenge: a name of CHALLENGES for lesion-wise scores, None for none.

    Returns:
        region → column → score, volumes last.
    """
    found = {}
    for i, region in enumerate(regions):
        pair = MaskPair(truth[..., i], prediction[..., i], spacing_mm)
        counts = pair.counts
        row = {name: getattr(counts, name) for name in OVERLAP}
        row["hd95_mm"] = weighted_hausdorff_mm(pair.surfel_distances)
        if challenge:
            lesions = score_lesions(pair, CHALLENGES[challenge])
            row |= zip(LESIONS, (lesions.dice, lesions.hd95_mm, lesions.found, lesions.missed, lesions.invented))
        voxels = (counts.truth_voxels, counts.prediction_voxels)
        row |= {name: number * pair.voxel_mm3 / 1000 for name, number in zip(VOLUMES, voxels)}
        found[region] = row
    return found


def definitions(challenge: str | None) -> dict:
    """Return what the columns mean where that is a matter of choice, for summary.json."""
    lesions = None
    if challenge:
        settings = CHALLENGES[challenge]
        dilations = f"{settings.dilations} dilation{'s' * (settings.dilations != 1)}"
        lesions = (
            f"{challenge} 2023: joined by {dilations}, up to {settings.ignored_mm3:g} mm3 not counted; missed or "
            f"invented: Dice 0, HD95 {MISSED_MM:g} mm"
        )
    return {
        "hd95_mm": f"{DEFAULT_HD95}: {HD95_DEFINITIONS[DEFAULT_HD95]}",
        "empty": f"both empty: overlap 1, HD95 0; one empty: overlap 0, HD95 {MISSED_MM:g} mm",
        "lesions": lesions,
    }
