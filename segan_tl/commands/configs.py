"""`python -m segan_tl configs`: which configurations come along, what one says, and a copy of it to change."""

import argparse
import shlex
from pathlib import Path

from segan_tl.errors import UserError, nearest

ACTIONS = ("list", "show", "copy")
EPILOG = """examples:
  python -m segan_tl configs                                     all of them: name, family of the network, purpose
  python -m segan_tl configs show nnunet_small                   the whole file, with its comments
  python -m segan_tl configs copy nnunet_small                   nnunet_small.toml in this folder, to be changed
  python -m segan_tl configs copy nnunet_small --to mine.toml    then: python -m segan_tl train --config mine.toml

--config takes a name of this list or a file of your own; --set changes one value without a file."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.description = "List the configurations that come along, show one, or copy one to change it."
    parser.epilog = EPILOG
    parser.add_argument("action", nargs="?", default="list", metavar="ACTION", help="list, show or copy (list)")
    parser.add_argument("name", nargs="?", metavar="NAME", help="of a configuration, for show and copy")
    parser.add_argument("--to", type=Path, metavar="FILE", help="where the copy goes (NAME.toml in this folder)")
    parser.add_argument("--overwrite", action="store_true", help="replace a file that exists")


def run(arguments: argparse.Namespace) -> int:
    """List, show or copy."""
    _check(arguments)
    if arguments.action == "list":
        return _list()
    return _show(arguments.name) if arguments.action == "show" else _copy(arguments)


def _check(arguments) -> None:
    action, name = arguments.action, arguments.name
    if action not in ACTIONS:
        raise UserError(f"configs has list, show and copy; found {action}; {_guess(action)}")
    if action == "list" and name:
        raise UserError(f"configs list takes no name; type python -m segan_tl configs show {shlex.quote(name)}")
    if action != "list" and not name:
        raise UserError(
            f"configs {action} expects the name of a configuration, for example: configs {action} nnunet_small; "
            "python -m segan_tl configs lists them"
        )
    if action != "copy" and (arguments.to or arguments.overwrite):
        raise UserError(f"{'--to' if arguments.to else '--overwrite'} belongs to configs copy; leave it out")


def _guess(word: str) -> str:
    """Return what was meant by a word that is no action: a mistyped one, or the name of a configuration."""
    from segan_tl.config.presets import preset_names

    stem = word.removesuffix(".toml")
    if stem in (names := preset_names()):
        return f"did you mean configs show {stem}?"
    if near := nearest(word, ACTIONS) or nearest(stem, names):
        return f"did you mean configs {'' if near in ACTIONS else 'show '}{near}?"
    return "type python -m segan_tl configs for the list"


def _list() -> int:
    from rich import box
    from rich.table import Table

    from segan_tl.config.presets import describe_presets
    from segan_tl.console import console

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("--config", no_wrap=True)
    table.add_column("family", no_wrap=True)
    table.add_column("what it is", overflow="fold")
    for preset in describe_presets():
        table.add_row(preset.name, preset.family, preset.about)
    console.print(table)
    console.print("next: python -m segan_tl configs show NAME    python -m segan_tl configs copy NAME", soft_wrap=True)
    return 0


def _show(name: str) -> int:
    from segan_tl.config.presets import find_preset

    # As it stands in the file, so that it can be written to one.
    print(find_preset(name).read_text(encoding="utf-8"), end="")
    return 0


def _copy(arguments) -> int:
    from segan_tl.config.presets import describe_preset, find_preset
    from segan_tl.console import console
    from segan_tl.disk.atomic import write_text
    from segan_tl.disk.reading import is_there

    source = find_preset(arguments.name)
    target = arguments.to or Path(source.name)
    target = target / source.name if target.is_dir() else target
    if is_there(target) and not arguments.overwrite:
        raise UserError(f"{target} is there already; choose another file with --to FILE, or add --overwrite")
    write_text(target, source.read_text(encoding="utf-8"))
    command = "train" if describe_preset(source.stem).family != "segan" else "train-segan --modality flair"
    console.print(f"copied the configuration {source.stem} to {target}", soft_wrap=True)
    console.print(
        f"next: give it a name of its own (name = …), change it, then: python -m segan_tl {command} --config "
        f"{shlex.quote(str(target))}",
        soft_wrap=True,
    )
    return 0
