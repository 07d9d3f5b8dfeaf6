"""The cases that all tables of scores have, when the user allows to leave out the others."""

import dataclasses
from collections.abc import Sequence

from segan_tl.errors import UserError, some
from segan_tl.report.compare.score_tables import ScoreTable


def share_cases(tables: Sequence[ScoreTable], regions: Sequence[str]) -> tuple[list[ScoreTable], list[str]]:
    """Return the tables cut to the cases that all of them have in every region, and what was left out, in sentences.

    Args:
        regions: those that will be compared; the others are dropped.

    Raises:
        UserError: they have no case in common.
    """
    complete = [
        {case for case in table.cases if all((case, region) in table.rows for region in regions)} for table in tables
    ]
    shared = set.intersection(*complete)
    everything = list(dict.fromkeys(case for table in tables for case in table.cases))
    dropped = [case for case in everything if case not in shared]
    if not shared:
        raise UserError(
            f"expected a case that all {len(tables)} have ({', '.join(regions)}); found none; score all of them on one "
            "folder with: python -m segan_tl evaluate"
        )
    if not dropped:
        return list(tables), []
    remarks = [f"left out, not in all: {len(dropped)} of {len(everything)} cases ({some(dropped, 5)})"]
    for table, cases in zip(tables, complete):
        if number := len(set(everything) - cases):
            remarks.append(f"  {table.name} lacks {number}")
    cut = [
        {key: row for key, row in table.rows.items() if key[0] in shared and key[1] in regions} for table in tables
    ]
    return [dataclasses.replace(table, rows=rows) for table, rows in zip(tables, cut)], remarks
