"""The folds of a cross-validation that are finished, and what makes them folds of one."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from segan_tl.config.load import comparable
from segan_tl.data.folds import FILE
from segan_tl.data.splits import PARTS
from segan_tl.errors import UserError
from segan_tl.runs import Run, read_json
from segan_tl.schemas.tables import read_metrics

NAMED = 3


@dataclass(frozen=True)
class Fold:
    """One fold that is trained and scored.

    Attributes:
        number: from 0.
        state: its run.json.
        config: its config.json.
        split: part → case ids of its own cohort.
        rows: of metrics.csv, one a case and region.
        failed: test case → why it could not be scored.
    """

    number: int
    run: Run
    state: dict
    config: dict
    split: dict[str, list[str]]
    rows: list[dict]
    failed: dict[str, str]


def read_fold(number: int, run: Run) -> Fold:
    """Read a fold that is trained and scored.

    Raises:
        UserError: a file is damaged, or its scores are not those of its test cases.
    """
    split = {part: cases for part, cases in read_json(run.splits).items() if part in PARTS}
    rows = read_metrics(run.metrics)
    if strangers := sorted({row["case"] for row in rows} - set(split["test"])):
        raise UserError(
            f"{run.metrics} scores {strangers[0]}, which is no test case of that run; train it anew with --overwrite"
        )
    if not rows:
        raise UserError(f"expected scores in {run.metrics}; found none; train that fold anew with --overwrite")
    failed = read_json(run.summary).get("failed", {})
    return Fold(number, run, read_json(run.state), read_json(run.config), split, rows, failed)


# === Hold the folds against one another ===


def require_one_configuration(folder: Path, folds: Sequence[Fold], *, config: dict | None) -> None:
    """Refuse folds that were trained with other settings, or by another seed, or scored in another way.

    Args:
        config: that they should have, None for that of the first.

    Raises:
        UserError: it says what differs.
    """
    first = folds[0]
    expected, whose = _flatten(comparable(config or first.config)), "this command" if config else f"fold {first.number}"
    for fold in folds:
        found = _flatten(comparable(fold.config))
        keys = sorted(key for key in expected.keys() | found.keys() if expected.get(key) != found.get(key))
        if keys:
            changes = "; ".join(f"{key} {expected.get(key)} → {found.get(key)}" for key in keys[:NAMED])
            raise UserError(
                f"expected folds of one configuration; {whose} and fold {fold.number} of {folder} differ ({changes}); "
                "give the command that trained them, or train the wrong one anew with --overwrite"
            )
        if _scores(fold) != _scores(first) or _regions(fold) != _regions(first):
            raise UserError(
                f"expected the same scores of every fold; those of fold {first.number} and fold {fold.number} of "
                f"{folder} differ; remove summary.json of the older one and run its command again"
            )


def require_disjoint(folder: Path, folds: Sequence[Fold]) -> None:
    """Refuse a case that two folds have tested.

    Raises:
        UserError: it names the case and the folds.
    """
    tested: dict[str, int] = {}
    for fold in folds:
        if twice := sorted(case for case in fold.split["test"] if case in tested):
            raise UserError(
                f"expected every case in the test set of one fold; found {_some(twice)} in fold {tested[twice[0]]} and "
                f"fold {fold.number} of {folder}: they are not of one cross-validation; train one of them anew "
                "with --overwrite"
            )
        tested |= dict.fromkeys(fold.split["test"], fold.number)


def require_all_tested(folder: Path, folds: Sequence[Fold], *, saved: dict | None, complete: bool) -> None:
    """Refuse folds that are not the saved ones; once all are there, also a case that none of them tested.

    Args:
        saved: of folds.json, None where there is no such file.
        complete: whether all folds are there.

    Raises:
        UserError: it names the cases.
    """
    for fold in folds:
        expected = saved["test"][str(fold.number)] if saved else fold.split["test"]
        if different := sorted(set(expected) ^ set(fold.split["test"])):
            raise UserError(
                f"expected the test cases of fold {fold.number} that {folder / FILE} names; found others "
                f"({_some(different)}); train it anew with --overwrite"
            )
    seen = {case for fold in folds for part in _judging(fold.config) for case in fold.split[part]}
    tested = {case for fold in folds for case in fold.split["test"]}
    if complete and (never := sorted(seen - tested)):
        raise UserError(
            f"expected every case in the test set of one fold; {_some(never)} of {folder} is in none: the "
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


def _scores(fold: Fold) -> set[str]:
    return fold.rows[0].keys() - {"patient"}  # which a version before did not write


def _regions(fold: Fold) -> list[str]:
    return list(dict.fromkeys(row["region"] for row in fold.rows))


def _some(cases: list[str]) -> str:
    return ", ".join(cases[:NAMED]) + (f" and {len(cases) - NAMED} more" if len(cases) > NAMED else "")
