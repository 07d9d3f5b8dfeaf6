"""The folds of a cross-validation, saved beside its runs: a fold that runs later, or elsewhere, is of the same ones."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from segan_tl.data.find.cases import Case
from segan_tl.data.splits import deal_patients
from segan_tl.data.strata import DEFAULT, GROUPS
from segan_tl.disk.atomic import write_json
from segan_tl.errors import UserError, some
from segan_tl.runs import Run, read_json

FILE = "folds.json"


def plan_folds(
    cases: Iterable[Case], *, folds: int, seed: int, groups: Mapping[str, str], stratify: str = DEFAULT
) -> dict:
    """Return what folds.json holds: seed, folds, stratify, groups (case → group) and test (fold → sorted case ids).

    Args:
        stratify: what the groups are, of `strata.WORDS` or `strata.GROUPS`.

    Raises:
        UserError: fewer patients than folds need.
    """
    cases = sorted(cases, key=lambda case: case.id)
    numbers = deal_patients(cases, folds=folds, seed=seed, groups=groups)
    tests = {str(k): [case.id for case in cases if numbers[case.patient] == k] for k in range(folds)}
    groups = {case.id: groups[case.id] for case in cases}
    return {"seed": seed, "folds": folds, "stratify": stratify, "groups": groups, "test": tests}


def read_folds(folder: Path) -> dict | None:
    """Return the folds that were saved in the folder that holds fold0, fold1, …; None where none were.

    Raises:
        UserError: the file is damaged.
    """
    path = folder / FILE
    return read_json(path) if path.is_file() else None


def keep_folds(folder: Path, planned: dict, *, cohort: Path) -> None:
    """Save the folds where none has started yet; else hold them to those that are saved.

    What a command saved that was refused afterwards binds nobody.

    Args:
        folder: holds fold0, fold1, …
        planned: of `plan_folds`, by the cases that are there now.
        cohort: folder of the cases, for the message.

    Raises:
        UserError: the saved folds are others: cases have come or gone, or changed their group.
    """
    saved = read_folds(folder) if has_started(folder) else None
    if saved is None:
        write_json(folder / FILE, planned)
        return
    require_folds(folder, folds=planned["folds"], seed=planned["seed"], stratify=planned["stratify"])
    groups = saved.get("groups") or planned["groups"]  # folds of an earlier version name none
    if (saved["test"], groups) == (planned["test"], planned["groups"]):  # who validates hangs on the groups, too
        return
    before, now = ({case for cases in one["test"].values() for case in cases} for one in (saved, planned))
    raise UserError(
        f"expected the {len(before)} cases that {folder / FILE} divides; {cohort} has {len(now)} now "
        f"({_changes(saved, planned, before, now)}), which moves cases from fold to fold; restore them, or start a new "
        "cross-validation with --set name=another"
    )


def _changes(saved: dict, planned: dict, before: set[str], now: set[str]) -> str:
    """Say how the cases differ: which came, which went; else whose group or patient is another."""
    moved = ((now - before, "came"), (before - now, "went"))
    if changes := [f"{some(sorted(cases))} {what}" for cases, what in moved if cases]:
        return " and ".join(changes)
    groups = saved.get("groups")
    if not groups:
        return "the grades or patients of some have changed, or an earlier version divided them otherwise"
    other = sorted(case for case in now if groups.get(case) != planned["groups"][case])
    return f"the group of {some(other)} has changed" if other else "the patients of some have changed"


def has_started(folder: Path) -> bool:
    """Return whether the folder holds the run of a fold, trained or in training."""
    return any(Run(fold).config.is_file() for fold in folder.glob("fold*"))


def require_folds(folder: Path, *, folds: int, seed: int, stratify: str = DEFAULT) -> None:
    """Refuse another number of folds, seed or stratification than those that are saved, if any fold has started.

    Raises:
        UserError: they differ.
    """
    saved = read_folds(folder) if has_started(folder) else None
    if saved is None:
        return
    if (saved["folds"], saved["seed"]) != (folds, seed):
        raise UserError(
            f"{folder} holds {saved['folds']} folds of seed {saved['seed']}; this command asks for {folds} of seed "
            f"{seed}; ask for the same, or start a new cross-validation with --set name=another"
        )
    if (before := saved.get("stratify", DEFAULT)) != stratify:
        what = "FILE, with the groups that stand in it" if before == GROUPS else before
        raise UserError(
            f"{folder / FILE} holds folds stratified by {before}; this command asks for {stratify}; add --stratify "
            f"{what}, or start a new cross-validation with --set name=another"
        )
