"""What a paper is to `reproduce`: one value, which the file paper.py of its folder declares."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from segan_tl.papers.cohorts import Cohort
from segan_tl.papers.curve import Shown
from segan_tl.papers.findings import Finding
from segan_tl.papers.jobs import describe_scores, is_complete
from segan_tl.papers.runs import Facts
from segan_tl.papers.study import Group, Study
from segan_tl.papers.tables import Table
from segan_tl.runs import Run
from segan_tl.workflow.jobs import Job


class Option(NamedTuple):
    """An option of `reproduce` that belongs to this paper: one of its choices, or a file where there are none."""

    name: str
    help: str
    choices: tuple[str, ...] | None = None


class Length(NamedTuple):
    """How long a scale is: how many trainings, and what they take, in words."""

    trainings: int
    takes: str


def _nothing(*_) -> None:
    return None


@dataclass(frozen=True)
class Paper:
    """A paper, as it is reproduced. Beside its code stand its published numbers and the prose of its page.

    Attributes:
        name: as `reproduce` and the page are called.
        citation: authors and year.
        title: of the paper.
        question: what it asks, for the help.
        folder: holds prose.md, and published.toml for its tables.
        lengths: scale → how long it is.
        examples: what may follow `reproduce`, and what that is, for the help.
        target: the cohort that everything is tested on.
        source: the one to come from, None where there is none.
        regions: that a finished job is described by.
        study: where its runs lie.
        groups: all of its runs, as the page calls them.
        plan: its jobs in order; a job stands after those it needs.
        tables: file name → table; the prose says where it stands, or it is a CSV file alone.
        figures: file name → what draws it (study, path, synthetic) and returns whether anything is drawn.
        findings: what it compares, as published and in our runs.
        facts: what the head of the page says of these runs, the trained and scored ones.
        sentences: further placeholders of the prose → what stands there.
        curves: learning curves, which stand where the prose says {curves}.
        divide: writes how the patients of the target are divided, where no training does it (study, cohort).
        options: of `reproduce`, beside those that all papers have.
        notice: what cannot be run and why, in one sentence; refuses what an option gave.
    """

    name: str
    citation: str
    title: str
    question: str
    folder: Path
    lengths: dict[str, Length]
    examples: tuple[tuple[str, str], ...]
    target: Cohort
    regions: tuple[str, ...]
    study: type[Study]
    groups: Callable[[Study], list[Group]]
    plan: Callable[[Study, argparse.Namespace], list[Job]]
    tables: dict[str, Callable[[Study], Table]]
    figures: dict[str, Callable[..., bool]]
    findings: Callable[[Study], list[Finding]]
    facts: Callable[[Study, list[Run]], Facts]
    sentences: dict[str, Callable[[Study], str]] = field(default_factory=dict)
    curves: Callable[[Study], list[Shown]] = lambda _: []
    divide: Callable[..., None] = _nothing
    source: Cohort | None = None
    options: tuple[Option, ...] = ()
    notice: Callable[[argparse.Namespace], str | None] = _nothing

    def make_study(self, arguments: argparse.Namespace, scale: str, out: Path) -> Study:
        """Return where the runs and the page are."""
        target = self.target.name(scale, arguments.data, option="--data")
        source = self.source.name(scale, arguments.source_data, option="--source-data") if self.source else ""
        return self.study(arguments.runs, scale, out, target, source, arguments.data, arguments.cache)

    def runs(self, study: Study, *, of_source: bool | None = None) -> list[Run]:
        """Return every run, there or not; those on the source alone, or on the target."""
        groups = [group for group in self.groups(study) if of_source in (None, group.of_source)]
        return [run for group in groups for run in group.runs]

    def is_done(self, job: Job, study: Study) -> bool:
        """Return whether a job's result is there, made with the settings that it would be made with now."""
        return is_complete(job, study.runs, config=self.target.configs[study.scale])

    def describe(self, job: Job, study: Study) -> str:
        """Return what a finished job brought, in a few words."""
        return describe_scores(job, study.runs, regions=self.regions)
