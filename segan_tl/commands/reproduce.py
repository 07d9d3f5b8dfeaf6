"""`python -m segan_tl reproduce`: train, transfer and score all of a paper; one page, its numbers beside ours."""

import argparse
import shlex
from pathlib import Path

from segan_tl.papers import PAPERS, load_paper
from segan_tl.papers.cohorts import check_same_data, prepare_cohort
from segan_tl.papers.help import describe_papers
from segan_tl.papers.page import refuse_foreign_page, write_page
from segan_tl.papers.paper import Paper
from segan_tl.workflow.arrays import check_script, write_trainings
from segan_tl.workflow.computer import list_nvidia
from segan_tl.workflow.jobs import Job, Outcome, run_jobs
from segan_tl.workflow.numbers import positive
from segan_tl.workflow.trainings import clear_stale, options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    papers = [load_paper(name) for name in PAPERS]
    parser.description = "Run every experiment of a paper and set its numbers beside ours, on one page."
    parser.epilog = describe_papers(papers)
    parser.add_argument("paper", choices=tuple(PAPERS), metavar="{" + ",".join(PAPERS) + "}", help="which paper")
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder of cases (default: the synthetic cohort)")
    parser.add_argument(
        "--source-data", type=Path, metavar="DIR", help="cases of the other scanner or disease to come from"
    )
    parser.add_argument(
        "--scale", choices=("quick", "full"), help="quick, or the paper's values (quick; full with --data)"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="where the page goes (results/PAPER-SCALE)")
    parser.add_argument("--runs", type=Path, default=Path("runs"), metavar="DIR", help="where runs are kept (runs)")
    parser.add_argument("--cache", type=Path, default=Path("cache"), metavar="DIR", help="prepared volumes (cache)")
    parser.add_argument(
        "--jobs", type=positive, metavar="N", help="trainings at a time (quick without a GPU: 2, else 1)"
    )
    parser.add_argument(
        "--slurm", type=Path, metavar="FILE", help="write a script that submits all of it as job arrays, and end"
    )
    parser.add_argument("--prepare", action="store_true", help="train nothing, prepare the cases of all trainings")
    parser.add_argument(
        "--overwrite", action="store_true", help="train runs of other settings, or of another source, anew"
    )
    for name, option in {option.name: option for paper in papers for option in paper.options}.items():
        kind = {"choices": option.choices} if option.choices else {"type": Path, "metavar": "FILE"}
        parser.add_argument(f"--{name}", help=option.help, **kind)


def run(arguments: argparse.Namespace) -> int:
    """Run what has no result yet, then write the page."""
    from segan_tl.console import console

    check_script(arguments, gathers=False)
    paper = load_paper(arguments.paper)
    scale = arguments.scale or ("full" if arguments.data else "quick")
    _check_arguments(arguments, paper, scale=scale)
    lacking = paper.notice(arguments)
    study = paper.make_study(arguments, scale, arguments.out or Path("results") / f"{paper.name}-{scale}")
    refuse_foreign_page(study.out, paper.name)
    if lacking:
        console.print(f"note: {lacking}", style="yellow", soft_wrap=True)
    if arguments.slurm:
        left = [job for job in _plan(arguments, paper, study) if not _is_done(job, paper, study)]
        write_trainings(left, arguments, name=paper.name, at_once=arguments.jobs, prepare="--prepare")
        return 0
    _prepare(arguments, paper, study)
    if arguments.prepare:
        console.print("prepared for all trainings")
        return 0
    outcome = _run_jobs(arguments, paper, study)
    if outcome.stopped:
        console.print("Interrupted and saved. Run the same command again to go on.", soft_wrap=True)
        return outcome.code
    for name, needed in outcome.left_out.items():
        console.print(f"left out {name}: it needs {needed}", soft_wrap=True)
    page = write_page(paper, study, command=_command(arguments, paper, scale=scale))
    console.print(f"page {page}", soft_wrap=True)
    if outcome.code:
        left = f"{len(outcome.failed)} failed, {len(outcome.interrupted)} interrupted, {len(outcome.left_out)} left out"
        console.print(f"{left}: the page has gaps; run the same command again to try what is missing", soft_wrap=True)
    return outcome.code


def _check_arguments(arguments, paper: Paper, *, scale: str) -> None:
    """Refuse the options of another paper, and days of training on synthetic patients."""
    from segan_tl.errors import UserError

    if arguments.prepare and arguments.slurm:
        raise UserError("--prepare prepares, and no more; leave --slurm out")
    for option, papers in _owners().items():
        if getattr(arguments, option) is not None and paper.name not in papers:
            name = f"--{option.replace('_', '-')}"
            raise UserError(f"{name} belongs to reproduce {' and '.join(papers)}; leave it out for {paper.name}")
    if paper.source and (arguments.data is None) != (arguments.source_data is None):
        raise UserError(
            f"reproduce {paper.name} moves a network from one cohort to another: give both with --data TARGET "
            "--source-data SOURCE, or leave both out for the synthetic ones"
        )
    if scale == "full" and not arguments.data:
        raise UserError(
            "--scale full trains with the paper's values for days: it expects your data, for example --scale full "
            "--data BRATS2015; for the synthetic cohort leave --scale out"
        )


def _owners() -> dict[str, list[str]]:
    """Return option → the papers that it belongs to."""
    owners = {}
    for paper in map(load_paper, PAPERS):
        for option in [*(option.name for option in paper.options), *(["source_data"] if paper.source else [])]:
            owners.setdefault(option, []).append(paper.name)
    return owners


def _prepare(arguments, paper: Paper, study) -> None:
    """Prepare the cohorts, the source first, and refuse runs that were trained on others; divide the target."""
    cohorts = [(paper.target, arguments.data, paper.runs(study, of_source=False))]
    if paper.source:
        cohorts.insert(0, (paper.source, arguments.source_data, paper.runs(study, of_source=True)))
    for cohort, folder, runs in cohorts:
        found = prepare_cohort(cohort.load(study.scale), folder, arguments.cache)
        check_same_data(runs, found)
    paper.divide(study, found)


def _run_jobs(arguments, paper: Paper, study) -> Outcome:
    """Run the jobs that have no result, so many at a time."""
    from segan_tl.console import console
    from segan_tl.disk.ownership import mark

    jobs, logs = _plan(arguments, paper, study), study.out / "logs"
    at_once = arguments.jobs or (2 if study.scale == "quick" and not list_nvidia() else 1)
    console.print(f"{len(jobs)} jobs, {at_once} at a time; logs in {logs}", soft_wrap=True)
    mark(study.out, "page")
    return run_jobs(
        jobs, logs=logs, at_once=at_once,
        is_done=lambda job: _is_done(job, paper, study), describe=lambda job: paper.describe(job, study),
    )  # fmt: skip


def _plan(arguments, paper: Paper, study) -> list[Job]:
    """Return all jobs; runs of other settings are refused, or set aside with --overwrite."""
    jobs = list(paper.plan(study, arguments))
    clear_stale(jobs, study.runs, is_done=lambda job: paper.is_done(job, study), overwrite=arguments.overwrite)
    return jobs


def _is_done(job: Job, paper: Paper, study) -> bool:
    from segan_tl.runs import Run
    from segan_tl.workflow.finish import owes_nothing

    return paper.is_done(job, study) and owes_nothing(Run(study.runs / job.name))


def _command(arguments, paper: Paper, *, scale: str) -> str:
    """Return the command that makes the whole page."""
    words = ["python", "-m", "segan_tl", "reproduce", paper.name, "--scale", scale]
    words += [*options("--data", arguments.data), *options("--out", arguments.out)]
    words += options("--source-data", arguments.source_data)
    for option in paper.options:
        words += [] if option.choices else options(f"--{option.name}", getattr(arguments, option.name))
    for option, value in (("--runs", arguments.runs), ("--cache", arguments.cache)):
        words += [] if value == Path(option[2:]) else [option, str(value)]
    return shlex.join(words)
