"""The jobs of `reproduce kaur-2019`: multiple sclerosis first, then glioma from five starts by number of cases."""

import argparse

from segan_tl.papers.cohorts import Cohort
from segan_tl.papers.jobs import of_source, retest, train
from segan_tl.papers.kaur.study import AUC, CHOSEN, CONFIGS, FOLDS, Study
from segan_tl.workflow.jobs import Job

# What the configuration of the target changes for lesions: one region, weighted binary cross-entropy.
LESIONS = (
    "data.regions=[lesion]", "model.activation=sigmoid", "predict.decision=threshold", "train.loss=bce",
    "train.class_weights=[5.0]", "data.split=[0.7, 0.1, 0.2]",
)  # fmt: skip
SHORT = ("phantom.cohort=ms", "phantom.cases=60", "phantom.seed=2019", "train.epochs=18")
TARGET = Cohort(CONFIGS)
SOURCE = Cohort(CONFIGS, {"quick": LESIONS + SHORT, "full": LESIONS})


def plan(study: Study, arguments: argparse.Namespace) -> list[Job]:
    """Return the pretraining and its area under the curve, then the trainings of the target, each with its retest."""
    words, settings = ("train", "--config", CONFIGS[study.scale]), SOURCE.settings[study.scale]
    # 18 epochs, the others 6
    first = train(study, of_source(arguments), study.pretraining, words, settings=settings, weight=3.0)
    jobs = [first, retest(study, first, AUC, "--auc")]
    for job in study.curve.jobs():
        jobs += [job, retest(study, job, CHOSEN, "--operating-point")]
    return jobs


def divide(study: Study, cohort) -> None:
    """Write the folds of the target, or hold those that are there to its cases."""
    from segan_tl.workflow.splits import choose_fold, keep_division

    config, cases = TARGET.load(study.scale), {case.id for case in cohort.cases}
    for fold, path in enumerate(study.curve.divisions):
        keep_division(
            path, cohort, cases, draw=lambda fold=fold: choose_fold(
                cohort, cases, config=config, fold=fold, folds=FOLDS[study.scale][1]
            ),
        )  # fmt: skip
