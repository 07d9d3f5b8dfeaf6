"""`python -m segan_tl zoo`: which trained networks come along, and the model card of one."""

import argparse
import shlex

from segan_tl.errors import UserError, nearest

ACTIONS = ("list", "show")
COLUMNS = 110  # that the table takes
EPILOG = """examples:
  python -m segan_tl zoo                                          all of them: name, network, inputs, regions, size
  python -m segan_tl zoo show segan_t2                            the model card: what it was trained on, and how

zoo:NAME stands wherever a run is named that is only read:
  python -m segan_tl predict zoo:segan_random PATIENT OUT --modality t2
  python -m segan_tl transfer --source zoo:segan_t2 --target t2 --data PATIENTS
  python -m segan_tl learning-curve --data PATIENTS --modality t2 --starts scratch flair zoo:segan_t2
  python -m segan_tl inspect zoo:segan_t2

They have learnt from simulated patients alone. Research software: not for diagnosis."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.description = "List the trained networks that come along, or show the model card of one."
    parser.epilog = EPILOG
    parser.add_argument("action", nargs="?", default="list", metavar="ACTION", help="list or show (list)")
    parser.add_argument("name", nargs="?", metavar="NAME", help="of a network, with zoo: or without, for show")


def run(arguments: argparse.Namespace) -> int:
    """List, or show one."""
    _check(arguments)
    return _list() if arguments.action == "list" else _show(arguments.name)


def _check(arguments) -> None:
    action, name = arguments.action, arguments.name
    if action not in ACTIONS:
        raise UserError(f"zoo has list and show; found {action}; {_guess(action)}")
    if action == "list" and name:
        raise UserError(f"zoo list takes no name; type python -m segan_tl zoo show {shlex.quote(name)}")
    if action == "show" and not name:
        raise UserError("zoo show expects the name of a network; python -m segan_tl zoo lists them")


def _guess(word: str) -> str:
    """Return what was meant by a word that is no action: a mistyped one, or the name of a network."""
    from segan_tl.zoo.find import PREFIX, entry_names

    stem = word.removeprefix(PREFIX)
    near = nearest(word, ACTIONS) or nearest(stem, entry_names())
    if near:
        return f"did you mean zoo {'' if near in ACTIONS else 'show '}{near}?"
    return "type python -m segan_tl zoo for the list"


def _list() -> int:
    from rich import box
    from rich.table import Table

    from segan_tl.console import console, print_table_or_lines
    from segan_tl.zoo.describe import describe_entries
    from segan_tl.zoo.find import PREFIX

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for heading in ("name", "family", "inputs", "regions"):
        table.add_column(heading, no_wrap=True)
    for heading in ("parameters", "MB"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("what it is", overflow="fold")
    lines = []
    for entry in describe_entries():
        size = f"{entry.size_bytes / 1e6:.1f}"
        regions, count = ", ".join(entry.regions), f"{entry.parameters:,}"
        table.add_row(PREFIX + entry.name, entry.family, entry.inputs, regions, count, size, entry.about)
        lines += [
            f"{PREFIX}{entry.name}  {entry.family}, {entry.inputs} → {regions}, {count} weights, {size} MB",
            f"    {entry.about}",
        ]
    print_table_or_lines(table, lines, columns=COLUMNS)
    console.print(
        "next: python -m segan_tl zoo show NAME    python -m segan_tl predict zoo:NAME PATIENT OUT", soft_wrap=True
    )
    return 0


def _show(name: str) -> int:
    from segan_tl.zoo.describe import read_card

    print(read_card(name), end="")
    return 0
