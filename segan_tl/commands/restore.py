"""`python -m segan_tl restore`: bring a result of prepared images back onto the grid of a patient's own sequence."""

import argparse
from pathlib import Path

from segan_tl.console import console
from segan_tl.errors import UserError
from segan_tl.regions import MODALITIES, REGIONS
from segan_tl.workflow.numbers import share, share_with_ends

EPILOG = """examples:
  python -m segan_tl restore OUT/P1.nii.gz PREPARED/P1 P1_on_flair.nii.gz --onto flair
  python -m segan_tl restore OUT/P1_probability.nii.gz PREPARED/P1 P1_probability.nii.gz --onto flair
  python -m segan_tl restore OUT/P1_probability.nii.gz PREPARED/P1 P1_on_t1c.nii.gz --onto t1c --threshold 0.5

RESULT lies on the grid of the prepared images: labels, or the probabilities that predict --probabilities writes. Labels
are brought back as one share each, of which the largest wins, never by the nearest neighbour. With --threshold,
probabilities become a mask on the way; those of several regions want --regions, in the order of the network. Nothing
is dropped from it unless --smallest-component says so; what the run that answered would drop is printed."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.description = "Bring a mask or probabilities of prepared images back onto the grid of a patient's sequence."
    parser.epilog = EPILOG
    parser.add_argument("result", metavar="RESULT", type=Path, help="label map or probabilities")
    parser.add_argument("prepared", metavar="PREPARED_CASE", type=Path, help="folder that prepare wrote for the case")
    parser.add_argument("out", metavar="OUT", type=Path, help="file to write, ends in .nii.gz")
    parser.add_argument("--onto", choices=MODALITIES, required=True, help="sequence on whose grid the result is wanted")
    parser.add_argument("--threshold", type=share, metavar="P", help="make a mask of probabilities of at least P")
    parser.add_argument(
        "--smallest-component", type=share_with_ends, metavar="P", default=None,
        help="with --threshold, drop parts of a region smaller than this share of its largest",
    )  # fmt: skip
    parser.add_argument("--overwrite", action="store_true", help="replace OUT where it exists")
    parser.add_argument("--regions", nargs="+", choices=tuple(REGIONS), metavar="R", help="of the probabilities")


def run(arguments: argparse.Namespace) -> int:
    """Bring it back and say where it is."""
    _check(arguments)

    from segan_tl.workflow.restoring import restore_file, share_of_the_run, whose

    unasked = arguments.threshold is not None and arguments.smallest_component is None
    dropped = share_of_the_run(arguments) if unasked else 0.0
    voxels, seconds = restore_file(arguments)
    if stranger := whose(arguments):
        console.print(stranger, style="yellow", soft_wrap=True)
    console.print(f"on the grid of {arguments.onto} ({voxels}), {seconds:.1f} s: {arguments.out}", soft_wrap=True)
    if dropped:
        console.print(
            f"every part is kept; the run drops those below {dropped:g} of a region's largest: add "
            f"--smallest-component {dropped:g} to do the same",
            soft_wrap=True,
        )
    return 0


def _check(arguments) -> None:
    """Refuse an OUT that must not be written, and an option that nothing would heed."""
    if not arguments.out.name.endswith(".nii.gz") or arguments.out.is_dir():
        raise UserError(f"expected OUT to end in .nii.gz; found {arguments.out}; name a file")
    if arguments.out.exists() and arguments.result.exists() and arguments.out.samefile(arguments.result):
        raise UserError(f"{arguments.out} is RESULT itself, which would be lost; give another OUT")
    if arguments.out.exists() and not arguments.overwrite:
        raise UserError(f"{arguments.out} exists already; add --overwrite to replace it, or give another OUT")
    if arguments.smallest_component is not None and arguments.threshold is None:
        raise UserError("--smallest-component is of a mask that is made here; add --threshold, or leave it out")
