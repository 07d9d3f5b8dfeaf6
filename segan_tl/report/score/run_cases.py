"""A run as a folder of masks: where it is, and which cases it had to predict."""

from pathlib import Path

from segan_tl.errors import UserError
from segan_tl.report.score.masks import Mask
from segan_tl.runs import Run, open_run, read_json
from segan_tl.schemas.runs import HeldOut


def find_run(path: Path, *, runs: Path | str) -> tuple[Path, Run | None]:
    """Return the folder of masks that a path or the name of a run stands for, and the run where it is one's.

    Args:
        path: a folder of masks, a run, the `predictions` of one, or a run's name below `runs`.

    Raises:
        UserError: it is nothing of these, or a run that has no predictions yet.
    """
    if not path.is_dir():
        try:
            path = open_run(path, runs=runs).root
        except UserError as error:
            raise UserError(f"expected a folder of predictions or a run; {path} is none; check it ({error})") from None
    if path.name == Run(path.parent).predictions.name and _is_run(path.parent):
        return path, Run(path.parent)
    if not _is_run(path):
        return path, None
    run = Run(path)
    if not run.predictions.is_dir():
        raise UserError(
            f"expected a run with predictions of its test cases; {run.predictions} is missing; finish its training"
        )
    return run.predictions, run


def tested_cases(run: Run, truths: dict[str, Mask]) -> dict[str, Mask]:
    """Return the truths of a run's test cases: those of training and validation have no prediction.

    Raises:
        UserError: none of them is a test case of the run.
    """
    if not run.splits.is_file():
        return truths
    tested = set(read_json(run.splits, HeldOut)["test"])
    found = {case_id: mask for case_id, mask in truths.items() if case_id in tested}
    if not found:
        first = f", such as {min(tested)}," if tested else ""
        raise UserError(
            f"expected truths of the test cases{first} of the run {run.root}; found none of the {len(tested)} in "
            f"{run.splits}; give the folder of its cohort"
        )
    return found


def _is_run(folder: Path) -> bool:
    return Run(folder).config.is_file() or Run(folder).state.is_file()
