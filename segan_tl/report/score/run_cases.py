"""A run and its cases: where its masks are, which of them it had to predict, and where their images are."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from segan_tl.data.find.cases import Cohort, find_cases
from segan_tl.errors import UserError, some
from segan_tl.report.score.masks import Mask
from segan_tl.runs import Run, open_run, read_json, read_state
from segan_tl.schemas.runs import HeldOut
from segan_tl.zoo.find import refuse_entry


def find_run(path: Path, *, runs: Path | str) -> tuple[Path, Run | None]:
    """Return the folder of masks that a path or the name of a run stands for, and the run where it is one's.

    Args:
        path: a folder of masks, a run, the `predictions` of one, or a run's name below `runs`.

    Raises:
        UserError: it is nothing of these, or a run that has no predictions yet, or never will.
    """
    if not path.is_dir():
        try:
            path = open_run(path, runs=runs).root
        except UserError as error:
            raise UserError(f"expected a folder of predictions or a run; {path} is none; check it ({error})") from None
    refuse_entry(path, "it has no predictions to score: make some with python -m segan_tl predict NAME PATIENTS OUT")
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


def own_cohort(run: Run, cases: Iterable[str], *, remedy: str, folder: Path | None = None) -> Cohort:
    """Return the cohort that a run was trained on, cut to some of its cases.

    Args:
        remedy: what to do where they are not there any more.
        folder: where they are; None for where they were when the run was trained.

    Raises:
        UserError: there is no such folder any more, or it lacks one of them.
    """
    recorded = read_state(run).get("data", {}).get("folder")
    if folder is None and not (recorded and Path(recorded).exists()):
        raise UserError(f"the data of {run.root} is not at {recorded or 'any recorded folder'} any more; {remedy}")
    cohort = find_cases(folder or Path(recorded))
    wanted = set(cases)
    if missing := sorted(wanted - {case.id for case in cohort.cases}):
        raise UserError(f"{cohort.folder} lacks {some(missing)} of the cases of {run.root}; {remedy}")
    return replace(cohort, cases=tuple(case for case in cohort.cases if case.id in wanted))


def _is_run(folder: Path) -> bool:
    return Run(folder).config.is_file() or Run(folder).state.is_file()
