"""The runs of a reproduction: where they lie, which of them are there, and which are missing."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NamedTuple

from segan_tl.report.score.owed import is_scored
from segan_tl.runs import Run


@dataclass(frozen=True)
class Study:
    """All runs of one scale of a paper; each paper says for itself how they are called.

    Attributes:
        runs: folder where runs are kept.
        scale: "quick" or "full".
        out: folder of the results page.
        target: name of the cohort that everything is tested on.
        source: name of the one to come from, "" where there is none.
        data: folder of the target's cases, None for synthetic ones.
        cache: of prepared volumes.
    """

    paper: ClassVar[str] = ""

    runs: Path
    scale: str
    out: Path
    target: str = ""
    source: str = ""
    data: Path | None = None
    cache: Path = Path("cache")

    @property
    def name(self) -> str:
        """Return what the configuration names of all runs begin with."""
        return f"{self.paper}-{self.scale}"

    def place(self, suffix: str, *folders: str) -> Run:
        """Return the run of a configuration name, which ends with `suffix`, in these folders."""
        return Run(Path(self.runs, f"{self.name}{suffix}", *folders))


class Group(NamedTuple):
    """Runs that belong together on a page.

    Attributes:
        name: as the page calls them.
        runs: there or not.
        unit: what one of them is, in the plural.
        is_there: whether one has all that the page needs of it.
        of_source: whether they are trained on the source, not on the target.
    """

    name: str
    runs: list[Run]
    unit: str = "runs"
    is_there: Callable[[Run], bool] = is_scored
    of_source: bool = False


def only_there(runs: dict, is_there: Callable[[Run], bool] = is_scored) -> dict:
    """Return those of the runs that are trained and scored, by the same keys."""
    return {key: run for key, run in runs.items() if is_there(run)}


def name_missing(groups: list[Group]) -> str:
    """Return the sentence on top of a page that lacks runs, which names them; "" where it has all."""
    names = []
    for group in groups:
        lacking = sum(not group.is_there(run) for run in group.runs)
        count = f" ({lacking} of {len(group.runs)} {group.unit})" if len(group.runs) > 1 else ""
        names += [f"{group.name}{count}"] if lacking else []
    return f"**Incomplete: not run yet are {', '.join(names)}.**" if names else ""
