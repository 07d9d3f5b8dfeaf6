"""The tables of `evaluate` and `radiomics`: none is replaced unasked, what they were made of is not computed twice."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from segan_tl.disk.journal import Journal, journal_path, key_of
from segan_tl.errors import UserError


class Job(NamedTuple):
    """What is to be scored, or computed.

    Attributes:
        out: the table, beside which the others are.
        tables: all files that are written.
        keys: of every case by every system and plan: its files, and what is computed of them; and of what is made of
            all of them.
    """

    out: Path
    tables: Sequence[Path]
    keys: Sequence[str]

    @property
    def record(self) -> Path:
        """Return the file that says what the tables were made of: hidden, beside the table."""
        return self.out.with_name(f".{self.out.name}.made")

    @property
    def key(self) -> str:
        """Return what this job has in common with no other."""
        return key_of(list(self.keys), [path.name for path in self.tables])


def job_of(out: Path, sides: Mapping, plans: Mapping, *, several_rules: bool) -> Job:
    """Return what is to be scored.

    Args:
        sides: system → truths, predictions and more.
        plans: system → what is computed.
        several_rules: whether they stand side by side.
    """
    from segan_tl.report.score.rule_sets import tables_of
    from segan_tl.report.score.scores import keys_of

    keyed = [keys_of(*found[:2], plan) for system, found in sides.items() for plan in plans[system]]
    keys = [key for of_cases in keyed for key in of_cases.values()]
    return Job(out, tables_of(plans, out) if several_rules else [out], keys)


def is_done(job: Job) -> bool:
    """Tell whether the tables are there, as a call wrote them that scored the same."""
    from segan_tl.disk.manifest import sha256
    from segan_tl.schemas.reading import read_json
    from segan_tl.schemas.scored import ScoredTables

    if not job.record.is_file():
        return False
    found = read_json(job.record, ScoredTables)
    return found["key"] == job.key and all(
        path.is_file() and sha256(path) == found["tables"].get(path.name) for path in job.tables
    )


def open_journal(job: Job, *, overwrite: bool, option: str = "--out") -> Journal:
    """Return the journal of a job that may replace what is there: asked to, or since a call for the same goes on.

    Args:
        option: what the table is called on the command line.

    Raises:
        UserError: a table is there, and neither is so.
    """
    journal = Journal(journal_path(job.out))
    there = [path for path in job.tables if path.exists()]
    if there and not overwrite and journal.found.keys().isdisjoint(job.keys):
        raise UserError(
            f"{there[0]} exists already, and is not what this command would write; add --overwrite to replace it, or "
            f"give another {option}"
        )
    return journal


def record(job: Job) -> None:
    """Write down what the tables were made of."""
    from segan_tl.disk.atomic import write_json
    from segan_tl.disk.manifest import sha256

    write_json(job.record, {"key": job.key, "tables": {path.name: sha256(path) for path in job.tables}})
