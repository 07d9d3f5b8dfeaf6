"""What `second-look` learns from: networks, and cases with a truth that they have not trained on."""

from pathlib import Path
from typing import NamedTuple

from segan_tl.errors import UserError
from segan_tl.workflow.judged import cases_of_parts, require_unseen
from segan_tl.zoo.find import is_entry, spell

FILE = "review.json"
PARTS = ("validation", "test")


class Sitting(NamedTuple):
    """Networks, alone or together, and cases that they have not trained on.

    Attributes:
        members: `predict.members.Member`.
        ensemble: `joint.Ensemble`, None where there is none.
    """

    members: tuple
    ensemble: object | None
    cases: tuple


class Plan(NamedTuple):
    """All that is to be segmented.

    Attributes:
        together: "alone", or the rule by which several networks answer.
        origin: what the cases are, in words.
        out: review.json.
    """

    sittings: tuple[Sitting, ...]
    together: str
    origin: str
    out: Path

    @property
    def cases(self) -> list:
        """Return the cases of all sittings."""
        return [case for sitting in self.sittings for case in sitting.cases]

    @property
    def members(self) -> list:
        """Return the networks of all sittings."""
        return [member for sitting in self.sittings for member in sitting.members]


def make_plan(arguments) -> Plan:
    """Find networks and cases.

    Raises:
        UserError: there is no such run, it has learnt from a case, or nothing tells where to write.
    """
    from segan_tl.report.compare.crossval import find_folds

    folder = find_folds(arguments.run[0], runs=arguments.runs) if len(arguments.run) == 1 else None
    if arguments.data:
        return _of_cohort(arguments)
    if arguments.vote or arguments.ensemble or len(arguments.run) > 1:
        raise UserError(
            "networks that answer together have no cases that all of them left out; name a labelled cohort of others "
            "with --data DIR"
        )
    if arguments.patients:
        raise UserError("--patients says whose scans those of --data are; add --data DIR, or leave it out")
    return _of_crossval(arguments, folder) if folder else _of_run(arguments)


# === Whose cases ===


def _of_run(arguments) -> Plan:
    """Return the plan of a run and its own validation and test cases."""
    from segan_tl.predict.members import open_member
    from segan_tl.runs import is_imported, open_run, require_finished

    run = open_run(arguments.run[0], runs=arguments.runs)
    if is_entry(run.root) or is_imported(run):
        raise UserError(
            f"{spell(run.root)} has no cases of its own; name a labelled cohort that it has not learnt from: "
            f"second-look {spell(run.root)} --data DIR --out {FILE}"
        )
    require_finished(run)
    member = open_member(run.root)
    cases = _own_cases(run, PARTS, member)
    origin = "its validation and test cases, which did not train it; validation chose its epoch, and flatters a little"
    return Plan((Sitting((member,), None, cases),), "alone", origin, arguments.out or run.review)


def _of_crossval(arguments, folder: Path) -> Plan:
    """Return the plan of a cross-validation, each fold's network and its test cases."""
    from segan_tl.predict.members import open_member
    from segan_tl.report.compare.crossval import open_crossval, require_complete
    from segan_tl.runs import Run

    crossval = open_crossval(folder)
    require_complete(crossval)
    members = [open_member(fold.run.root) for fold in crossval.folds.values()]
    sittings = tuple(Sitting((one,), None, _own_cases(one.run, ("test",), one)) for one in members)
    origin = f"the test cases of {len(members)} folds, each case by the fold that has not seen it"
    return Plan(sittings, "alone", origin, arguments.out or Run(folder).review)


def _own_cases(run, parts, member) -> tuple:
    """Return cases of a run's split, with the patients that it knows.

    Raises:
        UserError: they are not where they were, or cannot be used.
    """
    cases = cases_of_parts(run, parts, remedy="bring them back, or name others with --data DIR")
    return tuple(_usable(cases, (member,), vote=False, skip=False))


def _of_cohort(arguments) -> Plan:
    """Return the plan of networks and a labelled cohort that they have not learnt from."""
    from segan_tl.runs import is_imported
    from segan_tl.workflow.cohort import find_cohort

    members, ensemble = _open(arguments)
    lead = ensemble.lead if ensemble else members[0]
    cohort = find_cohort(arguments, lead.config)
    cases = _usable(cohort.cases, members, vote=bool(arguments.vote), skip=arguments.skip_bad_cases)
    own = members[0].run.root
    alone = len(members) == 1 and not members[0].artefact and not is_entry(own)
    if arguments.out is None and not alone:
        raise UserError(f"nothing may be written beside {spell(own)}; say where the answer goes with --out {FILE}")
    _require_unseen(members, cases, cohort.folder)
    unknown = any(member.artefact or is_imported(member.run) for member in members)
    origin = str(cohort.folder) + (", of which nobody knows whether it was learnt from" if unknown else "")
    together, sitting = arguments.ensemble or arguments.vote or "alone", Sitting(tuple(members), ensemble, tuple(cases))
    return Plan((sitting,), together, origin, arguments.out or members[0].run.review)


def _open(arguments) -> tuple:
    """Return the networks of the command line, and their `joint.Ensemble` or None."""
    from dataclasses import replace

    from segan_tl.predict.members import open_member, open_members, same_modality, seeing, weights_of
    from segan_tl.workflow.ensemble import open_ensemble

    if arguments.ensemble:
        ensemble, _ = open_ensemble(arguments, modality=arguments.modality)
        return list(ensemble.members), ensemble
    if arguments.vote:
        members = open_members(arguments.run, runs=arguments.runs)
        if reason := same_modality(members):
            raise UserError(f"{reason}, and a vote takes one run a modality; leave one out, or take --ensemble mean")
        weights_of(members, arguments.vote)
        return members, None
    if len(arguments.run) > 1:
        raise UserError(f"expected one RUN, --vote or --ensemble; found {', '.join(arguments.run)}; name one")
    member = open_member(arguments.run[0], runs=arguments.runs)
    return [replace(member, config=seeing(member.config, arguments.modality))], None


def _usable(cases, members, *, vote: bool, skip: bool) -> list:
    """Return the cases with what the networks see, and a label map that tells what they segment.

    Raises:
        UserError: one is not of that kind, and may not be left out; or none is.
    """
    from segan_tl.console import console
    from segan_tl.predict.inputs import labels_tell, missing_modalities, without_any

    data = members[0].config.data
    modalities = tuple(name for member in members for name in member.config.data.modalities) if vote else (
        data.modalities)  # fmt: skip
    missing = without_any if vote or data.any_subset else missing_modalities
    why = {case.id: missing(case, modalities) or _unlabelled(case, data.regions) for case in cases}
    why = {case: reason for case, reason in why.items() if reason}
    good = [case for case in cases if case.id not in why and labels_tell(case, data.regions)]
    if why and (not skip or not good):
        more = f" ({len(why)} of {len(cases)} cases)" if len(why) > 1 else ""
        raise UserError(f"{next(iter(why.values()))}{', or --skip-bad-cases' if good else ''}{more}")
    for reason in why.values():
        console.print(f"left out: {reason}", style="yellow", soft_wrap=True)
    return good


def _unlabelled(case, regions) -> str | None:
    from segan_tl.predict.inputs import labels_tell

    if labels_tell(case, regions):
        return None
    return f"case {case.id} has no label map that tells {', '.join(regions)}; give cases that have one"


def _require_unseen(members, cases, folder: Path) -> None:
    """Refuse cases that a network has learnt from: what it says of them is better than what it will say of others.

    Raises:
        UserError: there are some.
    """
    from segan_tl.console import start_tensorflow

    if not all(member.artefact for member in members):
        start_tensorflow()  # before the package of the networks, which imports it with all its greetings
    patients = {case.id: case.patient for case in cases}
    for member in members:
        if not member.artefact:  # which tells nobody's name
            require_unseen(member.run, patients, place=folder, why="nothing is learnt from answers about them")
