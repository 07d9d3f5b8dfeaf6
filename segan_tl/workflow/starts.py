"""The starts of a learning curve: how they are written, and which cannot be compared."""

import re
from dataclasses import dataclass
from pathlib import Path

from segan_tl.config.strategies import STRATEGIES, strategy_named
from segan_tl.errors import UserError, nearest
from segan_tl.zoo.find import PREFIX

SCRATCH, PHANTOM, ANY = "scratch", "phantom", "any"


@dataclass(frozen=True)
class Start:
    """What trainings on the target begin with.

    Attributes:
        label: its name in tables, and of its runs.
        origin: "scratch"; a modality of the same patients; "any", their other modalities; "phantom", synthetic
            patients; a run, zoo:NAME or a .keras file; or a name of `Curve.sources`.
        strategy: what comes over and what stands still.
        settings: KEY=VALUE of the trainings on the target; of that of the source where they begin with "phantom.".
    """

    label: str
    origin: str
    strategy: str = "full"
    settings: tuple[str, ...] = ()

    @property
    def folder(self) -> str:
        """Return the label as a part of a folder's name."""
        return re.sub(r"[^\w.-]+", "-", self.label)

    @property
    def of_source(self) -> tuple[str, ...]:
        """Return what changes the training of the source."""
        return tuple(text for text in self.settings if text.startswith("phantom."))

    @property
    def of_target(self) -> tuple[str, ...]:
        """Return what changes the trainings on the target."""
        return tuple(text for text in self.settings if not text.startswith("phantom."))


def read_start(text: str) -> Start:
    """Return the start that a word of the command line means: [LABEL=]ORIGIN[:STRATEGY][,KEY=VALUE…].

    Raises:
        UserError: it says what is wrong with it.
    """
    first, *settings = re.split(r",(?![^\[]*\])", text)  # not at the commas of a list
    if wrong := next((part for part in settings if "=" not in part), None):
        raise UserError(
            f"--starts {text}: expected KEY=VALUE behind the comma, such as train.learning_rate=1e-4; found {wrong}"
        )
    label, _, rest = first.rpartition("=")
    zoo = PREFIX if rest.startswith(PREFIX) else ""
    origin, _, strategy = rest.removeprefix(zoo).partition(":")
    strategy = strategy_named(strategy or "full")
    if strategy not in STRATEGIES:
        near = nearest(strategy, STRATEGIES, cutoff=0.0)
        raise UserError(f"--starts {text}: unknown strategy {strategy}; expected one such as {zoo}{origin}:{near}")
    if zoo + origin == SCRATCH and strategy != "full":
        raise UserError(f"--starts {text}: from scratch nothing comes over; leave :{strategy} out")
    plain = Path(origin).stem if "/" in origin or origin.endswith(".keras") else origin
    label = label or plain + ("" if strategy == "full" else f"-{strategy}")
    return Start(label, zoo + origin, strategy, tuple(settings))


def require_distinct(starts: tuple[Start, ...]) -> None:
    """Refuse starts of one name, of which one would be the other's run, and a curve with nothing to compare with.

    Raises:
        UserError: it says how to name them.
    """
    labels = [start.label for start in starts]
    if twice := sorted({label for label in labels if labels.count(label) > 1}):
        raise UserError(f"--starts has {twice[0]} twice; give one of them a name of its own: other={twice[0]},…")
    if SCRATCH not in labels:
        raise UserError("--starts lacks scratch, with which the others are compared; add it: --starts scratch …")


def misfit(source, config) -> list[str]:
    """Return KEY=VALUE of what makes networks as wide as a source's, nothing where they are, or where none tells."""
    needed = []
    for name in ("model", "critic"):
        theirs, ours = (getattr(getattr(one, name), "filters", None) for one in (source, config))
        if theirs and ours and theirs != ours:
            needed.append(f"{name}.filters={list(theirs)}".replace(" ", ""))
    return needed
