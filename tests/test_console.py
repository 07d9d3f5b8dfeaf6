"""What the terminal is given: names as they are, with nothing in them that it would obey."""

import io
from types import SimpleNamespace

import pytest
from rich.table import Table

from segan_tl import console as module
from segan_tl.console import PlainConsole, printable, progress_bar

HOSTILE = "a\x1b[31mb\rc\bd\u202ee\x07\udcff"
SHOWN = "a\\x1b[31mb\\rc\\bd\\u202ee\\x07\\udcff".replace("\\b", "\\x08")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Müller 7_flair", "Müller 7_flair"),  # a name of every day stands as it is
        ("患者\u3000\u00a01", "患者\u3000\u00a01"),
        ("[b]x[/b] :warning: {y}", "[b]x[/b] :warning: {y}"),
        ("two\nlines\ttab", "two\\nlines\\ttab"),
        ("\x9b31m", "\\x9b31m"),  # the escape of one byte
        ("\u2066a\u2069\u2028", "\\u2066a\\u2069\\u2028"),
        (HOSTILE, SHOWN),
    ],
)
def test_what_is_no_visible_character_is_written_out(name, shown):
    assert printable(name) == shown


def printed(show, **options) -> str:
    stream = io.StringIO()
    show(PlainConsole(file=stream, width=200, **options))
    return stream.getvalue()


@pytest.mark.parametrize("name", ["[b]x[/b]", "[/red]", "[bold", "a:warning:b", "\\[x]", "[link=file:///etc]y[/link]"])
@pytest.mark.parametrize("force_terminal", [False, True])
def test_markup_in_a_name_is_text(name, force_terminal):
    table = Table(title=name)
    table.add_column(name)
    table.add_row(name)
    assert printed(lambda console: console.print(f"run {name}"), force_terminal=force_terminal) == f"run {name}\n"
    assert printed(lambda console: console.print(table)).count(name) == 3


def test_no_escape_of_a_name_reaches_the_terminal():
    table = Table()
    table.add_column("case")
    table.add_row(HOSTILE)
    for shown in (table, f"case {HOSTILE}\nnext line"):
        text = printed(lambda console: console.print(shown))
        assert SHOWN in text and not set(text) & set("\x1b\r\b\u202e\x07\udcff")
    assert "\nnext line" in text


def test_styles_are_ours_to_give():
    options = {"force_terminal": True, "color_system": "standard"}
    text = printed(lambda console: console.print("bad \x1b[0m", style="red"), **options)
    assert text == "\x1b[31mbad \\x1b[0m\x1b[0m\n"


def test_a_log_has_a_line_of_progress_now_and_then(monkeypatch):
    """Four cases of a second each, a line due every two: after the second case 2 s are left; the end has none."""
    seconds = iter(range(100))
    monkeypatch.setattr(module, "LINE_SECONDS", 2)
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: next(seconds)))
    log = io.StringIO()
    with progress_bar("preparing", total=4, to=PlainConsole(file=log)) as advance:
        for _ in range(4):
            advance()
    assert log.getvalue() == "  preparing: 2 of 4, 2 s left\n"
