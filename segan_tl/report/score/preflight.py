"""What can be known before work begins: whether the result can be written, and which masks cannot be scored."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from segan_tl.data.files.images import read_header
from segan_tl.errors import UserError, cannot_write
from segan_tl.report.score.mask_pairs import require_one_grid
from segan_tl.report.score.masks import Mask

FAULTS_NAMED = 5


def require_table_path(path: Path, *, option: str = "--out") -> None:
    """Refuse a path that no CSV file can be written to; nothing is created.

    Args:
        option: what the path is called on the command line.

    Raises:
        UserError: its name does not end in .csv, it is a folder, or its folder cannot be made or written to.
    """
    if path.suffix != ".csv" or path.is_dir():
        raise UserError(f"expected {option} to name a file that ends in .csv; found {path}; name one")
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        why = "cannot be written to" if folder.is_dir() else "is no folder"
        raise UserError(f"expected {option} in a folder that can be written to; {folder} {why}; choose another one")


def prepare_folder(path: Path) -> None:
    """Make the folder of a file and try to write there: permissions alone do not tell (full, read-only, network).

    Raises:
        CannotWrite: nothing can be written there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent) as file:
            file.write(b"\n")
    except OSError as error:
        raise cannot_write(path, error) from None


def check_headers(truths: Mapping[str, Mask], predictions: Mapping[str, Mask]) -> dict[str, str]:
    """Read the headers of every case that has both masks; return case → why it cannot be scored."""
    faults = {}
    for case_id, prediction in predictions.items():
        try:
            grids = [read_header(mask.source) for mask in (truths[case_id], prediction)]
            require_one_grid(case_id, prediction.source.path, *grids)
        except UserError as error:
            faults[case_id] = str(error)
    return faults


def refuse_faults(faults: Mapping[str, str], *, total: int, all_seen: bool = True) -> None:
    """Refuse cases that cannot be scored, where there are any: all of them at once, the first few by name.

    Args:
        faults: case → why.
        total: number of cases.
        all_seen: whether every case was looked at.

    Raises:
        UserError: there are some.
    """
    if not faults:
        return
    reasons = list(faults.values())
    if len(faults) == 1 and all_seen:
        raise UserError(f"{reasons[0]}; or leave it out with --skip-bad-cases")
    more = [f"and {len(reasons) - FAULTS_NAMED} more"] if len(reasons) > FAULTS_NAMED else []
    lines = "\n  ".join([*reasons[:FAULTS_NAMED], *more])
    number = f"{len(reasons)}" if all_seen else f"at least {len(reasons)}"
    raise UserError(
        f"expected masks that can be scored; found {number} of {total} cases that cannot; mend them, or leave them out "
        f"with --skip-bad-cases:\n  {lines}"
    )
