"""The table of scores: a score is one row of it, and the row is all that a new score needs beside its function.

A run's test and `evaluate` compute the rows that their plan asks for. metrics.csv, terminals, pages, comparisons and
cross-validations take names, units, digits, direction and definition from here.
"""

import functools
import re
from collections.abc import Sequence
from dataclasses import replace

from segan_tl.metrics.column import Column, Measured, Plan
from segan_tl.metrics.distances import (
    DEFAULT_HD95,
    HD95_DEFINITIONS,
    MISSED_MM,
    directed_hausdorff_mm,
    pooled_hausdorff_mm,
    surface_dice,
    weighted_hausdorff_mm,
)
from segan_tl.metrics.matched_columns import MATCHED_COLUMNS
from segan_tl.metrics.pair import MaskPair

EMPTY = f"both empty: overlap 1, HD95 0; one empty: overlap 0, HD95 {MISSED_MM:g} mm"
EMPTY_2026 = "; by the rules of 2026: both empty, undefined; nothing matched, overlap 0, HD95 373 mm"
UPSTREAM = "of lesions with the axes in reverse order, of whole regions not at all, as brats-evaluation 0.0.10 has it"
# Words in the name of a column that this table does not know, and which way is better; the first that fits decides.
LOWER = {"loss", "error", "hd", "hd95", "hausdorff", "asd", "assd", "masd", "distance", "mm"}
LOWER |= {"missed", "invented", "false", "fp", "fn"}
HIGHER = {"dice", "dsc", "iou", "jaccard", "nsd", "precision", "sensitivity", "specificity", "recall", "accuracy"}
HIGHER |= {"auc", "f1", "ppv", "npv", "tpr", "tnr", "found"}
DIGITS = {"share": 3, "mm": 1, "ml": 2, "lesions": 0, "voxels": 0, "cc": 2}


def plan_of_run(regions: Sequence[str], challenge: str | None) -> Plan:
    """Return what the test of a run computes."""
    return Plan(tuple(regions), hd95=(), tolerances_mm=(), challenge=challenge)


def _joins(plan: Plan) -> bool:
    return plan.joins


_HD95_MM = {
    "surface-weighted": lambda one: weighted_hausdorff_mm(one.pair.surfel_distances),
    "pooled": lambda one: pooled_hausdorff_mm(one.pair.voxel_distances),
    "maximum-of-directed": lambda one: directed_hausdorff_mm(one.pair.voxel_distances),
}
_RULE = "by the challenge's rule for lesions"


def _named_hd95(definition: str) -> Column:
    return Column(
        f"hd95_{definition.replace('-', '_')}_mm", f"HD95, {definition}", "mm", 1, -1, _HD95_MM[definition],
        HD95_DEFINITIONS[definition], lambda plan: definition in plan.hd95,
        concept="HD95" if definition == DEFAULT_HD95 else "",
        same_as="hd95_mm" if definition == DEFAULT_HD95 else "",
    )  # fmt: skip


# In the order of the columns of metrics.csv.
COLUMNS = (
    Column("dice", "Dice", "share", 3, 1, lambda one: one.pair.counts.dice, "2 TP / (2 TP + FP + FN) over voxels",
           short="Dice", main=True, concept="Dice"),
    Column("precision", "precision", "share", 3, 1, lambda one: one.pair.counts.precision, "TP / (TP + FP)",
           short="prec."),
    Column("sensitivity", "sensitivity", "share", 3, 1, lambda one: one.pair.counts.sensitivity, "TP / (TP + FN)",
           short="sens."),
    Column("specificity", "specificity", "share", 4, 1, lambda one: one.pair.counts.specificity,
           "TN / (TN + FP) over the whole grid"),
    Column("hd95_mm", "HD95", "mm", 1, -1, _HD95_MM[DEFAULT_HD95], f"{DEFAULT_HD95}: {HD95_DEFINITIONS[DEFAULT_HD95]}",
           lambda plan: not plan.hd95, short="HD95", main=True),
    *map(_named_hd95, HD95_DEFINITIONS),
    Column("surface_dice_{tolerance_mm:g}mm", "surface Dice at {tolerance_mm:g} mm", "share", 3, 1,
           lambda one, tolerance_mm: surface_dice(one.pair.surfel_distances, tolerance_mm),
           "share of both surfaces that lies within {tolerance_mm:g} mm of the other [Nikolov 2018]",
           lambda plan: bool(plan.tolerances_mm)),
    Column("lesion_dice", "lesion-wise Dice", "share", 3, 1, lambda one: one.lesions.dice,
           f"mean over lesions, {_RULE}", _joins, short="lesions", main=True, concept="lesion-wise Dice", ranks=True),
    Column("lesion_hd95_mm", "lesion-wise HD95", "mm", 1, -1, lambda one: one.lesions.hd95_mm,
           f"mean over lesions, {_RULE}, {DEFAULT_HD95}", lambda plan: plan.joins and not plan.hd95,
           concept="lesion-wise HD95", ranks=True),
    Column("lesion_hd95_surface_weighted_mm", f"lesion-wise HD95, {DEFAULT_HD95}", "mm", 1, -1,
           lambda one: one.lesions.hd95_mm, f"mean over lesions, {_RULE}",
           lambda plan: plan.joins and bool(plan.hd95), same_as="lesion_hd95_mm",
           concept="lesion-wise HD95", ranks=True),
    Column("lesions_found", "lesions found", "lesions", 0, 1, lambda one: one.lesions.found,
           "those of the truth that the prediction touches", _joins, concept="lesions found"),
    Column("lesions_missed", "lesions missed", "lesions", 0, -1, lambda one: one.lesions.missed,
           "those of the truth that it does not touch", _joins, concept="lesions missed"),
    Column("lesions_invented", "lesions invented", "lesions", 0, -1, lambda one: one.lesions.invented,
           "components of the prediction that touch none of the truth", _joins, concept="lesions invented"),
    *MATCHED_COLUMNS,
    Column("truth_ml", "truth", "ml", 2, None, lambda one: one.pair.counts.truth_voxels * one.pair.voxel_mm3 / 1000,
           short="truth ml"),
    Column("prediction_ml", "prediction", "ml", 2, None,
           lambda one: one.pair.counts.prediction_voxels * one.pair.voxel_mm3 / 1000, short="found ml"),
)  # fmt: skip


# === Read the table ===


def columns_of(plan: Plan) -> list[Column]:
    """Return the columns that a plan asks for, their names as they stand in the file."""
    found = []
    for column in COLUMNS:
        if column.wanted(plan):
            found += [_filled(column, mm) for mm in plan.tolerances_mm] if "{" in column.name else [column]
    return found


def score_pair(pair: MaskPair, plan: Plan) -> dict[str, float]:
    """Compute every score of one region of one case; return column → value."""
    one = Measured(pair, plan)
    return {column.name: column.compute(one) for column in columns_of(plan)}


def definitions(plan: Plan) -> dict[str, str]:
    """Return what the columns of a plan mean, by their names; "empty" and "lesions" are rules for several."""
    found = {column.name: column.definition for column in columns_of(plan) if column.definition} | {"empty": EMPTY}
    if plan.rules:
        found["lesions"] = f"{plan.rules.name}: {plan.rules.rule_in_words}"
    if plan.matches:
        found["empty"] += EMPTY_2026
    if plan.upstream_defects:
        found["voxel size"] = UPSTREAM
    return found


def column_of(name: str) -> Column:
    """Return the row of a column in a file; of one that the table does not know, what its name tells."""
    for column in COLUMNS:
        if column.name == name:
            return column
        before, brace, rest = column.name.partition("{tolerance_mm:g}")
        if brace and (match := re.fullmatch(rf"{re.escape(before)}([0-9.e+-]+){re.escape(rest)}", name)):
            return replace(_filled(column, float(match[1])), name=name)
    words = name.lower().split("_")
    better = -1 if LOWER.intersection(words) else 1 if HIGHER.intersection(words) else None
    unit = words[-1] if words[-1] in DIGITS else "lesions" if words[0] == "lesions" else "share"
    return Column(name, name.replace("_", " "), unit, DIGITS[unit], better, _unknown)


def own_name(name: str) -> str:
    """Return the name that the files of a run have for a column: `evaluate` names the definition, too."""
    return column_of(name).same_as or name


def _filled(column: Column, tolerance_mm: float) -> Column:
    texts = {key: getattr(column, key).format(tolerance_mm=tolerance_mm) for key in ("name", "title", "definition")}
    return replace(column, compute=functools.partial(column.compute, tolerance_mm=tolerance_mm), **texts)


def _unknown(one: Measured) -> float:
    raise ValueError("expected a score of COLUMNS; this one stands only in a file")
