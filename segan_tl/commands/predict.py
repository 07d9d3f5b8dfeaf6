"""`python -m segan_tl predict`: segment a case, a folder of cases or one file with a trained run, or by vote."""

import argparse
import time
from dataclasses import replace
from pathlib import Path

from segan_tl.console import case_progress, console, start_tensorflow
from segan_tl.errors import CannotWrite, UserError
from segan_tl.predict.vote import MEAN, RULES
from segan_tl.regions import MODALITIES, region_masks
from segan_tl.workflow.clusters import assign_clusters
from segan_tl.workflow.numbers import positive, share
from segan_tl.zoo.find import spell

EPILOG = """examples:
  python -m segan_tl predict segan/flair patients/ OUT                 every case of a folder
  python -m segan_tl predict segan/flair patients/0001 OUT             one case
  python -m segan_tl predict segan/flair scan.nii.gz tumour.nii.gz     one file
  python -m segan_tl predict segan/flair scan.nii.gz OUT --modality flair --probabilities
  python -m segan_tl predict segan/t1 segan/t2 segan/flair patients/ OUT --vote weighted
  python -m segan_tl predict segan/flair coronal/flair sagittal/flair patients/ OUT --vote mean
  python -m segan_tl predict zoo:segan_random patients/ OUT --modality t2    comes along, sees any contrast
  python -m segan_tl predict nnunet/BraTS2023/fold0 patients/ OUT --postprocess postprocess.json
  python -m segan_tl predict nnunet/BraTS2023/fold0 patients/ OUT --postprocess post.json --clusters groups.npz

The result lies on the grid of the input, with its affine. Only the run's own modalities are read; a run that
was trained with --modality any takes those that a patient has, and says which; one that was trained on painted
contrasts (phantom.contrast) takes whatever --modality says. Where a case has a label map, Dice is printed too. With
--vote, the runs of those modalities that a patient has decide, voxel by voxel; a vote counts 1 (majority) or the run's
best validation Dice (weighted), and a tie is settled by the mean probability. Of runs that all see the same images (as
those of slices of three planes do) the mean of the probabilities decides (mean).
volumes.csv has the volumes, and remarks: a scan unlike those of the training, an answer that can hardly be.
Research software: not for diagnosis."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.description = "Segment a case, a folder of cases or a single file with the best checkpoint of a run."
    parser.epilog = EPILOG
    parser.add_argument("run", nargs="+", metavar="RUN", help="folder of a run, its name below --runs, or zoo:NAME")
    parser.add_argument("input", metavar="INPUT", type=Path, help="folder of cases, case folder or image file")
    parser.add_argument("out", metavar="OUT", type=Path, help="folder, or a name ending in .nii.gz for a single case")
    parser.add_argument("--vote", choices=(*RULES, MEAN), help="let several RUNs decide: one a modality, or alike")
    modality = "modality of a file whose name does not tell it; of the image to take, for a run that sees any contrast"
    parser.add_argument("--modality", choices=MODALITIES, help=modality)
    parser.add_argument("--batch-size", type=positive, metavar="N", help="slices in one pass (the run's own)")
    parser.add_argument("--threshold", type=share, metavar="P", help="probability of tumour (the run's own)")
    parser.add_argument("--postprocess", type=Path, metavar="FILE", help="thresholds of tune-postprocess to apply")
    parser.add_argument("--clusters", type=Path, metavar="FILE", help="of radiomics: --postprocess by a case's cluster")
    parser.add_argument("--probabilities", action="store_true", help="also write <case>_probability.nii.gz, float32")
    parser.add_argument("--skip-bad-cases", action="store_true", help="leave out cases that cannot be used")
    parser.add_argument("--overwrite", action="store_true", help="replace predictions that exist")
    parser.add_argument("--runs", type=Path, default=Path("runs"), metavar="DIR", help="where runs are kept (runs)")


def run(arguments: argparse.Namespace) -> int:
    """Segment everything and say where it is."""
    from segan_tl.predict.chosen import open_chosen
    from segan_tl.predict.inputs import find_any_inputs, find_inputs, missing_modalities, without_any
    from segan_tl.predict.outputs import plan_outputs
    from segan_tl.predict.remarks import (
        warn_of_synthetic_training,
        warn_of_training_cases,
        warn_of_unfinished_training,
        warn_of_unknown_cohort,
    )

    # === What, with what, and where to: everything that can be refused is refused before work begins ===
    members = _open(arguments)
    voting = arguments.vote in RULES
    asked = members if voting else members[:1]
    modalities = tuple(modality for member in asked for modality in member.config.data.modalities)
    any_of_them = voting or members[0].config.data.any_subset
    find, missing = (find_any_inputs, without_any) if any_of_them else (find_inputs, missing_modalities)
    cases, remarks = find(arguments.input, modalities=modalities, stated=arguments.modality)
    lacking = [reason for case in cases if (reason := missing(case, modalities))]
    if lacking and not arguments.skip_bad_cases:
        more = f" ({len(lacking)} of {len(cases)} cases)" if len(lacking) > 1 else ""
        hint = ", or --skip-bad-cases" if len(lacking) < len(cases) else ""
        if not voting and members[0].config.any_contrast:
            hint += "; this one sees any contrast: say which image it is to take with --modality"
        raise UserError(f"{lacking[0]}{hint}{more}")
    cases = [case for case in cases if missing(case, modalities) is None]
    if not cases:
        wanted = f"{'any of ' if any_of_them else ''}{', '.join(modalities)}"
        raise UserError(f"no case at {arguments.input} has {wanted}: {lacking[0]}")
    outputs = plan_outputs(arguments.out, cases, probabilities=arguments.probabilities, overwrite=arguments.overwrite)
    remarks += [f"left out: {reason}" for reason in lacking]
    remarks += warn_of_unfinished_training(members) + warn_of_synthetic_training(members, cases)
    remarks += warn_of_training_cases(members, cases) + warn_of_unknown_cohort(members)
    chosen = open_chosen(arguments.postprocess, members[0].config.data.regions, {case.convention for case in cases})
    chosen = assign_clusters(arguments.clusters, chosen, cases)
    remarks += chosen.remarks() if chosen else []
    for remark in remarks:
        console.print(remark, markup=False, soft_wrap=True)

    # === Segment ===
    started = time.monotonic()
    done = _segment_all(arguments, members, cases, outputs=outputs, chosen=chosen)
    seconds = time.monotonic() - started
    console.print(
        f"segmented {done} of {len(cases)} cases in {seconds:.1f} s: {outputs.single or outputs.folder}", soft_wrap=True
    )
    return 0


def _open(arguments) -> list:
    """Open the run, or those that decide together, with the settings of the command line."""
    from segan_tl.predict.members import open_alike, open_member, open_members, same_modality, seeing, weights_of

    if arguments.vote is None and len(arguments.run) > 1:
        raise UserError(
            f"expected one RUN before INPUT and OUT, or --vote; found {', '.join(arguments.run)}; add --vote majority "
            "or --vote weighted to let several runs of one modality each decide together, --vote mean for runs of the "
            "same, or name one"
        )
    if arguments.vote is None:
        members = [open_member(arguments.run[0], runs=arguments.runs)]
        members = [replace(members[0], config=seeing(members[0].config, _modality(arguments)))]
    elif arguments.vote == MEAN:
        members = open_alike(arguments.run, runs=arguments.runs, modality=_modality(arguments))
    else:
        members = open_members(arguments.run, runs=arguments.runs)
        if reason := same_modality(members):
            raise UserError(f"{reason}, and a vote takes one run a modality; leave one out, or take --vote mean")
        weights_of(members, arguments.vote)  # a run that does not tell its weight is refused now
    return [replace(member, config=_override(member.config, arguments)) for member in members]


def _modality(arguments) -> str | None:
    """Return the modality that the user says is to be segmented, or that a single file names; None where neither."""
    from segan_tl.data.find.layouts import parse_name

    named = parse_name(arguments.input) if arguments.input.is_file() else None
    return arguments.modality or (named.role if named is not None and named.role in MODALITIES else None)


def _segment_all(arguments, members, cases, *, outputs, chosen) -> int:
    """Segment case after case; return how many came out."""
    start_tensorflow()
    from segan_tl.predict.ensemble import load_members
    from segan_tl.predict.plausibility import summarise
    from segan_tl.predict.remarks import mean_dice_lines

    models, digests = load_members(members)
    outputs.begin(cases)
    records, meanings = {}, {}
    with case_progress("segmenting", total=len(cases)) as advance:
        for case in cases:
            try:
                given = {"case": case, "outputs": outputs, "chosen": chosen}
                record, text, judgement = _segment_one(arguments, members, models, **given)
            except CannotWrite:
                raise
            except UserError as error:
                if not arguments.skip_bad_cases:
                    hint = "; --skip-bad-cases goes on without it" if len(cases) > 1 else ""
                    raise UserError(f"{error}{hint}") from error
                advance(f"{case.id}  left out: {error}")
                continue
            meanings |= record["labels"]
            records[case.id] = record
            advance(f"{case.id}  {text}")
            for line in judgement.lines:
                console.print(f"    {line}", style="yellow", markup=False, soft_wrap=True)
    if not records:
        raise UserError("no case could be segmented; what is wrong with each of them stands above")
    _write_record(arguments, members, digests, outputs=outputs, cases=cases, records=records)
    numbers = ", ".join(f"{number} = {name}" for number, name in sorted(meanings.items()))
    console.print(f"numbers in the files: {numbers}")
    for line in summarise(records.values(), members[0].config):
        console.print(line, style="yellow", soft_wrap=True)
    for line in mean_dice_lines(records, members[0].config.data.regions):
        console.print(line)
    return len(records)


def _segment_one(arguments, members, models, *, case, outputs, chosen) -> tuple:
    """Segment and write one case; return what is recorded, a line for the terminal and what there is to say of it."""
    from segan_tl.data.files.images import write_volume
    from segan_tl.metrics.overlap import dice
    from segan_tl.predict.chosen import apply_chosen, cluster_text
    from segan_tl.predict.ensemble import segment_input
    from segan_tl.predict.labels import label_scheme, paint_labels, painted_masks
    from segan_tl.predict.outputs import write_probability
    from segan_tl.predict.plausibility import judge, not_segmented_text, used_modalities

    started = time.monotonic()
    regions = members[0].config.data.regions
    loaded, voters, probability, prediction = segment_input(members, models, case, rule=arguments.vote)
    voted, data = [voter.modality for voter in voters] if arguments.vote in RULES else [], members[0].config.data
    used = used_modalities(loaded.image, data) if data.any_subset else []
    scheme = label_scheme(regions, case.convention)
    painted, applied = apply_chosen(chosen, paint_labels(prediction, regions, scheme), regions, case, loaded.geometry)
    write_volume(outputs.labels(case.id), painted, loaded.geometry)
    prediction = painted_masks(painted, regions, scheme)  # what is said is said of the file
    if arguments.probabilities:
        write_probability(outputs.probability(case.id), probability, loaded.geometry)
    truth = None if loaded.labels is None else region_masks(loaded.labels, regions)
    voxel_ml = loaded.geometry.voxel_volume_mm3 / 1000
    volumes_ml, scores, parts = {}, {}, [f"vote of {'+'.join(voted)}"] if voted else ["+".join(used)] if used else []
    parts += [f"mean of {len(members)} runs"] if len(members) > 1 and not voted else []
    for i, region in enumerate(regions):
        volumes_ml[region] = float(prediction[..., i].sum() * voxel_ml)
        parts.append(f"{region} {volumes_ml[region]:.1f} ml")
        if truth is not None:
            scores[region] = dice(truth[..., i], prediction[..., i])
            parts.append(f"Dice {scores[region]:.3f}")
    judgement = judge(loaded, prediction, voters)
    parts += cluster_text(applied)
    parts += not_segmented_text(judgement)
    seconds = round(time.monotonic() - started, 3)
    record = {"file": outputs.labels(case.id).name, "labels": scheme.meanings, "volume_ml": volumes_ml, "dice": scores}
    record |= applied
    record |= {"voted": voted} if voted else {"used": used} if used else {}
    record |= {"unlike_training": judgement.unlike_training, "doubtful": judgement.doubtful}
    record |= {"head_not_segmented_ml": judgement.not_segmented_ml, "seconds": seconds}
    return record, "  ".join((*parts, f"{seconds:.1f} s")), judgement


def _write_record(arguments, members, digests, *, outputs, cases, records) -> None:
    """Write what made the predictions; cases of an earlier call stay in it."""
    from segan_tl import __version__

    runs = [
        {"run": spell(member.run.root), "segmentor_sha256": digest, "modalities": list(member.config.data.modalities)}
        | {"predict": member.config.predict.model_dump(mode="json")}
        | ({"best_validation_dice": member.state.get("best_dice")} if arguments.vote else {})
        for member, digest in zip(members, digests)
    ]
    about = {"vote": arguments.vote, "runs": runs} if arguments.vote else runs[0]
    about |= {"regions": list(members[0].config.data.regions), "segan_tl": __version__}
    outputs.finish(cases, about, records)


def _override(config, arguments):
    changes = {"batch_size": arguments.batch_size, "threshold": arguments.threshold}
    predict = config.predict.model_copy(update={key: value for key, value in changes.items() if value is not None})
    return config.model_copy(update={"predict": predict})
