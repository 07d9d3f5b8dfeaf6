"""Train SegAN-CAT per modality: arguments, and the way from a folder of MRI to scores and pictures."""

import shlex
from functools import partial

from segan_tl.regions import MODALITIES
from segan_tl.workflow.arguments import add_split_argument, add_training_arguments, overrides_of
from segan_tl.workflow.machines import is_chief, mistakes_told
from segan_tl.workflow.training import train_and_score

EPILOG = """examples:
  %(prog)s --modality flair                              the built-in synthetic cohort
  %(prog)s --modality flair --data BraTS2021             the published method on your data
  %(prog)s --modality t2 --data BraTS2021 --config segan_cpu     for a computer without GPU
  %(prog)s --modality all --set critic.update=alternating --set name=alternating
  %(prog)s --modality any --data CLINIC                  whatever modalities a patient has, one network for all
  %(prog)s --modality flair --devices gpu:0,1            two GPUs; cpu:2 gives two logical CPUs
  srun %(prog)s --modality flair --data BraTS2021 --distributed slurm     on the machines of a Slurm job
  %(prog)s --modality t2 --split segan/flair             the same patients in each part as another run

Run the same command again to go on after an interruption. Without --data, the configuration quickstart is used and
the synthetic cohort is written to --cache first; with --data, segan_cat, the paper's values.
"""


def add_arguments(parser):
    """Add the command's arguments."""
    parser.description = "Train SegAN-CAT on one MRI modality, all four or any; segment and score the test cases."
    parser.epilog = EPILOG
    parser.add_argument(
        "--modality", dest="target", required=True, choices=(*MODALITIES, "all", "any"),
        help="what the segmentor sees; any: what a patient has",
    )  # fmt: skip
    add_split_argument(parser)
    add_training_arguments(parser)


def run(arguments) -> int:
    """Train, evaluate, say where everything is."""
    from segan_tl.console import console
    from segan_tl.workflow.cohort import find_cohort
    from segan_tl.workflow.folds import split_of
    from segan_tl.workflow.splits import choose_split

    with mistakes_told(arguments):
        this_run, config = _plan_run(arguments)
        split = split_of(arguments) if arguments.split else partial(choose_split, config=config)
    code = train_and_score(
        arguments, config, this_run, find_cohort=lambda: find_cohort(arguments, config), choose_split=split
    )
    if code == 0 and is_chief(arguments):
        run = shlex.quote(str(this_run.root))
        words = f"next: python -m segan_tl predict {run} PATIENT OUT    python -m segan_tl inspect {run}"
        console.print(words, soft_wrap=True)
    return code


def _plan_run(arguments) -> tuple:
    """Return the run that the arguments mean, there or not, and its configuration."""
    from segan_tl.config.load import load_config
    from segan_tl.disk.paths import run_folder
    from segan_tl.errors import UserError
    from segan_tl.runs import Run

    preset = arguments.config or ("segan_cat" if arguments.data else "quickstart")
    config = load_config(preset, overrides_of(arguments))
    if config.model.family != "segan":
        raise UserError(
            f"{arguments.config} configures {config.model.family}, not SegAN; type python -m segan_tl train --config "
            f"{arguments.config}"
        )
    if config.transfer:
        raise UserError("transfer.* in the configuration is for the command transfer; expected none here; leave it out")
    return Run(run_folder(arguments.runs, config.name, arguments.target)), config
