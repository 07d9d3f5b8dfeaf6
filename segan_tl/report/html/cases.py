"""Which cases a page shows, and how finely, so that it stays small enough to be mailed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from segan_tl.report.record import FinishedRun

# Of a voxel of the cut volume, compressed and in base64, where it is not measured: 0.40 to 0.55 on BraTS 2021, 0.6 on
# the phantom.
BYTES_A_VOXEL = 0.6
FACTORS = (1, 2, 3, 4)


@dataclass(frozen=True)
class Plan:
    """How much of the cases is embedded.

    Attributes:
        cases: how many.
        all_modalities: also those that no run sees.
        factor: voxels averaged along each axis.
    """

    cases: int
    all_modalities: bool
    factor: int


def rank_cases(runs: Sequence[FinishedRun], limit: int) -> list[tuple[str, str]]:
    """Choose cases: best, median and worst first, then evenly over the ranks; return (case id, role).

    One run is ranked by its Dice, two by the second's Dice minus the first's, more by their mean. Cases without
    anything to find are left out while there are others: their Dice of 1 shows nothing.

    Args:
        limit: how many cases at most.
    """
    value = _ranking(runs)
    truth_ml = {row["case"]: float(row.get("truth_ml") or math.nan) for row in runs[0].rows}
    cases = [case for case in runs[0].cases if truth_ml[case] != 0] or runs[0].cases
    ranked = sorted(cases, key=lambda case: (-value[case], case))
    last = len(ranked) - 1
    names = ("best", "median", "worst")
    if len(runs) == 2 and ranked:
        names = (_change(value[ranked[0]], 1), "median change", _change(value[ranked[last]], -1))
    roles = {}
    for name, place in zip(names, (0, len(ranked) // 2, last)):
        if ranked and ranked[place] not in roles:
            roles[ranked[place]] = name
    if last > 0:  # of few cases, best and worst
        roles[ranked[last]] = names[2]
    spread = [ranked[round(last * (index + 0.5) / limit)] for index in range(limit)] if ranked else []
    order = list(dict.fromkeys([*roles, *spread, *ranked, *runs[0].cases]))
    return [(case, roles.get(case, "")) for case in order[:limit]]


def _change(difference: float, side: int) -> str:
    """Return the role of the case with the highest (side 1) or the lowest (-1) difference."""
    if difference == 0:
        return "unchanged"
    return f"{'gained' if difference > 0 else 'lost'} {'most' if difference * side > 0 else 'least'}"


def _ranking(runs: Sequence[FinishedRun]) -> dict[str, float]:
    if len(runs) == 2:
        return {case: runs[1].dice(case) - runs[0].dice(case) for case in runs[0].cases}
    return {case: sum(one.dice(case) for one in runs) / len(runs) for case in runs[0].cases}


def make_plan(
    voxels: int, *, cases: int, needed: int, available: int, budget_bytes: float, bytes_a_voxel: float = BYTES_A_VOXEL
) -> Plan:  # fmt: skip
    """Return the finest plan that fits: first fewer modalities, then a coarser grid, then fewer cases.

    Args:
        voxels: of one volume, cut to the head.
        needed: modalities that a run sees.
        available: modalities that the cases have.
    """
    for factor in FACTORS:
        for modalities in (available, needed):
            size = bytes_a_voxel * voxels / factor**3 * modalities * cases
            if size <= budget_bytes:
                return Plan(cases, modalities == available, factor)
    a_case = bytes_a_voxel * voxels / FACTORS[-1] ** 3 * needed
    return Plan(max(int(budget_bytes / a_case), 1), needed == available, FACTORS[-1])
