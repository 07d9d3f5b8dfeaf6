"""The jobs of `reproduce giacomello-2020`: which trainings, with which command lines."""

import argparse

from segan_tl.papers.cohorts import Cohort
from segan_tl.papers.giacomello.study import CONFIGS, CURVES, FIRST_CURVE, SINGLE, SOURCE, STRATEGIES, TARGETS, Study
from segan_tl.papers.jobs import train
from segan_tl.regions import MODALITIES
from segan_tl.workflow.jobs import Job
from segan_tl.workflow.trainings import module, name_of, options

TARGET = Cohort(CONFIGS, dict.fromkeys(CONFIGS, (f"data.modalities={list(MODALITIES)}",)))
# What the networks of Table I change.
VARIANTS = {
    "segan-cat": (),
    "segan": ("critic.input=mask",),
    "segan-no-dice": ("critic.input=mask", "train.loss_weights=[0,1]"),
}


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
        jobs += study.curve(curve).jobs()
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
    return [*jobs, Job("matrix", command, needs=tuple(name_of(run, study.runs) for run in runs), weight=0.5)]


def _training(study: Study, modality: str) -> tuple[str, ...]:
    return ("train-segan", "--modality", modality, "--config", CONFIGS[study.scale])


def _transfer(study: Study, source: Job, target: str, strategy: str) -> tuple[str, ...]:
    frozen = ("--freeze-critic",) if strategy == "frozen" else ()
    return ("transfer", "--source", str(study.runs / source.name), "--target", target, "--no-scratch", *frozen)
