"""The jobs of `reproduce kaur-2019`: multiple sclerosis first, then glioma from four starts by number of cases."""

import argparse

from segan_tl.papers.cohorts import Cohort
from segan_tl.papers.jobs import of_source, retest, train
from segan_tl.papers.kaur.study import AUC, CHOSEN, FOLDS, STARTS, Study
from segan_tl.workflow.jobs import Job

CONFIGS = {"quick": "kaur_quick", "full": "kaur"}
# What the configuration of the target changes for lesions: one region, weighted binary cross-entropy.
LESIONS = (
    "data.regions=[lesion]", "model.activation=sigmoid", "predict.decision=threshold", "train.loss=bce",
    "train.class_weights=[5.0]", "data.split=[0.7, 0.1, 0.2]",
)  # fmt: skip
SHORT = ("phantom.cohort=ms", "phantom.cases=60", "phantom.seed=2019", "train.epochs=18")
TARGET = Cohort(CONFIGS)
SOURCE = Cohort(CONFIGS, {"quick": LESIONS + SHORT, "full": LESIONS})


def plan(study: Study, arguments: argparse.Namespace) -> list[Job]:
    """Return the pretraining and its area under the curve, then every training of the target and its operating point.

    Fold after fold: a study that is stopped has whole ones. What is trained from scratch needs the pretraining for its
    name only.
    """
    config = CONFIGS[study.scale]
    words, settings = ("train", "--config", config), SOURCE.settings[study.scale]
    # 18 epochs, the others 6
    first = train(study, of_source(arguments), study.pretraining, words, settings=settings, weight=3.0)
    jobs = [first, retest(study, first, AUC, "--auc")]
    origin = ("--from", str(study.pretraining.root))
    for fold in study.folds:
        part = ("--fold", str(fold), "--folds", str(FOLDS[study.scale][1]))
        for cases in study.cases:
            for start in STARTS:
                words = ("finetune", *origin, "--strategy", start, "--config", config, *part)
                run, settings = study.run(cases, start, fold=fold), (f"data.train_cases={cases}",)
                second = train(study, arguments, run, words, settings=settings, needs=(first,))
                jobs += [second, retest(study, second, CHOSEN, "--operating-point")]
    return jobs
