"""Tables in narrow terminals: divided, or written as lines, since a number that is cut off says something else."""

import dataclasses
from collections.abc import Sequence

from rich.table import Table

from segan_tl.console import PlainConsole, console, fits, needed_columns, print_table
from segan_tl.metrics.columns import Plan
from segan_tl.report.compare.models import Row, comparison_lines, comparison_table
from segan_tl.report.score.scores import summary_table


def print_comparison(rows: Sequence[Row], metric: str, *, kind: str, way: int | None) -> None:
    """Print the comparisons of a metric: as a table where it fits, else three lines each."""
    table = comparison_table(rows, metric, kind=kind, way=way)
    if fits(table):
        print_table(table)
        return
    console.print(table.title, markup=False, soft_wrap=True)
    for line in comparison_lines(rows, metric):
        console.print(line, markup=False, soft_wrap=True)


def print_summary(rows: list[dict], plan: Plan) -> None:
    """Print what the scores come to: in one table, or in several, of as many regions each as fit."""
    left = list(plan.regions)
    while left:
        number = len(left)
        while True:
            table = summary_table(rows, dataclasses.replace(plan, regions=tuple(left[:number])))
            if number == 1 or fits(table):
                break
            number -= 1
        _print_whole(table)
        left = left[number:]


def _print_whole(table: Table) -> None:
    if fits(table):
        print_table(table)
    else:  # the terminal breaks the lines: nothing is lost
        PlainConsole(width=needed_columns(table), file=console.file).print(table)
