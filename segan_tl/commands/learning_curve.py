"""`python -m segan_tl learning-curve`: with so many cases, which start is best, and by how much?"""

import argparse
import re
import shlex
from pathlib import Path

from segan_tl.interrupt import EXIT_GOES_ON
from segan_tl.regions import MODALITIES
from segan_tl.workflow.arrays import check_script, write_trainings
from segan_tl.workflow.curve import Curve
from segan_tl.workflow.divisions import divide_patients
from segan_tl.workflow.numbers import device, positive
from segan_tl.workflow.patients import add_patients_argument
from segan_tl.workflow.starts import ANY, PHANTOM, SCRATCH, misfit, read_start, require_distinct
from segan_tl.workflow.trainings import options

EPILOG = """starts, each [LABEL=]ORIGIN[:STRATEGY][,KEY=VALUE ...]
  scratch              random weights; the others are compared with it
  flair, t1, t1c, t2   a network trained here on that modality of the same patients (all that train)
  any                  a network trained here on any subset of the modalities beside the target, of the same patients
  phantom              a network trained here on the synthetic cohort of the configuration
  zoo:NAME             a network that comes along (python -m segan_tl zoo)
  RUN, FILE.keras      any other; refused where it has seen a test patient
  STRATEGY is one of transfer (flair:freeze-encoder, zoo:NAME:freeze-encoder); settings are of the target's training,
  those that begin with "phantom." of the simulation (random=phantom,phantom.contrast=random). With
  source.synthetic=true a synthetic cohort trains along (along=zoo:segan_t2,source.synthetic=true).

examples:
  %(prog)s --data PATIENTS --modality t2 --cases 2 4 8 --starts scratch flair phantom
  %(prog)s --data PATIENTS --modality t2 --cases 2 4 8:1 --starts scratch flair zoo:segan_t2
  %(prog)s --data PATIENTS --modality all --config nnunet_small --cases 2 4 --starts scratch phantom segan/all
  %(prog)s --data PATIENTS --modality t2 --starts scratch flair "slow=flair,train.learning_rate=1e-4" --seeds 5
  %(prog)s ... --commands          a command line for every training, to be run wherever you like
  %(prog)s ... --slurm curve.sbatch     a script that submits them as job arrays of Slurm, and then the page
  %(prog)s ... --gather            train nothing, show what is there

Every cell (start, number of cases, seed, division of the patients) is a run of its own below --runs and resumes; the
same command goes on, on this machine or on another one that sees the same folders. The test patients of a division are
the same for all cells. A seed draws which cases train, and the first weights. Results go to --out: README.md,
scores.csv, gains.csv, curve.png.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.description = "Train from several starts with few cases, and say which start is worth it."
    parser.epilog = EPILOG
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder of cases (default: the synthetic cohort)")
    add_patients_argument(parser)
    parser.add_argument(
        "--modality", "--target", dest="target", choices=(*MODALITIES, "all"), required=True,
        help="what the networks see",
    )  # fmt: skip
    parser.add_argument("--config", metavar="FILE", help="of every training (quickstart, with --data segan_cpu)")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="change one value of it, train.epochs=10 say"
    )
    parser.add_argument(
        "--cases", nargs="+", default=["2", "4", "8"], metavar="N[:SEEDS]",
        help="training cases of the target, or all (2 4 8); 8:1 trains those with 8 once",
    )
    parser.add_argument(
        "--starts", nargs="+", default=["scratch", "flair"], metavar="START", help="see below (scratch flair)"
    )
    parser.add_argument("--seeds", type=positive, default=3, metavar="N", help="trainings of each cell (3)")
    parser.add_argument("--divisions", type=positive, metavar="N", help="ways of dividing the patients (1)")
    parser.add_argument(
        "--split", type=Path, nargs="+", metavar="FILE", help="divide as these files do, like a run's splits.json"
    )
    parser.add_argument("--name", metavar="NAME", help="of the runs (curve-MODALITY)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where the page goes (results/NAME)")
    parser.add_argument("--runs", type=Path, default=Path("runs"), metavar="DIR", help="where runs are kept (runs)")
    parser.add_argument("--cache", type=Path, default=Path("cache"), metavar="DIR", help="prepared volumes (cache)")
    parser.add_argument(
        "--at-once", type=positive, metavar="N", help="trainings at a time (as many as --devices, else 1)"
    )
    parser.add_argument(
        "--devices", type=device, nargs="+", metavar="D", help="of which each running training has one: gpu:0 gpu:1"
    )
    parser.add_argument(
        "--skip-bad-cases", action="store_true", help="leave out cases that a training cannot use, instead of stopping"
    )
    parser.add_argument("--overwrite", action="store_true", help="train runs of other settings anew")
    parser.add_argument("--commands", action="store_true", help="print the trainings that are left, and end")
    parser.add_argument(
        "--slurm", type=Path, metavar="FILE", help="write a script that submits them as job arrays, and end"
    )
    parser.add_argument("--gather", action="store_true", help="train nothing, write the page from what is there")


def run(arguments: argparse.Namespace) -> int:
    """Divide the patients, train what has no result, write the page."""
    from segan_tl.config.load import load_config
    from segan_tl.workflow.curve_results import write_results

    check_script(arguments, gathers=arguments.gather)
    starts = tuple(map(read_start, arguments.starts))
    require_distinct(starts)
    preset = arguments.config or ("segan_cpu" if arguments.data else "quickstart")
    name = arguments.name or f"curve-{arguments.target}"
    cases, fewer = _numbers(arguments.cases)
    config = load_config(preset, [*arguments.set, f"name={name}", f"data.modalities={_modalities(arguments.target)}"])
    for start in starts:  # a mistyped key, or a label that is no name, is told before the first training
        beneath = {} if start.origin == SCRATCH else {"transfer": {"source": start.origin, "source_sha256": ""}}
        settings = [*arguments.set, *start.settings, f"name={name}-{start.label}"]
        _check_origin(start, arguments, load_config(preset, settings, beneath=beneath))
    out = arguments.out or Path("results") / name
    seeds = tuple(range(config.seed, config.seed + arguments.seeds))
    curve = Curve(
        name, preset, arguments.target, arguments.data, starts, cases, seeds,
        _files_of_divisions(arguments, out), arguments.runs, arguments.cache,
        tuple(arguments.set), _words_of_all(arguments), fewer,
    )  # fmt: skip
    if not arguments.gather:
        divide_patients(arguments, config, curve, out, most=max((each for each in cases if each), default=0))
    jobs = curve.jobs()
    if arguments.commands or arguments.slurm:
        left = [job for job in jobs if not _is_done(job, curve)]
        for job in left if arguments.commands else ():
            print(shlex.join(("python", *job.command[1:])))
        if arguments.slurm:
            write_trainings(left, arguments, name=name, at_once=arguments.at_once, page="--gather")
        return 0
    code = 0 if arguments.gather else _train(arguments, curve, jobs, out, regions=config.data.regions)
    if code == EXIT_GOES_ON:
        return code
    command = arguments.command_line.replace(" --gather", "")  # the page says what makes it from nothing
    return write_results(curve, out, command=command) or code


def _words_of_all(arguments) -> tuple[str, ...]:
    """Return what every training of these patients is told of them."""
    skip = ("--skip-bad-cases",) if arguments.skip_bad_cases else ()
    return options("--patients", arguments.patients) + skip


def _files_of_divisions(arguments, out: Path) -> tuple[Path, ...]:
    """Return the file of each division: those that are given, or those that will be drawn."""
    from segan_tl.errors import UserError

    given = arguments.split or ()
    if given and arguments.divisions:
        raise UserError("--split says how the patients are divided, --divisions draws it; leave one out")
    if lacking := next((path for path in given if not path.is_file()), None):
        raise UserError(f"--split {lacking}: there is no such file; expected one like a run's splits.json")
    return tuple(given) or tuple(out / f"division{k}.json" for k in range(arguments.divisions or 1))


def _numbers(words: list[str]) -> tuple[tuple[int | None, ...], tuple[tuple[int | None, int], ...]]:
    """Return the numbers of cases, None for all; and those among them that have a number of seeds of their own."""
    from segan_tl.errors import UserError

    if wrong := [word for word in words if not re.fullmatch(r"(all|0*[1-9]\d*)(:0*[1-9]\d*)?", word)]:
        raise UserError(f"--cases expects whole numbers above 0, or all; found {wrong[0]}; type say 2 4 8:1 all")
    found = {}
    for word in words:
        number, _, seeds = word.partition(":")
        found[None if number == "all" else int(number)] = int(seeds or 0)
    return tuple(found), tuple((number, seeds) for number, seeds in found.items() if seeds)


def _modalities(target: str) -> list[str]:
    return list(MODALITIES) if target == "all" else [target]


def _check_origin(start, arguments, config) -> None:
    """Refuse a start that there is not, or a network of other sizes than the trainings' of the target."""
    from segan_tl.errors import UserError
    from segan_tl.train.start.source import find_source

    if start.origin == PHANTOM and not arguments.data:
        raise UserError("--starts phantom: the cohort is the phantom itself; give patients with --data DIR")
    if start.origin == arguments.target:
        raise UserError(f"--starts {start.origin}: that is the target; leave it out, or choose another --modality")
    if start.origin == ANY and arguments.target == "all":
        raise UserError("--starts any sees what is beside the target, and --modality all leaves none; leave it out")
    if start.origin not in (SCRATCH, PHANTOM, ANY, "all", *MODALITIES):
        source = find_source(start.origin, runs=arguments.runs)
        if source.config and (needed := misfit(source.config, config)):
            sets = " ".join(f"--set {shlex.quote(setting)}" for setting in needed)
            raise UserError(
                f"--starts {start.origin}: it is of other sizes than the networks of this curve; give a --config of "
                f"its sizes, or add {sets}"
            )


# === Training ===


def _train(arguments, curve: Curve, jobs: list, out: Path, *, regions: tuple[str, ...]) -> int:
    """Run what has no result; return the exit code."""
    from segan_tl.console import console
    from segan_tl.errors import UserError
    from segan_tl.papers.jobs import describe_scores
    from segan_tl.workflow.jobs import run_jobs
    from segan_tl.workflow.trainings import clear_stale

    slots = [("--devices", one) for one in arguments.devices or ()]
    at_once = arguments.at_once or max(len(slots), 1)
    if slots and at_once > len(slots):
        raise UserError(f"--at-once {at_once} needs as many --devices; found {len(slots)}; name one twice to share it")
    clear_stale(jobs, curve.runs, is_done=lambda job: _is_done(job, curve), overwrite=arguments.overwrite)
    console.print(f"{len(jobs)} trainings, {at_once} at a time; logs in {out / 'logs'}", soft_wrap=True)
    outcome = run_jobs(
        jobs, logs=out / "logs", at_once=at_once, is_done=lambda job: _is_done(job, curve),
        describe=lambda job: describe_scores(job, curve.runs, regions=regions), slots=slots,
    )  # fmt: skip
    for job, needed in outcome.left_out.items():
        console.print(f"left out {job}: it needs {needed}", soft_wrap=True)
    if outcome.stopped or outcome.interrupted:
        console.print("Interrupted and saved. Run the same command again to go on.", soft_wrap=True)
    return outcome.code


def _is_done(job, curve: Curve) -> bool:
    from segan_tl.runs import Run
    from segan_tl.workflow.trainings import is_trained, starts_from_source

    run = Run(curve.runs / job.name)
    return is_trained(job, run, config=curve.config) and starts_from_source(job, run)
