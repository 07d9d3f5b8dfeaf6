"""The table of scores: a score is one row of it, and the row is all that a new score needs beside its function.

A run's test and `evaluate` compute the rows that their plan asks for. metrics.csv, terminals, pages, comparisons and
cross-validations take names, units, digits, direction and definition from here.
"""

import functools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from segan_tl.metrics.distances import (
    DEFAULT_HD95,
    HD95_DEFINITIONS,
    MISSED_MM,
    directed_hausdorff_mm,
    pooled_hausdorff_mm,
    surface_dice,
    weighted_hausdorff_mm,
)
from segan_tl.metrics.lesions import CHALLENGES, LesionScores, score_lesions
from segan_tl.metrics.pair import MaskPair

EMPTY = f"both empty: overlap 1, HD95 0; one empty: overlap 0, HD95 {MISSED_MM:g} mm"
# Words in the name of a column that this table does not know, and which way is better; the first that fits decides.
LOWER = {"loss", "error", "hd", "hd95", "hausdorff", "asd", "assd", "masd", "distance", "mm"}
LOWER |= {"missed", "invented", "false", "fp", "fn"}
HIGHER = {"dice", "dsc", "iou", "jaccard", "nsd", "precision", "sensitivity", "specificity", "recall", "accuracy"}
HIGHER |= {"auc", "f1", "ppv", "npv", "tpr", "tnr", "found"}
DIGITS = {"share": 3, "mm": 1, "ml": 2, "lesions": 0, "voxels": 0, "cc": 2}


@dataclass(frozen=True)
class Plan:
    """What is computed of every case.

    Attributes:
        regions: names out of REGIONS.
        hd95: definitions out of HD95_DEFINITIONS, each in a column that names it; none for the default's hd95_mm alone.
        tolerance_mm: of surface Dice, None for no such score.
        challenge: a name of CHALLENGES for lesion-wise scores, None for none.
    """

    regions: tuple[str, ...]
    hd95: tuple[str, ...] = (DEFAULT_HD95,)
    tolerance_mm: float | None = 1.0
    challenge: str | None = None


def plan_of_run(regions: Sequence[str], challenge: str | None) -> Plan:
    """Return what the test of a run computes."""
    return Plan(tuple(regions), hd95=(), tolerance_mm=None, challenge=challenge)


@dataclass(frozen=True)
class Measured:
    """One region of one case, from which every score is computed; what several need is computed once."""

    pair: MaskPair
    plan: Plan

    @functools.cached_property
    def lesions(self) -> LesionScores:
        """Return the lesions by the rule of the plan's challenge."""
        return score_lesions(self.pair, CHALLENGES[self.plan.challenge])


@dataclass(frozen=True)
class Column:
    """A score.

    Attributes:
        name: of its column in metrics.csv; {tolerance_mm:g} stands for that of the plan, here and below.
        title: what a person calls it.
        unit: "share" (0 to 1), "mm", "ml", "lesions" (a count); "voxels" and "cc" occur in other programs' tables.
        digits: decimals of one value.
        better: 1 where higher is better, -1 where lower is, None where it does not say how good a prediction is.
        compute: gives it for one region of one case.
        definition: what it is, "" where the title says it.
        wanted: whether a plan asks for it.
        short: heading where there is little room: the terminal after a run's test; "" for not there.
        main: one of the few that stand for a model: in tables of folds, in tests between models on a page.
        same_as: name of the column that holds the same in the files of a run.
    """

    name: str
    title: str
    unit: str
    digits: int
    better: int | None
    compute: Callable[[Measured], float]
    definition: str = ""
    wanted: Callable[[Plan], bool] = lambda plan: True
    short: str = ""
    main: bool = False
    same_as: str = ""

    @property
    def heading(self) -> str:
        """Return the title and the unit, "HD95, mm"."""
        return f"{self.title}, {self.unit}" if self.unit in ("mm", "ml") else self.title

    @property
    def in_words(self) -> str:
        """Return the same as part of a sentence, "HD95 in mm"."""
        return f"{self.title} in {self.unit}" if self.unit in ("mm", "ml") else self.title

    @property
    def is_score(self) -> bool:
        """Return whether its mean says how good predictions are, not how large or how many."""
        return self.unit in ("share", "mm")

    @property
    def digits_of_mean(self) -> int:
        """Return the decimals of a mean: that of counts is no count."""
        return self.digits or 2


def _has_lesions(plan: Plan) -> bool:
    return plan.challenge is not None


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
        same_as="hd95_mm" if definition == DEFAULT_HD95 else "",
    )  # fmt: skip


# In the order of the columns of metrics.csv.
COLUMNS = (
    Column("dice", "Dice", "share", 3, 1, lambda one: one.pair.counts.dice, "2 TP / (2 TP + FP + FN) over voxels",
           short="Dice", main=True),
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
           lambda one: surface_dice(one.pair.surfel_distances, one.plan.tolerance_mm),
           "share of both surfaces that lies within {tolerance_mm:g} mm of the other [Nikolov 2018]",
           lambda plan: plan.tolerance_mm is not None),
    Column("lesion_dice", "lesion-wise Dice", "share", 3, 1, lambda one: one.lesions.dice,
           f"mean over lesions, {_RULE}", _has_lesions, short="lesions", main=True),
    Column("lesion_hd95_mm", "lesion-wise HD95", "mm", 1, -1, lambda one: one.lesions.hd95_mm,
           f"mean over lesions, {_RULE}, {DEFAULT_HD95}", lambda plan: _has_lesions(plan) and not plan.hd95),
    Column("lesion_hd95_surface_weighted_mm", f"lesion-wise HD95, {DEFAULT_HD95}", "mm", 1, -1,
           lambda one: one.lesions.hd95_mm, f"mean over lesions, {_RULE}",
           lambda plan: _has_lesions(plan) and bool(plan.hd95), same_as="lesion_hd95_mm"),
    Column("lesions_found", "lesions found", "lesions", 0, 1, lambda one: one.lesions.found,
           "those of the truth that the prediction touches", _has_lesions),
    Column("lesions_missed", "lesions missed", "lesions", 0, -1, lambda one: one.lesions.missed,
           "those of the truth that it does not touch", _has_lesions),
    Column("lesions_invented", "lesions invented", "lesions", 0, -1, lambda one: one.lesions.invented,
           "components of the prediction that touch none of the truth", _has_lesions),
    Column("truth_ml", "truth", "ml", 2, None, lambda one: one.pair.counts.truth_voxels * one.pair.voxel_mm3 / 1000,
           short="truth ml"),
    Column("prediction_ml", "prediction", "ml", 2, None,
           lambda one: one.pair.counts.prediction_voxels * one.pair.voxel_mm3 / 1000, short="found ml"),
)  # fmt: skip


# === Read the table ===


def columns_of(plan: Plan) -> list[Column]:
    """Return the columns that a plan asks for, their names as they stand in the file."""
    return [_filled(column, plan.tolerance_mm) for column in COLUMNS if column.wanted(plan)]


def score_pair(pair: MaskPair, plan: Plan) -> dict[str, float]:
    """Compute every score of one region of one case; return column → value."""
    one = Measured(pair, plan)
    return {column.name: column.compute(one) for column in columns_of(plan)}


def definitions(plan: Plan) -> dict[str, str]:
    """Return what the columns of a plan mean, by their names; "empty" and "lesions" are rules for several."""
    found = {column.name: column.definition for column in columns_of(plan) if column.definition} | {"empty": EMPTY}
    if plan.challenge:
        settings = CHALLENGES[plan.challenge]
        dilations = f"{settings.dilations} dilation{'s' * (settings.dilations != 1)}"
        found["lesions"] = (
            f"{plan.challenge} 2023: joined by {dilations}, up to {settings.ignored_mm3:g} mm3 not counted; missed or "
            f"invented: Dice 0, HD95 {MISSED_MM:g} mm"
        )
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


def _filled(column: Column, tolerance_mm: float | None) -> Column:
    if "{" not in column.name:
        return column
    texts = {key: getattr(column, key).format(tolerance_mm=tolerance_mm) for key in ("name", "title", "definition")}
    return replace(column, **texts)


def _unknown(one: Measured) -> float:
    raise ValueError("expected a score of COLUMNS; this one stands only in a file")
