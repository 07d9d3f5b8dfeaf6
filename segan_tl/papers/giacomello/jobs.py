"""The jobs of `reproduce giacomello-2020`: which trainings, with which command lines, and which are done."""

import argparse
from pathlib import Path

from segan_tl.papers.jobs import Data, is_trained, module, options, training_options
from segan_tl.workflow.jobs import Job

SCALES = {"quick": "giacomello_quick", "full": "segan_cat"}
# The learning curve is 36 trainings: each is shorter than those of the tables.
CURVE_SETTINGS = {
    "quick": ("train.batch_size=16", "train.epochs=6", "train.steps_per_epoch=75"),
    "full": ("train.epochs=100", "train.steps_per_epoch=100"),
}
CURVE_WEIGHT = 0.5  # length beside a run of the tables
MATRIX = "matrix"


def make_study(arguments: argparse.Namespace, scale: str, out: Path):
    """Return where the runs and the page are."""
    from segan_tl.papers.giacomello.study import Study

    return Study(arguments.runs, scale, out)


def load_settings(scale: str):
    """Return the configuration that says how the data is prepared."""
    from segan_tl.config.load import load_config
    from segan_tl.regions import MODALITIES

    return load_config(SCALES[scale], [f"data.modalities={list(MODALITIES)}"])


def notice(_arguments: argparse.Namespace) -> str | None:
    """Return what cannot be run: nothing."""
    return None


def cohorts(study, arguments: argparse.Namespace) -> list[Data]:
    """Return the cohort that everything is trained and tested on."""
    return [Data(arguments.data, load_settings(study.scale), study.tables_runs + study.curve_runs)]


def write_page(study, *, command: str) -> Path:
    """Write the results page and return its path."""
    from segan_tl.papers.giacomello.page import write_page

    return write_page(study, command=command)


def plan(study, arguments: argparse.Namespace) -> list[Job]:
    """Return all jobs in order: those that others wait for come first; the name of a training is its run's."""
    from segan_tl.papers.giacomello.study import CURVE_CASES, CURVE_SEEDS, FIRST_CURVE, SINGLE, SOURCE

    source = _train(study, arguments, SOURCE)
    jobs = [source]
    if arguments.only != "curve":
        jobs += _tables(study, arguments, source)
        single = [f"{study.name}/{modality}" for modality in SINGLE]
        runs = [str(study.runs / name) for name in single]
        data = options("--data", arguments.data)
        command = (*module("matrix"), *runs, *data, "--out", str(study.matrix), "--runs", str(study.runs))
        jobs.append(Job(MATRIX, command, needs=tuple(single), weight=0.5))
    if arguments.only != "tables":
        curve = arguments.curve or FIRST_CURVE
        if curve != FIRST_CURVE:
            other = _train(study, arguments, curve.split("-to-")[0])
            jobs += [] if other in jobs else [other]
            source = other
        for cases in CURVE_CASES:
            for seed in CURVE_SEEDS:
                jobs += _curve(study, arguments, source, curve=curve, cases=cases, seed=seed)
    return jobs


def _tables(study, arguments, source: Job) -> list[Job]:
    from segan_tl.papers.giacomello.study import SINGLE, TARGETS

    mask = ("critic.input=mask",)
    jobs = [_train(study, arguments, modality) for modality in SINGLE if f"{study.name}/{modality}" != source.name]
    jobs += [
        _train(study, arguments, "all"),
        _train(study, arguments, "all", name=f"{study.name}-segan", settings=mask),
        _train(
            study, arguments, "all", name=f"{study.name}-segan-no-dice", settings=(*mask, "train.loss_weights=[0,1]")
        ),
    ]
    for target in TARGETS:
        jobs += [_transfer(study, arguments, source, target=target, frozen=frozen) for frozen in (False, True)]
    return jobs


def _curve(study, arguments, source: Job, *, curve: str, cases: int | None, seed: int) -> list[Job]:
    """Return scratch, full and frozen on so many training cases."""
    from segan_tl.papers.giacomello.study import CURVES

    name, target = study.curve_name(cases, seed), CURVES[curve][1]
    settings = CURVE_SETTINGS[study.scale] + ((f"data.train_cases={cases}",) if cases else ())
    common = {"name": name, "settings": settings, "seed": seed, "weight": CURVE_WEIGHT}
    return [
        _train(study, arguments, target, split_of=source, **common),
        _transfer(study, arguments, source, target=target, frozen=False, **common),
        _transfer(study, arguments, source, target=target, frozen=True, **common),
    ]


def _train(study, arguments, modality, *, name=None, settings=(), seed=0, split_of=None, weight=1.0) -> Job:
    name = name or study.name
    command = (*module("train-segan"), "--modality", modality, "--config", SCALES[study.scale])
    if split_of:
        command += ("--split", str(study.runs / split_of.name))
    command += training_options(arguments, name, settings, seed=seed)
    return Job(f"{name}/{modality}", command, needs=(split_of.name,) if split_of else (), weight=weight)


def _transfer(study, arguments, source: Job, *, target, frozen, name=None, settings=(), seed=0, weight=1.0) -> Job:
    name = name or study.name
    command = (*module("transfer"), "--source", str(study.runs / source.name), "--target", target, "--no-scratch")
    command += ("--freeze-critic",) if frozen else ()
    command += training_options(arguments, name, settings, seed=seed)
    leaf = f"{Path(source.name).name}-to-{target}" + ("-frozen" if frozen else "")
    return Job(f"{name}/{leaf}", command, needs=(source.name,), weight=weight)


def is_done(job: Job, study, *, scale: str) -> bool:
    """Return whether a job's result is there, made with the settings that it would be made with now.

    A run with other settings counts as not done: its own command then says what differs.
    """
    from segan_tl.papers.giacomello.study import SINGLE
    from segan_tl.runs import Run

    if job.name == MATRIX:
        made = [study.matrix / name for name in ("matrix.csv", "matrix_cases.csv", "votes.csv")]
        needed = [study.single(modality).summary for modality in SINGLE]
        if not all(file.is_file() for file in (*made, *needed)):
            return False
        return min(file.stat().st_mtime_ns for file in made) >= max(file.stat().st_mtime_ns for file in needed)
    return is_trained(job, Run(study.runs / job.name), config=SCALES[scale])


def describe(job: Job, study) -> str:
    """Return what a finished job brought, in a few words."""
    from segan_tl.papers.runs import mean, read_scores
    from segan_tl.runs import Run

    if job.name == MATRIX:
        return "written"
    scores = read_scores(Run(study.runs / job.name))
    return f"test Dice {mean(scores):.3f}" if scores else "no test case"
