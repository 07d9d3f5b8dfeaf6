"""The scores of a cross-validation: over all patients, in each fold, and over folds; printed and as files."""

import math
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from rich.table import Table

from segan_tl.console import print_table
from segan_tl.disk.atomic import write_csv, write_json
from segan_tl.metrics.columns import Column, column_of
from segan_tl.report.compare.crossval import CrossValidation
from segan_tl.report.compare.statistics import average_scans
from segan_tl.report.record import number, whose

ABSENT = "–"


class Spread(NamedTuple):
    """How many values, their mean, and their standard deviation (n - 1); None where so few do not give it."""

    n: int
    mean: float | None
    std: float | None


class Summary(NamedTuple):
    """One score of one region.

    Attributes:
        patients: over the patients of all folds; those without the score are left out.
        folds: fold → over its patients.
        of_folds: over the means of the folds.
    """

    patients: Spread
    folds: dict[int, Spread]
    of_folds: Spread


# === Compute ===


def summarise_folds(crossval: CrossValidation) -> dict[str, dict[str, Summary]]:
    """Return region → score → what it comes to."""
    by_region = {region: [row for row in crossval.rows if row["region"] == region] for region in crossval.regions}
    return {
        region: {metric: _summary(rows, metric) for metric in crossval.metrics} for region, rows in by_region.items()
    }


def _summary(rows: list[dict], metric: str) -> Summary:
    numbers = dict.fromkeys(row["fold"] for row in rows)
    by_fold = {fold: [row for row in rows if row["fold"] == fold] for fold in numbers}
    folds = {fold: _spread_of_patients(found, metric) for fold, found in by_fold.items()}
    means = [found.mean for found in folds.values() if found.mean is not None]
    return Summary(_spread_of_patients(rows, metric), folds, spread(means))


def _spread_of_patients(rows: Sequence[dict], metric: str) -> Spread:
    """Return the spread over patients; the mean of a patient's scans is one value."""
    return spread(average_scans([number(row[metric]) for row in rows], [whose(row) for row in rows]))


def spread(values: Sequence[float]) -> Spread:
    """Return number, mean and standard deviation of the values that are numbers."""
    values = [value for value in values if not math.isnan(value)]
    mean = statistics.fmean(values) if values else None
    return Spread(len(values), mean, statistics.stdev(values) if len(values) > 1 else None)


# === Show ===


class FoldTable(NamedTuple):
    """One score, a row a fold and a column a region, as a terminal and a page show it."""

    title: str
    columns: list[str]
    rows: list[list[str]]


def fold_tables(crossval: CrossValidation) -> list[FoldTable]:
    """Return a table for each score that is shown; its last two rows are all patients, and the means of folds."""
    found = summarise_folds(crossval)
    return [_table(crossval, found, column) for column in crossval.main_scores]


def print_folds(crossval: CrossValidation) -> None:
    """Print the tables."""
    for found in fold_tables(crossval):
        table = Table(title=found.title, title_justify="left")
        for place, column in enumerate(found.columns):
            table.add_column(column, justify="right" if place else "left", no_wrap=place != 1)
        for place, row in enumerate(found.rows):
            table.add_row(*row, end_section=place == len(crossval.folds) - 1)
        print_table(table)


def _table(crossval: CrossValidation, found: dict, column: Column) -> FoldTable:
    kind = " SYNTHETIC" if crossval.synthetic else ""
    scores, digits = {region: summaries[column.name] for region, summaries in found.items()}, column.digits
    rows = []
    for place, fold in crossval.folds.items():
        cells = [_text(score.folds.get(place), digits) for score in scores.values()]
        rows.append([f"fold {place}", str(len(set(fold.patients.values()))), *cells])
    patients = len({whose(row) for row in crossval.rows})
    rows.append(["all patients", str(patients), *(_text(score.patients, digits) for score in scores.values())])
    rows.append(["means of folds", "", *(_text(score.of_folds, digits) for score in scores.values())])
    return FoldTable(f"{column.in_words} of{kind} patients, mean ± standard deviation", ["", "patients", *found], rows)


def _text(found: Spread | None, digits: int) -> str:
    if found is None or found.mean is None:
        return ABSENT
    return f"{found.mean:.{digits}f}" + (f" ± {found.std:.{digits}f}" if found.std is not None else "")


# === Write ===


def write_tables(crossval: CrossValidation) -> list[Path]:
    """Write crossval.csv, one line a case and region with its fold, and crossval.json with what they come to."""
    cases, summary = crossval.folder / "crossval.csv", crossval.folder / "crossval.json"
    columns = ("case", "patient", "fold", "region", *crossval.metrics)
    write_csv(cases, columns, (row | {"patient": whose(row)} for row in crossval.rows))
    write_json(summary, describe(crossval))
    return [cases, summary]


def describe(crossval: CrossValidation) -> dict:
    """Return what crossval.json holds."""
    found = summarise_folds(crossval)
    first = crossval.first
    return {
        "name": first.config["name"],
        "folds": crossval.number,
        "missing": list(crossval.missing),
        "seed": crossval.seed,
        "patients": len({whose(row) for row in crossval.rows}),
        "cases": len({row["case"] for row in crossval.rows}),
        "data": {key: first.data.get(key) for key in ("folder", "layout", "synthetic")},
        "failed": {case: why for fold in crossval.folds.values() for case, why in fold.failed.items()},
        "regions": {
            region: {name: _plain(summary) for name, summary in summaries.items() if column_of(name).unit != "ml"}
            for region, summaries in found.items()
        },
        "commits": sorted({fold.state.get("commit") or "unknown" for fold in crossval.folds.values()}),
    }


def _plain(summary: Summary) -> dict:
    return {
        "patients": summary.patients._asdict(),
        "folds": {str(fold): found._asdict() for fold, found in summary.folds.items()},
        "means_of_folds": summary.of_folds._asdict(),
    }
