"""`python -m segan_tl cache`: what the prepared volumes take on disk, and the removal of those nobody uses any more."""

import argparse
from pathlib import Path

from segan_tl.console import console
from segan_tl.errors import UserError
from segan_tl.workflow.numbers import whole

GIGABYTE = 1e9
OLD_DAYS = 30
EPILOG = """examples:
  python -m segan_tl cache                             how much is prepared in cache/, and how much of it lies idle
  python -m segan_tl cache --remove-unused 30          remove what no command has used for 30 days
  python -m segan_tl cache --cache DISK --remove-unused 0    remove all that is prepared there

Only prepared volumes are counted and removed, never an image, a synthetic cohort or a file of another program; what is
removed is prepared again when a training needs it. While a command uses the cache, nothing is removed.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.description = "Say what prepared volumes take on disk, and remove those that nobody uses any more."
    parser.epilog = EPILOG
    parser.add_argument("--cache", type=Path, default=Path("cache"), metavar="DIR", help="prepared volumes (cache)")
    parser.add_argument(
        "--remove-unused", type=whole(0, 100_000), metavar="DAYS", help="remove what was not used for so many days"
    )


def run(arguments: argparse.Namespace) -> int:
    """Count, and remove what is to go."""
    from segan_tl.data.cache_use import find_prepared, remove_unused

    folder = arguments.cache
    if not folder.is_dir():
        raise UserError(f"expected a folder of prepared volumes; there is none at {folder}; name one with --cache DIR")
    if arguments.remove_unused is not None:
        gone = remove_unused(folder, days=arguments.remove_unused)
        console.print(f"removed {_size(gone)} of {_cases(gone)}", soft_wrap=True)
    there = find_prepared(folder)
    idle = [file for file in there if file.unused_days >= OLD_DAYS]
    console.print(f"{folder}: {_size(there)} of {_cases(there)}", soft_wrap=True)
    if idle:
        console.print(
            f"{_size(idle)} of it not used for {OLD_DAYS} days: --remove-unused {OLD_DAYS} removes it", soft_wrap=True
        )
    return 0


def _size(files: list) -> str:
    return f"{sum(file.size_bytes for file in files) / GIGABYTE:.2f} GB in {len(files)} prepared files"


def _cases(files: list) -> str:
    number = len({file.path.parent for file in files})
    return f"{number} case{'s' * (number != 1)}"
