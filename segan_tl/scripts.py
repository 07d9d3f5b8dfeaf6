"""The console commands of an installation: a Ctrl-C is answered before anything else is imported."""

import sys

from segan_tl.interrupt import leave_quietly


def segan_tl() -> int:
    """Run segan-tl, which is short for `python -m segan_tl`."""
    leave_quietly()
    from segan_tl.__main__ import main

    return main()


def train_segan() -> int:
    """Run train-segan, the command of that name."""
    return _run("train-segan", program="train-segan")


def transfer_segan() -> int:
    """Run transfer-segan, the command transfer."""
    return _run("transfer", program="transfer-segan")


def _run(command: str, *, program: str) -> int:
    leave_quietly()
    from segan_tl.__main__ import main

    return main([command, *sys.argv[1:]], program=program)
