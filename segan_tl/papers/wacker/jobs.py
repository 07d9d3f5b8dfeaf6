"""The jobs of `reproduce wacker-2020`: AlbuNet2D and 3D, from random and from ImageNet weights, five seeds each."""

import argparse
from pathlib import Path

from segan_tl.papers.jobs import Data, is_trained, module, training_options
from segan_tl.workflow.jobs import Job

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
WEIGHTS = (
    "torchvision's ResNet34 trained on ImageNet, the file resnet34-b627a593.pth or resnet34-333f7ec4.pth that "
    'torchvision.models.resnet34(weights="IMAGENET1K_V1") downloads from https://download.pytorch.org/models/'
)


def make_study(arguments: argparse.Namespace, scale: str, out: Path):
    """Return where the runs and the page are.

    Raises:
        UserError: --resnet34 is no weights of a ResNet34.
    """
    from segan_tl.disk.paths import folder_name
    from segan_tl.papers.wacker.study import Study

    check_weights(arguments.resnet34)
    data = arguments.data
    folder = folder_name(data, "the folder of --data") if data else load_settings(scale).phantom.cohort
    return Study(arguments.runs, scale, out, folder)


def load_settings(scale: str):
    """Return the configuration that says how the data is prepared; it is the same for both networks."""
    from segan_tl.config.load import load_config

    return load_config(SCALES[scale]["albunet3d"][0], [])


def plan(study, arguments: argparse.Namespace) -> list[Job]:
    """Return the trainings, seed by seed, without those from ImageNet where there is no file of weights.

    A file that is not Keras' own yet is imported first, into the cache, under a name that its content gives.
    """
    from segan_tl.papers.wacker.study import NETWORKS, SEEDS, STARTS

    jobs, needs, weights = [], (), arguments.resnet34
    if weights and weights.suffix != ".keras":
        imported = _imported(arguments)
        command = (*module("import"), str(weights), str(imported), "--from", "resnet34", "--overwrite")
        jobs.append(Job(f"import/{imported.name}", command, weight=0.05))
        weights, needs = imported, (jobs[0].name,)
    starts = [start for start in STARTS if weights or start == "random"]
    for seed in SEEDS:
        for network in NETWORKS:
            for start in starts:
                pretrained = weights if start == "imagenet" else None
                job = _train(study, arguments, network, start=start, seed=seed, pretrained=pretrained)
                jobs.append(Job(job.name, job.command, needs=needs if pretrained else ()))
    return jobs


def notice(arguments: argparse.Namespace) -> str | None:
    """Return in one sentence what cannot be run, None where everything can."""
    if arguments.resnet34:
        return None
    return (
        "ImageNet weights are missing, so only the half from random weights is run and the other cells stay empty: "
        f"give {WEIGHTS} with --resnet34 FILE"
    )


def cohorts(study, arguments: argparse.Namespace) -> list[Data]:
    """Return the cohort that everything is trained and tested on."""
    return [Data(arguments.data, load_settings(study.scale), study.all_runs)]


def is_done(job: Job, study, *, scale: str) -> bool:
    """Return whether a job's result is there, made with the settings that it would be made with now."""
    from segan_tl.runs import Run

    if job.name.startswith("import/"):
        return Path(job.command[5]).is_file()
    return is_trained(job, Run(study.runs / job.name), config=job.command[job.command.index("--config") + 1])


def describe(job: Job, study) -> str:
    """Return what a finished job brought, in a few words."""
    from segan_tl.papers.runs import mean, read_scores
    from segan_tl.papers.wacker.study import REGION_NAMES
    from segan_tl.runs import Run

    if job.name.startswith("import/"):
        return "written"
    scores = {region: mean(read_scores(Run(study.runs / job.name), region=region)) for region in REGION_NAMES}
    if None in scores.values():
        return "no test case"
    return "test Dice " + ", ".join(f"{REGION_NAMES[region]} {value:.3f}" for region, value in scores.items())


def write_page(study, *, command: str) -> Path:
    """Write the results page and return its path."""
    from segan_tl.papers.wacker.page import write_page

    return write_page(study, command=command, weights=WEIGHTS)


def check_weights(file: Path | None) -> None:
    """Refuse what is no file of weights before hours of training; its content is checked when it is imported.

    Raises:
        UserError: it is missing, or of another kind.
    """
    from segan_tl.errors import UserError

    if file is None:
        return
    if not file.is_file():
        raise UserError(f"--resnet34: there is no {file}; expected {WEIGHTS}, or what import made of it")
    if file.suffix != ".keras":
        return
    from segan_tl.console import start_tensorflow

    start_tensorflow()
    from segan_tl.models.provenance import read_provenance

    if read_provenance(file).get("configuration") != "ResNet34":
        raise UserError(f"--resnet34: {file} is not what `import` makes of a ResNet34; expected {WEIGHTS}")


def _imported(arguments: argparse.Namespace) -> Path:
    """Return where the imported weights go: other weights have another name."""
    from segan_tl.disk.manifest import sha256

    return arguments.cache / f"resnet34-{sha256(arguments.resnet34)[:8]}.keras"


def _train(study, arguments, network, *, start, seed, pretrained) -> Job:
    config, settings = SCALES[study.scale][network]
    settings += (f"model.pretrained={pretrained}",) if pretrained else ()
    name = study.run_name(network, start, seed=seed)
    command = (*module("train"), "--config", config)
    command += training_options(arguments, name, settings, seed=seed)
    return Job(f"{name}/{study.folder}", command)
