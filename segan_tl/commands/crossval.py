"""`python -m segan_tl crossval`: every fold of a training, several at a time, and their scores in one table."""

import argparse
import json
import shlex
from pathlib import Path

from segan_tl.console import console
from segan_tl.disk.lock import training_lock
from segan_tl.errors import UserError
from segan_tl.runs import read_json
from segan_tl.workflow.arguments import add_stratify_argument
from segan_tl.workflow.arrays import check_script, write_folds
from segan_tl.workflow.folds import prepare_folds
from segan_tl.workflow.jobs import Job, run_jobs
from segan_tl.workflow.numbers import device, folds, positive
from segan_tl.workflow.wrapped import Training, read_training

WRAPS = True  # what follows -- belongs to another command
WRITTEN = ("crossval.csv", "crossval.json", "crossval.png", "crossval.html")  # beside the folds
EPILOG = """examples:
  python -m segan_tl crossval -- train --config nnunet_small                        five folds, one after another
  python -m segan_tl crossval --folds 10 --devices gpu:0 gpu:1 -- train --config nnunet --data BraTS2021
  python -m segan_tl crossval --stratify groups.json -- train --config nnunet --data BraTS2021
  python -m segan_tl crossval --slurm folds.sbatch -- train --config nnunet --data BraTS2021
  python -m segan_tl crossval --gather nnunet/BraTS2021              the folds ran elsewhere (examples/crossval.sbatch)
  python -m segan_tl crossval --gather --partial -- train --config nnunet_small         what is finished so far

The folds are seeded, never divide a patient, and stand in folds.json beside fold0, fold1, …; a fold that runs after
cases have come or gone is refused, or with another --stratify: of each group every fold gets its share. Each is a run
of its own. Ctrl-C or SIGTERM saves all of them and exits with code 75; the same command goes on, and what is finished
is not run again. A fold's output is in logs/.

Once all are finished, or with --gather, the folder gets crossval.json, crossval.csv (a line a patient and region) and
crossval.png. With a fold missing, --gather says which and how to run it, prints what is there, writes nothing and exits
with code 2: a script must not take four folds for five. --partial writes it all the same, marked as incomplete, and
exits with code 0. compare takes the folder for a run whose test cases are the patients of all folds.

Mean ± standard deviation of all patients tells how patients differ, that of the folds' means how trainings on other
patients do; the folds share training cases, so neither gives an exact standard error.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.usage = "%(prog)s [options] -- TRAINING   (or: %(prog)s --gather FOLDER)"
    parser.description = "Run every fold of a training, several at a time, and gather their scores."
    parser.epilog = EPILOG
    parser.add_argument(
        "--folds", type=folds, metavar="N", help="number of folds (5; with --gather FOLDER what was saved)"
    )
    add_stratify_argument(parser)
    parser.add_argument(
        "--at-once", type=positive, metavar="N", help="folds that run at a time (as many as --devices, else 1)"
    )
    parser.add_argument(
        "--devices", type=device, nargs="+", metavar="D",
        help="of which each running fold has one: cpu, gpu:0, gpu:1 or gpu:0,1 (the training's own choice)",
    )  # fmt: skip
    parser.add_argument(
        "--gather", nargs="?", const="", metavar="FOLDER", help="train nothing, gather what has finished in FOLDER"
    )
    parser.add_argument(
        "--slurm", type=Path, metavar="FILE", help="train nothing, write a script that submits all of it as job arrays"
    )
    parser.add_argument("--prepare", action="store_true", help="train nothing, prepare the cases for all folds")
    parser.add_argument("--partial", action="store_true", help="with --gather: missing folds are no error")
    parser.add_argument("--runs", type=Path, metavar="DIR", help="where runs are kept (runs)")
    parser.set_defaults(wrapped=[])


def run(arguments: argparse.Namespace) -> int:
    """Check everything, run the folds that have no result, gather."""
    gathers = arguments.gather is not None
    if bool(arguments.gather) == bool(arguments.wrapped):
        expected = "a folder of folds, or a training after --," if gathers else "a training after --,"
        raise UserError(
            f"expected {expected} such as: python -m segan_tl crossval {'--gather ' * gathers}-- train --config "
            f"nnunet_small; found {'both' if arguments.wrapped else 'none'}"
        )
    check_script(arguments, gathers=gathers)
    if arguments.prepare and (gathers or arguments.slurm):
        raise UserError("--prepare prepares, and no more; leave --gather and --slurm out")
    if arguments.partial and not gathers:
        raise UserError("--partial belongs to --gather; leave it out, or add --gather")
    if gathers and (arguments.devices or arguments.at_once):
        raise UserError("--gather trains nothing; leave --devices and --at-once out")
    if arguments.gather and arguments.stratify:
        raise UserError("--gather FOLDER takes the folds as they are; leave --stratify out")
    if arguments.gather:
        return _gather(_find(arguments), folds=arguments.folds, partial=arguments.partial)
    stated = {"folds": arguments.folds or 5, "runs": arguments.runs, "stratify": arguments.stratify}
    training = read_training(arguments.wrapped, **stated)
    if gathers:
        return _gather(training.folder, folds=training.folds, training=training, partial=arguments.partial)
    if arguments.slurm:
        _check_begun(training)
        write_folds(training, arguments, is_done=lambda job: _is_done(job, training))
        return 0
    if arguments.prepare:
        prepare_folds(training)
        console.print(f"prepared for {training.folds} folds", soft_wrap=True)
        return 0
    return _train(training, arguments)


def _find(arguments) -> Path:
    from segan_tl.report.compare.crossval import find_crossval

    runs = arguments.runs or Path("runs")
    folder = find_crossval(arguments.gather, runs=runs)
    if folder is None:
        raise UserError(
            f"no cross-validation at {arguments.gather}, nor below {runs}; expected a folder that holds fold0, fold1, "
            "…; check the path"
        )
    return folder


# === Train ===


def _train(training: Training, arguments) -> int:
    """Run the folds and gather them."""
    from segan_tl.report.score.owed import has_scores

    slots = [("--devices", device) for device in arguments.devices or ()]
    at_once = arguments.at_once or max(len(slots), 1)
    _check_devices(training, slots, at_once=at_once)
    _check_begun(training)
    jobs = training.jobs
    if not all(has_scores(training.plan(number)[0]) for number in range(training.folds)):
        prepare_folds(training)
    logs = training.folder / "logs"
    console.print(f"{training.folds} folds, {at_once} at a time; logs in {logs}", soft_wrap=True)
    outcome = run_jobs(
        jobs, logs=logs, at_once=at_once, is_done=lambda job: _is_done(job, training),
        describe=lambda job: _describe(job, training), slots=slots,
    )  # fmt: skip
    if outcome.code == 0:
        return _gather(training.folder, folds=training.folds, training=training, partial=False)
    if outcome.failed:
        console.print(f"failed: {', '.join(outcome.failed)}; the same command tries them again", soft_wrap=True)
    if outcome.stopped or outcome.interrupted:
        console.print("Interrupted and saved. Run the same command again to go on.", soft_wrap=True)
    return outcome.code


def _check_devices(training: Training, slots: list, *, at_once: int) -> None:
    if slots and training.arguments.devices:
        raise UserError("--devices is given for crossval and for the training; leave one of them out")
    if slots and at_once > len(slots):
        raise UserError(
            f"--at-once {at_once} needs as many --devices; found {len(slots)}; name one more than once to share it"
        )


def _check_begun(training: Training) -> None:
    """Refuse folds of other settings, and such as another process trains, before any is started.

    Raises:
        UserError: there are some.
    """
    from segan_tl.data.folds import FILE
    from segan_tl.workflow.earlier import differences, has_begun

    for number in range(training.folds):
        this_run, config = training.plan(number)
        if not this_run.root.is_dir():
            continue
        with training_lock(this_run.root):
            different = differences(this_run, config) if has_begun(this_run) else []
        if different:
            raise UserError(
                f"{this_run.root} was trained with other settings ({'; '.join(different[:3])}); remove "
                f"{training.folder / 'fold*'} and {training.folder / FILE} to train all folds anew, or add --set "
                "name=another to keep both"
            )


def _is_done(job: Job, training: Training) -> bool:
    """Return whether a fold has all that its training leads to, with the settings that it would be trained with now."""
    from segan_tl.config.load import comparable
    from segan_tl.report.score.owed import is_complete

    this_run, config = training.plan(int(job.name.removeprefix("fold")))
    if not is_complete(this_run, page=not training.arguments.no_report):
        return False
    return comparable(read_json(this_run.config)) == comparable(json.loads(config.model_dump_json()))


def _describe(job: Job, training: Training) -> str:
    """Return the mean Dice of every region."""
    from segan_tl.papers.runs import mean, read_scores

    this_run, config = training.plan(int(job.name.removeprefix("fold")))
    scores = {region: mean(read_scores(this_run, region=region)) for region in config.data.regions}
    return "test Dice " + ", ".join(f"{region} {value:.3f}" for region, value in scores.items() if value is not None)


# === Gather ===


def _gather(folder: Path, *, folds: int | None, partial: bool, training: Training | None = None) -> int:
    """Print what the finished folds come to; write it where none is missing, or where that is no error.

    Args:
        folder: holds fold0, fold1, …
        folds: their number, None for what was saved.
        partial: whether missing folds are no error.
        training: whose folds they should be; None for those that are there.
    """
    from segan_tl.report.compare.crossval import open_crossval
    from segan_tl.report.compare.crossval_figures import plot_folds
    from segan_tl.report.compare.crossval_tables import print_folds, write_tables

    if training:
        config = json.loads(training.plan(0)[1].model_dump_json())
        crossval = open_crossval(folder, folds=folds, command=training.command, config=config)
    else:
        crossval = open_crossval(folder, folds=folds)
    console.print(f"{crossval.name}: {len(crossval.folds)} of {crossval.number} folds", markup=False, soft_wrap=True)
    print_folds(crossval)
    for number, fold in crossval.folds.items():
        for case, why in fold.failed.items():
            console.print(f"left out {case} of fold {number}: {why}", markup=False, soft_wrap=True)
    if divided := crossval.divided_patients:
        console.print(
            f"note: {len(divided)} patients are tested in several folds, so that others learnt from them "
            f"({', '.join(divided[:3])}): the scores flatter; divide anew with --set name=another", soft_wrap=True,
        )  # fmt: skip
    for number, fold in crossval.missing.items():
        console.print(f"MISSING: fold {number}, {fold.why}; run {fold.command}", markup=False, soft_wrap=True)
    if crossval.missing and not partial:
        before = [path for name in WRITTEN if (path := folder / name).is_file()]
        for path in before:  # of folds that are gone, or were trained again since
            path.unlink()
        removed = f"; removed {', '.join(path.name for path in before)} of before" if before else ""
        console.print(f"INCOMPLETE: nothing was written{removed}; --partial writes what is there.", soft_wrap=True)
        return 2
    written = write_tables(crossval)
    plot_folds(crossval, folder / "crossval.png")
    names = ", ".join(map(str, (*written, folder / "crossval.png")))
    console.print(f"{'INCOMPLETE, ' * bool(crossval.missing)}written: {names}", markup=False, soft_wrap=True)
    if not crossval.missing:
        console.print(f"next: python -m segan_tl report {shlex.quote(str(folder))}", soft_wrap=True)
        console.print(f"or:   python -m segan_tl compare {shlex.quote(str(folder))} ANOTHER", soft_wrap=True)
    return 0
