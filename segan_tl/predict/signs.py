"""What of an answer tells how good it is, without the truth: a few numbers a case, each the larger the worse.

disagreement   1 - Dice of the answer and that on the mirrored image, of each two voters, or of an ensemble's members
uncertainty    mean entropy of the probability in what was found and AROUND voxels beside it, in bits; 1 for nothing
smallness      - log10 of the volume of what was found and LEAST_ML, in ml
scattered      share of what was found outside of its largest part
implausible    shares of what was found in air, and of a region outside of that which holds it; how far beyond the
               largest of the training, as a logarithm; 1 where a region is missing that every training case has
distance       from the training's scans (`data.distance`), as log(1 + d): twice as strange is not twice as bad
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from scipy import ndimage

from segan_tl.data.distance import training_distance
from segan_tl.data.fingerprint import fingerprint_case
from segan_tl.data.find.cases import LoadedCase
from segan_tl.metrics.distances import bounding_box
from segan_tl.predict.members import Member
from segan_tl.predict.plausibility import images_of
from segan_tl.predict.postprocess import label_components
from segan_tl.predict.segmented import Segmented
from segan_tl.regions import REGIONS

AROUND = 2
LEAST_ML = 0.1  # a voxel more or less of nothing is no difference
# In the order in which they are taken where cases are few.
SIGNS = ("disagreement", "uncertainty", "smallness", "scattered", "implausible", "distance")


def signs_of(found: Segmented) -> dict[str, float | None]:
    """Return the signs of a segmented case; None where one is not known.

    Args:
        found: with the agreement of several answers.
    """
    loaded, prediction = found.loaded, found.prediction
    member = found.voters[0]
    voxel_ml = loaded.geometry.voxel_volume_mm3 / 1000
    whole = prediction.any(axis=-1)
    regions = member.config.data.regions
    signs = {
        "disagreement": 1 - sum(found.agreement.values()) / len(found.agreement) if found.agreement else None,
        "uncertainty": uncertainty(found.probability[..., -len(regions) :], prediction),
        "smallness": -math.log10(whole.sum() * voxel_ml + LEAST_ML),
        "scattered": scattered(whole),
        "implausible": implausible(prediction, np.any(loaded.image != 0, axis=-1), regions, voxel_ml, member.cohort),
        "distance": _distance(loaded, found.voters),
    }
    return {name: None if value is None else float(f"{value:.6g}") for name, value in signs.items()}


def mean_signs(signs: Sequence[Mapping[str, float | None]]) -> dict[str, float | None]:
    """Return the mean of each sign over several networks' own answers, of those that know it."""
    means = {}
    for name in signs[0]:
        known = [one[name] for one in signs if one[name] is not None]
        means[name] = sum(known) / len(known) if known else None
    return means


def uncertainty(probability: np.ndarray, prediction: np.ndarray) -> float:
    """Return the mean entropy in and around each region that was found, and of these the mean; 1 where nothing was.

    Args:
        probability: (H, W, D, R), of each region or label by itself.
        prediction: (H, W, D, R) bool.

    Returns:
        Bits, 0 to 1: -p log2(p) - (1 - p) log2(1 - p).
    """
    means = []
    for region in range(prediction.shape[-1]):
        mask = prediction[..., region]
        if not mask.any():
            continue
        box = bounding_box(mask, margin_voxels=AROUND)
        near = ndimage.binary_dilation(mask[box], iterations=AROUND)
        p = np.clip(probability[..., region][box][near].astype(np.float64), 1e-12, 1 - 1e-12)
        means.append(-(p * np.log2(p) + (1 - p) * np.log2(1 - p)).mean())
    return float(np.mean(means)) if means else 1.0


def scattered(mask: np.ndarray) -> float:
    """Return the share of a mask (H, W, D) outside of its largest 26-connected component; 0 where it is empty."""
    if not mask.any():
        return 0.0
    _, voxels = label_components(mask[bounding_box(mask)])
    return 1 - float(voxels.max() / voxels.sum())


def implausible(
    prediction: np.ndarray, head: np.ndarray, regions: Sequence[str], voxel_ml: float, cohort: Mapping | None
) -> float:
    """Return how far an answer is from one that can be, 0 for not at all.

    Args:
        prediction: (H, W, D, R) bool, before labels that contradict each other are joined.
        head: (H, W, D) bool, what is not 0 in the image.
        cohort: fingerprint of the training, None where it is not known.
    """
    whole = prediction.any(axis=-1)
    total = max(int(whole.sum()), 1)
    found = np.count_nonzero(whole & ~head) / total
    for inner, outer in _nested(regions):
        one, other = prediction[..., regions.index(inner)], prediction[..., regions.index(outer)]
        found += np.count_nonzero(one & ~other) / total
    for place, region in enumerate(regions):
        spread = (cohort or {}).get("quantities", {}).get(f"{region}.ml")
        volume_ml = np.count_nonzero(prediction[..., place]) * voxel_ml
        if spread is None or spread["highest"] <= 0:
            continue
        found += max(math.log(volume_ml / spread["highest"]), 0) if volume_ml else float(spread["lowest"] > 0)
    return float(found)


def _nested(regions: Sequence[str]) -> list[tuple[str, str]]:
    """Return each region with the smallest other one of these that holds all of it: et in tc, tc in wt."""
    pairs = []
    for inner in regions:
        around = [outer for outer in regions if set(REGIONS[inner]) < set(REGIONS[outer])]
        if around:
            pairs.append((inner, min(around, key=lambda name: len(REGIONS[name]))))
    return pairs


def _distance(loaded: LoadedCase, voters: Sequence[Member]) -> float | None:
    """Return the mean over the voters of log(1 + distance from their training); None where none of them tells."""
    distances = [
        training_distance(fingerprint_case(images, spacing_mm=loaded.spacing_mm), voter.cohort)
        for voter, images in images_of(loaded, voters)
        if voter.cohort
    ]
    known = [math.log1p(distance) for distance in distances if distance is not None]
    return sum(known) / len(known) if known else None
