"""Which second look `predict` takes at its answers: that of the run, of its cross-validation, or the given one."""

from pathlib import Path

from segan_tl.errors import UserError
from segan_tl.zoo.find import is_zoo


def find_reviewer(arguments, members, ensemble) -> tuple:
    """Return the `reviewer.Reviewer` of these networks, None where there is none, and remarks for the terminal.

    Args:
        arguments: of `predict`: `run`, `review`, `flag_below`, `vote`, `ensemble`.

    Raises:
        UserError: the given one is of other networks, a file is damaged, or --flag-below has none to go by.
    """
    from segan_tl.predict.ensemble import digests_of
    from segan_tl.predict.reviewer import ALONE, read_reviewer

    together, digests = arguments.ensemble or arguments.vote or ALONE, digests_of(members)
    name = ", ".join(arguments.run) + (f" ({together})" if len(members) > 1 else "")
    learn = f"python -m segan_tl second-look {' '.join(arguments.run)}"
    remarks, path = [], arguments.review or _own(arguments, members)
    reviewer = read_reviewer(path) if path else None
    fits = reviewer and (reviewer.knows(digests, together) or ensemble and reviewer.knows_each(digests))
    if reviewer and not fits:
        why = f"{path} was learnt from answers of other networks than {name}"
        if arguments.review:
            raise UserError(f"{why}; learn it again: {learn}, or leave --review out")
        remarks, reviewer = [f"note: {why}, trained anew since? No second look; learn it again: {learn}"], None
    if reviewer is None and arguments.flag_below is not None:
        elsewhere = len(arguments.run) > 1 or is_zoo(arguments.run[0]) or members[0].artefact
        more = " --data LABELLED --out review.json, and add --review review.json" if elsewhere else ""
        raise UserError(
            f"--flag-below goes by a second look, and there is none at {name}; learn it first: {learn}{more}"
        )
    return reviewer, remarks


def _own(arguments, members) -> Path | None:
    """Return the review.json of a run, or of the cross-validation that it or all of them are of; None for none."""
    from segan_tl.runs import FOLD, Run

    if len(arguments.run) > 1:
        return None
    root = members[0].run.root
    places = ([root] if len(members) == 1 else []) + ([root.parent] if FOLD.fullmatch(root.name) else [])
    return next((Run(place).review for place in places if Run(place).review.is_file()), None)
