"""What the jobs of all reproductions have in common: their command lines, and when a training is done."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from segan_tl.papers.runs import mean, read_column
from segan_tl.papers.study import Study
from segan_tl.report.score.owed import is_scored
from segan_tl.runs import Run, read_json
from segan_tl.workflow.jobs import Job
from segan_tl.workflow.trainings import is_trained, module, starts_from_source, training, value_of

# Fine-tuning as no paper does it, set beside theirs, where every weight learns at the whole rate.
NEW_RECIPE = ("transfer.rate=0.3", "transfer.judge_start=true")
IN_A_NEW_WAY = "new recipe"  # what the pages call it
MAKES_A_FILE = ("radiomics", "predict", "evaluate", "tune-postprocess")  # commands of `make`


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
    return training(
        run, words, runs=study.runs, cache=arguments.cache, data=arguments.data, settings=settings, seed=seed,
        needs=tuple(job.name for job in needs), weight=weight,
    )  # fmt: skip


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


def make(study: Study, file: Path, command: str, *words: str, needs: Sequence[Job] = (), weight: float = 0.1) -> Job:
    """Return the job of a command that trains nothing; it is called after the file that it ends with.

    Args:
        study: where runs are.
        file: below those of all runs; is there when the command is done, and is written anew each time.
        command: as `python -m segan_tl` calls it.
        words: what follows it.
        needs: those whose result it reads.
        weight: its length beside that of a training.
    """
    name = file.relative_to(study.runs).as_posix()
    return Job(name, (*module(command), *words), tuple(job.name for job in needs), weight)


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
    if command in MAKES_A_FILE:
        return is_newer(job, runs)
    if command == "import":
        return Path(job.command[5]).is_file()
    if command == "matrix":
        return is_matrix_new(job)
    if command == "retest":
        return is_retested(Run(run.root.parent), run.root.name)
    return is_trained(job, run, config=value_of(job, "--config") or config) and starts_from_source(job, run)


def is_newer(job: Job, runs: Path) -> bool:
    """Return whether the file that a job is called after is there, and not older than what it was made of."""
    made, needed = runs / job.name, [_result(name, runs) for name in job.needs]
    if not all(file.is_file() for file in (made, *needed)):
        return False
    return made.stat().st_mtime_ns >= max((file.stat().st_mtime_ns for file in needed), default=0)


def _result(name: str, runs: Path) -> Path:
    """Return the file that a job ends with: the one it is called after, or the summary of its run."""
    return runs / name if Path(name).suffix in (".csv", ".json") else Run(runs / name).summary


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
    if job.command[3] in ("import", "matrix", *MAKES_A_FILE):
        return "written"
    metrics = Run(runs / job.name).metrics
    scores = {region: mean(read_column(metrics, "dice", region=region)) for region in regions}
    found = [f"{region.upper()} {value:.3f}" for region, value in scores.items() if value is not None]
    return f"test Dice {', '.join(found)}" if found else "no test case"
