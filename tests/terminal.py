"""A terminal of so many columns, for what is printed on it."""

import io

from segan_tl.console import PlainConsole


def printed_at(monkeypatch, columns: int, *modules, function) -> str:
    """Return what a function prints to a terminal by the consoles of these modules."""
    stream = io.StringIO()
    terminal = PlainConsole(width=columns, file=stream, force_terminal=True, color_system=None)
    for module in modules:
        monkeypatch.setattr(module, "console", terminal)
    monkeypatch.setattr("segan_tl.console.console", terminal)
    function()
    return stream.getvalue()


def table_lines(printed: str) -> list[str]:
    """Return the lines of a table's body, each with its cells between bars."""
    return [line for line in printed.splitlines() if line.startswith("│")]
