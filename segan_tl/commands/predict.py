"""`python -m segan_tl predict`: segment a case, a folder of cases or one file with a run, by vote or an ensemble."""

import argparse
import time
from dataclasses import replace
from pathlib import Path

from segan_tl.console import console
from segan_tl.errors import UserError, some
from segan_tl.predict.vote import ENSEMBLES, RULES
from segan_tl.regions import MODALITIES
from segan_tl.schemas.trust import KINDS
from segan_tl.workflow.clusters import assign_clusters
from segan_tl.workflow.numbers import fold, positive, share, share_with_ends, weight
from segan_tl.workflow.reviewing import find_reviewer

EPILOG = """examples:
  python -m segan_tl predict segan/flair patients/ OUT                 every case of a folder
  python -m segan_tl predict segan/flair patients/0001 OUT             one case
  python -m segan_tl predict segan/flair scan.nii.gz tumour.nii.gz     one file
  python -m segan_tl predict segan/flair scan.nii.gz OUT --modality flair --probabilities
  python -m segan_tl predict segan/t1 segan/t2 segan/flair patients/ OUT --vote weighted
  python -m segan_tl predict segan/flair coronal/flair sagittal/flair patients/ OUT --ensemble mean
  python -m segan_tl predict nnunet/BraTS2023 mednext_s/BraTS2023 patients/ OUT --ensemble weighted
  python -m segan_tl predict zoo:segan_random patients/ OUT --modality t2    comes along, sees any contrast
  python -m segan_tl predict flair.zip patients/ OUT                   a file of export --portable, no TensorFlow
  python -m segan_tl predict nnunet/BraTS2023/fold0 patients/ OUT --postprocess postprocess.json
  python -m segan_tl predict segan/flair patients/ OUT --flag-below 0.7      after second-look segan/flair
  python -m segan_tl predict EXPORT OUT --like segan/flair             DICOM: prepared, segmented, and brought back
  python -m segan_tl predict zoo:segan_flair EXPORT OUT --like BraTS2021
  python -m segan_tl predict nnunet/BraTS2023/fold0 patients/ OUT --postprocess post.json --clusters groups.npz

The result lies on the grid of the input, with its affine. Only the run's own modalities are read; a run that
was trained with --modality any takes those that a patient has, and says which; one that was trained on painted
contrasts (phantom.contrast) takes whatever --modality says. Where a case has a label map, Dice is printed too. With
--vote, the runs of those modalities that a patient has decide, voxel by voxel; a vote counts 1 (majority) or the run's
best validation Dice (weighted), and a tie is settled by the mean probability. With --ensemble, runs that see the same
images answer together: by the mean of their probabilities (mean), one that is weighted by their scores or by --weights
(weighted), or by STAPLE of their masks; a cross-validation counts as one RUN, the mean of its folds. With --fold K only
fold K of each answers, on the cases that it was tested on, weighted by the scores of the other folds.
volumes.csv has the volumes, and remarks: a scan unlike those of the training, an answer that can hardly be. Where
second-look has learnt to judge the run's answers, review.csv has the Dice to expect, worst first, and the reasons.
Research software: not for diagnosis."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.description = "Segment a case, a folder of cases or a single file with the best checkpoint of a run."
    parser.epilog = EPILOG
    parser.add_argument("run", nargs="*", metavar="RUN", help="a run, its name below --runs, zoo:NAME, or a zip")
    parser.add_argument("input", metavar="INPUT", type=Path, help="folder of cases, case folder or image file")
    parser.add_argument("out", metavar="OUT", type=Path, help="folder, or a name ending in .nii.gz for a single case")
    together = parser.add_mutually_exclusive_group()
    together.add_argument("--vote", choices=RULES, help="let several RUNs decide, one a modality")
    together.add_argument("--ensemble", choices=ENSEMBLES, help="let RUNs that see the same images answer together")
    what = weight("RUN", "INPUT and OUT go")
    parser.add_argument("--weights", nargs="+", type=what, metavar="W", help="of the RUNs in --ensemble weighted")
    parser.add_argument(
        "--fold", type=fold, metavar="K", help="of cross-validations in --ensemble fold K alone, on its own test cases"
    )
    parser.add_argument("--agreement", action="store_true", help="also write <case>_agreement.nii.gz of an ensemble")
    modality = "modality of a file whose name does not tell it; of the image to take, for a run that sees any contrast"
    parser.add_argument("--modality", choices=MODALITIES, help=modality)
    parser.add_argument("--batch-size", type=positive, metavar="N", help="slices in one pass (the run's own)")
    parser.add_argument("--threshold", type=share, metavar="P", help="probability of tumour (the run's own)")
    smallest = "parts of a region that are a smaller share of its largest go; 1 keeps that alone (the run's own)"
    parser.add_argument("--smallest-component", type=share_with_ends, metavar="P", help=smallest)
    parser.add_argument("--postprocess", type=Path, metavar="FILE", help="thresholds of tune-postprocess to apply")
    parser.add_argument("--clusters", type=Path, metavar="FILE", help="of radiomics: --postprocess by a case's cluster")
    parser.add_argument("--review", type=Path, metavar="FILE", help="of second-look, to judge answers by (the run's)")
    parser.add_argument("--flag-below", type=share, metavar="D", help="flag cases with a predicted Dice below D")
    parser.add_argument("--probabilities", action="store_true", help="also write <case>_probability.nii.gz, float32")
    parser.add_argument(
        "--guarantee", choices=KINDS, help="also write <case>_KIND.nii.gz: what is missed, or false, kept below alpha"
    )
    parser.add_argument("--guarantee-file", type=Path, metavar="FILE", help="of guarantee --out (the run's own)")
    parser.add_argument("--uncalibrated", action="store_true", help="leave probabilities as the network says them")
    hospital = parser.add_argument_group("patients as they left the scanner, DICOM or NIfTI (docs/clinical.md)")
    hospital.add_argument("--like", metavar="RUN|COHORT", help="prepare INPUT for its space, and bring masks back")
    hospital.add_argument("--onto", choices=MODALITIES, help="sequence on whose grid masks are wanted (flair)")
    hospital.add_argument("--series", nargs="+", action="extend", default=[], metavar="M=N", help="as for dicom")
    hospital.add_argument("--substitute", nargs="+", default=[], metavar="T1=T1C", help="as for prepare")
    hospital.add_argument(
        "--brain", choices=("hd-bet", "cohort", "stripped"), default="hd-bet", help="brain mask (%(default)s)"
    )
    parser.add_argument("--skip-bad-cases", action="store_true", help="leave out cases that cannot be used")
    parser.add_argument("--overwrite", action="store_true", help="replace predictions that exist")
    parser.add_argument("--runs", type=Path, default=Path("runs"), metavar="DIR", help="where runs are kept (runs)")


def run(arguments: argparse.Namespace) -> int:
    """Segment everything and say where it is."""
    if arguments.like:
        from segan_tl.workflow.hospital import segment_unprepared

        return segment_unprepared(arguments)
    _require_run(arguments)
    from segan_tl.predict.chosen import open_chosen
    from segan_tl.predict.inputs import find_any_inputs, find_inputs, missing_modalities, without_any
    from segan_tl.predict.onnx_network import require_runtime
    from segan_tl.predict.outputs import plan_outputs
    from segan_tl.predict.remarks import (
        tell_calibration,
        tell_promise,
        warn_of_missing_preparation,
        warn_of_synthetic_training,
        warn_of_training_cases,
        warn_of_unfinished_training,
        warn_of_unknown_cohort,
    )
    from segan_tl.workflow.ensemble import keep_tested
    from segan_tl.workflow.segmenting import decided_otherwise, segment_all

    # === What, with what, and where to: everything that can be refused is refused before work begins ===
    members, ensemble, remarks = _open(arguments)
    reviewer, second = find_reviewer(arguments, members, ensemble)
    if any(member.artefact for member in members):
        require_runtime()
    lead, voting = ensemble.lead if ensemble else members[0], arguments.vote in RULES
    asked = members if voting else [lead]
    modalities = tuple(modality for member in asked for modality in member.config.data.modalities)
    any_of_them = voting or lead.config.data.any_subset
    find, missing = (find_any_inputs, without_any) if any_of_them else (find_inputs, missing_modalities)
    cases, found = find(arguments.input, modalities=modalities, stated=arguments.modality)
    if arguments.fold is not None:
        cases = keep_tested(members, cases, place=arguments.input)
    lacking = {case.id: reason for case in cases if (reason := missing(case, modalities))}
    first = next(iter(lacking.values()), None)
    if lacking and not arguments.skip_bad_cases:
        more = f" ({len(lacking)} of {len(cases)} cases)" if len(lacking) > 1 else ""
        hint = ", or --skip-bad-cases" if len(lacking) < len(cases) else ""
        if not voting and lead.config.any_contrast:
            hint += "; this one sees any contrast: say which image it is to take with --modality"
        raise UserError(f"{first}{hint}{more}")
    cases = [case for case in cases if missing(case, modalities) is None]
    if not cases:
        wanted = f"{'any of ' if any_of_them else ''}{', '.join(modalities)}"
        raise UserError(f"no case at {arguments.input} has {wanted}: {first}")
    maps = {"probabilities": arguments.probabilities, "agreement": arguments.agreement, "promised": arguments.guarantee}
    outputs = plan_outputs(arguments.out, cases, **maps, overwrite=arguments.overwrite)
    remarks += found + [f"left out: {reason}" for reason in lacking.values()]
    remarks += warn_of_unfinished_training(members) + warn_of_synthetic_training(members, cases)
    remarks += warn_of_training_cases(members, cases) + warn_of_unknown_cohort(members)
    remarks += warn_of_missing_preparation(members, cases) + tell_calibration(members, asked=arguments.probabilities)
    if len(members) == 1:
        otherwise = decided_otherwise(arguments) or arguments.postprocess is not None
        remarks += tell_promise(members[0], arguments.guarantee, otherwise=bool(otherwise))
    thresholds, conventions = _postprocess(arguments, members), {case.convention for case in cases}
    chosen = open_chosen(thresholds, lead.config.data.regions, conventions)
    chosen = assign_clusters(arguments.clusters, chosen, cases)
    remarks += chosen.remarks() if chosen else []
    remarks += second
    for remark in remarks:
        console.print(remark, markup=False, soft_wrap=True)

    # === Segment ===
    started, asked = time.monotonic(), {"outputs": outputs, "chosen": chosen, "reviewer": reviewer}
    done = segment_all(arguments, members, ensemble, cases, left_out=lacking, **asked)
    where, left_out = outputs.single or outputs.folder, [*lacking, *(case.id for case in cases if case.id not in done)]
    console.print(
        f"segmented {len(done)} of {len(done) + len(left_out)} cases in {time.monotonic() - started:.1f} s: {where}"
        + (f"; left out: {some(left_out, 10)}; {outputs.record} says why" if left_out else ""),
        markup=False, soft_wrap=True,
    )  # fmt: skip
    return 0


def _require_run(arguments) -> None:
    """Refuse a command line without a run, and one with options that only --like heeds."""
    if not arguments.run:
        raise UserError(
            f"expected RUN, INPUT and OUT; found {arguments.input} and {arguments.out}; name the run first, or prepare "
            "patients for it with --like RUN"
        )
    for option in ("onto", "series", "substitute"):
        if getattr(arguments, option):
            raise UserError(f"--{option} is of patients that are prepared here; add --like RUN, or leave it out")


def _open(arguments) -> tuple:
    """Open the run, or those that decide together, with the settings of the command line.

    Returns:
        The members, their `joint.Ensemble` or None, and remarks.
    """
    from segan_tl.predict.members import open_member, open_members, same_modality, seeing, weights_of

    if arguments.ensemble:
        return _open_ensemble(arguments)
    given = {"weights": arguments.weights, "agreement": arguments.agreement, "fold": arguments.fold is not None}
    for option, is_given in given.items():
        if is_given:
            raise UserError(f"--{option} is of an ensemble; add --ensemble, or leave --{option} out")
    if arguments.vote is None and len(arguments.run) > 1:
        raise UserError(
            f"expected one RUN before INPUT and OUT, or --vote; found {', '.join(arguments.run)}; add --vote majority "
            "or --vote weighted to let several runs of one modality each decide together, --ensemble mean for runs of "
            "the same, or name one"
        )
    if arguments.vote in RULES and (arguments.guarantee or arguments.guarantee_file):
        raise UserError("a guarantee is of one run, which --vote asks several of; leave --guarantee or --vote out")
    if arguments.vote is None:
        members = [open_member(arguments.run[0], runs=arguments.runs)]
        members = [replace(members[0], config=seeing(members[0].config, _modality(arguments)))]
    else:
        members = open_members(arguments.run, runs=arguments.runs)
        if reason := same_modality(members):
            raise UserError(f"{reason}, and a vote takes one run a modality; leave one out, or take --ensemble mean")
        weights_of(members, arguments.vote)  # a run that does not tell its weight is refused now
    return [_override(member, arguments) for member in members], None, []


def _open_ensemble(arguments) -> tuple:
    from segan_tl.workflow.ensemble import open_ensemble

    if arguments.guarantee or arguments.guarantee_file:
        raise UserError("a guarantee is of one run, and no ensemble has one; leave --guarantee or --ensemble out")
    ensemble, remarks = open_ensemble(arguments, modality=_modality(arguments))
    members = [_override(member, arguments) for member in ensemble.members]
    return members, ensemble._replace(members=tuple(members)), remarks


def _modality(arguments) -> str | None:
    """Return the modality that the user says is to be segmented, or that a single file names; None where neither."""
    from segan_tl.data.find.layouts import parse_name

    named = parse_name(arguments.input) if arguments.input.is_file() else None
    return arguments.modality or (named.role if named is not None and named.role in MODALITIES else None)


def _postprocess(arguments, members):
    """Return the thresholds of post-processing: those that are given, or that one artefact by itself brings along."""
    if arguments.postprocess is not None or len(members) > 1 or not members[0].artefact:
        return arguments.postprocess
    return members[0].artefact.postprocess


def _override(member, arguments):
    """Return a member with what the command line says of its settings."""
    from segan_tl.workflow.segmenting import decided_otherwise

    changes = decided_otherwise(arguments) | ({"batch_size": arguments.batch_size} if arguments.batch_size else {})
    config = member.config.model_copy(update={"predict": member.config.predict.model_copy(update=changes)})
    return replace(
        member, config=config, uncalibrated=arguments.uncalibrated, guarantee_file=arguments.guarantee_file
    )
