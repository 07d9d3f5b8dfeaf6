"""The jobs of `reproduce kaur-2019`: multiple sclerosis first, then glioma from four starts by number of cases."""

import argparse
from pathlib import Path

from segan_tl.papers.jobs import (
    Data,
    describe_scores,
    is_complete,
    job_name,
    module,
    of_source,
    retest,
    training_options,
    two_cohorts,
)
from segan_tl.workflow.jobs import Job

SEED = 0
CONFIGS = {"quick": "kaur_quick", "full": "kaur"}
# What the configuration of the target changes for lesions: one region, weighted binary cross-entropy.
LESIONS = (
    "data.regions=[lesion]", "model.activation=sigmoid", "predict.decision=threshold", "train.loss=bce",
    "train.class_weights=[5.0]", "data.split=[0.7, 0.1, 0.2]",
)  # fmt: skip
PRETRAINING = {
    "quick": ("phantom.cohort=ms", "phantom.cases=60", "phantom.seed=2019", "train.epochs=18"),
    "full": (),
}


def make_study(arguments: argparse.Namespace, scale: str, out: Path):
    """Return where the runs and the page are."""
    from segan_tl.papers.kaur.study import Study

    target, source = two_cohorts(arguments, target=load_settings(scale), source=_settings_of_source(scale))
    return Study(arguments.runs, scale, out, target, source)


def load_settings(scale: str):
    """Return the configuration that says how the target is prepared."""
    from segan_tl.config.load import load_config

    return load_config(CONFIGS[scale], [])


def _settings_of_source(scale: str):
    from segan_tl.config.load import load_config

    return load_config(CONFIGS[scale], [*LESIONS, *PRETRAINING[scale]])


def cohorts(study, arguments: argparse.Namespace) -> list[Data]:
    """Return source and target; the first is that of the pretraining."""
    return [
        Data(arguments.source_data, _settings_of_source(study.scale), [study.pretraining]),
        Data(arguments.data, load_settings(study.scale), study.target_runs),
    ]


def notice(_arguments: argparse.Namespace) -> str | None:
    """Return what cannot be run: nothing."""
    return None


def plan(study, arguments: argparse.Namespace) -> list[Job]:
    """Return the pretraining and its area under the curve, then every training of the target and its operating point.

    Fold after fold: a study that is stopped has whole ones.
    """
    from segan_tl.papers.kaur.study import AUC, CHOSEN, STARTS

    jobs = [_pretrain(study, arguments), retest(study.pretraining, AUC, "--auc", runs=study.runs)]
    for fold in study.folds:
        for cases in study.cases:
            for start in STARTS:
                jobs.append(_finetune(study, arguments, start, cases=cases, fold=fold))
                run = study.run(cases, start, fold=fold)
                jobs.append(retest(run, CHOSEN, "--operating-point", runs=study.runs))
    return jobs


def _pretrain(study, arguments) -> Job:
    command = (*module("train"), "--config", CONFIGS[study.scale])
    name = study.pretraining.root.parent.name
    command += training_options(of_source(arguments), name, LESIONS + PRETRAINING[study.scale], seed=SEED)
    return Job(job_name(study.pretraining, study.runs), command, weight=3.0)  # 18 epochs, the others 6


def _finetune(study, arguments, start: str, *, cases: int, fold: int) -> Job:
    """Train on so many cases of a fold; what does so from scratch needs the pretraining for its name only."""
    from segan_tl.papers.kaur.study import FOLDS

    command = (*module("finetune"), "--from", str(study.pretraining.root), "--strategy", start)
    command += ("--config", CONFIGS[study.scale], "--fold", str(fold), "--folds", str(FOLDS[study.scale][1]))
    command += training_options(arguments, study.name(cases), (f"data.train_cases={cases}",), seed=SEED)
    name = job_name(study.run(cases, start, fold=fold), study.runs)
    return Job(name, command, needs=(job_name(study.pretraining, study.runs),))


def is_done(job: Job, study, *, scale: str) -> bool:
    """Return whether a job's result is there, made with the settings that it would be made with now."""
    return is_complete(job, study.runs)


def describe(job: Job, study) -> str:
    """Return what a finished job brought, in a few words."""
    from segan_tl.papers.kaur.study import REGIONS

    return describe_scores(job, study.runs, regions=("lesion", *REGIONS))


def write_page(study, *, command: str) -> Path:
    """Write the results page and return its path."""
    from segan_tl.papers.kaur.page import write_page

    return write_page(study, command=command)
