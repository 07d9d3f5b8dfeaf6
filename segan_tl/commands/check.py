"""Read every case of a folder and name the bad ones: the table a user wants to see before training."""

import argparse
from dataclasses import replace
from pathlib import Path

from segan_tl.console import console, error_console, progress_bar
from segan_tl.errors import UserError, some
from segan_tl.regions import MODALITIES
from segan_tl.workflow.patients import add_patients_argument, count_patients

EPILOG = """examples:
  python -m segan_tl check BraTS2021                           all modalities that the folder has
  python -m segan_tl check BraTS2021 --modality flair          only what a FLAIR model needs
  python -m segan_tl check BraTS2021 --modality any            what a training with --modality any needs
  python -m segan_tl check HOSPITAL --modality all --no-masks  four modalities, label maps not looked at
  python -m segan_tl check HOSPITAL --like segan/flair         are these scans like those that the run was trained on?

Cases that may be scans of one patient are named; which patient a case is of, the names of public datasets tell, else
participants.tsv, "patients" in cohort.json, or --patients FILE.

exit code: 0 all cases are good, 1 some are bad, 2 the folder or the command line was not understood
"""
DOUBTFUL_ET = (
    "note: label 4 occurs and 3 never does; 4 is the resection cavity in 2024 and was enhancing tumour until 2021; "
    'if it is here, write {"label_convention": "brats2017"} to cohort.json beside the cases'
)
SKULL = (
    "note: hardly a voxel is empty in {count} of {total} cases ({names}): heads with their skulls; for a run that has "
    "learnt from extracted brains, type python -m segan_tl prepare {folder} PREPARED --like RUN"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = "Read every case of a folder, recognise its layout and name what is wrong with which file."
    parser.epilog = EPILOG
    parser.add_argument("folder", metavar="DIR", type=Path, help="a folder of cases, one case folder or one image file")
    parser.add_argument(
        "--modality",
        nargs="+",
        default=["found"],
        choices=["t1", "t1c", "t2", "flair", "all", "any", "found"],
        help="what each case must have; any: one of the four (default: every modality that at least one case has, or "
        "those of --like)",
    )
    add_patients_argument(parser, of="DIR")
    parser.add_argument("--no-masks", action="store_true", help="do not look at label maps, as for prediction")
    parser.add_argument("--like", metavar="RUN", help="say what lies far outside of the cases that RUN was trained on")
    parser.add_argument("--runs", type=Path, default=Path("runs"), metavar="DIR", help="where runs are kept (runs)")
    parser.add_argument(
        "--jobs", type=int, default=None, metavar="N", help="cases read at a time (as cores and memory allow)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Check the folder and print the table; return 0 where all is good and 1 where it is not."""
    from segan_tl.data.find.cases import check_cohort, find_cases
    from segan_tl.data.find.patients import state_patients
    from segan_tl.data.find.unused import tell
    from segan_tl.report.checked import print_cases, print_lacking, print_problems
    from segan_tl.workflow.likeness import examiner, print_likeness

    if arguments.jobs is not None and arguments.jobs < 1:
        raise UserError(f"expected --jobs of at least 1; found {arguments.jobs}; leave it out for the default")
    like = _open(arguments)
    cohort = find_cases(arguments.folder)
    cohort = state_patients(cohort, arguments.patients) if arguments.patients else cohort
    if like and arguments.modality == ["found"]:
        modalities, any_subset = like.config.data.modalities, like.config.data.any_subset
    else:
        modalities, any_subset = _modalities(cohort, arguments.modality), "any" in arguments.modality
        like = _held_against(like, modalities) if like else None
    need_mask = not arguments.no_masks and any(case.mask for case in cohort.cases)
    checked = []
    with progress_bar("reading cases", total=len(cohort.cases), to=error_console) as advance:

        def done(case) -> None:
            checked.append(case)
            advance()

        good, problems = check_cohort(
            cohort, modalities, need_mask=need_mask, any_subset=any_subset, jobs=arguments.jobs, progress=done,
            examine=examiner(like) if like else None,
        )  # fmt: skip
    print_cases(checked)
    if problems:
        print_problems(problems, arguments.folder)
    if like:
        print_likeness(checked, like)
    for line in tell(cohort.unused, arguments.folder):
        console.print(line, soft_wrap=True)
    if need_mask and not like:
        print_lacking(checked, modalities, any_subset=any_subset)
    labels = "label maps not looked at" if arguments.no_masks else "the label maps are missing"
    seen = f"{'any of ' if any_subset else ''}{' '.join(modalities)}"
    _print_summary(cohort, checked, seen, labels=None if need_mask else labels)
    return 0 if len(good) == len(cohort.cases) else 1


def _open(arguments):
    """Return the run to hold the cases against; None where none was named."""
    if arguments.like is None:
        return None
    from segan_tl.predict.members import open_member

    return open_member(arguments.like, runs=arguments.runs)


def _held_against(like, modalities: tuple[str, ...]):
    """Return the run with a modality that is read, which one that sees any contrast takes as its own.

    Raises:
        UserError: none of those that it sees is read.
    """
    from segan_tl.predict.members import seeing

    like = replace(like, config=seeing(like.config, modalities[0]))
    if not set(like.config.data.modalities) & set(modalities):
        wanted = like.config.data.modalities
        raise UserError(
            f"--like: {like.name} sees {', '.join(wanted)}, and --modality reads {', '.join(modalities)}: nothing "
            f"can be compared; add {wanted[0]} to --modality"
        )
    return like


def _modalities(cohort, asked: list[str]) -> tuple[str, ...]:
    if {"all", "any"} & set(asked):
        return MODALITIES
    present = {name for case in cohort.cases for name in case.images}
    wanted = present if "found" in asked else set(asked)
    known = tuple(modality for modality in MODALITIES if modality in wanted)
    if known or not wanted:
        return known or MODALITIES
    return tuple(sorted(wanted))


def _print_summary(cohort, checked: list, modalities: str, *, labels: str | None) -> None:
    """Print notes and one line of counts; `labels` says why there are none to speak of, None where there are."""
    from segan_tl.data.find.lookalikes import doubts

    strangers = sorted({name for item in checked for name in item.case.images if name not in MODALITIES})
    if strangers:
        statement = f'{{"modalities": {{"{strangers[0]}": "flair"}}}}'
        note = (
            f"note: the name {strangers[0]} tells no modality; write e.g. {statement} to cohort.json beside the cases"
        )
        console.print(note, soft_wrap=True)
    if full := [item.case.id for item in checked if item.full]:
        told = SKULL.format(count=len(full), total=len(checked), names=some(full, 3), folder=cohort.folder)
        console.print(told, soft_wrap=True)
    for line in doubts(cohort.cases):
        console.print(line, soft_wrap=True)
    if labels is None and _is_et_doubtful(checked):
        console.print(DOUBTFUL_ET, soft_wrap=True)
    bad = sum(bool(item.problems) for item in checked)
    conventions = sorted({item.case.convention for item in checked if item.case.mask})
    labels = labels or f"labels {', '.join(conventions)}"
    origin = "synthetic, " if cohort.settings.get("synthetic") else ""
    counts = f"{len(checked) - bad} good, {bad} bad{count_patients(cohort.patients)}"
    summary = f"{origin}layout {cohort.layout}, {labels}, modalities {modalities}: {counts}"
    console.print(summary, soft_wrap=True)


def _is_et_doubtful(checked: list) -> bool:
    """Tell whether files named as from 2023 on use the numbers of before."""
    found = set().union(*(item.label_voxels for item in checked if item.case.convention == "brats2023"))
    return "RC" in found and "ET" not in found
