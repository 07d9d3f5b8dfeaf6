"""`python -m segan_tl evaluate`: score a folder of masks against the truth, whoever made either."""

import argparse
import time
from dataclasses import replace
from pathlib import Path

from segan_tl.console import case_progress, console
from segan_tl.errors import UserError, some
from segan_tl.regions import LABEL_CONVENTIONS, region_values
from segan_tl.workflow.patients import add_patients_argument, count_patients

CHALLENGES = ("brats-gli", "brats-ssa", "brats-men", "brats-ped", "brats-met")
HD95 = ("surface-weighted", "pooled", "maximum-of-directed")
CHALLENGE_REGIONS = ("wt", "tc", "et")
MAX_JOBS = 8
EPILOG = """examples:
  python -m segan_tl evaluate segan/flair BraTS2021 --out metrics.csv               a run: its test cases
  python -m segan_tl evaluate PREDICTIONS BraTS2023 --out m.csv --challenge brats-gli --prediction-labels brats2023
  python -m segan_tl evaluate nnunet_out labelsTr --out m.csv --prediction-labels msd --truth-labels msd
  python -m segan_tl evaluate OURS MS --out m.csv --prediction-labels lesion --hd95 all

A prediction is named after its case (CASE.nii.gz, CASE_seg.nii.gz or CASE/seg.nii.gz). Labels are conventions
({conventions}), a statement such as 1=ED,2=NCR,3=ET, or
painted regions such as 1=wt,2=tc,3=et; they are read from the folders where those tell, and never guessed.

HD95, in mm:
  surface-weighted     larger of the two directed 95th percentiles, surfels weighted by area (BraTS 2023; the default)
  pooled               95th percentile of both directions together, surface voxels (MedPy)
  maximum-of-directed  larger of the two directed 95th percentiles, surface voxels (MONAI, Metrics Reloaded)
Both masks empty: overlap 1, HD95 0. One of them empty: overlap 0, HD95 374 mm."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.description = "Score masks against the truth: overlap, surface distances and, by challenge, single lesions."
    parser.epilog = EPILOG.replace("{conventions}", ", ".join(LABEL_CONVENTIONS))
    parser.add_argument("predictions", metavar="PREDICTIONS", type=Path, help="folder of masks, or a run (test cases)")
    parser.add_argument("truths", metavar="TRUTHS", type=Path, help="folder of cases with label maps, or of label maps")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.csv", help="one row a case and region")
    parser.add_argument("--challenge", choices=CHALLENGES, help="add lesion-wise scores as BraTS 2023 defines them")
    parser.add_argument("--regions", metavar="LIST", help="such as wt,tc,et (all that both sides can tell apart)")
    parser.add_argument("--hd95", choices=(*HD95, "all"), default=HD95[0], help="definition of HD95 (%(default)s)")
    parser.add_argument(
        "--tolerance-mm", type=float, default=1.0, metavar="MM", help="tolerance of surface Dice (%(default)s)"
    )
    parser.add_argument("--prediction-labels", metavar="CONVENTION", help="what the numbers of the predictions mean")
    parser.add_argument("--truth-labels", metavar="CONVENTION", help="what the numbers of the truths mean")
    add_patients_argument(parser, of="TRUTHS")
    parser.add_argument("--allow-missing", action="store_true", help="leave out what has no prediction or no truth")
    parser.add_argument("--skip-bad-cases", action="store_true", help="leave out cases that cannot be scored")
    parser.add_argument("--jobs", type=int, metavar="N", help="processes (the cores, at most 8)")
    parser.add_argument("--runs", type=Path, default=Path("runs"), metavar="DIR", help="where runs are kept (runs)")


def run(arguments: argparse.Namespace) -> int:
    """Score everything, write the rows and print what they come to."""
    from segan_tl.metrics.columns import columns_of, definitions
    from segan_tl.report.narrow import print_summary
    from segan_tl.report.score.preflight import FAULTS_NAMED, check_headers, prepare_folder, refuse_faults
    from segan_tl.report.score.scores import score_cases, write_scores

    # === What can be refused is refused before work begins ===
    _check(arguments)
    truths, predictions, left_over = _find(arguments)
    plan, total = _plan(arguments, truths, predictions), len(predictions)
    faults = check_headers(truths, predictions)
    if not arguments.skip_bad_cases:
        refuse_faults(faults, total=total)
    for side in (truths, predictions):
        for case_id in faults:
            del side[case_id]
    replaced = arguments.out.exists()
    prepare_folder(arguments.out)
    for remark in _remarks(truths, predictions, left_over):
        console.print(remark, soft_wrap=True)

    # === Score ===
    started, most = time.monotonic(), None if arguments.skip_bad_cases else FAULTS_NAMED
    with case_progress("scoring", total=len(predictions)) as advance:
        options = {"plan": plan, "jobs": _jobs(arguments), "progress": advance, "most_faults": most}
        rows, unreadable = score_cases(truths, predictions, **options)
    seconds = time.monotonic() - started
    faults |= unreadable
    if not (rows and arguments.skip_bad_cases):
        refuse_faults(faults, total=total, all_seen=len(unreadable) != most)
    write_scores(arguments.out, rows, plan)
    print_summary(rows, plan)
    names = {column.name: column.title for column in columns_of(plan)} | {"empty": "empty masks"}
    notes = [f"{names.get(name, name)}: {text}" for name, text in definitions(plan).items()]
    for note in (*notes, *_left_out(faults)):
        console.print(note, soft_wrap=True)
    several = count_patients({row["case"]: row["patient"] for row in rows})
    scored = f"scored {_count(total - len(faults), 'case')}{several} in {seconds:.1f} s"
    console.print(f"{scored}: {'replaced ' * replaced}{arguments.out}", soft_wrap=True)
    return 0


def _find(arguments) -> tuple[dict, dict, list[str]]:
    """Return truths and predictions by case, and what is said of the files of none."""
    from segan_tl.data.find.patients import match_patients
    from segan_tl.report.score.masks import find_predictions, find_truths, require_pairs
    from segan_tl.report.score.run_cases import find_run, tested_cases

    folder, of_run = find_run(arguments.predictions, runs=arguments.runs)
    truths, unused = find_truths(arguments.truths, meaning=arguments.truth_labels)
    if arguments.patients:
        for case_id, patient in match_patients(arguments.patients, truths, there=str(arguments.truths)).items():
            truths[case_id] = replace(truths[case_id], patient=patient)
    if of_run is not None:
        truths = tested_cases(of_run, truths)
    predictions, strangers = find_predictions(folder, truths, meaning=arguments.prediction_labels)
    if not arguments.allow_missing:
        require_pairs(truths, predictions, strangers)
    without = f"left out, no truth: {_count(len(strangers), 'file')} ({some([path.name for path in strangers], 5)})"
    return truths, predictions, [*([without] if strangers else []), *unused]


def _left_out(faults: dict) -> list[str]:
    lines = [f"left out, cannot be scored: {_count(len(faults), 'case')}"] if faults else []
    return lines + [f"  {case_id}: {reason}" for case_id, reason in faults.items()]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def _check(arguments) -> None:
    from segan_tl.report.score.preflight import require_table_path

    for stated in (arguments.truth_labels, arguments.prediction_labels):
        if stated is not None:
            region_values(stated)
    require_table_path(arguments.out)
    if not 0 <= arguments.tolerance_mm < float("inf"):
        raise UserError(f"expected --tolerance-mm of 0 or more; found {arguments.tolerance_mm}; 1 is usual")
    if arguments.jobs is not None and arguments.jobs < 1:
        raise UserError(f"expected --jobs of at least 1; found {arguments.jobs}; leave it out for the default")


def _jobs(arguments) -> int:
    import os

    return arguments.jobs or min(len(os.sched_getaffinity(0)), MAX_JOBS)


def _plan(arguments, truths: dict, predictions: dict):
    """Decide on the regions: those asked for, the challenge's, or all that both sides can tell apart."""
    from segan_tl.metrics.columns import Plan
    from segan_tl.report.score.masks import common_regions

    possible = common_regions(truths, predictions)
    usual = [region for region in CHALLENGE_REGIONS if region in possible] if arguments.challenge else possible
    words = [word.strip().lower() for word in arguments.regions.split(",")] if arguments.regions else usual
    wanted = list(dict.fromkeys(words))
    impossible = [region for region in wanted if region not in possible]
    if impossible or not wanted:
        meanings = sorted({mask.meaning for mask in (*truths.values(), *predictions.values())})
        raise UserError(
            f"expected regions that truth and prediction can both tell apart by their labels {' and '.join(meanings)} "
            f"({', '.join(possible) or 'there are none'}); found {', '.join(impossible) or 'none'}; correct --regions, "
            "--truth-labels or --prediction-labels"
        )
    hd95 = HD95 if arguments.hd95 == "all" else (arguments.hd95,)
    return Plan(tuple(wanted), hd95=hd95, tolerance_mm=arguments.tolerance_mm, challenge=arguments.challenge)


def _remarks(truths: dict, predictions: dict, left_over: list[str]) -> list[str]:
    """Say what the numbers were taken to mean, and what is left out."""
    sides = {"truth": truths, "prediction": predictions}
    remarks = [
        f"labels of the {side}: {', '.join(sorted({mask.meaning for mask in masks.values()}))}"
        for side, masks in sides.items()
    ]
    missing = [case_id for case_id in truths if case_id not in predictions]
    if missing:
        remarks.append(f"left out, no prediction: {len(missing)} of {len(truths)} cases ({some(missing, 5)})")
    return remarks + left_over
