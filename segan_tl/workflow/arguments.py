"""The arguments that every training has, and what they change in its configuration."""

from pathlib import Path

from segan_tl.environment import jobs_that_fit
from segan_tl.regions import MODALITIES
from segan_tl.train.machines.roster import KINDS
from segan_tl.workflow.numbers import device, fold, folds, positive, seed
from segan_tl.workflow.patients import add_patients_argument

PREPARATION_MIB = 512  # of a case of four modalities at 240 × 240 × 155 while it is prepared


def add_training_arguments(parser):
    """Add the arguments that every training has."""
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder of cases (default: the synthetic cohort)")
    add_patients_argument(parser)
    parser.add_argument("--config", metavar="FILE", help="TOML file, or a name that the command configs lists")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="change one value of the config"
    )
    parser.add_argument("--runs", type=Path, default=Path("runs"), metavar="DIR", help="where runs are kept (runs)")
    parser.add_argument("--cache", type=Path, default=Path("cache"), metavar="DIR", help="prepared volumes (cache)")
    parser.add_argument(
        "--devices", type=device, metavar="D", help="cpu, cpu:2, gpu, gpu:0,1 (default: all GPUs, else the CPU)"
    )
    parser.add_argument(
        "--distributed", choices=KINDS,
        help="this is one of several processes, on machines that share their disks, by Slurm's variables or TF_CONFIG",
    )  # fmt: skip
    parser.add_argument("--seed", type=seed, metavar="N", help="seed of everything random (0)")
    parser.add_argument(
        "--jobs", type=positive, default=preparation_jobs(), metavar="N",
        help="cases prepared at a time (as cores and memory allow)",
    )  # fmt: skip
    parser.add_argument("--skip-bad-cases", action="store_true", help="leave damaged cases out instead of stopping")
    parser.add_argument(
        "--overwrite", action="store_true",
        help="start anew: what an earlier run wrote goes once there is a checkpoint, what else lies there stays",
    )  # fmt: skip
    parser.add_argument("--no-report", action="store_true", help="leave report.html out")


def preparation_jobs() -> int:
    """Return how many cases may be prepared at a time here."""
    return jobs_that_fit(PREPARATION_MIB)


def add_second_cohort_arguments(parser):
    """Add the arguments about a second cohort, and about which cases are tested."""
    parser.add_argument(
        "--source-data", type=Path, metavar="DIR",
        help="second cohort, all of which trains, for a configuration with [source] (its synthetic one)",
    )  # fmt: skip
    add_patients_argument(parser, option="--source-patients", of="--source-data")
    add_split_argument(parser)
    parser.add_argument("--fold", type=fold, metavar="K", help="cross-validation: test on fold K, from 0")
    parser.add_argument("--folds", type=folds, metavar="N", help="number of folds, beside --fold (5)")
    add_stratify_argument(parser)


def add_stratify_argument(parser):
    """Add --stratify."""
    parser.add_argument(
        "--stratify", metavar="S",
        help="of which every fold gets its share: grade, site, volume, none, or a file of groups, such as groups.json "
        "of radiomics --clusters, or a table case,group (grade)",
    )  # fmt: skip


def add_split_argument(parser):
    """Add --split."""
    parser.add_argument(
        "--split", metavar="RUN", help="train, validate, test on the cases of a run, or of a file like its splits.json"
    )


def overrides_of(arguments) -> list[str]:
    """Return what the arguments change in a configuration."""
    overrides = list(arguments.set)
    if arguments.target:
        overrides.append(f"data.modalities={list(target_of(arguments))}")
        overrides.append(f"data.subsets={'any' if arguments.target == 'any' else 'all'}")
    if arguments.seed is not None:
        overrides.append(f"seed={arguments.seed}")
    return overrides


def target_of(arguments) -> tuple[str, ...]:
    """Return the modalities that --target, or --modality, names.

    Raises:
        UserError: it is none of them.
    """
    from segan_tl.errors import UserError, nearest

    known = (*MODALITIES, "all", "any")
    if arguments.target not in known:
        near = nearest(arguments.target, known, cutoff=0.0)
        raise UserError(f"unknown modality {arguments.target}; expected {', '.join(known)}; type --target {near}")
    return MODALITIES if arguments.target in ("all", "any") else (arguments.target,)
