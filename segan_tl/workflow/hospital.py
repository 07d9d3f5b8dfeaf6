"""A patient as the hospital hands it out: read, prepared, segmented, and the result brought back, in one call."""

import argparse
import importlib
import shutil
import time
from dataclasses import replace
from pathlib import Path

from segan_tl.console import console
from segan_tl.errors import UserError
from segan_tl.workflow.brought_back import bring_back
from segan_tl.workflow.space import find_expected, is_cohort, require_extraction
from segan_tl.workflow.wrapped import parse

# Folders of OUT: the series as NIfTI, in the space of the network, and what it answered there.
NATIVE, PREPARED, ANSWERED = "native", "prepared", "answered"
# What `predict` does after the network, or with several: not on the patient's own grid.
NOT_HERE = (
    "vote", "ensemble", "weights", "fold", "agreement", "postprocess", "clusters", "guarantee", "guarantee_file",
    "skip_bad_cases",
)  # fmt: skip


def segment_unprepared(arguments: argparse.Namespace) -> int:
    """Do what `dicom`, `prepare`, `predict` and `restore` do, one after another; who is prepared is not prepared again.

    Args:
        arguments: of `predict`, with `like`, the space to prepare for.

    Returns:
        2 where a patient was left out, 0 else.

    Raises:
        UserError: an option that only prepared patients take, a result that is there already, or that of a step.
    """
    from segan_tl.predict.members import open_member, seeing

    _check(arguments)
    member = open_member(arguments.run[0], runs=arguments.runs)
    member = replace(member, config=seeing(member.config, arguments.modality))
    if member.artefact and member.artefact.postprocess:
        _refuse("the thresholds of post-processing that it holds")
    _, before = find_expected(arguments.like, arguments.runs)
    require_extraction(arguments.brain, before, otherwise="say --brain stripped where nothing but the brain is there")
    patients, dicom_seconds = _read_dicom(arguments) if _is_dicom(arguments.input) else (arguments.input, 0.0)
    _require_modalities(arguments, member, patients)
    prepared, answered = arguments.out / PREPARED, arguments.out / ANSWERED
    _refuse_other_network(member, patients, answered)
    console.print("preparing takes minutes a patient; what is done is not done again", soft_wrap=True)
    failed = _run("prepare", str(patients), str(prepared), *_words_of_prepare(arguments))
    _require_prepared(patients, prepared)
    _run("predict", arguments.run[0], str(prepared), str(answered), *_words_of_predict(arguments))
    bring_back(arguments, member, patients, prepared=prepared, answered=answered, dicom_seconds=dicom_seconds)
    return failed


def _check(arguments) -> None:
    """Refuse what cannot be done in one call, before work begins; without a RUN it is that of --like."""
    if not arguments.run and is_cohort(arguments.like):
        raise UserError(
            f"expected RUN before {arguments.input}; found none, and --like {arguments.like} is a cohort; name the run "
            "first: predict RUN INPUT OUT --like COHORT"
        )
    arguments.run = arguments.run or [arguments.like]
    if len(arguments.run) != 1:
        _refuse(f"{len(arguments.run)} RUNs")
    for option in NOT_HERE:
        if getattr(arguments, option) not in (None, False):
            _refuse(f"--{option.replace('_', '-')}")
    if arguments.out.name.endswith((".nii.gz", ".dcm")):
        raise UserError(f"expected a folder, for --like writes several files; found {arguments.out}; name a folder")
    there = sorted(arguments.out.glob("*.nii.gz"))
    if there and not arguments.overwrite:
        raise UserError(f"{there[0]} exists already; add --overwrite to replace, or give another OUT")


def _refuse(what: str) -> None:
    raise UserError(
        f"--like prepares patients for one RUN and brings its answer back; found {what}; use prepare, predict and "
        "restore, one after another (docs/clinical.md)"
    )


def _require_modalities(arguments, member, patients: Path) -> None:
    """Refuse patients without what the run sees before they are prepared.

    Raises:
        UserError: one lacks a modality, and nothing stands in for it.
    """
    from segan_tl.data.find.cases import find_cases
    from segan_tl.predict.inputs import missing_modalities, without_any

    data = member.config.data
    stand_in = {pair.partition("=")[0] for pair in arguments.substitute}
    needed = tuple(name for name in data.modalities if name not in stand_in)
    for case in find_cases(patients).cases:
        if reason := (without_any if data.any_subset else missing_modalities)(case, needed):
            raise UserError(f"{reason}, or let another sequence stand in with --substitute")


def _refuse_other_network(member, patients: Path, answered: Path) -> None:
    """Refuse what `predict` would refuse after the preparation: masks of other patients by another network."""
    from segan_tl.data.find.cases import find_cases
    from segan_tl.predict.decider import refuse_others
    from segan_tl.predict.outputs import Outputs
    from segan_tl.zoo.find import spell

    about = {"run": spell(member.run.root), "segmentor_sha256": member.digest}
    about["modalities"] = list(member.config.data.modalities)
    refuse_others(Outputs(answered), about, {case.id for case in find_cases(patients).cases})


def _require_prepared(patients: Path, prepared: Path) -> None:
    """Refuse to go on where not one patient was prepared.

    Raises:
        UserError: so it is.
    """
    from segan_tl.clinical.space.record import RECORD, read_record
    from segan_tl.data.find.cases import find_cases

    folders = [prepared / case.id for case in find_cases(patients).cases]
    tried = [folder for folder in folders if (folder / RECORD).is_file()]
    if any(not read_record(folder)["failed"] for folder in tried):
        return
    look = f"look at {tried[0]}/quality.png, then " if tried else ""
    raise UserError(
        f"no patient could be prepared, for the reasons above; {look}name other sequences with --series, take another "
        "--brain, or try prepare with another --reference, then predict and restore (docs/clinical.md)"
    )


def _is_dicom(path: Path) -> bool:
    from segan_tl.clinical.dicom.files import holds_dicom

    return holds_dicom(path)


def _read_dicom(arguments) -> tuple[Path, float]:
    """Write the series as cases to OUT/native; return that folder and the seconds. An earlier call's is made anew."""
    from segan_tl.clinical.dicom.reference import SERIES_JSON

    native, started = arguments.out / NATIVE, time.monotonic()
    if (native / SERIES_JSON).is_file():
        shutil.rmtree(native)
    series = ("--series", *arguments.series) if arguments.series else ()
    _run("dicom", str(arguments.input), str(native), *series)
    return native, time.monotonic() - started


def _words_of_prepare(arguments) -> list[str]:
    words = ["--like", arguments.like, "--runs", str(arguments.runs)]
    words += ["--brain", arguments.brain] if arguments.brain != "stripped" else ["--skull-stripped"]
    return [*words, "--substitute", *arguments.substitute] if arguments.substitute else words


def _words_of_predict(arguments) -> list[str]:
    # On the patient's own grid the network's own probabilities are held against its own threshold.
    words = ["--runs", str(arguments.runs), "--probabilities", "--uncalibrated", "--overwrite"]
    for option in ("modality", "batch_size", "threshold", "smallest_component", "review", "flag_below"):
        value = getattr(arguments, option)
        words += [f"--{option.replace('_', '-')}", str(value)] if value is not None else []
    return words


def _run(name: str, *words: str) -> int:
    """Run another command with its own parser."""
    command = importlib.import_module(f"segan_tl.commands.{name}")
    return command.run(parse(command, name, list(words)))
