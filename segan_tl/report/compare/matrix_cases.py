"""The cases on which runs may be compared: those that all of them were tested on and none has learnt from."""

from collections.abc import Sequence
from pathlib import Path

from segan_tl.data.find.cases import Case, Cohort
from segan_tl.data.learnt import Learnt, learnt_by, run_patients
from segan_tl.errors import UserError, some
from segan_tl.predict.members import Member
from segan_tl.regions import MODALITIES
from segan_tl.report.score.run_cases import own_cohort
from segan_tl.runs import read_parts, require_finished
from segan_tl.train.start.source import resume_command

FORBIDDEN = {"test": ("train", "validation"), "validation": ("train",)}


def common_cases(members: Sequence[Member], part: str) -> list[str]:
    """Return the case ids that every run has in this part of its split.

    Args:
        part: "test" or "validation"; validation cases have chosen each run's epoch, so their Dice flatters.

    Raises:
        UserError: the runs differ, one has learnt from a case of another, or there are no cases.
    """
    splits = [read_parts(member.run) for member in members]
    wanted = splits[0].get(part, [])
    if not wanted:
        raise UserError(f"{members[0].run.splits} names no {part} case; train with a larger data.split")
    judged = [run_patients(member.run, [part]) for member in members]
    for member in members:
        known = _learnt_from(member, part)
        for other in judged:
            if seen := known.seen(other):
                raise UserError(
                    f"{member.run.root} was trained or tuned on the patients of {some(seen)}, of the {part} cases "
                    "that the runs are compared on: it has seen the answers; train the runs on one split "
                    "(train-segan --split RUN)"
                )
    for member, split in zip(members, splits):
        if different := sorted(set(split.get(part, [])) ^ set(wanted)):
            raise UserError(
                f"expected runs with the same {part} cases; {members[0].run.root} and {member.run.root} differ in "
                f"{some(different)}; train the runs on one split (train-segan --split RUN)"
            )
    return sorted(wanted)


def _learnt_from(member: Member, part: str) -> Learnt:
    """Return whom a run, or the run it was transferred from, has learnt from, but for its own validation, if asked."""
    learnt = learnt_by(member.run) or Learnt()
    if part == "validation":
        learnt -= Learnt.of(run_patients(member.run, [part]))
    return learnt | Learnt.of(run_patients(member.run, FORBIDDEN[part]))


def check_finished(members: Sequence[Member]) -> None:
    """Refuse a run whose training is not complete, with the command to go on.

    Raises:
        UserError: one is not.
    """
    for member in members:
        require_finished(member.run, otherwise=resume_command(member.config))


def find_data(members: Sequence[Member], ids: Sequence[str], *, folder: Path | None) -> Cohort:
    """Find the cases in `folder`, or where the first run was trained.

    Raises:
        UserError: there is no such folder, or it lacks a case or its label map.
    """
    cohort = own_cohort(members[0].run, ids, folder=folder, remedy="say where it is with --data")
    if bare := [case.id for case in cohort.cases if case.mask is None]:
        raise UserError(f"{some(bare)} in {cohort.folder} have no label map to score against; add it")
    return cohort


def shared_modalities(cases: Sequence[Case], members: Sequence[Member]) -> tuple[str, ...]:
    """Return the modalities that every case has.

    Raises:
        UserError: a case lacks one that a run was trained on.
    """
    for member in members:
        if lacking := [case.id for case in cases if member.modality not in case.images]:
            raise UserError(
                f"{some(lacking)} lack {member.modality}, which {member.run.root} was trained on; add the files, or "
                "leave the run out"
            )
    return tuple(modality for modality in MODALITIES if all(modality in case.images for case in cases))
