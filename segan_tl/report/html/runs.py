"""What a page about runs is made of: their files, read without trusting that every one of them is there."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from segan_tl.errors import UserError
from segan_tl.report.compare.statistics import metric_columns, number, whose
from segan_tl.report.figures import read_history
from segan_tl.runs import Run, read_json, read_parts, run_name
from segan_tl.schemas.tables import read_metrics


@dataclass(frozen=True)
class FinishedRun:
    """One trained and scored run.

    Attributes:
        name: what a person calls it, segan/flair.
        state: its run.json.
        config: its config.json.
        split: part → case ids.
        rows: of metrics.csv, one a case and region.
        history: column → one value an epoch; empty where there is no history.csv.
        comparison: what a transfer was worth, None where that was not measured.
        definitions: what columns of the rows mean where that is a matter of choice.
    """

    run: Run
    name: str
    state: dict
    config: dict
    split: dict[str, list[str]]
    rows: list[dict]
    history: dict[str, np.ndarray]
    comparison: dict | None
    definitions: dict[str, str]

    @property
    def modalities(self) -> tuple[str, ...]:
        """Return what the network sees."""
        return tuple(self.state.get("modalities") or self.config.get("data", {}).get("modalities", ()))

    @property
    def regions(self) -> tuple[str, ...]:
        """Return what it segments, in the order of its channels."""
        return tuple(self.state.get("regions") or self.config.get("data", {}).get("regions", ()))

    @property
    def synthetic(self) -> bool:
        """Return whether its patients are simulated."""
        return bool(self.state.get("data", {}).get("synthetic", False))

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
    """Read a run.

    Raises:
        UserError: it is not trained to the end, not scored, or a file is damaged.
    """
    state = read_json(run.state) if run.state.is_file() else {}
    command = state.get("command") or "the command that started it"
    if state.get("state") != "finished":
        raise UserError(
            f"{run.root} is not finished (run.json: {state.get('state', 'missing')}); go on with: {command}"
        )
    if not run.metrics.is_file() and "source_sha256" in state and "command" not in state:
        raise UserError(
            f"{run.root} was imported, so it has no scores to show: segment with it (python -m segan_tl predict "
            f"{run.root} PATIENT OUT), and score the masks with python -m segan_tl evaluate"
        )
    if not run.metrics.is_file():
        raise UserError(f"{run.root} has no scores yet ({run.metrics.name} is missing); make them with: {command}")
    return FinishedRun(
        run,
        run_name(run.root),
        state,
        read_json(run.config),
        read_parts(run) if run.splits.is_file() else {},
        read_metrics(run.metrics),
        read_history(run.history) if run.history.is_file() else {},
        read_json(run.comparison) if run.comparison.is_file() else None,
        (read_json(run.summary) if run.summary.is_file() else {}).get("definitions", {}),
    )


def require_same_cases(runs: Sequence[FinishedRun]) -> None:
    """Refuse runs that were not scored on the same cases, or share no region.

    Raises:
        UserError: two of them differ.
    """
    first = runs[0]
    for other in runs[1:]:
        if different := sorted(set(first.cases) ^ set(other.cases)):
            raise UserError(
                f"expected runs scored on the same cases; {first.run.root} and {other.run.root} differ in "
                f"{', '.join(different[:3])}{' and more' if len(different) > 3 else ''}; train them on one split "
                "(--split RUN of train and train-segan)"
            )
    folders = [one.run.root.resolve() for one in runs]
    if len(set(folders)) < len(folders):
        twice = next(folder for folder in folders if folders.count(folder) > 1)
        raise UserError(f"expected every run once; {twice} is named twice; leave it out once")
    if not shared_regions(runs):
        found = "; ".join(f"{one.run.root} {', '.join(one.regions)}" for one in runs)
        raise UserError(f"expected runs with a region in common; found {found}; leave one out")


def shared_regions(runs: Sequence[FinishedRun]) -> list[str]:
    """Return the regions that every run segments, in the order of the first."""
    return [region for region in runs[0].regions if all(region in one.regions for one in runs)]


def shared_metrics(runs: Sequence[FinishedRun]) -> list[str]:
    """Return the numeric columns that every run's metrics.csv has."""
    columns = [metric_columns(one.rows) for one in runs]
    return [metric for metric in columns[0] if all(metric in other for other in columns)]
