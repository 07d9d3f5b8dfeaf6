"""Train a network: arguments, and the way from a folder of MRI to scores and pictures."""

import shlex
from functools import partial

from segan_tl.regions import MODALITIES
from segan_tl.workflow.arguments import add_second_cohort_arguments, add_training_arguments, overrides_of
from segan_tl.workflow.machines import is_chief, mistakes_told
from segan_tl.workflow.training import train_and_score

EPILOG = """examples:
  python -m segan_tl train --config nnunet_small                        the built-in synthetic cohort, two CPU cores
  python -m segan_tl train --config nnunet --data BraTS2021             the published configuration on your data
  python -m segan_tl train --config unet3d_small --modality flair       one modality instead of four
  python -m segan_tl train --config nnunet --data CLINIC --modality any     of patients who lack some modalities, too
  python -m segan_tl train --config nnunet --data BraTS2021 --fold 0    first of five folds (--folds 10 for ten)
  python -m segan_tl train --config mednext_s --data BraTS2021 --devices gpu:0,1
  srun python -m segan_tl train --config nnunet --data BraTS2021 --distributed slurm    on the machines of a Slurm job
  python -m segan_tl train --config dann --data AFRICA --source-data BraTS2021   a second cohort to learn from
  python -m segan_tl train --config unet3d --set source.share=0.5 --data AFRICA --source-data BraTS2021
  python -m segan_tl train --config nnunet_small --set critic.filters=[16,32,64] --set name=adversarial

The run is runs/<name of the configuration>/<folder of the data>, with /fold<K> for a fold; with a second cohort
<folder of the data>-with-<folder of the second>. Run the same command again to go on after an interruption.
"""


def add_arguments(parser):
    """Add the command's arguments."""
    parser.description = "Train any network: 3-D U-Net, nnU-Net, MedNeXt, AlbuNet, SegAN, or one of your own."
    parser.epilog = EPILOG
    parser.add_argument(
        "--modality", dest="target", choices=(*MODALITIES, "all", "any"),
        help="what the network sees (the configuration's); any: what a patient has",
    )  # fmt: skip
    add_training_arguments(parser)
    add_second_cohort_arguments(parser)


def run(arguments) -> int:
    """Train, evaluate, say where everything is."""
    from segan_tl.console import console
    from segan_tl.workflow.cohort import find_cohort, find_source_cohort
    from segan_tl.workflow.folds import choose_stated
    from segan_tl.workflow.splits import choose_split

    with mistakes_told(arguments):
        this_run, config = plan_run(arguments)
        split = choose_stated(arguments, config, this_run) or partial(choose_split, config=config)
    code = train_and_score(
        arguments, config, this_run, find_cohort=lambda: find_cohort(arguments, config), choose_split=split,
        find_source_cohort=lambda: find_source_cohort(arguments, config),
    )  # fmt: skip
    if code == 0 and is_chief(arguments):
        console.print(f"next: python -m segan_tl predict {shlex.quote(str(this_run.root))} PATIENT OUT", soft_wrap=True)
    return code


def plan_run(arguments):
    """Return the run that the arguments mean, there or not, and its configuration; `crossval` asks for them, too.

    Raises:
        UserError: the arguments or the configuration have a mistake.
    """
    from segan_tl.config.load import load_config
    from segan_tl.disk.paths import run_folder
    from segan_tl.errors import UserError
    from segan_tl.workflow.cohort import check_cohorts, cohort_name
    from segan_tl.workflow.folds import plan_fold

    if not arguments.config:
        raise UserError(
            "--config is missing; expected a file, or a name that python -m segan_tl configs lists, such as --config "
            "nnunet_small"
        )
    config = load_config(arguments.config, overrides_of(arguments))
    if arguments.source_data and not config.source:
        raise UserError(
            f"--source-data needs the section [source] in {arguments.config}, which says how much of the training "
            "comes from there: add --set source.share=0.5"
        )
    check_cohorts(arguments, config)
    folder = run_folder(arguments.runs, config.name, cohort_name(arguments, config))
    return plan_fold(arguments, folder, config), config
