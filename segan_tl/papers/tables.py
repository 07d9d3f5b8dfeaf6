"""Tables of a reproduction: our number with the published one beside it, as Markdown and as CSV."""

import csv
import io
import statistics
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from segan_tl.disk.atomic import write_text
from segan_tl.papers.published import Origin, Published, PublishedTable

ABSENT = "–"
NOT_RUN = "not run"


class Cell(NamedTuple):
    """Our number and the published one.

    Attributes:
        ours: None where there is none.
        published: likewise.
        spread: standard deviation of ours, where it is a mean.
        note: what is to be known of ours, "not run" say.
        digits: decimals.
        best: whether ours is the best of its column, which is set in bold.
    """

    ours: float | None
    published: Published | None = None
    spread: float | None = None
    note: str = ""
    digits: int = 3
    best: bool = False

    def __str__(self):
        published = ABSENT
        if self.published:
            published = f"{self.published.value:.{self.digits}f}{self.published.origin.mark}"
        return f"{self._ours()} (paper {published})"

    def _ours(self) -> str:
        if self.ours is None:
            return self.note or ABSENT
        spread = "" if self.spread is None else f" ± {self.spread:.{self.digits}f}"
        value = f"{self.ours:.{self.digits}f}{spread}"
        return (f"**{value}**" if self.best else value) + (self.note and f", {self.note}")


class Table(NamedTuple):
    """Headings and rows; a row is text, then cells or text; origins that are marked in text need their footnote too."""

    headings: tuple[str, ...]
    rows: list[tuple]
    origins: tuple[Origin, ...] = ()


class Difference(NamedTuple):
    """A mean difference, each case (or seed) against itself, and its standard error."""

    mean: float
    standard_error: float | None
    cases: int

    def __str__(self):
        error = ABSENT if self.standard_error is None else f"{self.standard_error:.3f}"
        return f"{self.mean:+.3f} ± {error}"


def number(value: float | None) -> str:
    """Return three decimals, or a dash where there is no number."""
    return ABSENT if value is None else f"{value:.3f}"


def share(there: int, total: int, unit: str) -> str:
    """Return what is to be known of a mean over so many folds (or seeds): "", "2 of 3 folds", or "not run"."""
    return "" if there == total else f"{there} of {total} {unit}" if there else NOT_RUN


def spread_of(values: Iterable[float]) -> float | None:
    """Return the standard deviation, None with fewer than two values."""
    values = list(values)
    return statistics.stdev(values) if len(values) > 1 else None


def paired_difference(first: dict[str, float], second: dict[str, float]) -> Difference | None:
    """Return the mean of first - second over what both have, with std / √n; None without such a pair."""
    from scipy.stats import sem

    differences = [first[case] - second[case] for case in first if case in second]
    if not differences:
        return None
    error = float(sem(differences)) if len(differences) > 1 else None
    return Difference(statistics.fmean(differences), error, len(differences))


def beside_published(
    heading: str, rows: dict[str, str], columns: dict[str, str], *,
    ours: Callable[[str, str], Cell], published: PublishedTable,
) -> Table:  # fmt: skip
    """Return a table of the paper: in every cell our number, and the published one where there is one.

    Args:
        heading: of the first column.
        rows: row → its name in the table.
        columns: column → its heading.
        ours: row, column → our number.
        published: rows and columns of the same names.
    """
    def cell(row, column):
        return ours(row, column)._replace(published=published.rows.get(row, {}).get(column))

    lines = [(name, *(cell(row, column) for column in columns)) for row, name in rows.items()]
    return Table((heading, *columns.values()), lines)


def embolden(rows: list[tuple], *, lowest: Sequence[int] = ()) -> list[tuple]:
    """Return the rows with the best number of every column of cells marked: the highest one, as it is printed.

    A cell with a note, such as of folds that are missing, is not compared.

    Args:
        rows: of a table; a column holds cells, or text.
        lowest: columns whose best is the lowest, 0 is the first.
    """
    best = {}
    for place, column in enumerate(zip(*rows)):
        values = [round(cell.ours, cell.digits) for cell in column if _competes(cell)]
        if values:
            best[place] = min(values) if place in lowest else max(values)

    def mark(place, cell):
        is_best = _competes(cell) and round(cell.ours, cell.digits) == best[place]
        return cell._replace(best=True) if is_best else cell

    return [tuple(mark(place, cell) for place, cell in enumerate(row)) for row in rows]


def _competes(cell) -> bool:
    return isinstance(cell, Cell) and cell.ours is not None and not cell.note


# === Writing ===


def to_markdown(table: Table) -> str:
    """Return a table in GitHub's notation, with the footnotes that its cells need."""
    lines = [" | ".join(table.headings), " | ".join(["---"] * len(table.headings))]
    lines += [" | ".join(str(cell) for cell in row) for row in table.rows]
    text = "\n".join(f"| {line} |" for line in lines)
    cells = [cell for row in table.rows for cell in row if isinstance(cell, Cell)]
    origins = {cell.published.origin for cell in cells if cell.published} | set(table.origins)
    notes = [f"{mark} {note}." for _, mark, note in sorted(origins, key=lambda origin: origin.mark) if mark]
    return "\n\n".join([text, *notes])


def to_csv(table: Table, path: Path) -> None:
    """Write a table: a cell becomes our number (its spread, its note), the published one, and where that stands."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = list(zip(*table.rows)) or [()] * len(table.headings)
    fields = [_fields_of(column) for column in columns]
    headings = []
    for heading, names in zip(table.headings, fields):
        headings += [heading, *(f"{heading}, {name}" for name in names)] if names is not None else [heading]
    writer.writerow(headings)
    for row in table.rows:
        values = []
        for cell, names in zip(row, fields):
            values += ["" if cell == ABSENT else cell] if names is None else _values(cell, names)
        writer.writerow(values)
    write_text(path, text.getvalue())


def _fields_of(column: tuple) -> list[str] | None:
    """Return what stands behind the numbers of a column of cells; None for a column of text."""
    cells = [cell for cell in column if isinstance(cell, Cell)]
    if not cells:
        return None
    own = [name for name in ("spread", "note") if any(getattr(cell, name) not in (None, "") for cell in cells)]
    return [*own, "paper", "paper's source"]


def _values(cell: Cell, names: list[str]) -> list[str]:
    values = {
        "spread": "" if cell.spread is None else f"{cell.spread:.6g}",
        "note": cell.note,
        "paper": f"{cell.published.value:g}" if cell.published else "",
        "paper's source": cell.published.origin.name if cell.published else "",
    }
    return ["" if cell.ours is None else f"{cell.ours:.6g}", *(values[name] for name in names)]
