"""The jobs of `reproduce giacomello-2020`: which trainings, with which command lines."""

import argparse

from segan_tl.papers.cohorts import Cohort
from segan_tl.papers.giacomello.study import (
    CURVE_CASES,
    CURVE_SEEDS,
    CURVE_STRATEGIES,
    CURVES,
    FIRST_CURVE,
    SINGLE,
    SOURCE,
    STRATEGIES,
    TARGETS,
    Study,
)
from segan_tl.papers.jobs import job_name, train
from segan_tl.regions import MODALITIES
from segan_tl.workflow.jobs import Job
from segan_tl.workflow.trainings import module, options

SCALES = {"quick": "giacomello_quick", "full": "segan_cat"}
TARGET = Cohort(SCALES, dict.fromkeys(SCALES, (f"data.modalities={list(MODALITIES)}",)))
# What the networks of Table I change.
VARIANTS = {
    "segan-cat": (),
    "segan": ("critic.input=mask",),
    "segan-no-dice": ("critic.input=mask", "train.loss_weights=[0,1]"),
}
# The learning curve is 36 trainings: each is shorter than those of the tables.
CURVE_SETTINGS = {
    "quick": ("train.batch_size=16", "train.epochs=6", "train.steps_per_epoch=75"),
    "full": ("train.epochs=100", "train.steps_per_epoch=100"),
}
CURVE_WEIGHT = 0.5  # length beside a run of the tables


def plan(study: Study, arguments: argparse.Namespace) -> list[Job]:
    """Return all jobs in order: those that others wait for come first; the name of a training is its run's."""
    source = _single(study, arguments, SOURCE)
    jobs = [source]
    if arguments.only != "curve":
        jobs += _tables(study, arguments, source)
    if arguments.only != "tables":
        curve = arguments.curve or FIRST_CURVE
        if curve != FIRST_CURVE:
            source = _single(study, arguments, CURVES[curve][0])
            jobs += [] if source in jobs else [source]
        for cases in CURVE_CASES:
            for seed in CURVE_SEEDS:
                jobs += _curve(study, arguments, source, curve=curve, cases=cases, seed=seed)
    return jobs


def _single(study: Study, arguments, modality: str) -> Job:
    return train(study, arguments, study.single(modality), _training(study, modality))


def _tables(study: Study, arguments, source: Job) -> list[Job]:
    """Return what stands behind the tables, beside the source, and the matrix of the models of one modality."""
    jobs = [_single(study, arguments, modality) for modality in SINGLE if modality != SOURCE]
    for variant, settings in VARIANTS.items():
        jobs.append(train(study, arguments, study.variants[variant], _training(study, "all"), settings=settings))
    for target in TARGETS:
        for strategy in STRATEGIES:
            words = _transfer(study, source, target, strategy)
            jobs.append(train(study, arguments, study.transfer(target, strategy), words, needs=(source,)))
    runs = [study.single(modality) for modality in SINGLE]
    command = (*module("matrix"), *(str(run.root) for run in runs), *options("--data", arguments.data))
    command += ("--out", str(study.matrix), "--runs", str(study.runs))
    return [*jobs, Job("matrix", command, needs=tuple(job_name(run, study.runs) for run in runs), weight=0.5)]


def _curve(study: Study, arguments, source: Job, *, curve: str, cases: int | None, seed: int) -> list[Job]:
    """Return scratch, full and frozen on so many training cases, of those that the source was trained on."""
    target, jobs = CURVES[curve][1], []
    settings = CURVE_SETTINGS[study.scale] + ((f"data.train_cases={cases}",) if cases else ())
    split = ("--split", str(study.runs / source.name))
    for strategy in CURVE_STRATEGIES:
        scratch = (*_training(study, target), *split)
        words = scratch if strategy == "scratch" else _transfer(study, source, target, strategy)
        run, needs = study.curve(cases, seed, strategy=strategy, curve=curve), (source,)
        jobs.append(
            train(study, arguments, run, words, settings=settings, seed=seed, needs=needs, weight=CURVE_WEIGHT)
        )
    return jobs


def _training(study: Study, modality: str) -> tuple[str, ...]:
    return ("train-segan", "--modality", modality, "--config", SCALES[study.scale])


def _transfer(study: Study, source: Job, target: str, strategy: str) -> tuple[str, ...]:
    frozen = ("--freeze-critic",) if strategy == "frozen" else ()
    return ("transfer", "--source", str(study.runs / source.name), "--target", target, "--no-scratch", *frozen)
