"""A cross-validation gathered: the runs of its folds, held against one another, and their scores side by side."""

import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from segan_tl.data.folds import FILE, read_folds
from segan_tl.errors import UserError
from segan_tl.metrics.columns import Column, column_of
from segan_tl.report.compare.crossval_folds import (
    open_fold,
    require_all_tested,
    require_disjoint,
    require_one_configuration,
)
from segan_tl.report.record import FinishedRun, shared_metrics, whose
from segan_tl.report.score.owed import is_scored
from segan_tl.runs import Run, read_state, run_name

FOLD = re.compile(r"fold(\d+)$")


@dataclass(frozen=True)
class Missing:
    """A fold that is not finished: why, and the command that runs it or goes on with it."""

    why: str
    command: str


@dataclass(frozen=True)
class CrossValidation:
    """What of a cross-validation is there; its folds fit together.

    Attributes:
        folder: holds fold0, fold1, …
        number: of folds there should be.
        folds: number → run of those that are trained and scored, in order.
        missing: the other ones.
    """

    folder: Path
    number: int
    folds: dict[int, FinishedRun]
    missing: dict[int, Missing]

    @property
    def name(self) -> str:
        """Return what a person calls it: nnunet/BraTS2021."""
        return run_name(self.folder)

    @property
    def first(self) -> FinishedRun:
        """Return the run of the first fold that is finished."""
        return next(iter(self.folds.values()))

    @property
    def seed(self) -> int:
        """Return the seed of the folds and of everything random."""
        return self.first.config.get("seed")

    @property
    def synthetic(self) -> bool:
        """Return whether the patients are simulated."""
        return self.first.synthetic

    @property
    def rows(self) -> list[dict]:
        """Return the rows of all folds, those of one fold together, each with its `fold`."""
        return [{"fold": number} | row for number, fold in self.folds.items() for row in fold.rows]

    @property
    def divided_patients(self) -> list[str]:
        """Return the patients, sorted, whom folds of a version before have divided."""
        folds = defaultdict(set)
        for row in self.rows:
            folds[whose(row)].add(row["fold"])
        return sorted(patient for patient, tested in folds.items() if len(tested) > 1)

    @property
    def regions(self) -> list[str]:
        """Return the regions in the order of the rows."""
        return list(dict.fromkeys(row["region"] for row in self.first.rows))

    @property
    def metrics(self) -> list[str]:
        """Return the columns of numbers that every fold has."""
        return shared_metrics(self.folds.values())

    @property
    def main_scores(self) -> list[Column]:
        """Return those of them that stand for a model."""
        return [column for name in self.metrics if (column := column_of(name)).main]


# === Read ===


def find_crossval(path: Path | str, *, runs: Path | str = "runs") -> Path | None:
    """Return the folder of a cross-validation, `path` or `runs`/`path`; None where neither is one."""
    for folder in (Path(path), Path(runs) / path):
        if (folder / FILE).is_file() or _numbers(folder):
            return folder
    return None


def find_folds(path: Path | str, *, runs: Path | str = "runs") -> Path | None:
    """Return the same, but None for a folder that is a run itself: it means that one."""
    folder = find_crossval(path, runs=runs)
    return None if folder is None or Run(folder).config.is_file() else folder


def open_crossval(
    folder: Path,
    *,
    folds: int | None = None,
    command: Callable[[int], str] | None = None,
    config: dict | None = None,
) -> CrossValidation:
    """Read what is finished and check that it belongs together.

    Args:
        folder: holds fold0, fold1, …
        folds: how many there should be; None for what folds.json says.
        command: fold → the command that runs it; None for what the runs have recorded.
        config: the configuration they should have, None for any that is the same in all.

    Raises:
        UserError: no fold is finished, or the folds are not of one cross-validation.
    """
    saved = read_folds(folder)
    number = folds or (saved["folds"] if saved else None)
    if number is None:
        raise UserError(f"expected {folder / FILE}, which says how many folds there are; it is missing; add --folds N")
    if saved and saved["folds"] != number:
        raise UserError(f"{folder} holds {saved['folds']} folds; --folds says {number}; leave it out")
    if extra := [k for k in _numbers(folder) if k >= number]:
        raise UserError(f"expected {number} folds; {folder} holds fold{extra[0]} too; correct --folds, or remove it")
    runs = {k: Run(folder / f"fold{k}") for k in range(number)}
    found = {k: open_fold(run) for k, run in runs.items() if is_scored(run)}
    missing = {
        k: Missing(_why(run), command(k) if command else _recorded_command(runs, k))
        for k, run in runs.items()
        if k not in found
    }
    if not found:
        first = missing[0]
        raise UserError(f"expected a finished fold in {folder}; found none; begin with: {first.command}")
    require_one_configuration(folder, found, config=config)
    require_disjoint(folder, found)
    require_all_tested(folder, found, saved=saved, complete=not missing)
    return CrossValidation(folder, number, found, missing)


def require_complete(crossval: CrossValidation) -> None:
    """Refuse a cross-validation that lacks a fold.

    Raises:
        UserError: it names the folds and the command of the first.
    """
    if crossval.missing:
        number, first = next(iter(crossval.missing.items()))
        names = ", ".join(str(k) for k in crossval.missing)
        raise UserError(
            f"expected {crossval.number} finished folds in {crossval.folder}; missing: {names}; run fold {number} "
            f"with: {first.command}"
        )


def _numbers(folder: Path) -> list[int]:
    found = (FOLD.match(run.name) for run in folder.glob("fold*") if Run(run).config.is_file())
    return sorted(int(match[1]) for match in found if match)


def _why(run: Run) -> str:
    known = {None: "not begun", "finished": "trained but not scored"}
    return known.get(read_state(run).get("state"), "not trained to the end")


def _recorded_command(runs: dict[int, Run], number: int) -> str:
    """Return the command that a fold was started with, or that of another one with the fold exchanged."""
    for k in (number, *runs):
        if recorded := read_state(runs[k]).get("command"):
            return re.sub(r"--fold[ =]\d+", f"--fold {number}", recorded)
    return f"its training command with --fold {number}"
