"""The terminal: progress with time left for work on cases, and tables as wide as they need to be."""

import contextlib
import time
from collections.abc import Callable, Iterator

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from segan_tl.console import PlainConsole, console

PIPED_WIDTH = 180


@contextlib.contextmanager
def case_progress(description: str, *, total: int) -> Iterator[Callable[[str], None]]:
    """Yield a function to call with one line of text whenever a case is done; each line is printed."""
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("ETA"), TimeRemainingColumn())
    text_column = TextColumn("{task.description}")
    with Progress(text_column, *columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(description, total=total)
        started, done = time.monotonic(), 0

        def advance(text: str) -> None:
            nonlocal done
            done += 1
            bar.advance(task)
            left_seconds = (time.monotonic() - started) / done * (total - done)
            place = "" if console.is_terminal else f"{done}/{total}  "
            eta = "" if console.is_terminal or done == total else f"  {left_seconds:.0f} s left"
            console.print(f"  {place}{text}{eta}", markup=False, soft_wrap=True)

        yield advance


def print_table(table: Table) -> None:
    """Print a table: to the width of a terminal, and as wide as it likes into a file or a pipe."""
    if console.is_terminal:
        console.print(table)
    else:
        PlainConsole(width=PIPED_WIDTH).print(table)
