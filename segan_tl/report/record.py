"""A finished run, opened once: its data, scores and history, each file read when it is first asked for."""

import functools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from segan_tl.data.find.patients import patient_of
from segan_tl.errors import UserError
from segan_tl.metrics.columns import column_of
from segan_tl.runs import FOLD, Run, is_imported, read_json, read_parts, require_finished, run_name
from segan_tl.schemas.tables import read_metrics, read_numbers
from segan_tl.zoo.find import refuse_entry

# What a transfer is compared with in comparison.json, and what tables call it.
COMPARED = {
    "source": "source, untouched",
    "renormalised": "source, normalisation of the target",
    "scratch": "from scratch",
    "transferred": "transferred",
}
EVALUATE_AGAIN = "write it again with: python -m segan_tl evaluate"
NO_SCORES = ("case", "patient", "region", "fold", "seconds")  # columns of metrics.csv


@dataclass(frozen=True)
class FinishedRun:
    """One trained and scored run.

    Attributes:
        state: its run.json.
        scores_from: table of `evaluate` that stands in for its metrics.csv, by other rules say; None for its own.
    """

    run: Run
    state: dict
    scores_from: Path | None = None

    @property
    def name(self) -> str:
        """Return what a person calls it, segan/flair."""
        return run_name(self.run.root)

    @functools.cached_property
    def config(self) -> dict:
        """Return its config.json, as the version that trained it wrote it."""
        return read_json(self.run.config)

    @functools.cached_property
    def split(self) -> dict[str, list[str]]:
        """Return part → case ids; nothing where it has no split."""
        return read_parts(self.run) if self.run.splits.is_file() else {}

    @functools.cached_property
    def rows(self) -> list[dict]:
        """Return those of metrics.csv, one a case and region."""
        if self.scores_from is None:
            return read_metrics(self.run.metrics)
        rows = read_metrics(self.scores_from, remedy=EVALUATE_AGAIN, infinite=True)
        return [row for row in rows if row["region"] in self.regions]

    @functools.cached_property
    def history(self) -> dict[str, np.ndarray]:
        """Return column → one value an epoch; nothing where there is no history.csv."""
        return read_history(self.run.history) if self.run.history.is_file() else {}

    @functools.cached_property
    def comparison(self) -> dict | None:
        """Return what a transfer was worth, None where that was not measured."""
        return read_json(self.run.comparison) if self.run.comparison.is_file() else None

    @functools.cached_property
    def summary(self) -> dict:
        """Return its summary.json, nothing where there is none."""
        return read_json(self.run.summary) if self.run.summary.is_file() else {}

    @property
    def data(self) -> dict:
        """Return what it says of its data: folder, layout, whether it is synthetic."""
        return self.state.get("data", {})

    @property
    def synthetic(self) -> bool:
        """Return whether its patients are simulated."""
        return bool(self.data.get("synthetic", False))

    @property
    def modalities(self) -> tuple[str, ...]:
        """Return what the network sees."""
        return tuple(self.state.get("modalities") or self.config.get("data", {}).get("modalities", ()))

    @property
    def any_subset(self) -> bool:
        """Return whether a case may lack some of these."""
        return self.config.get("data", {}).get("subsets") == "any"

    @property
    def regions(self) -> tuple[str, ...]:
        """Return what it segments, in the order of its channels."""
        return tuple(self.state.get("regions") or self.config.get("data", {}).get("regions", ()))

    @property
    def definitions(self) -> dict[str, str | None]:
        """Return what columns of the rows mean."""
        if self.scores_from is None:
            return self.summary.get("definitions", {})
        columns = map(column_of, metric_columns(self.rows))
        return {column.name: column.definition for column in columns if column.definition}

    @functools.cached_property
    def predicted_dice(self) -> dict[str, float]:
        """Return test case → the Dice that a second look expects, without its patient; nothing where there is none.

        A cross-validation's stands in for that of its folds; one of a network that was trained anew since is none.
        """
        places = [self.run, *([Run(self.run.root.parent)] if FOLD.fullmatch(self.run.root.name) else [])]
        for place in places:
            if place.review.is_file():
                found = read_json(place.review)
                known = self.summary.get("segmentor_sha256") in found["networks_sha256"]
                return {case: one["predicted_dice"] for case, one in found["cases"].items() if known}
        return {}

    @property
    def failed(self) -> dict[str, str]:
        """Return test case → why it could not be scored."""
        return self.summary.get("failed", {})

    @property
    def cases(self) -> list[str]:
        """Return the scored cases."""
        return list(dict.fromkeys(row["case"] for row in self.rows))

    @property
    def patients(self) -> dict[str, str]:
        """Return case → patient of the scored cases."""
        return {row["case"]: whose(row) for row in self.rows}

    def scores(self, metric: str, region: str) -> dict[str, float]:
        """Return case → score; NaN where a case has none."""
        return {row["case"]: number(row.get(metric)) for row in self.rows if row["region"] == region}

    def dice_by_region(self, case_id: str, regions: Sequence[str]) -> list[float | None]:
        """Return the Dice of a case in each region, None where there is none."""
        found = [self.scores("dice", region).get(case_id, math.nan) for region in regions]
        return [None if math.isnan(value) else value for value in found]

    def dice(self, case_id: str) -> float:
        """Return the mean Dice over the regions of a case."""
        return float(np.mean([number(row["dice"]) for row in self.rows if row["case"] == case_id]))


def open_finished(run: Run) -> FinishedRun:
    """Open a run that is trained to its end and scored.

    Raises:
        UserError: it is not; or later, as its files are read, one is damaged.
    """
    refuse_entry(
        run.root,
        "it has no scores to show or to compare: segment with python -m segan_tl predict NAME PATIENT OUT, and score "
        "the masks with python -m segan_tl evaluate OUT PATIENTS --out metrics.csv",
    )
    state = require_finished(run)
    if not run.metrics.is_file() and is_imported(run):
        raise UserError(
            f"{run.root} was imported, so it has no scores to show: segment with it (python -m segan_tl predict "
            f"{run.root} PATIENT OUT), and score the masks with python -m segan_tl evaluate"
        )
    if not run.metrics.is_file():
        command = state.get("command") or "the command that started it"
        raise UserError(f"{run.root} has no scores yet ({run.metrics.name} is missing); make them with: {command}")
    return FinishedRun(run, state)


def compared(regions: Mapping[str, Mapping]) -> dict[str, str]:
    """Return those of COMPARED that a comparison's `regions` hold: not every network has a BatchNormalization."""
    return {name: heading for name, heading in COMPARED.items() if any(name in one for one in regions.values())}


def shared_regions(runs: Iterable[FinishedRun]) -> list[str]:
    """Return the regions that every run segments, in the order of the first."""
    first, *others = [one.regions for one in runs]
    return [region for region in first if all(region in other for other in others)]


def shared_metrics(runs: Iterable[FinishedRun]) -> list[str]:
    """Return the columns of numbers that every run's metrics.csv has."""
    first, *others = [metric_columns(one.rows) for one in runs]
    return [name for name in first if all(name in other for other in others)]


def read_history(path: Path) -> dict[str, np.ndarray]:
    """Return the columns of history.csv as float arrays; an empty field (no validation that epoch) is NaN.

    Raises:
        UserError: there is no such file, no epoch in it, or a field is no number.
    """
    if not path.is_file():
        raise UserError(f"{path} is missing: expected one row per epoch; train the run first")
    rows = read_numbers(path)
    if not rows:
        raise UserError(f"{path} holds no epoch: train the run for one epoch at least")
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


# === Rows of metrics.csv ===


def whose(row: Mapping) -> str:
    """Return the patient of a row; files of before leave it to the name of the case."""
    return row.get("patient") or patient_of(row["case"])


def metric_columns(rows: Sequence[Mapping]) -> list[str]:
    """Return the columns that hold numbers and nothing else, except the seconds a case took; empty cells may occur."""
    columns = [column for column in (rows[0] if rows else ()) if column and column not in NO_SCORES]
    return [column for column in columns if _is_numeric([row.get(column) for row in rows])]


def number(cell: str | float | None) -> float:
    """Return the number in a cell of a CSV file; NaN where it is empty.

    Raises:
        ValueError: the cell holds something else.
    """
    return math.nan if cell is None or cell == "" else float(cell)


def _is_numeric(cells: Sequence) -> bool:
    try:
        return any(not math.isnan(number(cell)) for cell in cells)
    except ValueError:
        return False
