"""Read a CSV or TSV file that was written before, by us or by others: a header, and as many cells in every line."""

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path

from segan_tl.errors import UserError
from segan_tl.schemas.reading import read_bytes, shorten

LARGEST_BYTES = 64 * 2**20
MOST_ROWS = 1_000_000
SHOWN = 120
RESTORE = "restore it, or train the run again with --overwrite"
SCORE_AGAIN = "restore it, or remove it and run the command of the run again, which scores anew"
NO_NUMBERS = ("case", "patient", "region", "remarks")  # of metrics.csv


def read_table(
    path: Path,
    columns: Sequence[str] = (),
    *,
    delimiter: str = ",",
    short: bool = False,
    remedy: str = "correct the file",
) -> list[dict[str, str]]:
    """Return the rows of a table, without the empty lines.

    Args:
        path: of the file.
        columns: that have to be there; others may be.
        delimiter: between the cells.
        short: whether a line may lack its last cells, which are empty then.
        remedy: what to do about a file that is of another shape.

    Raises:
        UserError: it is missing, larger than 64 MiB, no text in UTF-8 or no table, lacks a column, has one twice, or a
            line has more or fewer cells than the header.
    """
    content = read_bytes(path, largest=LARGEST_BYTES, remedy=remedy)
    try:
        text = content.decode("utf-8-sig")
        if "\0" in text:
            raise csv.Error("it holds the byte 0")
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        header = next(lines, [])
        _check_header(header, columns, path=path, remedy=remedy)
        rows = []
        for cells in lines:
            if not cells:
                continue
            cells += [""] * (len(header) - len(cells)) if short else []
            if len(cells) != len(header) or len(rows) == MOST_ROWS:
                wanted = f"{len(header)} cells" if len(rows) < MOST_ROWS else f"at most {MOST_ROWS} lines"
                raise UserError(
                    f"{path} is damaged: expected {wanted}, found {len(cells)} in line {lines.line_num}; {remedy}"
                )
            rows.append(dict(zip(header, cells)))
    except UnicodeDecodeError:
        raise UserError(f"{path} is no CSV file in UTF-8 (it holds other bytes); {remedy}") from None
    except csv.Error as error:
        raise UserError(f"{path} is no CSV file ({error}); {remedy}") from None
    return rows


def read_metrics(path: Path, *, remedy: str = SCORE_AGAIN, infinite: bool = False) -> list[dict[str, str]]:
    """Return the rows of a run's metrics.csv: one a case and region, each once, with numbers or nothing in the cells.

    Args:
        path: of the file.
        remedy: what to do about a file that is of another shape.
        infinite: whether a number may be: `evaluate` has such distances by the rules of 2026.

    Raises:
        UserError: as `read_table`, or there is something else in a cell.
    """
    rows = read_table(path, ("case", "region", "dice"), remedy=remedy)
    seen = set()
    for row in rows:
        if (key := (row["case"], row["region"])) in seen:
            raise UserError(f"{path} is damaged: expected every case once, found {', '.join(key)} twice; {remedy}")
        seen.add(key)
        for name, cell in row.items():
            if name not in NO_NUMBERS and not (infinite and cell == "inf"):
                require_number(cell, name, path=path, remedy=remedy)
    return rows


def read_numbers(path: Path) -> list[dict[str, float]]:
    """Return the rows of a table of numbers, such as history.csv; an empty cell is NaN.

    Raises:
        UserError: as `read_table`, or there is something else in a cell.
    """
    return [
        {name: require_number(cell, name, path=path, remedy=RESTORE) for name, cell in row.items()}
        for row in read_table(path, ("epoch",), remedy=RESTORE)
    ]


def require_number(cell: str, name: str, *, path: Path, remedy: str = "correct the file") -> float:
    """Return the number in a cell, NaN where it is empty.

    Raises:
        UserError: the cell holds something else, or an infinite number.
    """
    try:
        value = float(cell or "nan")
    except ValueError:
        value = math.inf
    if math.isinf(value):
        raise UserError(f"{path} is damaged: expected a finite number as {name}, found {shorten(cell)}; {remedy}")
    return value


def _check_header(header: list[str], columns: Sequence[str], *, path: Path, remedy: str) -> None:
    found = ", ".join(header)[:SHOWN] or "none"
    if missing := [name for name in columns if name not in header]:
        raise UserError(
            f"{path} is damaged: expected the column{'s' * (len(missing) > 1)} {' and '.join(missing)}; found {found}; "
            f"{remedy}"
        )
    if twice := [name for name in header if header.count(name) > 1]:
        raise UserError(f"{path} is damaged: expected every column once, found {shorten(twice[0])} twice; {remedy}")
