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
from segan_tl.papers.jobs import module, options, train
from segan_tl.regions import MODALITIES
from segan_tl.workflow.jobs import Job

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
    source = _train(study, arguments, study.single(SOURCE), SOURCE)
    jobs = [source]
    if arguments.only != "curve":
        jobs += _tables(study, arguments, source)
    if arguments.only != "tables":
        curve = arguments.curve or FIRST_CURVE
        if curve != FIRST_CURVE:
            modality, _ = CURVES[curve]
            source = _train(study, arguments, study.single(modality), modality)
            jobs += [] if source in jobs else [source]
        for cases in CURVE_CASES:
            for seed in CURVE_SEEDS:
                jobs += _curve(study, arguments, source, curve=curve, cases=cases, seed=seed)
    return jobs


def _tables(study: Study, arguments, source: Job) -> list[Job]:
    """Return what stands behind the tables, beside the source, and the matrix of the models of one modality."""
    others = [_train(study, arguments, study.single(modality), modality) for modality in SINGLE if modality != SOURCE]
    variants = [
        _train(study, arguments, study.variants[variant], "all", settings=settings)
        for variant, settings in VARIANTS.items()
    ]
    transfers = [
        _transfer(study, arguments, source, study.transfer(target, strategy), target=target, strategy=strategy)
        for target in TARGETS
        for strategy in STRATEGIES
    ]
    runs = [study.single(modality) for modality in SINGLE]
    command = (*module("matrix"), *(str(run.root) for run in runs), *options("--data", arguments.data))
    command += ("--out", str(study.matrix), "--runs", str(study.runs))
    matrix = Job("matrix", command, needs=tuple(f"{study.name}/{modality}" for modality in SINGLE), weight=0.5)
    return [*others, *variants, *transfers, matrix]


def _curve(study: Study, arguments, source: Job, *, curve: str, cases: int | None, seed: int) -> list[Job]:
    """Return scratch, full and frozen on so many training cases."""
    target = CURVES[curve][1]
    settings = CURVE_SETTINGS[study.scale] + ((f"data.train_cases={cases}",) if cases else ())
    common = {"settings": settings, "seed": seed, "weight": CURVE_WEIGHT}
    scratch, *transferred = (study.curve(cases, seed, strategy=name, curve=curve) for name in CURVE_STRATEGIES)
    return [
        _train(study, arguments, scratch, target, split_of=source, **common),
        *(
            _transfer(study, arguments, source, run, target=target, strategy=strategy, **common)
            for strategy, run in zip(STRATEGIES, transferred)
        ),
    ]


def _train(study: Study, arguments, run, modality: str, *, split_of: Job | None = None, **settings) -> Job:
    words = ("train-segan", "--modality", modality, "--config", SCALES[study.scale])
    words += ("--split", str(study.runs / split_of.name)) if split_of else ()
    return train(study, arguments, run, words, needs=(split_of,) if split_of else (), **settings)


def _transfer(study: Study, arguments, source: Job, run, *, target: str, strategy: str, **settings) -> Job:
    words = ("transfer", "--source", str(study.runs / source.name), "--target", target, "--no-scratch")
    words += ("--freeze-critic",) if strategy == "frozen" else ()
    return train(study, arguments, run, words, needs=(source,), **settings)
