"""The terminal: consoles that print names as they are, progress, tables, and quiet for TensorFlow's start."""

import contextlib
import os
import sys
import tempfile
import time
import unicodedata
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.text import Text

from segan_tl.environment import quieten
from segan_tl.errors import UserError

PIPED_WIDTH = 180


class PlainConsole(Console):
    """A console to which text is only text: no markup, no emoji, and nothing in it that commands the terminal."""

    def __init__(self, **options):
        super().__init__(markup=False, emoji=False, highlight=False, **options)

    def render_str(self, text: str, **options) -> Text:
        """Return a string, a cell of a table too, as it can be shown; every one passes here."""
        return super().render_str("\n".join(map(printable, text.split("\n"))), **options)


def printable(text: str) -> str:
    """Return a name with what is no visible character written out, such as \\x1b, \\n or \\u202e.

    A name of a file may hold line breaks, colours, backspaces and marks that turn the direction of writing.
    """
    return "".join(
        letter
        if letter.isprintable() or unicodedata.category(letter) == "Zs"  # a space of any width
        else letter.encode("unicode_escape").decode("ascii")
        for letter in text
    )


console = PlainConsole()
error_console = PlainConsole(stderr=True)


LINE_SECONDS = 30


@contextlib.contextmanager
def progress_bar(
    description: str, *, total: int, to: PlainConsole = console, lines: bool = True
) -> Iterator[Callable[[], None]]:
    """Show a bar with the time left; yield a function to call whenever one of `total` is done.

    Args:
        to: where it stands: on a terminal as a bar, in a file as a line every half minute.
        lines: whether there are such lines.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    what, eta = TextColumn("{task.description}", markup=False), TextColumn("ETA")
    columns = (what, BarColumn(), MofNCompleteColumn(), eta, TimeRemainingColumn())
    started = said = time.monotonic()
    done, lines = 0, lines and not to.is_terminal
    with Progress(*columns, console=to, transient=True, disable=not to.is_terminal) as bar:
        task = bar.add_task(description, total=total)

        def advance() -> None:
            nonlocal done, said
            bar.advance(task)
            done, now = done + 1, time.monotonic()
            if lines and done < total and now - said >= LINE_SECONDS:
                said, left = now, duration((now - started) / done * (total - done))
                to.print(f"  {description}: {done} of {total}, {left} left", markup=False, soft_wrap=True)

        yield advance


@contextlib.contextmanager
def case_progress(description: str, *, total: int) -> Iterator[Callable[[str | None], None]]:
    """Yield a function to call whenever a case is done, with one line of text, which is printed, or None."""
    with progress_bar(description, total=total, lines=False) as advance_bar:
        started, done = time.monotonic(), 0

        def advance(text: str | None) -> None:
            nonlocal done
            done += 1
            advance_bar()
            if text is None:
                return
            left_seconds = (time.monotonic() - started) / done * (total - done)
            place = "" if console.is_terminal else f"{done}/{total}  "
            eta = "" if console.is_terminal or done == total else f"  {left_seconds:.0f} s left"
            console.print(f"  {place}{text}{eta}", markup=False, soft_wrap=True)

        yield advance


@contextlib.contextmanager
def stage_progress(description: str, *, total: int) -> Iterator[tuple[Callable[[str | None], None], Callable]]:
    """Yield `advance` as of `case_progress`, and a function to call with a case and what it is at from now on.

    On a terminal that stands beside the bar and the time, which goes on; else it is a line, with the case's seconds.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    started, done, begun = time.monotonic(), 0, {}
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(description, total=total)

        def tell(case: str, stage: str) -> None:
            bar.update(task, description=printable(f"{case}: {stage}"))
            if not console.is_terminal:
                now = time.monotonic()
                seconds = now - begun.setdefault(case, now)
                console.print(f"    {case}  {seconds:.0f} s: {stage}", soft_wrap=True)

        def advance(text: str | None) -> None:
            nonlocal done
            done += 1
            bar.update(task, advance=1, description=description)
            left_seconds = (time.monotonic() - started) / done * (total - done)
            eta = "" if done == total else f"  {duration(left_seconds)} left"
            console.print(f"  {text}{eta}", soft_wrap=True)

        yield advance, tell


def needed_columns(table) -> int:
    """Return the columns that a table takes when nothing is cut or broken; its title may be broken."""
    return PlainConsole(width=10_000).measure(table).maximum


def fits(table) -> bool:
    """Tell whether a table is printed whole: into a file it always is."""
    return not console.is_terminal or needed_columns(table) <= console.width


def print_table(table) -> None:
    """Print a table of rich: to the width of a terminal, and as wide as it likes into a file or a pipe."""
    (console if console.is_terminal else PlainConsole(width=PIPED_WIDTH)).print(table)


def print_table_or_lines(table, lines: list[str], *, columns: int) -> None:
    """Print a table, or lines that say the same on a terminal of fewer columns, which would break its cells to bits."""
    if console.is_terminal and console.width < columns:
        for line in lines:
            console.print(line)
    else:
        print_table(table)


def duration(seconds: float) -> str:
    """Return a duration as a person would say it: 40 s, 12 min, 3.5 h, 21 days."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds / 86_400:.0f} days"


def start_tensorflow() -> None:
    """Import TensorFlow and look for devices without its greetings; they come back when that fails.

    Some of them are printed before TF_CPP_MIN_LOG_LEVEL counts, by C++, so they are held back at the file descriptor.
    """
    quieten()
    with _standard_error_held_back():
        import tensorflow as tf

        tf.config.list_physical_devices()
        import keras

    if keras.config.backend() != "tensorflow":
        raise UserError(
            f"Keras was imported with the backend {keras.config.backend()} before; segan_tl trains and predicts with "
            "TensorFlow: start it in a process of its own, or import it first"
        )


@contextlib.contextmanager
def _standard_error_held_back() -> Iterator[None]:
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            os.dup2(kept, 2)
            held.seek(0)
            os.write(2, held.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
