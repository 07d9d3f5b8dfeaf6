"""A progress bar with time left for work on cases, one line a case where there is no terminal."""

import contextlib
import time
from collections.abc import Callable, Iterator

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from segan_tl.console import console


@contextlib.contextmanager
def case_progress(description: str, *, total: int) -> Iterator[Callable[[str], None]]:
    """Yield a function to call with one line of text whenever a case is done."""
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
