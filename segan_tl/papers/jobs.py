"""What the jobs of all reproductions have in common: their command lines, and when a training is done."""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

from segan_tl.config.load import load_config
from segan_tl.disk.ownership import set_aside
from segan_tl.errors import UserError
from segan_tl.papers.runs import mean, read_column
from segan_tl.papers.study import Study
from segan_tl.report.score.owed import is_scored
from segan_tl.runs import Run, read_json
from segan_tl.workflow.jobs import Job


def module(command: str) -> tuple[str, ...]:
    """Return how a command of this package is started."""
    return (sys.executable, "-m", "segan_tl", command)


def options(option: str, value: Path | None) -> tuple[str, ...]:
    """Return an option and its value, nothing where it was left out."""
    return () if value is None else (option, str(value))


def train(
    study: Study, arguments: argparse.Namespace, run: Run, words: tuple[str, ...], *,
    settings: tuple[str, ...] = (), seed: int = 0, needs: tuple[Job, ...] = (), weight: float = 1.0,
) -> Job:  # fmt: skip
    """Return the job of a training.

    Args:
        study: where runs are.
        arguments: of `reproduce`: data, runs, cache.
        run: where it leads; the first folder below those of all runs is the name of its configuration.
        words: the command and the options that only it has.
        settings: KEY=VALUE.
        seed: of everything random.
        needs: those whose result it reads.
        weight: its length beside the others'.
    """
    name = job_name(run, study.runs)
    sets = [word for setting in (f"name={name.split('/')[0]}", *settings) for word in ("--set", setting)]
    places = options("--data", arguments.data) + ("--runs", str(arguments.runs), "--cache", str(arguments.cache))
    command = (*module(words[0]), *words[1:], *sets, "--seed", str(seed), "--no-report", *places)
    return Job(name, command, tuple(job.name for job in needs), weight)


def retest(study: Study, training: Job, folder: str, *words: str) -> Job:
    """Return the job that tests a trained run again.

    Args:
        study: where runs are.
        training: leads to the run.
        folder: of the new scores, inside that of the run: training it anew empties it.
        words: further options of the command.
    """
    run = study.runs / training.name
    command = (*module("retest"), str(run), "--out", str(run / folder), *words)
    return Job(f"{training.name}/{folder}", command, needs=(training.name,), weight=0.3)


def job_name(run: Run, runs: Path) -> str:
    """Return how the training of a run is called among the jobs: where it lies."""
    return run.root.relative_to(runs).as_posix()


def of_source(arguments: argparse.Namespace) -> argparse.Namespace:
    """Return the arguments of a training on the source."""
    return argparse.Namespace(**vars(arguments) | {"data": arguments.source_data})


# === When a job is done ===


def is_complete(job: Job, runs: Path, *, config: str) -> bool:
    """Return whether a job has its result, made with what it would be made with now.

    A run with other settings counts as not done: its own command then says what differs.

    Args:
        job: of a plan.
        runs: folder of all runs.
        config: of the trainings whose command names none.
    """
    command, run = job.command[3], Run(runs / job.name)
    if command == "import":
        return Path(job.command[5]).is_file()
    if command == "matrix":
        return is_matrix_new(job)
    if command == "retest":
        return is_retested(Run(run.root.parent), run.root.name)
    return is_trained(job, run, config=value_of(job, "--config") or config) and starts_from_source(job, run)


def value_of(job: Job, option: str) -> str | None:
    """Return what a job's command gives an option, None where it has none."""
    return job.command[job.command.index(option) + 1] if option in job.command else None


def is_trained(job: Job, run: Run, *, config: str) -> bool:
    """Return whether a run is scored, and was trained with the settings that it would be trained with now.

    Its modalities, and what it starts from by transfer, are left aside: the folder's name tells them.

    Args:
        job: the training.
        run: where it leads.
        config: name of the configuration that its settings change.
    """
    if not is_scored(run):
        return False
    recorded = read_json(run.config)
    words = job.command
    overrides = [value for option, value in zip(words, words[1:]) if option == "--set"]
    overrides += [f"seed={value_of(job, '--seed')}", f"data.modalities={recorded['data']['modalities']}"]
    expected = json.loads(load_config(config, overrides).model_dump_json())
    return recorded | {"transfer": None} == expected | {"transfer": None}


def starts_from_source(job: Job, run: Run) -> bool:
    """Return whether a fine-tuned run began with the network that its source has now; others began with none."""
    origin, transfer = value_of(job, "--from"), read_json(run.config).get("transfer")
    if origin is None or transfer is None:
        return True
    source = Run(Path(origin))
    scored = source.summary.is_file()
    return scored and read_json(source.summary).get("segmentor_sha256") == transfer["source_sha256"]


def is_retested(run: Run, folder: str) -> bool:
    """Return whether the scores in a folder of a run are those of the network that it has now."""
    again = Run(run.root / folder)
    if not (is_scored(run) and again.summary.is_file()):
        return False
    return read_json(again.summary).get("segmentor_sha256") == read_json(run.summary).get("segmentor_sha256")


def is_matrix_new(job: Job) -> bool:
    """Return whether every file of a matrix is there, and none is older than the scores of its runs."""
    out = Path(value_of(job, "--out"))
    made = [out / name for name in ("matrix.csv", "matrix_cases.csv", "votes.csv")]
    needed = [Run(Path(value_of(job, "--runs")) / name).summary for name in job.needs]
    if not all(file.is_file() for file in (*made, *needed)):
        return False
    return min(file.stat().st_mtime_ns for file in made) >= max(file.stat().st_mtime_ns for file in needed)


def describe_scores(job: Job, runs: Path, *, regions: tuple[str, ...]) -> str:
    """Return the mean Dice that a job brought, region by region."""
    if job.command[3] in ("import", "matrix"):
        return "written"
    metrics = Run(runs / job.name).metrics
    scores = {region: mean(read_column(metrics, "dice", region=region)) for region in regions}
    found = [f"{region.upper()} {value:.3f}" for region, value in scores.items() if value is not None]
    return f"test Dice {', '.join(found)}" if found else "no test case"


# === Runs that a new start would not make again ===


def clear_stale(jobs: list[Job], runs: Path, *, is_done: Callable[[Job], bool], overwrite: bool) -> None:
    """Refuse finished runs that would be trained otherwise now, so that no page mixes the two; or set them aside.

    They have other settings, or began with a network that was trained again since, or is about to be.

    Raises:
        UserError: there are some, and `overwrite` was not given.
    """
    undone = {job.name for job in jobs if not is_done(job)}
    stale = []
    for job in jobs:
        run = Run(runs / job.name)
        if not is_scored(run):
            continue
        moves = bool(read_json(run.config).get("transfer")) and bool(undone & set(job.needs))
        if job.name in undone or moves:
            stale.append(run)
    if stale and not overwrite:
        raise UserError(
            f"{len(stale)} finished runs have other settings than this command gives them, or began with a network "
            f"that is not there any more, such as {stale[0].root}; add --overwrite to train them anew, or "
            "keep both with --runs ANOTHER --out ANOTHER"
        )
    for run in stale:
        set_aside(run.root)
