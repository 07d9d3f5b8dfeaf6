"""The jobs of `reproduce parida-2024`: trainings, and the commands that make groups, masks and scores of them."""

import argparse
from pathlib import Path

from segan_tl.papers.cohorts import Cohort
from segan_tl.papers.jobs import make, of_source, train
from segan_tl.papers.parida.study import CONFIGS, ENSEMBLE, FAMILIES, FINAL, FINETUNED, PRETRAINED, SCRATCH, Study
from segan_tl.workflow.jobs import Job

# The synthetic target, for small configurations whose own cohort is the source; both are made with the variety "hard".
OTHER = ("phantom.cohort=glioma-1.5t", "phantom.cases=40", "phantom.seed=2024")
SETTINGS = {"quick": OTHER, "full": ()}
# Of the pretraining, and of what learns from the target; the paper says "the same configuration" of both.
FIRST = {"quick": (), "full": ("train.epochs=200",)}
SECOND = {"quick": ("train.epochs=8",), "full": ("train.epochs=200",)}
PREPARED = {scale: families["nnunet"] for scale, families in CONFIGS.items()}  # alike for both networks
SOURCE, TARGET = Cohort(PREPARED), Cohort(PREPARED, SETTINGS)
# As the authors' code has it: z-scores of the whole image in bins of 25, each case to length 1.
RADIOMICS = ("--discretisation", "authors", "--scaling", "l2")
CHALLENGE = ("--challenge", "brats-ssa")
# For the authors' steps of 25 voxels of 1 mm3, which tune-postprocess has by default: 3 of 8 mm3.
SYNTHETIC_SIZES = ("--sizes", "0:57:3")


def require_radiomics(_: argparse.Namespace) -> None:
    """Refuse to begin without what computes the features.

    Raises:
        UserError: MIRP is not installed.
    """
    from segan_tl.radiomics.ask_mirp import require_mirp

    require_mirp()


def plan(study: Study, arguments: argparse.Namespace) -> list[Job]:
    """Return the groups, the pretrainings, every fold from both starts, the ensemble and its post-processing."""
    from segan_tl.workflow.synthetic import synthetic_folder

    data = arguments.data or synthetic_folder(TARGET.load(study.scale).phantom, arguments.cache)
    groups = _group(study, data, "truth")
    sources = {family: _pretrain(study, arguments, family) for family in FAMILIES}
    jobs, finetuned = [groups, *sources.values()], []
    for fold in study.folds:
        for family in FAMILIES:
            scratch = _learn(study, arguments, SCRATCH, family, fold=fold, needs=(groups,))
            tuned = _learn(study, arguments, FINETUNED, family, fold=fold, needs=(groups, sources[family]))
            jobs += [scratch, _score_fold(study, scratch, data, f"{SCRATCH}-{family}", fold)]
            jobs += [tuned, _score_fold(study, tuned, data, f"{FINETUNED}-{family}", fold)]
            finetuned.append(tuned)
    for family, source in sources.items():
        jobs += _untouched(study, family, source, data)
    together = [_answer(study, fold, data, needs=finetuned) for fold in study.folds]
    jobs += [job for pair in together for job in pair]
    return [*jobs, *_postprocess(study, data, answers=[answer for answer, _ in together])]


# === Trainings ===


def _pretrain(study: Study, arguments, family: str) -> Job:
    settings, words = FIRST[study.scale], ("train", "--config", CONFIGS[study.scale][family])
    return train(study, of_source(arguments), study.pretraining(family), words, settings=settings, weight=1.3)


def _learn(study: Study, arguments, start: str, family: str, *, fold: int, needs: tuple[Job, ...]) -> Job:
    """Train on a fold of the target, from scratch or from the pretraining, all weights of which come over and learn."""
    begin = ("train",)
    if start == FINETUNED:
        begin = ("finetune", "--from", str(study.pretraining(family).root), "--strategy", "full")
    folds = ("--fold", str(fold), "--folds", str(len(study.folds)), "--stratify", str(study.file("truth.json")))
    words = (*begin, "--config", CONFIGS[study.scale][family], *folds)
    settings = SETTINGS[study.scale] + SECOND[study.scale]
    return train(study, arguments, study.fold(start, family, fold), words, settings=settings, needs=needs)


# === What is made of them ===


def _group(study: Study, data: Path, name: str, *options: str, needs: list[Job] = ()) -> Job:
    """Compute the features of all cases and put them into clusters."""
    clusters = str(study.file(f"{name}.npz"))
    words = (str(data), str(study.file(f"{name}.csv")), "--clusters", clusters, "--overwrite", *RADIOMICS, *options)
    return make(study, study.file(f"{name}.json"), "radiomics", *words, needs=needs, weight=0.5)


def _score_fold(study: Study, training: Job, data: Path, row: str, fold: int) -> Job:
    return _score(study, study.runs / training.name, data, study.scores(row, fold), needs=[training])


def _score(study: Study, masks: Path, data: Path, out: Path, *options: str, needs: list[Job]) -> Job:
    words = (str(masks), str(data), "--out", str(out), "--overwrite", *CHALLENGE, *options)
    return make(study, out, "evaluate", *words, needs=needs)


def _untouched(study: Study, family: str, source: Job, data: Path) -> list[Job]:
    """Segment all of the target with the network of the source, and score that."""
    row, masks = f"{PRETRAINED}-{family}", study.file(f"{PRETRAINED}-{family}")
    words = (str(study.pretraining(family).root), str(data), str(masks), "--overwrite")
    answer = make(study, masks / "volumes.csv", "predict", *words, needs=[source], weight=0.3)
    return [answer, _score(study, masks, data, study.scores(row), needs=[answer])]


def _answer(study: Study, fold: int, data: Path, *, needs: list[Job]) -> tuple[Job, Job]:
    """Segment the cases of a fold with the two networks that have not seen them, and score that."""
    runs, masks = [str(study.crossval(FINETUNED, family)) for family in FAMILIES], study.answers(fold)
    words = (*runs, str(data), str(masks), "--ensemble", "weighted", "--fold", str(fold), "--overwrite")
    answer = make(study, masks / "volumes.csv", "predict", *words, needs=needs, weight=0.3)
    # Of the other folds' cases there are no masks here.
    return answer, _score(study, masks, data, study.scores(ENSEMBLE, fold), "--allow-missing", needs=[answer])


def _postprocess(study: Study, data: Path, *, answers: list[Job]) -> list[Job]:
    """Group the ensemble's masks, choose thresholds for each fold on the others, and score what they leave."""
    masks, left, out = study.file(ENSEMBLE), study.file("masks"), study.file("postprocess.json")
    groups = _group(study, data, "predicted", "--predictions", str(masks), needs=answers)
    words = ("--predictions", str(masks), "--truth", str(data), "--clusters", str(study.file("predicted.json")))
    sizes = () if study.data else SYNTHETIC_SIZES
    words += (*CHALLENGE, *sizes, "--out", str(out), "--masks", str(left))
    tune = make(study, out, "tune-postprocess", *words, needs=[*answers, groups], weight=0.3)
    return [groups, tune, _score(study, left, data, study.scores(FINAL), needs=[tune])]
