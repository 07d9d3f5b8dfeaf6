"""The folds of a cross-validation, saved beside its runs: a fold that runs later, or elsewhere, is of the same ones."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from segan_tl.data.find.cases import Case
from segan_tl.data.splits import fold_cases
from segan_tl.disk.atomic import write_json
from segan_tl.errors import UserError, some
from segan_tl.runs import Run, read_json

FILE = "folds.json"


def plan_folds(cases: Iterable[Case], fractions: Sequence[float], *, folds: int, seed: int) -> dict:
    """Return {seed, folds, test: fold → sorted case ids}, what folds.json holds.

    Raises:
        UserError: fewer patients than folds need.
    """
    cases = list(cases)
    tests = {str(k): fold_cases(cases, fractions, fold=k, folds=folds, seed=seed)["test"] for k in range(folds)}
    return {"seed": seed, "folds": folds, "test": tests}


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
        UserError: the saved folds are others: cases have come or gone, or changed their grade.
    """
    saved = read_folds(folder) if has_started(folder) else None
    if saved is None:
        write_json(folder / FILE, planned)
        return
    require_folds(folder, folds=planned["folds"], seed=planned["seed"])
    if saved["test"] == planned["test"]:
        return
    before, now = ({case for cases in one["test"].values() for case in cases} for one in (saved, planned))
    moved = ((now - before, "came"), (before - now, "went"))
    changes = [f"{some(sorted(cases))} {what}" for cases, what in moved if cases]
    raise UserError(
        f"expected the {len(before)} cases that {folder / FILE} divides; {cohort} has {len(now)} now "
        f"({' and '.join(changes) or 'the grades of some have changed'}), which moves cases from fold to fold; restore "
        "them, or start a new cross-validation with --set name=another"
    )


def has_started(folder: Path) -> bool:
    """Return whether the folder holds the run of a fold, trained or in training."""
    return any(Run(fold).config.is_file() for fold in folder.glob("fold*"))


def require_folds(folder: Path, *, folds: int, seed: int) -> None:
    """Refuse another number of folds, or another seed, than those that are saved, if any fold has started.

    Raises:
        UserError: they differ.
    """
    saved = read_folds(folder) if has_started(folder) else None
    if saved is not None and (saved["folds"], saved["seed"]) != (folds, seed):
        raise UserError(
            f"{folder} holds {saved['folds']} folds of seed {saved['seed']}; this command asks for {folds} of seed "
            f"{seed}; ask for the same, or start a new cross-validation with --set name=another"
        )
