"""Search for thresholds of post-processing, and what they are worth on cases that have not chosen them.

The search is joint: every combination of the grid is looked at, since which size is best for one tissue hangs on the
others (a piece of oedema joins two cores to one whole tumour), and a combination costs one addition a case. Of equally
good ones the first counts, sizes of NCR, ED, ET and the ratio in this order, from the smallest on: no threshold could
be lowered by itself without a loss, so that one that helps nothing stays 0.

Several scans of a patient count as one, as everywhere.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from segan_tl.predict.components import Thresholds
from segan_tl.report.compare.outcomes import REGIONS, CaseScores, Grid
from segan_tl.report.compare.statistics import EQUAL, Comparison, compare_pairs

Place = tuple[int, int, int, int]  # of the sizes of NCR, ED and ET and of the ratio in the grid
UNTOUCHED: Place = (0, 0, 0, 0)
EVERYWHERE = None  # stands for the cluster of all cases


class HeldOut(NamedTuple):
    """A case at the thresholds that the other folds have chosen: region, and "objective" → score."""

    case: CaseScores
    thresholds: Thresholds
    before: dict[str, float]
    after: dict[str, float]


class Tuned(NamedTuple):
    """What was found.

    Attributes:
        chosen: cluster, None for all cases → thresholds chosen on every fold.
        folds: fold → the same, chosen on the others.
        held_out: every case.
        gains: region, and "objective" → untouched against held out.
        on_the_same: gain of the objective with `chosen` on the very cases that chose it, which flatters.
    """

    chosen: dict[str | None, Thresholds]
    folds: dict[int, dict[str | None, Thresholds]]
    held_out: list[HeldOut]
    gains: dict[str, Comparison]
    on_the_same: Comparison


def tune(cases: Sequence[CaseScores], grid: Grid, *, better: int) -> Tuned:
    """Choose on all folds; and for each fold on the others, to learn what that is worth.

    Args:
        cases: of at least two folds.
        grid: that they were scored with.
        better: 1 where a higher score is better, -1 where a lower one is.
    """
    places = _choose_each(cases, grid, better)
    held_out, folds = [], {}
    for fold in sorted({case.fold for case in cases}):
        chosen = _choose_each([case for case in cases if case.fold != fold], grid, better)
        folds[fold] = _name(chosen, grid)
        held_out += [_hold_out(case, chosen, grid) for case in cases if case.fold == fold]
    same = [_hold_out(case, places, grid) for case in cases]
    gains = {name: _gain(held_out, name) for name in ("objective", *REGIONS)}
    return Tuned(_name(places, grid), folds, held_out, gains, _gain(same, "objective"))


def choose(cases: Sequence[CaseScores], grid: Grid, better: int) -> Place:
    """Return the first place of the grid where the mean over patients is best."""
    scans = Counter(case.patient for case in cases)
    total = sum(case.objective(grid.ratios) / scans[case.patient] for case in cases)
    mean = better * total / len(scans)
    best = mean.max()
    # Closer than this only rounding tells them apart.
    first = np.flatnonzero(mean >= best - EQUAL * max(1.0, abs(best)))[0]
    return tuple(int(one) for one in np.unravel_index(first, mean.shape))


def _choose_each(cases: Sequence[CaseScores], grid: Grid, better: int) -> dict[str | None, Place]:
    """Return the place for all cases, and that of each cluster for its own."""
    places = {EVERYWHERE: choose(cases, grid, better)}
    for cluster in sorted({case.cluster for case in cases if case.cluster is not None}):
        places[cluster] = choose([case for case in cases if case.cluster == cluster], grid, better)
    return places


def _hold_out(case: CaseScores, places: Mapping[str | None, Place], grid: Grid) -> HeldOut:
    place = places.get(case.cluster, places[EVERYWHERE])  # no case of its cluster in the other folds
    return HeldOut(case, grid.thresholds(place), case.at(UNTOUCHED, grid), case.at(place, grid))


def _name(places: Mapping[str | None, Place], grid: Grid) -> dict[str | None, Thresholds]:
    return {cluster: grid.thresholds(place) for cluster, place in places.items()}


def _gain(held_out: Sequence[HeldOut], name: str) -> Comparison:
    before, after = ([getattr(one, side)[name] for one in held_out] for side in ("before", "after"))
    return compare_pairs(before, after, [one.case.patient for one in held_out])
