"""What the jobs of all reproductions have in common: their command lines, and when a training is done."""

import argparse
import json
import sys
from pathlib import Path
from typing import NamedTuple

from segan_tl.workflow.jobs import Job


class Data(NamedTuple):
    """A cohort of a reproduction.

    Attributes:
        folder: where it lies, None for a synthetic one.
        config: says how it is prepared, and which synthetic one it is.
        runs: those that are trained and tested on it, there or not.
    """

    folder: Path | None
    config: object
    runs: list


def module(command: str) -> tuple[str, ...]:
    """Return how a command of this package is started."""
    return (sys.executable, "-m", "segan_tl", command)


def options(option: str, value: Path | None) -> tuple[str, ...]:
    """Return an option and its value, nothing where it was left out."""
    return () if value is None else (option, str(value))


def training_options(
    arguments: argparse.Namespace, name: str, settings: tuple[str, ...], *, seed: int
) -> tuple[str, ...]:
    """Return the options of a training.

    Args:
        arguments: of `reproduce`: data, runs, cache.
        name: of the configuration.
        settings: KEY=VALUE.
        seed: of everything random.
    """
    sets = [word for setting in (f"name={name}", *settings) for word in ("--set", setting)]
    places = options("--data", arguments.data) + ("--runs", str(arguments.runs), "--cache", str(arguments.cache))
    return (*sets, "--seed", str(seed), "--no-report", *places)


def is_trained(job: Job, run, *, config: str) -> bool:
    """Return whether a run is scored, and was trained with the settings that it would be trained with now.

    Its modalities, and what it starts from by transfer, are left aside: the folder's name tells them.

    Args:
        job: the training.
        run: where it leads.
        config: name of the configuration that its settings change.
    """
    from segan_tl.config.load import load_config
    from segan_tl.report.score.owed import is_scored
    from segan_tl.runs import read_json

    if not is_scored(run):
        return False
    recorded = read_json(run.config)
    words = job.command
    overrides = [value for option, value in zip(words, words[1:]) if option == "--set"]
    overrides += [f"seed={words[words.index('--seed') + 1]}", f"data.modalities={recorded['data']['modalities']}"]
    expected = json.loads(load_config(config, overrides).model_dump_json())
    return recorded | {"transfer": None} == expected | {"transfer": None}


# === Volumetric networks: runs of any depth below the folder of runs, tested again ===


def job_name(run, runs: Path) -> str:
    """Return how the training of a run is called among the jobs: where it lies."""
    return run.root.relative_to(runs).as_posix()


def retest(run, folder: str, *words: str, runs: Path) -> Job:
    """Return the job that tests a trained run again.

    Args:
        run: a run below `runs`.
        folder: of the new scores, inside that of the run: training it anew empties it.
        words: further options of the command.
        runs: folder of all runs.
    """
    command = (*module("retest"), str(run.root), "--out", str(run.root / folder), *words)
    return Job(f"{job_name(run, runs)}/{folder}", command, needs=(job_name(run, runs),), weight=0.3)


def is_complete(job: Job, runs: Path) -> bool:
    """Return whether a training or a retest has its result, made with what it would be made with now."""
    from segan_tl.runs import Run

    run = Run(runs / job.name)
    if job.command[3] == "retest":
        return is_retested(Run(run.root.parent), run.root.name)
    trained = is_trained(job, run, config=job.command[job.command.index("--config") + 1])
    return trained and starts_from_source(job, run)


def starts_from_source(job: Job, run) -> bool:
    """Return whether a fine-tuned run began with the network that its source has now; from scratch none is needed."""
    from segan_tl.runs import Run, read_json

    transfer = read_json(run.config).get("transfer")
    if transfer is None:
        return True
    source = Run(Path(job.command[job.command.index("--from") + 1]))
    scored = source.summary.is_file()
    return scored and read_json(source.summary).get("segmentor_sha256") == transfer["source_sha256"]


def is_retested(run, folder: str) -> bool:
    """Return whether the scores in a folder of a run are those of the network that it has now."""
    from segan_tl.report.score.owed import is_scored
    from segan_tl.runs import Run, read_json

    again = Run(run.root / folder)
    if not (is_scored(run) and again.summary.is_file()):
        return False
    return read_json(again.summary).get("segmentor_sha256") == read_json(run.summary).get("segmentor_sha256")


def describe_scores(job: Job, runs: Path, *, regions: tuple[str, ...]) -> str:
    """Return the mean Dice that a job brought, region by region."""
    from segan_tl.papers.runs import mean, read_column
    from segan_tl.runs import Run

    metrics = Run(runs / job.name).metrics
    scores = {region: mean(read_column(metrics, "dice", region=region)) for region in regions}
    found = [f"{region.upper()} {value:.3f}" for region, value in scores.items() if value is not None]
    return f"test Dice {', '.join(found)}" if found else "no test case"


# === Two cohorts ===


def two_cohorts(arguments: argparse.Namespace, *, target, source) -> tuple[str, str]:
    """Return how the target and the source are called: by their folders, or by their synthetic cohorts.

    Args:
        arguments: of `reproduce`.
        target: configuration whose synthetic cohort is the target.
        source: likewise of the source.
    """
    from segan_tl.disk.paths import folder_name

    given = (("--data", arguments.data, target), ("--source-data", arguments.source_data, source))
    return tuple(
        folder_name(folder, f"the folder of {option}") if folder else config.phantom.cohort
        for option, folder, config in given
    )


def of_source(arguments: argparse.Namespace) -> argparse.Namespace:
    """Return the arguments of a training on the source."""
    return argparse.Namespace(**vars(arguments) | {"data": arguments.source_data})
