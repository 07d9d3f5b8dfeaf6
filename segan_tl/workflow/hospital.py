"""A patient as the hospital hands it out: read, prepared, segmented, and the result brought back, in one call."""

import argparse
import importlib
import shutil
from dataclasses import replace
from pathlib import Path

from segan_tl.console import console
from segan_tl.errors import UserError
from segan_tl.workflow.space import is_cohort
from segan_tl.workflow.wrapped import parse

# Folders of OUT: the series as NIfTI, in the space of the network, and what it answered there.
NATIVE, PREPARED, ANSWERED = "native", "prepared", "answered"
COLUMNS = ("case", "region", "ml", "onto", "remarks")
# What `predict` does after the network, or with several: not on the patient's own grid.
NOT_HERE = ("vote", "ensemble", "weights", "fold", "agreement", "postprocess", "clusters", "skip_bad_cases")


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
    patients = _read_dicom(arguments) if _is_dicom(arguments.input) else arguments.input
    _require_modalities(arguments, member, patients)
    prepared = arguments.out / PREPARED
    console.print("preparing takes minutes a patient; what is done is not done again", soft_wrap=True)
    failed = _run("prepare", str(patients), str(prepared), *_words_of_prepare(arguments))
    answered = arguments.out / ANSWERED
    _run("predict", arguments.run[0], str(prepared), str(answered), *_words_of_predict(arguments))
    _bring_back(arguments, member, patients)
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


def _is_dicom(path: Path) -> bool:
    from segan_tl.clinical.dicom.files import holds_dicom

    return holds_dicom(path)


def _read_dicom(arguments) -> Path:
    """Write the series as cases to OUT/native, and return that folder; one of an earlier call is made anew."""
    from segan_tl.clinical.dicom.reference import SERIES_JSON

    native = arguments.out / NATIVE
    if (native / SERIES_JSON).is_file():
        shutil.rmtree(native)
    series = ("--series", *arguments.series) if arguments.series else ()
    _run("dicom", str(arguments.input), str(native), *series)
    return native


def _words_of_prepare(arguments) -> list[str]:
    words = ["--like", arguments.like, "--runs", str(arguments.runs)]
    words += ["--brain", arguments.brain] if arguments.brain != "stripped" else ["--skull-stripped"]
    return [*words, "--substitute", *arguments.substitute] if arguments.substitute else words


def _words_of_predict(arguments) -> list[str]:
    words = ["--runs", str(arguments.runs), "--probabilities", "--overwrite"]
    for option in ("modality", "batch_size", "threshold"):
        value = getattr(arguments, option)
        words += [f"--{option.replace('_', '-')}", str(value)] if value is not None else []
    return words


def _run(name: str, *words: str) -> int:
    """Run another command with its own parser."""
    command = importlib.import_module(f"segan_tl.commands.{name}")
    return command.run(parse(command, name, list(words)))


# === And back ===


def _bring_back(arguments, member, patients: Path) -> None:
    """Write masks, DICOM SEG and SR, and volumes.csv, of every case on the grid of one of its own sequences."""
    from segan_tl.clinical.space.record import read_record
    from segan_tl.data.find.cases import find_cases
    from segan_tl.disk.atomic import write_csv
    from segan_tl.predict.outputs import Outputs

    said, rows = Outputs(arguments.out / ANSWERED).read_record().get("cases", {}), []
    for case in find_cases(patients).cases:  # not of those of an earlier call
        folder, probability = arguments.out / PREPARED / case.id, Outputs(arguments.out / ANSWERED).probability(case.id)
        if not probability.is_file() or (record := read_record(folder))["failed"]:
            continue
        found = _bring_one_back(arguments, member, record, probability, series=patients)
        rows += [row | {"remarks": _remarks(said.get(case.id, {}))} for row in found]
        if not arguments.probabilities:
            probability.unlink()
    write_csv(arguments.out / "volumes.csv", COLUMNS, rows)
    console.print(f"masks on the patients' own grids, and volumes.csv: {arguments.out}", soft_wrap=True)


def _remarks(record: dict) -> str:
    """Return what there is to say of a case, in words."""
    from segan_tl.predict.plausibility import remark_lines

    return "; ".join(remark_lines(record.get("unlike_training", ()), record.get("doubtful", ())))


def _bring_one_back(arguments, member, record: dict, probability: Path, *, series: Path) -> list[dict]:
    """Write what was found in a case; return the rows of its volumes."""
    from segan_tl.clinical.dicom.report import volumes_ml
    from segan_tl.clinical.space.back import restore
    from segan_tl.clinical.space.record import native_grid
    from segan_tl.data.files.images import write_volume
    from segan_tl.data.find.layouts import UNKNOWN_CONVENTION
    from segan_tl.predict.labels import label_scheme, paint_labels
    from segan_tl.predict.postprocess import binarise
    from segan_tl.workflow.restoring import read_result

    case, onto = record["case"], _sequence(arguments, member, record)
    geometry, regions = native_grid(record, onto), member.config.data.regions
    config = member.config.predict
    if arguments.threshold is not None:
        config = config.model_copy(update={"threshold": arguments.threshold})
    found = restore(read_result(probability, record), record, onto)
    masks = binarise(found if found.ndim == 4 else found[..., None], config)
    painted = paint_labels(masks, regions, label_scheme(regions, UNKNOWN_CONVENTION))
    write_volume(arguments.out / f"{case}.nii.gz", painted, geometry)
    of_region = {region: masks[..., place] for place, region in enumerate(regions)}
    volumes = volumes_ml(of_region, geometry)
    if (series / "series.json").is_file():
        _write_dicom(arguments, of_region, volumes, geometry, case, onto, series=series)
    rows = [{"case": case, "region": name, "ml": round(ml, 3), "onto": onto} for name, ml in volumes.items()]
    told = "  ".join(f"{row['region']} {row['ml']:.1f} ml" for row in rows)
    console.print(f"{case}  on the grid of {onto}  {told}", soft_wrap=True)
    return rows


def _sequence(arguments, member, record: dict) -> str:
    """Return the sequence on whose grid a case's mask is wanted: --onto, else FLAIR or the run's first one there is."""
    if arguments.onto:
        return arguments.onto
    seen = [name for name in ("flair", *member.config.data.modalities) if name in member.config.data.modalities]
    return next((name for name in seen if name in record["native"]), record["reference"])


def _write_dicom(arguments, masks: dict, volumes: dict, geometry, case: str, onto: str, *, series: Path) -> None:
    from segan_tl.clinical.dicom.reference import read_reference
    from segan_tl.clinical.dicom.report import write_volumes_report
    from segan_tl.clinical.dicom.segmentation import write_segmentation

    reference, segmentation = read_reference(series, case, onto), arguments.out / f"{case}_seg.dcm"
    write_segmentation(segmentation, masks, geometry, reference, case=case, model=Path(arguments.run[0]).name)
    write_volumes_report(arguments.out / f"{case}_volumes.dcm", volumes, segmentation)
