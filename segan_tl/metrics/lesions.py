"""Scores of single lesions as BraTS 2023 defines them, with the settings of each of its challenges.

A lesion of the truth is a group of components (26 neighbours) that touch each other once the truth is dilated. Found
lesions are the components of the prediction. All of them that touch a lesion's dilation are compared with it as one;
those that touch none are invented. The score of a case is the mean over the lesions of the truth larger than the
challenge's threshold, and the invented ones: a missed or invented lesion counts Dice 0 and HD95 374 mm. A case without
either counts 1 and 0 mm. HD95 is surface-weighted.
"""

from dataclasses import dataclass

import numpy as np

from segan_tl.metrics.challenges import Challenge, JoinedLesions
from segan_tl.metrics.components import number_components, overlaps
from segan_tl.metrics.distances import MISSED_MM, distances_between, weighted_hausdorff_mm
from segan_tl.metrics.overlap import as_mask
from segan_tl.metrics.pair import MaskPair
from segan_tl.metrics.surfaces import CORNERS, Surface


@dataclass(frozen=True)
class Lesion:
    """One lesion of the truth that counts: its volume, the number of components that found it, and its scores."""

    volume_mm3: float
    found_by: int
    dice: float
    hd95_mm: float


@dataclass(frozen=True)
class LesionScores:
    """The lesions of one region of one case.

    Attributes:
        lesions: those of the truth that are large enough to count.
        invented: components of the prediction that touch no lesion, small ones included.
    """

    lesions: tuple[Lesion, ...]
    invented: int

    @property
    def found(self) -> int:
        """Return the number of lesions that were found (true positives)."""
        return sum(lesion.found_by > 0 for lesion in self.lesions)

    @property
    def missed(self) -> int:
        """Return the number of lesions that were missed (false negatives)."""
        return len(self.lesions) - self.found

    @property
    def dice(self) -> float:
        """Return the mean Dice over lesions and inventions; 1.0 where there are none."""
        number = len(self.lesions) + self.invented
        return sum(lesion.dice for lesion in self.lesions) / number if number else 1.0

    @property
    def hd95_mm(self) -> float:
        """Return the mean surface-weighted HD95 over lesions and inventions; 0 mm where there are none."""
        number = len(self.lesions) + self.invented
        total_mm = sum(lesion.hd95_mm for lesion in self.lesions) + MISSED_MM * self.invented
        return total_mm / number if number else 0.0


def score_lesions(pair: MaskPair, challenge: Challenge) -> LesionScores:
    """Score every lesion of a region.

    Args:
        pair: truth and prediction of one region.
        challenge: one of CHALLENGES that joins lesions, of 2023.

    Raises:
        TypeError: two arrays, the name of a challenge, or one that matches lesions.

    Example:
        >>> truth, prediction = np.zeros((2, 40, 20, 20), bool)
        >>> truth[2:8, 4:10, 4:10] = truth[30:36, 4:10, 4:10] = True  # two lesions, of which one is found
        >>> prediction[2:8, 4:10, 4:10] = True
        >>> pair = segan_tl.metrics.MaskPair(truth, prediction, (1, 1, 1))
        >>> scores = segan_tl.metrics.score_lesions(pair, segan_tl.metrics.CHALLENGES["brats-gli"])
        >>> scores.found, scores.missed, scores.invented, scores.dice, scores.hd95_mm
        (1, 1, 0, 0.5, 187.0)
    """
    if not isinstance(pair, MaskPair) or not isinstance(challenge, Challenge):
        raise TypeError("expected score_lesions(MaskPair(truth, prediction, spacing_mm), CHALLENGES[name])")
    if not isinstance(rule := challenge.rule, JoinedLesions):
        raise TypeError(f"expected rules that join lesions; {challenge.name} matches them: use match_lesions")
    dilated, lesions = number_components(dilate(pair.truth, rule.dilations))
    components, found = number_components(pair.prediction)
    lesion_of, component_of, _ = overlaps(dilated, components)
    scored = _score_each(pair, dilated * pair.truth, components, number=lesions, touching=(lesion_of, component_of))
    counted = tuple(lesion for lesion in scored if lesion.volume_mm3 > rule.ignored_mm3)
    return LesionScores(counted, found - len(np.unique(component_of)))


def dilate(mask: np.ndarray, times: int) -> np.ndarray:
    """Grow a volume by its 18 neighbours (those that share a face or an edge), several times, within its own grid."""
    mask = as_mask(mask, axes=3)
    for _ in range(times):
        along_first, along_second = _spread(mask, 0), _spread(mask, 1)
        mask = _spread(along_first, 1)
        mask |= _spread(along_first, 2)
        mask |= _spread(along_second, 2)
    return mask


def _spread(mask: np.ndarray, axis: int) -> np.ndarray:
    """Grow a volume by one voxel along an axis."""
    grown = mask.copy()
    source, target = np.moveaxis(mask, axis, 0), np.moveaxis(grown, axis, 0)
    target[1:] |= source[:-1]
    target[:-1] |= source[1:]
    return grown


def _score_each(
    pair: MaskPair, lesions: np.ndarray, components: np.ndarray, *, number: int, touching: tuple[np.ndarray, np.ndarray]
) -> list[Lesion]:
    """Score each lesion against the components that touch it, small ones too."""
    lesion_of, component_of = touching
    truth_voxels = np.bincount(lesions[pair.truth], minlength=number + 1)
    component_voxels = np.bincount(components[pair.prediction])
    both_voxels = np.bincount(lesions[pair.truth & pair.prediction], minlength=number + 1)
    parts = _SurfaceParts(pair, lesions, components)
    scored = []
    for lesion in range(1, number + 1):
        found_by = component_of[lesion_of == lesion]
        volume_mm3 = float(truth_voxels[lesion] * pair.voxel_mm3)
        if not len(found_by):
            scored.append(Lesion(volume_mm3, 0, 0.0, MISSED_MM))
            continue
        dice = 2 * both_voxels[lesion] / (truth_voxels[lesion] + component_voxels[found_by].sum())
        everything = number == 1 and len(found_by) == len(component_voxels) - 1
        hd95_mm = weighted_hausdorff_mm(pair.surfel_distances) if everything else parts.hd95_mm(lesion, found_by)
        scored.append(Lesion(volume_mm3, len(found_by), float(dice), hd95_mm))
    return scored


class _SurfaceParts:
    """The surfaces of both masks, cut up by lesion and by component; made when first asked for."""

    def __init__(self, pair: MaskPair, lesions: np.ndarray, components: np.ndarray):
        self.pair, self.labels, self.owners = pair, (lesions, components), None

    def hd95_mm(self, lesion: int, found_by: np.ndarray) -> float:
        """Return the HD95 between a lesion and the components that found it."""
        truth, prediction = self.pair.surfels
        if self.owners is None:
            self.owners = [_owners(surface, labels) for surface, labels in zip((truth, prediction), self.labels)]
        truth = truth.part(self.owners[0] == lesion)
        prediction = prediction.part(np.isin(self.owners[1], found_by))
        return weighted_hausdorff_mm(distances_between(truth, prediction, self.pair.spacing_mm))


def _owners(surface: Surface, labels: np.ndarray) -> np.ndarray:
    """Return the label each surfel belongs to: the eight voxels around it are neighbours, so there is only one."""
    padded = np.pad(labels, 1)
    owners = np.zeros(len(surface.keys), labels.dtype)
    for corner in CORNERS:
        np.maximum(owners, padded[tuple((surface.positions + corner).T)], out=owners)
    return owners
