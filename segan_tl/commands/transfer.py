"""Move a trained model to another modality, scanner or disease: arguments, the run's place, what it was worth."""

import argparse
import shlex
from functools import partial

from segan_tl.config.strategies import ALIASES, STRATEGIES, WITHOUT_WEIGHTS, strategy_named
from segan_tl.parser import Once
from segan_tl.workflow.arguments import add_second_cohort_arguments, add_training_arguments, target_of
from segan_tl.workflow.machines import is_chief, mistakes_told
from segan_tl.workflow.training import train_and_score

EPILOG = """strategies (a paper's word for it: [H] Heras Rivera 2024, [K] Kaur 2019)
{strategies}

  all and Fine-Tuning [H] are full, FT_LastThree, FT_Decoder, FT_All [K] the three of the last three layers. A head of
  other regions is new, and said so; what is new trains, wherever it stands.

examples:
  %(prog)s --source flair --target t2                     to another modality, same patients, same split
  %(prog)s --source flair --target t2 --freeze-critic     the source's critic judges, and stands still
  %(prog)s --source cpu/flair --target t1 --strategy freeze-encoder
  %(prog)s --source flair --target all --map t1=flair     FLAIR's weights feed FLAIR and T1, two are new
  %(prog)s --from unet3d/BraTS2021 --strategy freeze-decoder --data BraTS-Africa --fold 0 --folds 10
  %(prog)s --from unet3d/MS --strategy ft_all --data BraTS2018 --set 'data.regions=[ncr,ed,et]'
  %(prog)s --from unet3d/BraTS2021 --strategy combined --data BraTS-Africa
  %(prog)s --from zoo:segan_t2 --target t2 --data CLINIC --config segan_cpu --rehearse
                                     a network that comes along (python -m segan_tl zoo), few masks: it forgets nothing
  srun %(prog)s --from nnunet/BraTS2021 --data CLINIC --distributed slurm     on the machines of a Slurm job
  %(prog)s --from nnunet.keras --strategy last-three --config nnunet --data CLINIC

The configuration, the data and the split are those of the source, so that no test case was seen before; --config and
--data replace them, --set changes a value, for example --set data.train_cases=4 for a scarce target. The run is
runs/<name of the configuration>/<source>-to-<modality, or folder of other data>[-<strategy>], with /fold<K> for a fold.
From one modality to another on the synthetic cohort the same training from scratch is run too, for comparison. Run the
same command again to go on after an interruption. transfer and finetune are two names of this command.
""".replace(
    "{strategies}",
    "\n".join(
        [f"  {name:21}{row.about}" for name, row in STRATEGIES.items()]
        + [f"  {name:21}{about}" for name, about in WITHOUT_WEIGHTS.items()]
    ),
)


def add_arguments(parser):
    """Add the command's arguments."""
    parser.description = (
        "Move a trained model to another modality, scanner or disease; score it, and say what that was worth."
    )
    parser.epilog = EPILOG
    parser.add_argument(
        "--source", "--from", action=Once, required=True, metavar="SOURCE",
        help="modality, run, zoo:NAME or .keras file to start from",
    )  # fmt: skip
    parser.add_argument(
        "--target", "--modality", action=Once, metavar="MODALITY",
        help="what the network sees: t1, t1c, t2, flair, all, any (as before)",
    )  # fmt: skip
    parser.add_argument("--freeze-critic", action="store_true", help="the same as --strategy freeze-critic")
    parser.add_argument("--strategy", metavar="S", help="what comes over and what stands still, see below (full)")
    parser.add_argument(
        "--map", action="append", default=[], metavar="T=S", help="input T starts with the weights of the source's S"
    )
    parser.add_argument(
        "--rehearse", action="store_true",
        help="the synthetic patients that the source has learnt from train along, half of each batch",
    )  # fmt: skip
    parser.add_argument("--other-patients", action="store_true", help="the source never saw the patients of --data")
    parser.add_argument(
        "--scratch", action=argparse.BooleanOptionalAction,
        help="also train from scratch for comparison (default: to another modality of the synthetic cohort)",
    )  # fmt: skip
    add_training_arguments(parser)
    add_second_cohort_arguments(parser)


def run(arguments) -> int:
    """Train, evaluate, compare."""
    from segan_tl.console import console
    from segan_tl.workflow.cohort import find_cohort, find_source_cohort
    from segan_tl.workflow.worth import compare_with_scratch

    with mistakes_told(arguments):
        arguments, source, strategy, this_run, config, scratch = _resolve(arguments)
        split = _splitter(arguments, source, config, this_run)

    def cohort():
        return find_cohort(arguments, config)

    code = train_and_score(
        arguments, config, this_run, find_cohort=cohort, choose_split=split,
        find_source_cohort=lambda: find_source_cohort(arguments, config),
    )  # fmt: skip
    if code or not is_chief(arguments):
        return code
    if strategy in STRATEGIES and arguments.fold is None:
        code = compare_with_scratch(arguments, config, scratch, this_run, source=source, find_cohort=cohort)
    if code == 0:
        console.print(f"next: python -m segan_tl predict {shlex.quote(str(this_run.root))} PATIENT OUT", soft_wrap=True)
    return code


def _resolve(arguments) -> tuple:
    """Return arguments with all data, source, strategy, the run, its configuration and the run of the comparison."""
    from segan_tl.console import console
    from segan_tl.disk.paths import run_folder
    from segan_tl.errors import UserError
    from segan_tl.runs import Run
    from segan_tl.workflow.source_data import use_data_of, with_source_data
    from segan_tl.workflow.worth import ON_ONE_MACHINE, fault_of_scratch

    source, strategy = _asked_for(arguments)
    this_run, config, label = _plan(arguments, source, strategy)
    if config.transfer and source.learnt_from is None:
        console.print(
            f"note: {source.path} does not tell which cases it has learnt from; see to it that no test case is one",
            markup=False, soft_wrap=True,
        )  # fmt: skip
    if strategy == "combined":
        arguments = with_source_data(arguments, source, config)
    else:
        use_data_of(arguments, source, config)
    scratch = Run(run_folder(arguments.runs, config.name, label))
    if arguments.distributed:
        fault = f"--scratch does not go with --distributed, leave it out; of the comparison: {ON_ONE_MACHINE}"
    else:
        fault = None if strategy in WITHOUT_WEIGHTS else fault_of_scratch(scratch, config)
    if arguments.scratch and fault:
        raise UserError(fault)
    return arguments, source, strategy, this_run, config, scratch


def plan_run(arguments):
    """Return the run that the arguments mean, there or not, and its configuration; `crossval` asks for them, too.

    Raises:
        UserError: the arguments, the source or the configuration have a mistake.
    """
    return _plan(arguments, *_asked_for(arguments))[:2]


# === What was asked for ===


def _asked_for(arguments) -> tuple:
    """Return source and strategy; a source given by its modality is looked for under the names of SegAN's presets."""
    from segan_tl.train.start.source import find_source

    strategy = _strategy(arguments)
    if arguments.target:
        target_of(arguments)
    stated = [text.partition("=")[2] for text in arguments.set if text.partition("=")[0].strip() == "name"]
    names = [*(name.strip(" \"'") for name in stated[-1:]), "segan", "segan_cat", "segan_cpu"]
    return find_source(arguments.source, runs=arguments.runs, names=names, data=arguments.data), strategy


def _strategy(arguments) -> str:
    """Return the strategy that is meant, by its own name or by that of a paper."""
    from segan_tl.errors import UserError, nearest

    known = (*STRATEGIES, *WITHOUT_WEIGHTS)
    word = strategy_named(arguments.strategy or ("freeze-critic" if arguments.freeze_critic else "full"))
    if arguments.freeze_critic and word != "freeze-critic":
        raise UserError(
            f"--freeze-critic and --strategy {arguments.strategy} exclude each other; leave one of them out"
        )
    if word in known:
        return word
    near = strategy_named(nearest(word, (*known, *ALIASES), cutoff=0.0))
    raise UserError(
        f"unknown strategy {arguments.strategy}; choose one of {', '.join(known)}, for example --strategy {near}"
    )


def _plan(arguments, source, strategy: str) -> tuple:
    """Return the run, its configuration, and how the target is called."""
    from segan_tl.disk.paths import run_folder
    from segan_tl.workflow.cohort import check_cohorts
    from segan_tl.workflow.folds import plan_fold
    from segan_tl.workflow.moving import configure, name_move
    from segan_tl.workflow.source_data import with_source_data

    config = configure(arguments, source, strategy)
    _check_options(arguments, source, config, strategy)
    if strategy == "combined":
        with_source_data(arguments, source, config)
    else:
        check_cohorts(arguments, config)
    name, label = name_move(arguments, source, config, strategy)
    return plan_fold(arguments, run_folder(arguments.runs, config.name, name), config), config, label


def _check_options(arguments, source, config, strategy: str) -> None:
    """Refuse options that the strategy has no use for, and a transfer to what the source is."""
    from segan_tl.errors import UserError
    from segan_tl.workflow.source_data import is_own_cohort

    if arguments.source_data and not config.source:
        raise UserError(
            f"--source-data is a second cohort to learn from, and --strategy {strategy} learns from one alone; leave "
            "it out, or choose --strategy combined"
        )
    if strategy == "combined" and not arguments.source_data and is_own_cohort(arguments, source, config):
        raise UserError(
            "--strategy combined learns from the source's patients beside others, and there are no others here; give "
            "--data of other patients, or choose --strategy full"
        )
    if arguments.map and strategy in WITHOUT_WEIGHTS:
        raise UserError(
            f"--map says which weights of the source an input starts with, and --strategy {strategy} takes none over; "
            "leave it out, or choose --strategy full"
        )
    changed = [arguments.set, arguments.config, arguments.split, arguments.fold is not None, arguments.other_patients]
    same = set(source.modalities) == set(config.data.modalities) and is_own_cohort(arguments, source, config)
    if source.config:  # from any contrast to images as they were scanned is a move, too
        same = same and source.config.data.subsets == config.data.subsets
        same = same and source.config.any_contrast == config.any_contrast
        there, here = ((data.neighbours, data.plane, data.spacing_mm) for data in (source.config.data, config.data))
        same = same and there == here
    if same and strategy in STRATEGIES and (arguments.target and not arguments.other_patients or not any(changed)):
        other = next(name for name in ("t2", "flair", "t1") if (name,) != config.data.modalities)
        raise UserError(
            f"source and target both see {', '.join(config.data.modalities)} of the same patients: there is nothing "
            f"to move; choose another modality, for example --target {other}, or give --data of other patients"
        )


def _splitter(arguments, source, config, this_run):
    """Return (cohort, sound cases) → part → case ids."""
    from segan_tl.workflow.folds import choose_stated
    from segan_tl.workflow.source_data import split_as_source

    as_source = partial(
        split_as_source, source=source, config=config, other_patients=arguments.other_patients,
        skip=arguments.skip_bad_cases,
    )  # fmt: skip
    return choose_stated(arguments, config, this_run) or as_source
