"""What every choice of thresholds makes of one case: each distinct outcome is scored once.

Thresholds select components: of the 20 sizes of a tissue few leave different ones. And making NCR of ET takes it from
ET alone: whole tumour and tumour core stay what they are.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from segan_tl.errors import UserError, nearest
from segan_tl.metrics.columns import Column, Measured, Plan, columns_of
from segan_tl.metrics.distances import HD95_DEFINITIONS
from segan_tl.metrics.challenges import CHALLENGES, JoinedLesions, MatchedLesions
from segan_tl.metrics.pair import MaskPair
from segan_tl.predict.components import TISSUES, Thresholds, et_wt_ratio
from segan_tl.regions import region_masks
from segan_tl.report.compare.labelled import LabelledCase
from segan_tl.report.compare.tumour_parts import Parts, TruthParts, find_parts

REGIONS = ("et", "tc", "wt")
DEFAULTS = {JoinedLesions: "lesion_dice", MatchedLesions: "lesion_f1"}  # objective by how lesions are counted
NOTHING_FOUND = 1.0  # of nothing, where the rules of 2026 define no share: it ranks with the best


@dataclass(frozen=True)
class Grid:
    """The thresholds that are tried: sizes of every tissue, and ratios ET / WT, both sorted, 0 first."""

    sizes_voxels: tuple[int, ...]
    ratios: tuple[float, ...]

    def thresholds(self, place: tuple[int, int, int, int]) -> Thresholds:
        """Return what stands at a place: of the size of NCR, ED and ET, and of the ratio."""
        sizes = (self.sizes_voxels[one] for one in place[:3])
        return Thresholds(dict(zip(TISSUES, sizes)), self.ratios[place[3]])


class Objective(NamedTuple):
    """What is tuned: the mean of a score over ET, TC and WT, by the rule of a challenge."""

    column: Column
    plan: Plan

    @property
    def needs_volumes(self) -> bool:
        """Return whether the score needs the volumes themselves, which takes long."""
        return self.plan.matches or self.column.unit == "mm" or "surface" in self.column.name


def objective_of(name: str | None, *, challenge: str) -> Objective:
    """Return the score of a name, with its direction.

    Args:
        name: of a column of metrics.csv, as a run or `evaluate` writes it; None for the default of the rules.
        challenge: of CHALLENGES. Of one that matches lesions a share alone can be tuned: its distances may be infinite.

    Raises:
        UserError: there is no such column, it does not say how good a prediction is, or the challenge has other
            regions.
    """
    rules = CHALLENGES[challenge]
    if not set(REGIONS) <= set(rules.regions):
        raise UserError(
            f"expected the rules of a challenge that scores {', '.join(REGIONS)}, which are tuned; {rules.name} scores "
            f"{', '.join(rules.regions)}; give another --challenge"
        )
    name = name or DEFAULTS[type(rules.rule)]
    plans = [Plan(REGIONS, hd95=definitions, challenge=challenge) for definitions in ((), tuple(HD95_DEFINITIONS))]
    known = {
        column.name: (column, plan) for plan in plans for column in columns_of(plan)
        if column.better and (column.unit == "share" or not plan.matches)
    }  # fmt: skip
    if name not in known:
        near = nearest(name, known)
        raise UserError(
            f"expected --objective as a score out of {', '.join(known)}; found {name!r}; "
            + (f"did you mean {near}?" if near else "write one of these")
        )
    return Objective(*known[name])


# === One case ===


@dataclass(frozen=True)
class CaseScores:
    """The scores of a case by what is left of it.

    Attributes:
        wt: (n, d, e) by distinct choices of components of NCR, ED and ET; tc: (n, e); et: (e,).
        et_gone: of an empty ET.
        share: (n, d, e), ET / WT that is left.
        steps: for NCR, ED and ET the choice that each size of the grid leads to, (S,).
    """

    case_id: str
    patient: str
    fold: int
    cluster: str | None
    wt: np.ndarray
    tc: np.ndarray
    et: np.ndarray
    et_gone: float
    share: np.ndarray
    steps: tuple[np.ndarray, ...]

    @property
    def outcomes(self) -> int:
        """Return how many different ones were scored, over the three regions."""
        return self.wt.size + self.tc.size + self.et.size + 1

    def objective(self, ratios: Sequence[float]) -> np.ndarray:
        """Return the mean of the three regions for every choice of the grid, (S, S, S, ratios)."""
        et = np.where(self.share[..., None] < np.array(ratios), self.et_gone, self.et[:, None])
        mean = (self.wt[..., None] + self.tc[:, None, :, None] + et) / 3
        return mean[np.ix_(*self.steps)]

    def at(self, place: tuple[int, int, int, int], grid: Grid) -> dict[str, float]:
        """Return the score of each region, and "objective", their mean, at a place of the grid."""
        n, d, e = (int(step[size]) for step, size in zip(self.steps, place))
        gone = self.share[n, d, e] < grid.ratios[place[3]]
        scores = (self.et_gone if gone else float(self.et[e]), float(self.tc[n, e]), float(self.wt[n, d, e]))
        return dict(zip(REGIONS, scores)) | {"objective": sum(reversed(scores)) / 3}


def score_outcomes(case: LabelledCase, grid: Grid, objective: Objective) -> CaseScores:
    """Score what any choice of the grid can leave of a case, each outcome once."""
    parts = find_parts(case.prediction)
    kept, steps = zip(*(_choices(parts, label, grid.sizes_voxels) for label in TISSUES.values()))
    score = {region: _scorer(case, parts, region, objective) for region in REGIONS}
    ncr, ed, et = kept
    shape = tuple(len(one) for one in kept)
    unions = [(n, d, e, ncr[n] | ed[d] | et[e]) for n, d, e in itertools.product(*map(range, shape))]
    wt, share, tc = np.empty(shape), np.empty(shape), np.empty((shape[0], shape[2]))
    for n, d, e, all_three in unions:
        wt[n, d, e] = score["wt"](all_three)
        share[n, d, e] = et_wt_ratio(parts.voxels[et[e]].sum(), parts.voxels[all_three].sum())
    for n, e in itertools.product(range(shape[0]), range(shape[2])):
        tc[n, e] = score["tc"](ncr[n] | et[e])
    alone = np.array([score["et"](one) for one in et])
    gone = score["et"](np.zeros(len(parts.voxels), bool))
    whose = (case.case_id, case.patient, case.fold, case.cluster)
    return CaseScores(*whose, wt, tc, alone, gone, share, steps)


def _choices(parts: Parts, label: int, sizes: Sequence[int]) -> tuple[list[np.ndarray], np.ndarray]:
    """Return the distinct sets of components of a tissue, (K,) bool each, and which of them each size leaves, (S,)."""
    kept = [(parts.tissue == label) & (parts.voxels >= size) for size in sizes]
    new = [place == 0 or one.sum() < kept[place - 1].sum() for place, one in enumerate(kept)]
    return [one for one, first in zip(kept, new) if first], np.cumsum(new) - 1


def _scorer(case: LabelledCase, parts: Parts, region: str, objective: Objective) -> Callable[[np.ndarray], float]:
    """Return what scores one region of the components that are kept, (K,) bool."""
    column, plan = objective
    if objective.needs_volumes:
        truth = region_masks(case.truth, (region,))[..., 0]

        def from_volumes(kept: np.ndarray) -> float:
            pair = MaskPair(truth, parts.mask(kept), case.spacing_mm, grid_voxels=case.grid_voxels)
            score = column.compute(Measured(pair, plan))
            return NOTHING_FOUND if plan.matches and math.isnan(score) else score

        return from_volumes
    rule = CHALLENGES[plan.challenge].rule
    truth = TruthParts(parts, case.truth, region, rule=rule, voxel_mm3=case.voxel_mm3)
    return lambda kept: float(column.compute(truth.measure(kept, grid_voxels=case.grid_voxels)))
