"""The rows of the table of scores that the challenges of 2026 have: whole regions, matched lesions, found ones."""

import functools
import math
from collections.abc import Callable

from segan_tl.metrics.column import Column, Measured, Plan
from segan_tl.metrics.distances import pooled_hausdorff_mm
from segan_tl.metrics.matches import MISSED_MM, Spread, nsd
from segan_tl.metrics.pair import MaskPair

EMPTY = "both empty, undefined; nothing matched"
GROUPS = {
    "matched": ("matched lesions", "mean over lesions matched one to one; none, {none}"),
    "large_lesion": ("large lesions", "mean over lesions of 20 mm3 and more, {none} for each missed or invented one"),
    "large_matched": ("matched large lesions", "mean over those of 20 mm3 and more that are matched"),
}
COUNTED = {
    "lesion": ("", "lesions", lambda scores: scores.detection),
    "large_lesion": ("large ", "those of 20 mm3 and more whose pair has a Dice of 0.1 or more",
                     lambda scores: scores.large_detection),
    "small_lesion": ("small ", "those below 20 mm3 whose pair has a Dice of 0.1 or more",
                     lambda scores: scores.small_detection),
}  # fmt: skip


# === Whole regions ===


def _global_dice(one: Measured) -> float:
    return math.nan if one.both_empty else one.pair.counts.dice


def _global_nsd(one: Measured) -> float:
    # Nothing lies nearer than a voxel's smallest edge but what coincides.
    return math.nan if one.both_empty else nsd(one.pair.voxel_distances, min(one.pair.spacing_mm) / 2)


def _global_hd95(one: Measured, *, in_voxels: bool = False) -> float:
    if one.both_empty:
        return math.nan
    if not one.pair.counts.true_positive:
        return MISSED_MM
    if not in_voxels:
        return pooled_hausdorff_mm(one.pair.voxel_distances)
    unit = MaskPair(one.pair.truth, one.pair.prediction, (1, 1, 1))
    return pooled_hausdorff_mm(unit.voxel_distances)


WHOLE = (
    Column("global_dice", "Dice, 2026", "share", 3, 1, _global_dice, f"of the whole region; {EMPTY}, 0",
           lambda plan: plan.matches, concept="Dice"),
    Column("global_nsd", "NSD, 2026", "share", 3, 1, _global_nsd,
           f"mean of the shares of both surfaces' voxels that lie on the other, whole region; {EMPTY}, 0",
           lambda plan: plan.matches, concept="NSD"),
    Column("global_hd95_mm", "HD95, 2026", "mm", 1, -1, _global_hd95,
           f"pooled over surface voxels, whole region; {EMPTY}, {MISSED_MM:g}",
           lambda plan: plan.matches and not plan.upstream_defects, concept="HD95"),
    Column("global_hd95_voxels", "HD95, 2026, in voxels", "voxels", 1, -1,
           functools.partial(_global_hd95, in_voxels=True),
           "as global_hd95_mm without the voxel size: so brats-evaluation 0.0.10 has it",
           lambda plan: plan.matches and plan.upstream_defects),
)  # fmt: skip


# === Lesions ===


def _is_asked_for(group: str) -> Callable[[Plan], bool]:
    return (lambda plan: plan.divides) if group.startswith("large") else lambda plan: plan.matches and not plan.divides


def _spread_columns(group: str, spread: Callable[[Measured], Spread]) -> list[Column]:
    """Return mean and standard deviation of Dice, NSD and HD95 over a group of lesions."""
    whose, definition = GROUPS[group]
    found = []
    for score, title, unit, better, none in (
        ("dice", "Dice", "share", 1, "0"),
        ("nsd", "NSD", "share", 1, "0"),
        ("hd95", "HD95", "mm", -1, f"{MISSED_MM:g} mm" if group == "large_lesion" else "infinite"),
    ):
        mm, digits = ("_mm", 1) if unit == "mm" else ("", 3)
        counts = group != "large_matched"
        found.append(
            Column(
                f"{group}_{score}{mm}", f"{title} of {whose}", unit, digits, better,
                lambda one, name=f"{score}{mm}": getattr(spread(one), name), definition.format(none=none),
                _is_asked_for(group), short="lesions" if counts and score == "dice" else "",
                main=counts and score == "dice", concept=f"lesion-wise {title}" if counts else "", ranks=counts,
            )  # fmt: skip
        )
        found.append(
            Column(
                f"{group}_{score}_sd{mm}", f"spread of {title} of {whose}", unit, digits, None,
                lambda one, name=f"{score}_sd{mm}": getattr(spread(one), name),
                wanted=_is_asked_for(group),
            )  # fmt: skip
        )
    return found


def _detection_columns(group: str) -> list[Column]:
    """Return what was found of a group of lesions: counts, precision, recall, F1."""
    size, which, detection_of = COUNTED[group]

    def wanted(plan: Plan) -> bool:
        return plan.divides if size else plan.matches

    def column(name: str, title: str, unit: str, better: int, value: str, text: str, **more) -> Column:
        return Column(
            name, title, unit, 3 if unit == "share" else 0, better,
            lambda one: getattr(detection_of(one.matched), value), text, wanted, **more,
        )  # fmt: skip

    concepts = {} if size else {"found": "lesions found", "missed": "lesions missed", "invented": "lesions invented"}
    shares = [
        column(f"{group}_{name}", f"{name if name != 'f1' else 'F1'} of {size}lesions", "share", 1, name,
               f"{formula}, {'every invented lesion of the case' if size else 'lesions matched one to one'}",
               ranks=name == "f1", concept="F1 of lesions" if name == "f1" and not size else "")
        for name, formula in (
            ("precision", "found / (found + invented)"),
            ("recall", "found / (found + missed)"),
            ("f1", "2 found / (2 found + missed + invented)"),
        )
    ]  # fmt: skip
    if size:
        return [
            column(f"{group}s_found", f"{size}lesions found", "lesions", 1, "found", which),
            column(f"{group}s_missed", f"{size}lesions missed", "lesions", -1, "missed", "the others of the truth"),
            *shares,
        ]
    return [
        column("lesions_matched", "lesions matched", "lesions", 1, "found",
               "components of the truth that have a partner", concept=concepts["found"]),
        column("lesions_unmatched", "lesions unmatched", "lesions", -1, "missed",
               "components of the truth that have none", concept=concepts["missed"]),
        column("predictions_unmatched", "predicted lesions unmatched", "lesions", -1, "invented",
               "components of the prediction that have none", concept=concepts["invented"]),
        *shares,
    ]  # fmt: skip


MATCHED_COLUMNS = (
    *WHOLE,
    *_spread_columns("matched", lambda one: one.matched.matched),
    *_spread_columns("large_lesion", lambda one: one.matched.large_scores),
    *_spread_columns("large_matched", lambda one: one.matched.large_matched),
    *(column for group in COUNTED for column in _detection_columns(group)),
)
