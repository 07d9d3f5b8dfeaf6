"""The jobs of `reproduce wacker-2020`: AlbuNet2D and 3D, from random and from ImageNet weights, five seeds each."""

import argparse
from pathlib import Path

from segan_tl.disk.manifest import sha256
from segan_tl.errors import UserError
from segan_tl.papers.cohorts import Cohort
from segan_tl.papers.jobs import train
from segan_tl.papers.wacker.study import NETWORKS, SEEDS, STARTS, WEIGHTS, Study
from segan_tl.workflow.jobs import Job
from segan_tl.workflow.trainings import module

# Configuration of each network, and what it changes there.
SCALES = {
    "quick": {
        "albunet3d": ("wacker_quick", ()),
        "albunet2d": (
            "wacker_quick",
            ("model.family=albunet2d", "data.patch=[1, 64, 64]", "train.batch_size=24", "predict.batch_size=48"),
        ),
    },
    "full": {"albunet3d": ("albunet3d", ()), "albunet2d": ("albunet2d", ())},
}
TARGET = Cohort({scale: networks["albunet3d"][0] for scale, networks in SCALES.items()})  # prepared alike for both


def plan(study: Study, arguments: argparse.Namespace) -> list[Job]:
    """Return the trainings, seed by seed, without those from ImageNet where there is no file of weights.

    A file that is not Keras' own yet is imported first, into the cache, under a name that its content gives.
    """
    jobs, weights = [], arguments.resnet34
    if weights and weights.suffix != ".keras":
        imported = _imported(arguments)
        command = (*module("import"), str(weights), str(imported), "--from", "resnet34", "--overwrite")
        jobs, weights = [Job(f"import/{imported.name}", command, weight=0.05)], imported
    needs = tuple(jobs)
    for seed in SEEDS:
        for network in NETWORKS:
            for start in STARTS if weights else ("random",):
                config, settings = SCALES[study.scale][network]
                pretrained = start == "imagenet"
                settings += (f"model.pretrained={weights}",) if pretrained else ()
                run, words = study.run(network, start, seed=seed), ("train", "--config", config)
                needed = needs if pretrained else ()
                jobs.append(train(study, arguments, run, words, settings=settings, seed=seed, needs=needed))
    return jobs


def check_weights(arguments: argparse.Namespace) -> str | None:
    """Return what cannot be run without weights; refuse what is none before hours of training.

    The content of what is not imported yet is checked when it is.

    Raises:
        UserError: the file is missing, or of another kind.
    """
    file = arguments.resnet34
    if file is None:
        return (
            "ImageNet weights are missing, so only the half from random weights is run and the other cells stay empty: "
            f"give {WEIGHTS} with --resnet34 FILE"
        )
    if not file.is_file():
        raise UserError(f"--resnet34: there is no {file}; expected {WEIGHTS}, or what import made of it")
    if file.suffix == ".keras" and _architecture(file) != "ResNet34":
        raise UserError(f"--resnet34: {file} is not what `import` makes of a ResNet34; expected {WEIGHTS}")
    return None


def _architecture(file: Path) -> str | None:
    from segan_tl.console import start_tensorflow

    start_tensorflow()
    from segan_tl.models.provenance import read_provenance

    return read_provenance(file).get("configuration")


def _imported(arguments: argparse.Namespace) -> Path:
    """Return where the imported weights go: other weights have another name."""
    return arguments.cache / f"resnet34-{sha256(arguments.resnet34)[:8]}.keras"
