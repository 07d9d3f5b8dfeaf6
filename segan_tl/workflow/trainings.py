"""Trainings as jobs: their command lines, and when one has the result that it would have now."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

from segan_tl.config.load import comparable, load_config
from segan_tl.disk.manifest import sha256
from segan_tl.disk.ownership import MANIFEST, set_aside
from segan_tl.errors import UserError
from segan_tl.report.score.owed import is_scored
from segan_tl.runs import Run, is_imported, read_json
from segan_tl.workflow.jobs import Job
from segan_tl.zoo.find import folder_of, is_entry

TOLD_BY_NAME = ("source_sha256", "strategy", "inputs")  # of a transfer: the folder's name tells them


def module(command: str) -> tuple[str, ...]:
    """Return how a command of this package is started."""
    return (sys.executable, "-m", "segan_tl", command)


def options(option: str, value: Path | None) -> tuple[str, ...]:
    """Return an option and its value, nothing where it was left out."""
    return () if value is None else (option, str(value))


def training(
    run: Run, words: tuple[str, ...], *, runs: Path, cache: Path, data: Path | None = None,
    settings: tuple[str, ...] = (), seed: int = 0, needs: tuple[str, ...] = (), weight: float = 1.0,
) -> Job:  # fmt: skip
    """Return the job of a training, which is called after the place of its run.

    Args:
        run: where it leads; the first folder below those of all runs is the name of its configuration.
        words: the command and the options that only it has.
        runs: folder of all runs.
        cache: of prepared volumes.
        data: folder of cases, None for the synthetic cohort.
        settings: KEY=VALUE.
        seed: of everything random.
        needs: names of those whose result it reads.
        weight: its length beside the others'.
    """
    name = name_of(run, runs)
    sets = [word for setting in (f"name={name.split('/')[0]}", *settings) for word in ("--set", setting)]
    places = options("--data", data) + ("--runs", str(runs), "--cache", str(cache))
    command = (*module(words[0]), *words[1:], *sets, "--seed", str(seed), "--no-report", *places)
    return Job(name, command, needs, weight)


def name_of(run: Run, runs: Path) -> str:
    """Return how the training of a run is called among the jobs: where it lies."""
    return run.root.relative_to(runs).as_posix()


def value_of(job: Job, option: str) -> str | None:
    """Return what a job's command gives an option, None where it has none."""
    return job.command[job.command.index(option) + 1] if option in job.command else None


def is_trained(job: Job, run: Run, *, config: str) -> bool:
    """Return whether a run is scored, and was trained with the settings that it would be trained with now.

    Its modalities, and what it starts from by transfer, are left aside: the folder's name tells them. So are synthetic
    patients that train along after their source's configuration: `starts_from_source` tells them.

    Args:
        job: the training.
        run: where it leads.
        config: name of the configuration that its settings change.
    """
    if not is_scored(run):
        return False
    recorded = comparable(read_json(run.config))
    words, transfer = job.command, recorded.get("transfer")
    overrides = [value for option, value in zip(words, words[1:]) if option == "--set"]
    overrides += [f"seed={value_of(job, '--seed')}", f"data.modalities={recorded['data']['modalities']}"]
    expected = load_config(config, overrides, beneath=_told_by_source(recorded, run) if transfer else {})
    return recorded == comparable(json.loads(expected.model_dump_json()))


def _told_by_source(recorded: dict, run: Run) -> dict[str, dict]:
    """Return the sections of a transfer that its source decides, as far as it does."""
    start = {key: recorded["transfer"][key] for key in TOLD_BY_NAME} | {"source": str(run.root)}
    second = recorded.get("source") or {}
    return {"transfer": start} | ({"source": {"phantom": dict(second["phantom"])}} if second.get("synthetic") else {})


def starts_from_source(job: Job, run: Run) -> bool:
    """Return whether a fine-tuned run began with the network that its source has now; others began with none."""
    origin, transfer = value_of(job, "--from"), read_json(run.config).get("transfer")
    if origin is None or transfer is None:
        return True
    return _segmentor_now(origin, runs=value_of(job, "--runs")) == transfer["source_sha256"]


def _segmentor_now(origin: str, *, runs: str | None) -> str | None:
    """Return the sha256 of the network that a run or file has; None where there is none, or it is being trained."""
    path = folder_of(origin)
    if path.suffix == ".keras":
        return sha256(path) if path.is_file() else None
    places = [Run(path), *([Run(Path(runs) / path)] if runs else [])]
    source = next((place for place in places if place.config.is_file()), places[0])
    if source.summary.is_file():
        return read_json(source.summary).get("segmentor_sha256")
    if (is_entry(source.root) or is_imported(source)) and (source.best / MANIFEST).is_file():
        return read_json(source.best / MANIFEST)["files"].get("segmentor.keras", {}).get("sha256")
    return None


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
