"""The jobs of `reproduce heras-rivera-2024`: seven approaches, those that learn from the target once a fold."""

import argparse

from segan_tl.papers.cohorts import Cohort
from segan_tl.papers.heras.study import ADVERSARIAL, FINETUNING, OURS, Study
from segan_tl.papers.jobs import NEW_RECIPE, of_source, retest, train
from segan_tl.workflow.jobs import Job
from segan_tl.workflow.trainings import options

# Configuration of one cohort and of two; with the classifier.
PLAIN = {"quick": "heras_quick", "full": "unet3d"}
WITH_CLASSIFIER = {"quick": "heras_quick", "full": "dann"}
SOURCE = Cohort(PLAIN)
# The synthetic target, for the small configuration whose own cohort is the source.
OTHER = {"quick": ("phantom.cohort=glioma-1.5t", "phantom.cases=40", "phantom.seed=2024"), "full": ()}
TARGET = Cohort(PLAIN, OTHER)
# The ratio of the full scale is that of the cohorts' sizes, as if they were one folder (dann.toml).
SHARE = {"quick": "source.share=0.5", "full": "source.share=0.93"}
SHORTER = {"quick": ("train.epochs=6",), "full": ()}
# The paper's weight, 1/50; a level further out than its place, where 400 steps are too few to learn anything.
CLASSIFIER = {"quick": ("adversary.weight=0.02", "adversary.layer=enc2_act1"), "full": ()}


def plan(study: Study, arguments: argparse.Namespace) -> list[Job]:
    """Return the baseline, its test on the target, and fold by fold what learns from the target."""
    from segan_tl.workflow.synthetic import synthetic_folder

    target = arguments.data or synthetic_folder(TARGET.load(study.scale).phantom, arguments.cache)
    baseline = train(study, of_source(arguments), study.baseline, ("train", "--config", PLAIN[study.scale]))
    jobs = [baseline]
    for number in range(study.folds):
        jobs += [_both(study, arguments, approach, fold=number) for approach in ("combined", *ADVERSARIAL)]
        jobs += [_finetune(study, arguments, approach, fold=number, baseline=baseline) for approach in FINETUNING]
    return [*jobs, retest(study, baseline, study.untouched, "--data", str(target))]


def _both(study: Study, arguments, approach: str, *, fold: int) -> Job:
    """Train on the source and on the target's training cases of a fold, with the classifier or without."""
    adversarial, scale = approach in ADVERSARIAL, study.scale
    settings = (*OTHER[scale], SHARE[scale], *_phantom_of_source(scale))
    settings += CLASSIFIER[scale] if adversarial else ()
    settings += ("adversary.reversal=false",) if approach == "dann-no-reversal" else ()
    words = ("train", "--config", (WITH_CLASSIFIER if adversarial else PLAIN)[scale], *_fold(study, fold))
    words += options("--source-data", arguments.source_data)
    return train(study, arguments, study.fold(approach, fold), words, settings=settings)


def _finetune(study: Study, arguments, approach: str, *, fold: int, baseline: Job) -> Job:
    """Go on with the baseline on the target's training cases of a fold."""
    origin = ("--from", str(study.baseline.root), "--strategy", FINETUNING[approach], "--config", PLAIN[study.scale])
    words, settings = ("finetune", *origin, *_fold(study, fold)), OTHER[study.scale] + SHORTER[study.scale]
    settings += NEW_RECIPE if approach == OURS else ()
    return train(study, arguments, study.fold(approach, fold), words, settings=settings, needs=(baseline,))


def _fold(study: Study, number: int) -> tuple[str, ...]:
    return ("--fold", str(number), "--folds", str(study.folds))


def _phantom_of_source(scale: str) -> tuple[str, ...]:
    """Return the settings of the second cohort that make it the synthetic source."""
    values = SOURCE.load(scale).phantom.model_dump(mode="json")
    return tuple(f"source.phantom.{key}={value}" for key, value in values.items()) if scale == "quick" else ()
