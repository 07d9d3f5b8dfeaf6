"""A training on several machines: how its processes find together, and what those do that follow the chief.

The chief does what a training on one machine does: it prepares, divides, writes and scores. The others wait until all
is prepared, take it from the disk that they share with it, and train along; they write nothing.
"""

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator


def is_chief(arguments) -> bool:
    """Return whether this process writes what a training leads to."""
    roster = _roster(arguments)
    return roster is None or roster.is_chief


@contextlib.contextmanager
def mistakes_told(arguments) -> Iterator[None]:
    """Let the other workers hear of a mistake that this one finds before all have met: they would wait for it."""
    from segan_tl.errors import UserError
    from segan_tl.train.machines.meeting import tell_mistake

    try:
        yield
    except (UserError, OSError) as error:
        roster = None
        with contextlib.suppress(UserError):  # who does not know the others cannot tell them
            roster = _roster(arguments)
        if roster and roster.count > 1:
            tell_mistake(roster, str(error))
        raise


def join_workers(arguments, config, this_run):
    """Return a context: the link to the other workers of a training, once all have come.

    Raises:
        UserError: --distributed cannot be understood, or not all came, with the same command.
    """
    from segan_tl.console import console
    from segan_tl.environment import version_line
    from segan_tl.train.machines.link import join

    roster = _roster(arguments)
    about = {
        "version": version_line(),
        "run": str(this_run.root),
        "configuration": hashlib.sha256(config.model_dump_json().encode()).hexdigest(),
    }
    link = join(roster, about)
    if roster and not roster.is_chief:
        console.quiet = True  # the chief says all of it
    return link


def _roster(arguments):
    """Return who trains together; None where --distributed was left out."""
    from segan_tl.errors import UserError
    from segan_tl.train.machines.roster import read_roster

    if arguments.distributed is None:
        return None
    if (arguments.devices or "").startswith("cpu:"):
        raise UserError(
            f"--devices {arguments.devices} divides the CPU of one machine, and with --distributed every worker has "
            "one; type --devices cpu, and start more workers"
        )
    # TF_CONFIG was taken out of the environment when the command began: TensorFlow is to take nothing from it.
    return read_roster(arguments.distributed, os.environ | getattr(arguments, "set_aside", {}))


def follow(arguments, config, this_run, link, *, find_cohort: Callable, find_source_cohort: Callable | None) -> int:
    """Train along with the chief, who has prepared everything; return the exit code."""
    from segan_tl.console import start_tensorflow
    from segan_tl.workflow.cohort import prepare_cohort
    from segan_tl.workflow.contrast import give_tissues
    from segan_tl.workflow.splits import choose_source, take_split
    from segan_tl.workflow.unlabelled import needs_masks

    wanted = link.gather("plan")[0]
    if not wanted:  # trained before, and the chief scores alone
        return link.end(0)
    start_tensorflow()  # before anything imports TensorFlow, whose greetings it holds back
    from segan_tl.train.loop import Interruption
    from segan_tl.train.strategy import make_strategy

    strategy = make_strategy(arguments.devices, link)
    link.gather("prepared")
    cohort, cached = prepare_cohort(arguments, config, find_cohort, need_mask=needs_masks(config))
    split = take_split(this_run, cohort, cached)
    parts = {part: [cached[case] for case in cases] for part, cases in split.items()}
    parts["train"] = give_tissues(arguments, config.phantom, cohort, parts["train"])
    if config.source:
        second, cached = prepare_cohort(arguments, config, find_source_cohort)
        chosen = choose_source(this_run, second, cached, split=split, patients=cohort.patients, resuming=True)
        sources = [cached[case] for case in chosen]
        parts["source"] = give_tissues(arguments, config.source.phantom, second, sources)
    train_prepared(arguments, config, data={}, parts=parts, this_run=this_run, strategy=strategy, link=link)
    with Interruption(link):  # a signal is the chief's, who may still score
        return link.end(0)


def train_prepared(arguments, config, *, data, parts, this_run, strategy, link) -> bool:
    """Train; return whether training is complete."""
    from segan_tl.predict.postprocess import binarise_each
    from segan_tl.predict.segment import segment_prepared
    from segan_tl.train.fit import fit

    def segment(model, prepared):
        return binarise_each(segment_prepared(model, prepared, config, case="a validation case"), config.predict)

    return fit(
        this_run, config, parts, strategy=strategy, segment=segment, data=data, command=arguments.command_line,
        link=link,
    )  # fmt: skip
