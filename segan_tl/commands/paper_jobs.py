"""What the jobs of all reproductions have in common: their command lines, and when a training is done."""

import argparse
import json
import sys
from pathlib import Path

from segan_tl.commands.jobs import Job


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
    from segan_tl.config import load_config
    from segan_tl.report.paper_runs import is_scored
    from segan_tl.runs import read_json

    if not is_scored(run):
        return False
    recorded = read_json(run.config)
    words = job.command
    overrides = [value for option, value in zip(words, words[1:]) if option == "--set"]
    overrides += [f"seed={words[words.index('--seed') + 1]}", f"data.modalities={recorded['data']['modalities']}"]
    expected = json.loads(load_config(config, overrides).model_dump_json())
    return recorded | {"transfer": None} == expected | {"transfer": None}
