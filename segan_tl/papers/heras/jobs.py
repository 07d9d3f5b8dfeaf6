"""The jobs of `reproduce heras-rivera-2024`: six approaches, those that learn from the target once a fold."""

import argparse
from pathlib import Path

from segan_tl.papers.jobs import (
    Data,
    describe_scores,
    is_complete,
    job_name,
    module,
    of_source,
    options,
    retest,
    training_options,
    two_cohorts,
)
from segan_tl.workflow.jobs import Job

SEED = 0
# Configuration of one cohort and of two; with the classifier.
PLAIN = {"quick": "heras_quick", "full": "unet3d"}
ADVERSARIAL = {"quick": "heras_quick", "full": "dann"}
# The synthetic target, for the small configuration whose own cohort is the source.
TARGET = {"quick": ("phantom.cohort=glioma-1.5t", "phantom.cases=40", "phantom.seed=2024"), "full": ()}
# The ratio of the full scale is that of the cohorts' sizes, as if they were one folder (dann.toml).
SHARE = {"quick": "source.share=0.5", "full": "source.share=0.93"}
FINETUNING = {"quick": ("train.epochs=6",), "full": ()}
# The paper's weight, 1/50; a level further out than its place, where 400 steps are too few to learn anything.
CLASSIFIER = {"quick": ("adversary.weight=0.02", "adversary.layer=enc2_act1"), "full": ()}


def make_study(arguments: argparse.Namespace, scale: str, out: Path):
    """Return where the runs and the page are."""
    from segan_tl.papers.heras.study import Study

    target, source = two_cohorts(arguments, target=load_settings(scale), source=_settings_of_source(scale))
    return Study(arguments.runs, scale, out, target, source)


def load_settings(scale: str):
    """Return the configuration that says how the target is prepared."""
    from segan_tl.config.load import load_config

    return load_config(PLAIN[scale], list(TARGET[scale]))


def _settings_of_source(scale: str):
    from segan_tl.config.load import load_config

    return load_config(PLAIN[scale], [])


def cohorts(study, arguments: argparse.Namespace) -> list[Data]:
    """Return source and target; the first is that of the baseline."""
    return [
        Data(arguments.source_data, _settings_of_source(study.scale), [study.baseline]),
        Data(arguments.data, load_settings(study.scale), study.fold_runs),
    ]


def notice(_arguments: argparse.Namespace) -> str | None:
    """Return what cannot be run: nothing."""
    return None


def plan(study, arguments: argparse.Namespace) -> list[Job]:
    """Return the baseline, its test on the target, and fold by fold what learns from the target."""
    from segan_tl.workflow.synthetic import synthetic_folder

    target = arguments.data or synthetic_folder(load_settings(study.scale).phantom, arguments.cache)
    jobs = [_baseline(study, arguments)]
    folds = []
    for number in range(study.folds):
        folds += [_both(study, arguments, approach, fold=number) for approach in ("combined", "dann")]
        folds.append(_both(study, arguments, "dann-no-reversal", fold=number))
        folds += [_finetune(study, arguments, strategy, fold=number) for strategy in ("all", "frozen-decoder")]
    again = retest(study.baseline, study.untouched, "--data", str(target), runs=study.runs)
    return [*jobs, *folds, again]


def _baseline(study, arguments) -> Job:
    """Train on the source alone."""
    command = (*module("train"), "--config", PLAIN[study.scale])
    command += training_options(of_source(arguments), study.name("baseline"), (), seed=SEED)
    return Job(job_name(study.baseline, study.runs), command)


def _both(study, arguments, approach: str, *, fold: int) -> Job:
    """Train on the source and on the target's training cases of a fold, with the classifier or without."""
    from segan_tl.papers.heras.study import ADVERSARIAL as WITH_CLASSIFIER

    adversarial = approach in WITH_CLASSIFIER
    settings = (*TARGET[study.scale], SHARE[study.scale], *_phantom_of_source(study.scale))
    settings += CLASSIFIER[study.scale] if adversarial else ()
    settings += ("adversary.reversal=false",) if approach == "dann-no-reversal" else ()
    config = (ADVERSARIAL if adversarial else PLAIN)[study.scale]
    command = (*module("train"), "--config", config, *_fold(study, fold))
    command += options("--source-data", arguments.source_data)
    command += training_options(arguments, study.name(approach), settings, seed=SEED)
    return Job(job_name(study.fold(approach, fold), study.runs), command)


def _finetune(study, arguments, strategy: str, *, fold: int) -> Job:
    """Go on with the baseline on the target's training cases of a fold."""
    settings = TARGET[study.scale] + FINETUNING[study.scale]
    origin = ("--from", str(study.baseline.root), "--strategy", strategy, "--config", PLAIN[study.scale])
    command = (*module("finetune"), *origin, *_fold(study, fold))
    command += training_options(arguments, study.name(strategy), settings, seed=SEED)
    return Job(job_name(study.fold(strategy, fold), study.runs), command, needs=(job_name(study.baseline, study.runs),))


def _fold(study, number: int) -> tuple[str, ...]:
    return ("--fold", str(number), "--folds", str(study.folds))


def _phantom_of_source(scale: str) -> tuple[str, ...]:
    """Return the settings of the second cohort that make it the synthetic source."""
    phantom = _settings_of_source(scale).phantom
    values = {"cohort": phantom.cohort, "cases": phantom.cases, "shape": list(phantom.shape), "seed": phantom.seed}
    return tuple(f"source.phantom.{key}={value}" for key, value in values.items()) if scale == "quick" else ()


def is_done(job: Job, study, *, scale: str) -> bool:
    """Return whether a job's result is there, made with the settings that it would be made with now."""
    return is_complete(job, study.runs)


def describe(job: Job, study) -> str:
    """Return what a finished job brought, in a few words."""
    from segan_tl.papers.heras.study import REGIONS

    return describe_scores(job, study.runs, regions=REGIONS)


def write_page(study, *, command: str) -> Path:
    """Write the results page and return its path."""
    from segan_tl.papers.heras.page import write_page

    return write_page(study, command=command)
