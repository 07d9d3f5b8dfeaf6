"""Scores of single lesions as the BraTS challenges of 2026 define them: one to one, nothing joined, nothing ignored.

Lesions are the components (26 neighbours) of the truth, found ones those of the prediction. Pairs that share a voxel
are matched one to one so that the sum of their Dice is largest [brats-evaluation 0.0.10 over panoptica 2.1.7]. A
matched pair has its Dice, its NSD (mean of the shares of both surfaces that lie within the smallest voxel edge of the
other) and its HD95 (95th percentile of both directions' distances together), between surface voxels.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from segan_tl.metrics.assignment import choose_pairs
from segan_tl.metrics.challenges import Challenge, MatchedLesions
from segan_tl.metrics.components import number_components, overlaps, surfaces_of_each
from segan_tl.metrics.distances import SurfaceDistances, distances_between, pooled_hausdorff_mm
from segan_tl.metrics.pair import MaskPair
from segan_tl.metrics.surfaces import Surface

MISSED_MM = 373.0  # of 2026: one less than in 2023
FOUND_DICE = 0.1  # from here on a lesion counts as found where sizes are told apart


@dataclass(frozen=True)
class TruthLesion:
    """A component of the truth: its volume, and the scores of the pair; None where it has no partner."""

    volume_mm3: float
    scores: tuple[float, float, float] | None  # Dice, NSD, HD95 in mm


@dataclass(frozen=True)
class Detection:
    """Lesions that were found, missed and invented; None of each where the group does not exist.

    Precision and recall are NaN where there is nothing to divide by, F1 where there is nothing at all.
    """

    found: float
    missed: float
    invented: float
    empty: float = np.nan  # what a share without a denominator is

    @property
    def precision(self) -> float:
        """Return found / (found + invented)."""
        return self._share(self.found, self.found + self.invented)

    @property
    def recall(self) -> float:
        """Return found / (found + missed)."""
        return self._share(self.found, self.found + self.missed)

    @property
    def f1(self) -> float:
        """Return 2 found / (2 found + missed + invented)."""
        return self._share(2 * self.found, 2 * self.found + self.missed + self.invented)

    def _share(self, part: float, whole: float) -> float:
        return part / whole if whole else self.empty


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation (n in the denominator) over lesions, by score."""

    dice: float
    nsd: float
    hd95_mm: float
    dice_sd: float
    nsd_sd: float
    hd95_sd_mm: float


@dataclass(frozen=True)
class MatchedScores:
    """The lesions of one region of one case.

    Attributes:
        lesions: of the truth.
        invented: components of the prediction without a partner.
        large_mm3: of the rule, None for no division by size.
    """

    lesions: tuple[TruthLesion, ...]
    invented: int
    large_mm3: float | None = None

    @property
    def detection(self) -> Detection:
        """Return what was found of all lesions."""
        found = sum(lesion.scores is not None for lesion in self.lesions)
        return Detection(found, len(self.lesions) - found, self.invented)

    @functools.cached_property
    def matched(self) -> Spread:
        """Return the scores of matched lesions; without one Dice and NSD 0 and HD95 infinite, both empty NaN."""
        scores = [lesion.scores for lesion in self.lesions if lesion.scores]
        if scores or not (self.lesions or self.invented):
            return _spread(scores)
        return Spread(0.0, 0.0, np.inf, np.nan, np.nan, np.nan)

    @property
    def large(self) -> list[TruthLesion]:
        """Return the lesions of the truth that are scored."""
        return [lesion for lesion in self.lesions if lesion.volume_mm3 >= self.large_mm3]

    @property
    def large_detection(self) -> Detection:
        """Return what was found of the large ones, from Dice 0.1 on; NaN where the truth has none."""
        return self._found(self.large)

    @functools.cached_property
    def large_matched(self) -> Spread:
        """Return the scores of the large lesions that are matched; NaN without one."""
        return _spread([lesion.scores for lesion in self.large if lesion.scores])

    @functools.cached_property
    def large_scores(self) -> Spread:
        """Return the scores of the large lesions, with 0, 0 and 373 mm for each miss and invention."""
        if not self.large:
            return _spread([])
        nothing = (0.0, 0.0, MISSED_MM)
        return _spread([lesion.scores or nothing for lesion in self.large] + [nothing] * self.invented)

    @property
    def small_detection(self) -> Detection:
        """Return the same of the small ones."""
        return self._found([lesion for lesion in self.lesions if lesion.volume_mm3 < self.large_mm3])

    def _found(self, lesions: Sequence[TruthLesion]) -> Detection:
        """Return what was found of some; sizes are those of the truth, so every invention counts for each group."""
        if not lesions:
            return Detection(np.nan, np.nan, np.nan)
        found = sum(lesion.scores is not None and lesion.scores[0] >= FOUND_DICE for lesion in lesions)
        return Detection(found, len(lesions) - found, self.invented, empty=0.0)


def _spread(scores: Sequence[tuple[float, float, float]]) -> Spread:
    if not scores:
        return Spread(*[np.nan] * 6)
    table = np.array(scores)
    return Spread(*map(float, (*table.mean(axis=0), *table.std(axis=0))))


def match_lesions(pair: MaskPair, challenge: Challenge) -> MatchedScores:
    """Match the lesions of a region one to one and score each pair.

    Args:
        pair: truth and prediction of one region.
        challenge: one of CHALLENGES that matches lesions, of 2026.

    Raises:
        TypeError: two arrays, the name of a challenge, or one that joins lesions.

    Example:
        >>> truth, prediction = np.zeros((2, 40, 20, 20), bool)
        >>> truth[2:8, 4:10, 4:10] = truth[30:36, 4:10, 4:10] = True  # two lesions, of which one is found
        >>> prediction[2:8, 4:10, 4:10] = True
        >>> pair = segan_tl.metrics.MaskPair(truth, prediction, (1, 1, 1))
        >>> scores = segan_tl.metrics.match_lesions(pair, segan_tl.metrics.CHALLENGES["brats2026-gli"])
        >>> scores.matched.dice, scores.detection.precision, scores.detection.recall
        (1.0, 1.0, 0.5)
    """
    if not isinstance(pair, MaskPair) or not isinstance(challenge, Challenge):
        raise TypeError("expected match_lesions(MaskPair(truth, prediction, spacing_mm), CHALLENGES[name])")
    if not isinstance(rule := challenge.rule, MatchedLesions):
        raise TypeError(f"expected rules that match lesions; {challenge.name} joins them: use score_lesions")
    (truth, lesions), (prediction, components) = map(number_components, (pair.truth, pair.prediction))
    truth_voxels = np.bincount(truth[pair.truth], minlength=lesions + 1)
    prediction_voxels = np.bincount(prediction[pair.prediction], minlength=components + 1)
    lesion_of, component_of, both_voxels = overlaps(truth, prediction)
    dice = 2 * both_voxels / (truth_voxels[lesion_of] + prediction_voxels[component_of])
    if lesions == components == 1:
        matched, distances = [(1, 1)] * len(dice), [pair.voxel_distances] * len(dice)
    else:
        parts = [
            surfaces_of_each(surface, numbers, count=count)
            for surface, numbers, count in zip(pair.surface_voxels, (truth, prediction), (lesions, components))
        ]
        firsts = (_first_voxels(side, numbers) for side, numbers in zip(parts, (lesion_of, component_of)))
        chosen = choose_pairs(*firsts, dice)
        dice = dice[chosen]
        matched = list(zip(lesion_of[chosen].tolist(), component_of[chosen].tolist()))
        distances = [distances_between(parts[0][one], parts[1][other], pair.spacing_mm) for one, other in matched]
    scores = {
        lesion: (float(value), nsd(found, min(pair.spacing_mm)), pooled_hausdorff_mm(found))
        for (lesion, _), value, found in zip(matched, dice, distances)
    }
    volumes_mm3 = truth_voxels * pair.voxel_mm3
    every = tuple(TruthLesion(float(volumes_mm3[one]), scores.get(one)) for one in range(1, lesions + 1))
    return MatchedScores(every, components - len(matched), rule.large_mm3)


def _first_voxels(parts: list[Surface], numbers: np.ndarray) -> np.ndarray:
    """Return, of each number, the first voxel of its component: the last axis counts most, as in the challenge's files.

    Where several assignments are equally good, the order of the components decides.
    """
    found = {number: parts[number].positions[:, ::-1] for number in np.unique(numbers)}
    first = {number: tuple(places[np.lexsort(places.T[::-1])[0]]) for number, places in found.items()}
    rank = {number: place for place, number in enumerate(sorted(first, key=first.get))}
    return np.array([rank[number] for number in numbers], int)


def nsd(distances: SurfaceDistances, tolerance_mm: float) -> float:
    """Return the mean of the shares of the two surfaces that lie within a tolerance of the other.

    Not `surface_dice`, which takes both surfaces together: here the smaller one counts as much as the larger.

    Args:
        distances: between surface voxels.
        tolerance_mm: 0 or more.
    """
    if distances.by_rule:
        return distances.by_rule[1]
    return float(sum(np.mean(side <= tolerance_mm) for side in (distances.truth_mm, distances.prediction_mm)) / 2)
