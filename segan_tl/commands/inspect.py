"""`python -m segan_tl inspect`: what a checkpoint holds, and what moved against another."""

import argparse
from pathlib import Path

EPILOG = """examples:
  python -m segan_tl inspect segan/flair                             networks, layers, weights, provenance
  python -m segan_tl inspect segan/flair --against segan/t2          what differs, layer by layer
  python -m segan_tl inspect download/segmentor.keras --json         one file, for machines

Nothing in the file is executed and no model is loaded: the archive is read as data, the weights by a process of its own
with limits. A run's files are compared with their manifest first. Exit code: 0; 1 where a file holds a layer that would
run code or that is unknown, or weights that are NaN or infinite; 2 where it cannot be read."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.description = "Show what the best checkpoint of a run, or a .keras file, holds; nothing of it is executed."
    parser.epilog = EPILOG
    parser.add_argument("run", metavar="RUN", help="folder of a run, its name below --runs, or a .keras file")
    parser.add_argument("--against", metavar="RUN2", help="also compare with this run or file: what moved?")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--runs", type=Path, default=Path("runs"), metavar="DIR", help="where runs are kept (runs)")


def run(arguments: argparse.Namespace) -> int:
    """Print the tables or the JSON; return 1 where a file should not be loaded."""
    from segan_tl.report.inspect.networks import inspect_target, is_unusable

    inspected = inspect_target(arguments.run, runs=arguments.runs)
    reference = inspect_target(arguments.against, runs=arguments.runs) if arguments.against else None
    if arguments.json:
        _print_json(inspected, reference)
    else:
        _print_tables(inspected, reference)
    return int(is_unusable(inspected) or (reference is not None and is_unusable(reference)))


def _print_json(inspected, reference) -> None:
    import json

    from segan_tl.report.inspect.networks import as_json, changes_as_json

    value = as_json(inspected)
    if reference is not None:
        value["against"] = changes_as_json(inspected, reference)
    print(json.dumps(value, indent=2))


def _print_tables(inspected, reference) -> None:
    from segan_tl.report.inspect.tables import print_changes, print_inspected, print_provenance

    if reference is None:
        print_inspected(inspected)
        return
    print_provenance(inspected)
    print_provenance(reference)
    print_changes(inspected, reference)
