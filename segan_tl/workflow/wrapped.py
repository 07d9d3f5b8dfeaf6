"""A training command inside another command's line: read by its own parser, so that its mistakes come out at once."""

import argparse
import importlib
import shlex
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType

from segan_tl.parser import Parser
from segan_tl.workflow.jobs import Job
from segan_tl.workflow.trainings import module

TRAININGS = ("train", "transfer", "finetune")  # those with --fold, --folds and a function `plan_run`


@dataclass(frozen=True)
class Training:
    """A training of which every fold is a run.

    Attributes:
        name: of the command.
        words: that follow it, without --fold, --folds and --stratify.
        folds: their number.
        stratify: what they are stratified by, None for the training's own choice.
        arguments: what its parser made of the words.
        command_module: has `plan_run`: arguments → (run, configuration).
    """

    name: str
    words: tuple[str, ...]
    folds: int
    arguments: argparse.Namespace
    command_module: ModuleType
    stratify: str | None = None

    def words_of(self, fold: int) -> tuple[str, ...]:
        """Return what follows the command for one fold."""
        by = ("--stratify", self.stratify) if self.stratify else ()
        return (*self.words, "--fold", str(fold), "--folds", str(self.folds), *by)

    def command(self, fold: int) -> str:
        """Return the command line of a fold, for people."""
        return shlex.join(["python", "-m", "segan_tl", self.name, *self.words_of(fold)])

    @property
    def jobs(self) -> list[Job]:
        """Return the job of every fold."""
        return [Job(f"fold{fold}", (*module(self.name), *self.words_of(fold))) for fold in range(self.folds)]

    def plan(self, fold: int):
        """Return the run of a fold and its configuration."""
        return self._plans[fold]

    @cached_property
    def _plans(self) -> list[tuple]:
        given = vars(self.arguments) | {"folds": self.folds, "stratify": self.stratify}
        return [
            self.command_module.plan_run(argparse.Namespace(**given | {"fold": fold})) for fold in range(self.folds)
        ]

    @property
    def strata(self):
        """Return what the folds are stratified by."""
        from segan_tl.data.strata import read_strata

        return read_strata(self.stratify)

    @property
    def folder(self) -> Path:
        """Return the folder that holds fold0, fold1, …"""
        return self.plan(0)[0].root.parent


def read_training(
    words: list[str], *, folds: int, runs: Path | None = None, stratify: str | None = None
) -> Training:
    """Read the command line of a training.

    Args:
        words: the command and what follows it.
        folds: their number.
        runs: where runs are kept, None to leave it to the training.
        stratify: what folds are stratified by, None for their default.

    Raises:
        UserError: it is no training with folds, or it chooses a fold itself; or its own mistakes.
        SystemExit: its parser refused it, and has said why.
    """
    from segan_tl.errors import UserError

    name, *rest = words
    if name not in TRAININGS:
        is_option = name.startswith("-")
        what = "; crossval's own options stand before --" if is_option else ", which has no folds; correct it"
        raise UserError(f"expected train, transfer or finetune after --; found {name}{what}")
    command = importlib.import_module(f"segan_tl.commands.{name}")
    if runs is not None:
        if any(word.partition("=")[0] == "--runs" for word in rest):
            raise UserError("--runs is given for crossval and for the training; leave one of them out")
        rest += ["--runs", str(runs)]
    arguments = parse(command, name, rest)
    for option in ("fold", "folds", "stratify"):
        if getattr(arguments, option) is not None:
            say = "by what with: crossval --stratify S" if option == "stratify" else "how many with: crossval --folds N"
            raise UserError(f"crossval runs every fold; leave --{option} out after --, and say {say}")
    if arguments.distributed:
        raise UserError(
            "crossval runs each fold on one machine; leave --distributed out after --, or give every fold its own "
            f"machines: python -m segan_tl {name} --fold 0 --distributed {arguments.distributed} …"
        )
    if arguments.overwrite:
        raise UserError(
            "--overwrite would train finished folds anew whenever crossval goes on; leave it out, and remove "
            "fold* and folds.json in their folder, or add --set name=another"
        )
    training = Training(name, tuple(rest), folds, arguments, command, stratify)
    training.plan(0)
    return training


def parse(command: ModuleType, name: str, words: list[str]) -> argparse.Namespace:
    """Return what a command's own parser makes of words."""
    parser = Parser(prog=f"python -m segan_tl {name}")
    command.add_arguments(parser)
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    command_line = shlex.join(["python", "-m", "segan_tl", name, *words])
    parser.set_defaults(fold=None, folds=None, stratify=None, command_line=command_line)
    return parser.parse_intermixed_args(words)
