"""The cases that a run is judged on after its training: its own of a part, those of every fold, or another cohort's."""

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from segan_tl.errors import UserError, some
from segan_tl.zoo.find import spell

# What to do where a run has none of a part: temperatures are a run's own, a promise may be made with other cases.
INSTEAD = {
    "validation": "calibrate a run that was trained here, whose validation cases are there",
    "test": "name labelled cases that it has not learnt from with --data DIR",
}


class Judged(NamedTuple):
    """A run, and cases that its network has not learnt from.

    Attributes:
        member: the run.
        cases: each with its patient.
    """

    member: object
    cases: tuple

    @property
    def patients(self) -> dict[str, str]:
        """Return case → patient."""
        return {case.id: case.patient for case in self.cases}


def open_judged(path: str, part: str, *, runs: Path):
    """Open a run with its cases of a part, or every fold of a cross-validation with its test cases.

    Args:
        part: "validation" or "test"; of a cross-validation always the test cases, of which each fold has its own.

    Returns:
        Fold → `Judged`; None → the one of a run. And the folder of the cross-validation, None of a run.

    Raises:
        UserError: it is not trained to its end, has no such cases, or they are not there any more.
    """
    from segan_tl.predict.members import open_member
    from segan_tl.report.compare.crossval import find_folds, open_crossval, require_complete
    from segan_tl.runs import require_finished
    from segan_tl.zoo.find import is_zoo

    folder = None if is_zoo(path) else find_folds(path, runs=runs)
    if folder is None:
        member = _open_run(path, runs=runs)
        require_finished(member.run)
        return {None: Judged(member, own_cases(member.run, part))}, None
    crossval = open_crossval(folder)
    require_complete(crossval)
    members = {number: open_member(fold.run.root) for number, fold in crossval.folds.items()}
    return {number: Judged(member, own_cases(member.run, "test")) for number, member in members.items()}, folder


def _open_run(path: str, *, runs: Path):
    from segan_tl.predict.members import open_member

    member = open_member(path, runs=runs)
    if member.artefact:
        raise UserError(f"{path} is an artefact, which knows no cases; give the run that it was exported from")
    return member


def own_cases(run, part: str) -> tuple:
    """Return a run's cases of a part of its split, each with its patient.

    Raises:
        UserError: it has none, was imported or comes along, or one of them is not there any more.
    """
    from segan_tl.runs import is_imported
    from segan_tl.zoo.find import refuse_entry

    refuse_entry(run.root, f"its {part} cases do not come along; {INSTEAD[part]}")
    if is_imported(run):
        raise UserError(f"{run.root} was imported and has no {part} cases of its own; {INSTEAD[part]}")
    cases = cases_of_parts(run, [part], remedy=f"bring them back, or {INSTEAD[part]}")
    if not cases:
        raise UserError(f"{run.root} has no {part} cases; expected at least one in {run.splits}")
    return cases


def cases_of_parts(run, parts, *, remedy: str) -> tuple:
    """Return the cases of some parts of a run's split, each with the patient that the run knows.

    Raises:
        UserError: one of them is not there any more.
    """
    from segan_tl.data.learnt import run_patients
    from segan_tl.report.score.run_cases import own_cohort

    patients = run_patients(run, parts)
    if not patients:
        return ()
    cohort = own_cohort(run, patients, remedy=remedy)
    return tuple(replace(case, stated_patient=patients[case.id]) for case in cohort.cases)


def require_unseen(run, patients: dict[str, str], *, place: Path, why: str) -> None:
    """Refuse cases whose patients a run has learnt from, or was chosen by.

    Args:
        patients: case → patient.
        place: where the cases are.
        why: what would be wrong with them.

    Raises:
        UserError: there are some.
    """
    from segan_tl.data.learnt import Learnt, learnt_by

    if seen := (learnt_by(run) or Learnt()).seen(patients):
        simulated = all(case.startswith("phantom-") for case in seen)
        raise UserError(
            f"{spell(run.root)} was trained or tuned on the patients of {len(seen)} of the cases of {place} "
            f"({some(seen)}): {why}; " + ("simulate others with phantom OUT --seed 7" if simulated else "take them out")
        )


def other_cases(path: str, arguments) -> Judged:
    """Open a run with the labelled cases of --data, none of which it has learnt from.

    Args:
        arguments: `data`, `patients` and `runs`.

    Raises:
        UserError: they lack what it sees or segments, a label map, or it has learnt from one of their patients.
    """
    from segan_tl.console import start_tensorflow
    from segan_tl.report.compare.crossval import find_folds
    from segan_tl.workflow.cohort import find_cohort, untold_regions
    from segan_tl.zoo.find import is_zoo

    if not is_zoo(path) and (folder := find_folds(path, runs=arguments.runs)):
        raise UserError(f"expected one run for --data; {folder} is a cross-validation; name a fold, {path}/fold0")
    member = _open_run(path, runs=arguments.runs)
    cohort = find_cohort(arguments, member.config)
    if found := untold_regions(cohort, member.config):
        convention, unknown, known = found
        raise UserError(
            f"{path} segments {', '.join(member.config.data.regions)}; the labels of {cohort.folder} ({convention}) "
            f"tell {', '.join(known)}; give --data a cohort whose labels tell {', '.join(unknown)}, too"
        )
    _require_whole(cohort, member.config)
    start_tensorflow()  # before the package of the networks, which imports it with all its greetings
    require_unseen(member.run, cohort.patients, place=arguments.data, why="they would promise too much")
    return Judged(member, tuple(cohort.cases))


def _require_whole(cohort, config) -> None:
    """Refuse a case without a label map, or without what the run sees."""
    from segan_tl.predict.inputs import missing_modalities, without_any

    data = config.data
    missing = without_any if data.any_subset else missing_modalities
    if reason := next((reason for case in cohort.cases if (reason := missing(case, data.modalities))), None):
        raise UserError(reason)
    if unlabelled := [case.id for case in cohort.cases if case.mask is None]:
        raise UserError(
            f"expected a label map of every case in {cohort.folder}; {some(unlabelled)} has none; add it, or take the "
            "case out"
        )
