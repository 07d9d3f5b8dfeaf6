"""`python -m segan_tl retest`: a trained run on another cohort, or at an operating point chosen on its validation."""

import argparse
import dataclasses
from pathlib import Path

from segan_tl.console import console, progress_bar, start_tensorflow
from segan_tl.errors import UserError
from segan_tl.regions import MODALITIES
from segan_tl.runs import Run, is_imported, open_run, read_json, require_finished
from segan_tl.workflow.patients import add_patients_argument
from segan_tl.zoo.find import refuse_entry

AGAIN = "again"
EPILOG = """examples:
  python -m segan_tl retest unet3d/BraTS2023 --data BraTS-Africa            every case of another cohort
  python -m segan_tl retest kaur/ms --auc                                   its own test cases, and auc.csv
  python -m segan_tl retest kaur/ms-to-BraTS2018-last-three-all/fold0 --operating-point

Scores are those of the end of a training: metrics.csv, summary.json, predictions/, overlays.png in OUT; the run stays
as it is. What an earlier retest wrote there goes first. A case of a patient that the run has learnt from is refused;
of an imported network nobody here knows them.

--operating-point: the threshold with the best Dice, the mean over regions and cases, on the run's own validation cases;
one for all regions. For a softmax it is one of p / (p + background), p of the most probable class of the tumour: t is a
weight of the background of t / (1 - t). operating_point.json says which; no test case is looked at for it.

--auc: area under the ROC curve over voxels, exact, of every case: over its brain (any modality not 0) and over all of
its volume, where the air around the head is told easily and the area is larger.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.description = "Segment and score cases with a trained run once more; the run itself stays as it is."
    parser.epilog = EPILOG
    parser.add_argument("run", metavar="RUN", help="folder of a finished run, or its name below --runs")
    parser.add_argument("--data", type=Path, metavar="DIR", help="test every case in there (the run's own test cases)")
    add_patients_argument(parser)
    parser.add_argument("--operating-point", action="store_true", help="choose the threshold on the validation cases")
    parser.add_argument("--auc", action="store_true", help="also write auc.csv")
    parser.add_argument("--skip-bad-cases", action="store_true", help="leave damaged cases out instead of stopping")
    parser.add_argument("--out", type=Path, metavar="DIR", help=f"where the scores go (RUN/{AGAIN})")
    parser.add_argument("--runs", type=Path, default=Path("runs"), metavar="DIR", help="where runs are kept (runs)")


def run(arguments: argparse.Namespace) -> int:
    """Choose the operating point, test, say where everything is."""
    from segan_tl.predict.members import open_member

    this_run = open_run(arguments.run, runs=arguments.runs)
    if not arguments.out or not arguments.data:
        wanted = "test it on cases of yours, and say where the scores go: retest NAME --data DIR --out DIR"
        refuse_entry(this_run.root, wanted)
    out = Run(arguments.out or this_run.root / AGAIN)
    _refuse_run(out)
    require_finished(this_run)
    config = open_member(this_run.root).config
    cohort = _cohort(arguments, this_run, config)
    validation = _own_cases(this_run, "validation") if arguments.operating_point else None
    cases, skipped = _check(cohort, config, skip=arguments.skip_bad_cases)
    judges = _check(validation, config, skip=arguments.skip_bad_cases)[0] if validation else []
    start_tensorflow()
    from segan_tl.predict.segment import load_segmentor
    from segan_tl.report.score.evaluate import evaluate_run
    from segan_tl.report.score.operating_point import AUC_FILE, FILE, choose_threshold, write_auc
    from segan_tl.workflow.again import published

    segmentor, _ = load_segmentor(this_run, config)
    written = [f"scores {out.metrics}, pictures {out.overlays}"]
    with published(out, [case.id for case in cases]) as fresh:
        if judges:
            config = choose_threshold(segmentor, judges, config, out=fresh)
            number = f"{len(judges)} validation case{'s' * (len(judges) > 1)}"
            threshold = f"threshold {config.predict.threshold:g}, chosen on {number}"
            console.print(threshold)
            written.append(f"{threshold}: {out.root / FILE}")
        if arguments.auc:
            area = fresh.root / AUC_FILE
            for case, reason in write_auc(segmentor, cases, config, path=area).items():
                console.print(f"{AUC_FILE} leaves out {case}: {reason}", style="yellow", markup=False, soft_wrap=True)
            written.append(f"{_mean_areas(area)}: {out.root / AUC_FILE}")
        evaluate_run(this_run, cases=cases, config=config, into=fresh, left_out=skipped)
    for line in written:
        console.print(line, markup=False, soft_wrap=True)
    return 0


def _check(cohort, config, *, skip: bool) -> tuple[list, dict[str, str]]:
    """Read every case before one is segmented; return the good ones, and case → why it is left out.

    Raises:
        UserError: one is damaged or has no label map, and may not be skipped, or none is left.
    """
    from segan_tl.data.find.cases import check_cohort
    from segan_tl.workflow.bad_cases import handle_problems

    with progress_bar("checking", total=len(cohort.cases)) as advance:
        good, problems = check_cohort(
            cohort, config.data.modalities, any_subset=config.data.any_subset, progress=lambda _: advance()
        )
    handle_problems(problems, cohort, skip=skip)
    return good, {problem.case_id: f"{problem.reason}; {problem.remedy}" for problem in problems}


def _mean_areas(path: Path) -> str:
    """Return the means of auc.csv in words."""
    import statistics

    from segan_tl.schemas.tables import read_table

    rows = read_table(path, ("auc_brain", "auc_volume"), remedy="run the retest again")
    means = []
    for column, place in (("auc_brain", "the brain"), ("auc_volume", "all of the volume")):
        areas = [float(row[column]) for row in rows if row[column]]
        means.append(f"{statistics.fmean(areas):.3f} over {place}" if areas else f"not defined over {place}")
    return f"mean AUC {', '.join(means)}"


def _refuse_run(out) -> None:
    """Refuse to write over the scores of a run, or over anything else that no retest wrote."""
    from segan_tl.disk.ownership import FILES, refuse_foreign

    if out.root.exists() and not out.root.is_dir():
        raise UserError(f"--out expects a folder; {out.root} is a file; give another one")
    if out.config.exists() or out.state.exists() or out.best.exists():
        raise UserError(
            f"--out expects a folder for the scores; {out.root} is a run, whose own scores would be lost; give another "
            "one"
        )
    refuse_foreign(out.root, "scores", (*FILES["scores"], out.predictions.name), remedy="give another --out")


def _cohort(arguments, this_run, config):
    """Return the cases to test.

    Raises:
        UserError: the run has learnt from one of them, or it segments or sees what they do not have.
    """
    from segan_tl.workflow.cohort import find_cohort

    if not arguments.data:
        if arguments.patients:
            raise UserError("--patients says whose scans those of --data are; add --data DIR, or leave it out")
        return _own_cases(this_run, "test")
    cohort = find_cohort(arguments, config)
    _check_fit(this_run, cohort, config)
    if seen := _learnt_from(this_run).seen(cohort.patients):
        raise UserError(
            f"{this_run.root} was trained or tuned on the patients of {len(seen)} of the cases of {arguments.data} "
            f"({', '.join(seen[:3])}): their Dice would be no test; take them out, or leave --data out for the run's "
            "own test cases"
        )
    return cohort


def _check_fit(this_run, cohort, config) -> None:
    """Refuse a cohort without what a trained run segments or sees: neither can be chosen any more."""
    from segan_tl.workflow.cohort import untold_regions

    if found := untold_regions(cohort, config):
        convention, unknown, known = found
        raise UserError(
            f"{this_run.root} segments {', '.join(config.data.regions)}; the labels of {cohort.folder} ({convention}) "
            f"tell {', '.join(known)}; give --data a cohort whose labels tell {', '.join(unknown)}, too"
        )
    there = {name for case in cohort.cases for name in case.images}
    lacking = [name for name in config.data.modalities if name not in there]
    enough = config.data.any_subset and len(lacking) < len(config.data.modalities)
    # A name that tells no modality has a remedy of its own, case by case.
    if lacking and not enough and there <= set(MODALITIES):
        has = ", ".join(name for name in MODALITIES if name in there) or "no image"
        raise UserError(
            f"{this_run.root} sees {', '.join(config.data.modalities)}; {cohort.folder} has {has}; give --data a "
            f"cohort that has {', '.join(lacking)}, too"
        )


def _learnt_from(this_run):
    """Return whom a run, or what it started from, was trained or tuned on, as far as that is known."""
    from segan_tl.data.learnt import Learnt, learnt_by

    start_tensorflow()  # before the package of the networks, which imports it with all its greetings
    if not is_imported(this_run):
        read_json(this_run.splits)  # a trained run has one: without it nobody knows
    learnt = learnt_by(this_run) or Learnt()
    if not learnt:
        note = f"note: {this_run.root} was imported: nothing is known of the cases that it has learnt from"
        console.print(note, markup=False, soft_wrap=True)
    return learnt


def _own_cases(this_run, part: str):
    """Return the cohort of the validation or test cases of a run.

    Raises:
        UserError: one of them is not there any more, or the run was imported and has none.
    """
    from segan_tl.data.learnt import run_patients
    from segan_tl.report.score.run_cases import own_cohort

    if is_imported(this_run):
        remedy = "name the cohort to test it on with --data DIR" if part == "test" else "leave --operating-point out"
        raise UserError(f"{this_run.root} was imported and has no {part} cases of its own; {remedy}")
    refuse_entry(this_run.root, f"its {part} cases do not come along; leave --operating-point out")
    patients = run_patients(this_run, [part])
    if not patients:
        raise UserError(f"{this_run.root} has no {part} cases; expected at least one in {this_run.splits}")
    cohort = own_cohort(this_run, patients, remedy="bring them back")
    cases = tuple(dataclasses.replace(case, stated_patient=patients[case.id]) for case in cohort.cases)
    return dataclasses.replace(cohort, cases=cases)
