"""What a transfer was worth: beside its untouched source, and beside the same training from scratch."""

import argparse

from segan_tl.workflow.finish import write_page
from segan_tl.workflow.training import train_and_score

ON_ONE_MACHINE = "one machine trains it: the same command without --distributed, and with --scratch, once this is done"


def compare_with_scratch(arguments, config, scratch, this_run, *, source, find_cohort) -> int:
    """Train from scratch where that is wanted, and write what the transfer was worth; return the exit code."""
    from segan_tl.console import console
    from segan_tl.runs import read_json

    fault = ON_ONE_MACHINE if arguments.distributed else fault_of_scratch(scratch, config)
    wanted = arguments.scratch
    if wanted is None:
        wanted = bool(arguments.target and read_json(this_run.state).get("data", {}).get("synthetic"))
    if wanted and fault:
        console.print(f"no comparison from scratch: {fault}", markup=False, soft_wrap=True)
    elif wanted and (code := _train_from_scratch(arguments, config, scratch, this_run, find_cohort=find_cohort)):
        return code
    alike = None if fault else scratch
    # Who leaves it out, or has just heard why it cannot be, needs no advice.
    remedy = None if arguments.scratch is False or wanted and fault else fault or "add --scratch to the same command"
    asked = {"source": source, "find_cohort": find_cohort, "remedy": remedy}
    if _compare(arguments, this_run, alike, config, **asked) and not arguments.no_report:
        write_page(this_run)  # again, with the comparison
    return 0


def fault_of_scratch(scratch, config) -> str | None:
    """Return why the comparison cannot be trained where it belongs, without a loss for a run that nobody named."""
    from segan_tl.disk.lock import training_lock
    from segan_tl.errors import UserError
    from segan_tl.workflow.earlier import is_finished, refuse_foreign_run

    if not scratch.root.exists():
        return None
    remedy = "leave the comparison out with --no-scratch, or keep both with --set name=another"
    try:
        refuse_foreign_run(scratch, remedy=remedy)
        with training_lock(scratch.root):
            is_finished(scratch, config.model_copy(update={"transfer": None}), remedy=remedy)
    except UserError as error:
        return str(error)
    return None


def _train_from_scratch(arguments, config, scratch, this_run, *, find_cohort) -> int:
    """Train the target from random weights with the same configuration and the same cases."""
    from segan_tl.console import console
    from segan_tl.runs import read_parts

    console.print(f"\nFor comparison, from scratch: {scratch.root} (--no-scratch leaves it out)", soft_wrap=True)
    alone = argparse.Namespace(**vars(arguments) | {"overwrite": False})
    return train_and_score(
        alone, config.model_copy(update={"transfer": None}), scratch,
        find_cohort=find_cohort, choose_split=lambda *_: read_parts(this_run),
    )  # fmt: skip


def _compare(arguments, this_run, scratch, config, *, source, find_cohort, remedy: str | None) -> bool:
    """Print and write the test Dice of the untouched source, of training from scratch and of the transfer.

    Returns:
        Whether there was something to write.
    """
    from segan_tl.console import start_tensorflow
    from segan_tl.runs import read_json
    from segan_tl.schemas.runs import Comparison

    if this_run.comparison.is_file():
        comparison = read_json(this_run.comparison, Comparison)
        if comparison["scratch"] is not None or not (scratch and scratch.summary.is_file()):
            print_comparison(comparison, remedy=remedy)
            return False
    start_tensorflow()
    from segan_tl.report.compare.transfer import compare_transfer

    cases = find_cohort().cases
    comparison = compare_transfer(
        this_run, scratch, config, source=source, cases=cases,
        training=lambda: _prepared_training(arguments, config, this_run, cases),
    )  # fmt: skip
    print_comparison(comparison, remedy=remedy)
    return True


def _prepared_training(arguments, config, this_run, cases) -> list:
    """Return the prepared training cases of a run."""
    from segan_tl.data.cache import prepare_cases
    from segan_tl.runs import read_parts

    training = set(read_parts(this_run)["train"])
    chosen = [case for case in cases if case.id in training]
    return prepare_cases(chosen, arguments.cache, config=config.data, need_mask=False, jobs=arguments.jobs)[0]


def print_comparison(comparison: dict, *, remedy: str | None = None) -> None:
    """Print the table; say how to get the number that is missing, where somebody wants it."""
    from rich.table import Table

    from segan_tl.console import console, print_table
    from segan_tl.report.record import compared

    kind = f"{'SYNTHETIC ' if comparison['synthetic'] else ''}test case{'s' * (comparison['cases'] != 1)}"
    table = Table(
        title=f"{comparison.get('run') or 'transfer'}, from {comparison['source']}, strategy "
        f"{comparison['strategy']}: mean Dice of {comparison['cases']} {kind}",
        title_justify="left",
    )
    table.add_column("region")
    columns = compared(comparison["regions"])
    for heading in columns.values():
        table.add_column(heading, justify="right")
    for region, scores in comparison["regions"].items():
        table.add_row(region, *("–" if scores[name] is None else f"{scores[name]:.3f}" for name in columns))
    print_table(table)
    if comparison["scratch"] is None:
        more = f"; {remedy}" if remedy else ""
        console.print(f"from scratch: not trained{more}", markup=False, soft_wrap=True)
