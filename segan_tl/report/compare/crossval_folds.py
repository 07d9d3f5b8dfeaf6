"""The folds of a cross-validation that are finished, and what makes them folds of one."""

from collections.abc import Mapping
from pathlib import Path

from segan_tl.config.load import comparable
from segan_tl.data.folds import FILE
from segan_tl.data.splits import PARTS
from segan_tl.errors import UserError, some
from segan_tl.report.record import FinishedRun, open_finished
from segan_tl.runs import Run

Folds = Mapping[int, FinishedRun]  # by their numbers


def open_fold(run: Run) -> FinishedRun:
    """Open the run of a fold.

    Raises:
        UserError: it is not trained and scored, a file is damaged, or its scores are not those of its test cases.
    """
    fold = open_finished(run)
    if strangers := sorted(set(fold.cases) - set(fold.split["test"])):
        raise UserError(
            f"{run.metrics} scores {strangers[0]}, which is no test case of that run; train it anew with --overwrite"
        )
    if not fold.rows:
        raise UserError(f"expected scores in {run.metrics}; found none; train that fold anew with --overwrite")
    return fold


# === Hold the folds against one another ===


def require_one_configuration(folder: Path, folds: Folds, *, config: dict | None) -> None:
    """Refuse folds that were trained with other settings, or by another seed, or scored in another way.

    Args:
        config: that they should have, None for that of the first.

    Raises:
        UserError: it says what differs.
    """
    lowest, first = next(iter(folds.items()))
    expected, whose = _flatten(comparable(config or first.config)), "this command" if config else f"fold {lowest}"
    for number, fold in folds.items():
        found = _flatten(comparable(fold.config))
        keys = sorted(key for key in expected.keys() | found.keys() if expected.get(key) != found.get(key))
        if keys:
            changes = "; ".join(f"{key} {expected.get(key)} → {found.get(key)}" for key in keys[:3])
            raise UserError(
                f"expected folds of one configuration; {whose} and fold {number} of {folder} differ ({changes}); "
                "give the command that trained them, or train the wrong one anew with --overwrite"
            )
        if _scores(fold) != _scores(first) or _regions(fold) != _regions(first):
            raise UserError(
                f"expected the same scores of every fold; those of fold {lowest} and fold {number} of "
                f"{folder} differ; remove summary.json of the older one and run its command again"
            )


def require_disjoint(folder: Path, folds: Folds) -> None:
    """Refuse a case that two folds have tested.

    Raises:
        UserError: it names the case and the folds.
    """
    tested: dict[str, int] = {}
    for number, fold in folds.items():
        if twice := sorted(case for case in fold.split["test"] if case in tested):
            raise UserError(
                f"expected every case in the test set of one fold; found {some(twice)} in fold {tested[twice[0]]} and "
                f"fold {number} of {folder}: they are not of one cross-validation; train one of them anew "
                "with --overwrite"
            )
        tested |= dict.fromkeys(fold.split["test"], number)


def require_all_tested(folder: Path, folds: Folds, *, saved: dict | None, complete: bool) -> None:
    """Refuse folds that are not the saved ones; once all are there, also a case that none of them tested.

    Args:
        saved: of folds.json, None where there is no such file.
        complete: whether all folds are there.

    Raises:
        UserError: it names the cases.
    """
    for number, fold in folds.items():
        expected = saved["test"][str(number)] if saved else fold.split["test"]
        if different := sorted(set(expected) ^ set(fold.split["test"])):
            raise UserError(
                f"expected the test cases of fold {number} that {folder / FILE} names; found others "
                f"({some(different)}); train it anew with --overwrite"
            )
    seen = {case for fold in folds.values() for part in _judging(fold.config) for case in fold.split[part]}
    tested = {case for fold in folds.values() for case in fold.split["test"]}
    if complete and (never := sorted(seen - tested)):
        raise UserError(
            f"expected every case in the test set of one fold; {some(never)} of {folder} is in none: the "
            "cohort has changed between the folds; train all of them anew with --set name=another"
        )


def _judging(config: dict) -> tuple[str, ...]:
    """Return the parts whose cases one of the folds must test; one without a mask only trains."""
    adversary = config.get("adversary") or {}
    return PARTS if adversary.get("target_labels", True) else ("validation", "test")


def _flatten(config: dict, prefix: str = "") -> dict:
    found = {}
    for key, value in config.items():
        found |= _flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return found


def _scores(fold: FinishedRun) -> set[str]:
    return fold.rows[0].keys() - {"patient"}  # which a version before did not write


def _regions(fold: FinishedRun) -> list[str]:
    return list(dict.fromkeys(row["region"] for row in fold.rows))
