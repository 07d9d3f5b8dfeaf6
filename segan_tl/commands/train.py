"""Train a network: arguments, and the way from a folder of MRI to scores and pictures."""

import shlex
from functools import partial
from pathlib import Path

from segan_tl.workflow.numbers import fold, folds
from segan_tl.workflow.patients import add_patients_argument
from segan_tl.workflow.training import add_training_arguments, train_and_score

MODALITIES = ("t1", "t1c", "t2", "flair")
EPILOG = """examples:
  python -m segan_tl train --config nnunet_small                        the built-in synthetic cohort, two CPU cores
  python -m segan_tl train --config nnunet --data BraTS2021             the published configuration on your data
  python -m segan_tl train --config unet3d_small --modality flair       one modality instead of four
  python -m segan_tl train --config nnunet --data BraTS2021 --fold 0    first of five folds (--folds 10 for ten)
  python -m segan_tl train --config mednext_s --data BraTS2021 --devices gpu:0,1
  python -m segan_tl train --config dann --data AFRICA --source-data BraTS2021   a second cohort to learn from
  python -m segan_tl train --config unet3d --set source.share=0.5 --data AFRICA --source-data BraTS2021
  python -m segan_tl train --config nnunet_small --set critic.filters=[16,32,64] --set name=adversarial

The run is runs/<name of the configuration>/<folder of the data>, with /fold<K> for a fold; with a second cohort
<folder of the data>-with-<folder of the second>. Run the same command again to go on after an interruption.
"""


def add_arguments(parser):
    """Add the command's arguments."""
    parser.description = "Train the network of a configuration: a 3-D U-Net, nnU-Net, MedNeXt, AlbuNet or SegAN."
    parser.epilog = EPILOG
    add_training_arguments(parser)
    add_volume_arguments(parser)


def add_volume_arguments(parser):
    """Add what every training of a volumetric network has: cohorts, modalities, and which cases it is tested on."""
    parser.add_argument(
        "--source-data", type=Path, metavar="DIR",
        help="second cohort, all of which trains, for a configuration with [source] (its synthetic one)",
    )  # fmt: skip
    add_patients_argument(parser, option="--source-patients", of="--source-data")
    parser.add_argument("--modality", choices=(*MODALITIES, "all"), help="what the network sees (the configuration's)")
    parser.add_argument("--split", metavar="RUN", help="take train, validation and test cases from this run")
    parser.add_argument("--fold", type=fold, metavar="K", help="cross-validation: test on fold K, from 0")
    parser.add_argument("--folds", type=folds, metavar="N", help="number of folds, beside --fold (5)")


def run(arguments) -> int:
    """Train, evaluate, say where everything is."""
    this_run, config = plan_run(arguments)
    return train_volumes(arguments, this_run, config)


def train_volumes(arguments, this_run, config) -> int:
    """Train what the arguments mean, evaluate it, say what comes next; return the exit code."""
    from segan_tl.console import console
    from segan_tl.runs import open_run
    from segan_tl.workflow.cohort import choose_split, find_cohort, find_source_cohort, take_split
    from segan_tl.workflow.folds import FOLDS, choose_saved_fold

    if arguments.split:
        split = partial(take_split, open_run(arguments.split, runs=arguments.runs))
    elif arguments.fold is not None:
        folds = arguments.folds or FOLDS
        split = partial(choose_saved_fold, config=config, fold=arguments.fold, folds=folds, run=this_run)
    else:
        split = partial(choose_split, config=config)
    code = train_and_score(
        arguments, config, this_run, find_cohort=lambda: find_cohort(arguments, config), choose_split=split,
        find_source_cohort=lambda: find_source_cohort(arguments, config),
    )  # fmt: skip
    if code == 0:
        console.print(f"next: python -m segan_tl predict {shlex.quote(str(this_run.root))} PATIENT OUT", soft_wrap=True)
    return code


def plan_run(arguments):
    """Return the run that the arguments mean, there or not, and its configuration; `crossval` asks for them, too.

    Raises:
        UserError: the arguments or the configuration have a mistake.
    """
    from segan_tl.disk.paths import run_folder
    from segan_tl.errors import UserError

    if not arguments.config:
        raise UserError(
            "--config is missing; expected a file, or a name that python -m segan_tl configs lists, such as --config "
            "nnunet_small"
        )
    config = load_configuration(arguments)
    if arguments.source_data and not config.source:
        raise UserError(
            f"--source-data needs the section [source] in {arguments.config}, which says how much of the training "
            "comes from there: add --set source.share=0.5"
        )
    check_cohorts(arguments, config)
    folder = run_folder(arguments.runs, config.name, cohort_name(arguments, config))
    return plan_fold(arguments, folder, config), config


def check_cohorts(arguments, config) -> None:
    """Refuse a folder of cases beside a synthetic cohort that would stand in for the one that was not given.

    Raises:
        UserError: it names the option that is missing.
    """
    from segan_tl.errors import UserError

    if not config.source or bool(arguments.data) == bool(arguments.source_data):
        return
    given, missing = ("--data", "--source-data") if arguments.data else ("--source-data", "--data")
    which = "second cohort, of [source]," if arguments.data else "first cohort, which is tested,"
    raise UserError(
        f"{given} names cases for one of two cohorts; the {which} would be a synthetic one: add {missing} DIR, or "
        f"leave {given} out, too, to try both with synthetic patients"
    )


def plan_fold(arguments, folder, config):
    """Return the run in a folder, or below it that of the fold which the arguments name.

    Raises:
        UserError: there is no such fold, or a split is named as well.
    """
    from segan_tl.errors import UserError
    from segan_tl.runs import Run
    from segan_tl.workflow.folds import check_fold

    if arguments.fold is not None and arguments.split:
        raise UserError("--fold and --split both choose the test cases; leave one of them out")
    this_run = Run(folder if arguments.fold is None else folder / f"fold{arguments.fold}")
    check_fold(arguments, this_run, seed=config.seed)
    return this_run


def overrides_of(arguments) -> list[str]:
    """Return what the arguments change in a configuration."""
    overrides = list(arguments.set)
    if arguments.modality:
        modalities = MODALITIES if arguments.modality == "all" else (arguments.modality,)
        overrides.append(f"data.modalities={list(modalities)}")
    if arguments.seed is not None:
        overrides.append(f"seed={arguments.seed}")
    return overrides


def load_configuration(arguments):
    """Return the configuration that --config names, with what the arguments change in it."""
    from segan_tl.config.load import load_config

    return load_config(arguments.config, overrides_of(arguments))


def cohort_name(arguments, config) -> str:
    """Return how a run is named after its data: <cohort>[-with-<second cohort>][-<modality>].

    Raises:
        UserError: a run cannot be named after a folder of cases.
    """
    from segan_tl.disk.paths import folder_name

    cohort = folder_name(arguments.data, "the folder of --data") if arguments.data else config.phantom.cohort
    if config.source:
        source = arguments.source_data
        second = folder_name(source, "the folder of --source-data") if source else config.source.phantom.cohort
        cohort += f"-with-{second}"
    one = config.data.modalities[0] if len(config.data.modalities) == 1 else None
    return "-".join(filter(None, (cohort, one)))
