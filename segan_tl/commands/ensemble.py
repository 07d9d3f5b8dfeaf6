"""`python -m segan_tl ensemble`: bring folders of masks together, whoever made them."""

import argparse
from pathlib import Path

from segan_tl.console import case_progress, console
from segan_tl.errors import CannotWrite, UserError
from segan_tl.regions import LABEL_CONVENTIONS, region_values
from segan_tl.workflow.numbers import weight

RULES = ("majority", "weighted", "staple")
EPILOG = """examples:
  python -m segan_tl ensemble theirs ours nnunet_out OUT --labels brats2023
  python -m segan_tl ensemble theirs ours nnunet_out OUT --rule staple --labels brats2023 --agreement
  python -m segan_tl ensemble theirs ours OUT --rule weighted --weights 0.6 0.4

A mask is named after its case (CASE.nii.gz, CASE_seg.nii.gz or CASE/seg.nii.gz). What its numbers mean is read from the
folder where that tells; --labels says it of all:
{conventions}, or a statement such as 1=ED,2=NCR,3=ET.
Each region is decided by itself: where the votes weigh half or more, or by STAPLE. Of networks of segan_tl, predict
--ensemble takes the mean of the probabilities instead."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.description = "Bring the masks of several programs together, and say how far they agree."
    parser.epilog = EPILOG.replace("{conventions}", ", ".join(LABEL_CONVENTIONS))
    parser.add_argument("folders", nargs="+", metavar="FOLDER", type=Path, help="folder of masks; two or more")
    parser.add_argument("out", metavar="OUT", type=Path, help="folder of the masks that come out")
    parser.add_argument("--rule", choices=RULES, default=RULES[0], help="how they decide (%(default)s)")
    what = weight("FOLDER", "OUT goes")
    parser.add_argument("--weights", nargs="+", type=what, metavar="W", help="of the FOLDERs, with --rule weighted")
    parser.add_argument("--labels", metavar="CONVENTION", help="what the numbers of all masks mean")
    parser.add_argument("--agreement", action="store_true", help="also write <case>_agreement.nii.gz, float32")
    parser.add_argument("--allow-missing", action="store_true", help="leave out cases that not every FOLDER has")
    parser.add_argument("--skip-bad-cases", action="store_true", help="leave out cases whose masks cannot be used")
    parser.add_argument("--overwrite", action="store_true", help="replace masks that exist")


def run(arguments: argparse.Namespace) -> int:
    """Decide every case and write it."""
    from segan_tl.workflow.mask_ensemble import combine, open_masks, plan, require_one_grid, write_record

    # === What can be refused is refused before work begins ===
    _check(arguments)
    found = open_masks(arguments.folders, meaning=arguments.labels, allow_missing=arguments.allow_missing)
    outputs = plan(found, arguments)
    if not arguments.skip_bad_cases:
        require_one_grid(found)
    for remark in found.remarks:
        console.print(remark, markup=False, soft_wrap=True)

    # === Decide ===
    outputs.begin(found.cases)
    records = {}
    with case_progress("deciding", total=len(found.cases)) as advance:
        for case in found.cases:
            try:
                records[case.id] = combine(found, case, arguments, outputs)
                advance(f"{case.id}  agreement {records[case.id]['agreement']['mean']:.3f}")
            except CannotWrite:
                raise
            except UserError as error:
                if not arguments.skip_bad_cases:
                    raise UserError(f"{error}; or leave it out with --skip-bad-cases") from error
                advance(f"{case.id}  left out: {error}")
    if not records:
        raise UserError("no case could be decided; what is wrong with each of them stands above")
    write_record(found, arguments, outputs, records)
    console.print(f"decided {len(records)} of {len(found.cases)} cases: {outputs.folder}", soft_wrap=True)
    return 0


def _check(arguments) -> None:
    """Refuse folders and weights that do not fit together."""
    from segan_tl.disk.paths import require_once

    number, weights = len(arguments.folders), arguments.weights or ()
    if number < 2:
        raise UserError(f"expected two FOLDERs or more before OUT; found {arguments.folders[0]} alone; add another")
    require_once([*arguments.folders, arguments.out], "folder")
    if arguments.labels is not None:
        region_values(arguments.labels)
    if (arguments.rule == "weighted") != bool(weights):
        raise UserError(
            f"--weights and --rule weighted go together; found {'--weights' if weights else '--rule weighted'} alone; "
            "add the other one, or leave both out"
        )
    if weights and (len(weights) != number or not sum(weights)):
        raise UserError(
            f"expected {number} weights, one a FOLDER, of 0 or more and not all 0; found "
            f"{' '.join(f'{weight:g}' for weight in weights)}; write --weights {' '.join(['W'] * number)}"
        )
