"""Published numbers: they stand as data in the published.toml of a paper's folder, each table with its place there."""

import functools
import tomllib
from pathlib import Path
from typing import NamedTuple


class Origin(NamedTuple):
    """Where a published number stands; the mark of its footnote and what that says, "" for the paper itself."""

    name: str
    mark: str = ""
    note: str = ""


PAPER = Origin("paper")


class Published(NamedTuple):
    """A published number and where it stands."""

    value: float
    origin: Origin = PAPER


class PublishedTable(NamedTuple):
    """Published numbers that stand together.

    Attributes:
        place: the table or figure of the paper.
        rows: row → column → number; a number that was not published is not there.
    """

    place: str
    rows: dict[str, dict[str, Published]]


@functools.cache
def read_published(path: Path) -> dict[str, PublishedTable]:
    """Return name → table of a published.toml.

    A table has `place`, `columns`, and `rows` of numbers in their order, of which the last ones may lack; `origin`
    names one of `origins` where its numbers do not stand in the paper itself.
    """
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    origins = {name: Origin(**origin) for name, origin in tables.pop("origins", {}).items()}
    return {name: _read_table(table, origins) for name, table in tables.items()}


def _read_table(table: dict, origins: dict[str, Origin]) -> PublishedTable:
    origin = origins[table["origin"]] if "origin" in table else PAPER
    rows = {
        row: {column: Published(value, origin) for column, value in zip(table["columns"], values)}
        for row, values in table["rows"].items()
    }
    return PublishedTable(table["place"], rows)
