"""A learning curve: which trainings answer with which start so many cases of a target come farthest.

Every cell (a start, a number of training cases, a seed, a division of the patients) is a run of its own, and every
start that is trained here too: a source is trained once for each division, on all training patients of it, and no test
patient of a division was ever seen by what starts there.
"""

import argparse
import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from segan_tl.config.load import load_config
from segan_tl.config.schema import Config
from segan_tl.config.strategies import moved_name
from segan_tl.regions import MODALITIES
from segan_tl.runs import Run
from segan_tl.workflow.cohort import cohort_name
from segan_tl.workflow.jobs import Job
from segan_tl.workflow.starts import ANY, PHANTOM, SCRATCH, Start
from segan_tl.workflow.trainings import name_of, training

# Which modality each looks like [Giacomello 2020, Fig. 3]: whose weights it begins with where a source has several.
LOOKS_LIKE = {"t1": "t1c", "t1c": "t1", "t2": "flair", "flair": "t2"}
SOURCE_WEIGHT = 1.5  # length of a source's training beside that of a cell


@dataclass(frozen=True)
class Cell:
    """One training on the target; `cases` is None where all of the training part learn."""

    start: Start
    cases: int | None
    seed: int
    division: int
    run: Run


@dataclass(frozen=True)
class Curve:
    """All trainings of a learning curve.

    Attributes:
        name: what the configuration names of all runs begin with.
        config: preset or file of every training.
        target: modality, or "all".
        data: folder of cases, None for the synthetic cohort.
        divisions: files like splits.json, one for each division of the patients.
        runs, cache: where they are.
        settings: KEY=VALUE of every training.
        more: further words of every training, such as --patients FILE.
        fewer: number of cases → how many of the seeds, where these are not all.
        sources: origin → run that other jobs train; every cell waits for them, for they may divide the patients, too.
        weight: length of a cell beside other jobs.
    """

    name: str
    config: str
    target: str
    data: Path | None
    starts: tuple[Start, ...]
    cases: tuple[int | None, ...]
    seeds: tuple[int, ...]
    divisions: tuple[Path, ...]
    runs: Path
    cache: Path
    settings: tuple[str, ...] = ()
    more: tuple[str, ...] = ()
    fewer: tuple[tuple[int | None, int], ...] = ()
    sources: Mapping[str, Run] = field(default_factory=dict, hash=False)
    weight: float = 1.0

    def cells(self) -> Iterator[Cell]:
        """Yield every cell: those of few cases first, start beside start, so that a part of them says something."""
        most = dict(self.fewer)
        for number, seed in enumerate(self.seeds):
            for cases in (each for each in self.cases if number < most.get(each, len(self.seeds))):
                for division in range(len(self.divisions)):
                    for start in self.starts:
                        yield Cell(start, cases, seed, division, self._run(start, cases, seed, division))

    def _run(self, start: Start, cases: int | None, seed: int, division: int) -> Run:
        place = f"{self.name}-{start.folder}-cases{cases or 'all'}-seed{seed}-division{division}"
        return Run(self.runs / place / self._leaf(start, division))

    def _leaf(self, start: Start, division: int) -> str:
        """Return how the trainings call their runs."""
        own = self._cohort(self.target, self.data, start.of_target)
        if start.origin == SCRATCH:
            return own
        if source := self.source_of(start, division):
            return moved_name(source.root.name, self.target if self._is_modality(start) else own, start.strategy)
        return _name_foreign(self, start)

    def config_of(self, modality: str, settings: tuple[str, ...] = ()) -> Config:
        """Return the configuration of a training on a modality, on all, or on any subset of those beside the target.

        Args:
            modality: or "all", or "any".
            settings: of a start, such as source.share=0.5 for a second cohort; how it learns is left out.
        """
        settings = tuple(text for text in settings if not text.startswith("transfer."))
        return load_config(self.config, [*self.settings, *self._inputs_of(modality), *settings])

    def _inputs_of(self, modality: str) -> tuple[str, ...]:
        """Return what decides which modalities a training sees."""
        if modality == ANY:
            return (f"data.modalities={[one for one in MODALITIES if one != self.target]}", "data.subsets=any")
        return (f"data.modalities={list(MODALITIES) if modality == 'all' else [modality]}",)

    def _cohort(self, modality: str, data: Path | None, settings: tuple[str, ...] = ()) -> str:
        return cohort_name(argparse.Namespace(data=data, source_data=None), self.config_of(modality, settings))

    @staticmethod
    def _is_modality(start: Start) -> bool:
        return start.origin in (*MODALITIES, "all", ANY)

    def source_of(self, start: Start, division: int) -> Run | None:
        """Return the run that a start begins with, where it is trained here, or by other jobs."""
        if start.origin in self.sources:
            return self.sources[start.origin]
        if self._is_modality(start):
            place = f"{self.name}-source-{start.origin}-division{division}"
            return Run(self.runs / place / self._cohort(start.origin, self.data))
        if start.origin == PHANTOM:
            place = f"{self.name}-source-{start.folder if start.of_source else PHANTOM}"
            return Run(self.runs / place / self._cohort(self.target, None))
        return None

    def jobs(self) -> list[Job]:
        """Return all trainings but those of `sources`: first what others begin with, then what begins with it."""
        cells = list(self.cells())
        jobs = [*filter(None, map(self._source_job, cells)), *map(self._cell_job, cells)]
        return list({job.name: job for job in jobs}.values())

    def _source_job(self, cell: Cell) -> Job | None:
        run, start = self.source_of(cell.start, cell.division), cell.start
        if run is None or start.origin in self.sources:
            return None
        own = self._is_modality(start)
        settings, words = self.settings + start.of_source, ("train", "--config", self.config)
        if start.origin == ANY:
            settings += self._inputs_of(ANY)
        else:
            words += ("--modality", start.origin if own else self.target)
        words += (*self.more, "--split", str(self.divisions[cell.division])) if own else ()
        return training(
            run, words, runs=self.runs, cache=self.cache, data=self.data if own else None, settings=settings,
            weight=SOURCE_WEIGHT,
        )  # fmt: skip

    def _cell_job(self, cell: Cell) -> Job:
        start, split = cell.start, ("--split", str(self.divisions[cell.division]))
        source = self.source_of(start, cell.division)
        settings = self.settings + start.of_target + ((f"data.train_cases={cell.cases}",) if cell.cases else ())
        if start.origin == SCRATCH:
            words = ("train", "--config", self.config, "--modality", self.target, *self.more, *split)
        else:
            origin = str(source.root) if source else start.origin
            words = ("transfer", "--from", origin, "--strategy", start.strategy, "--no-scratch", "--config")
            words += (self.config, "--target", self.target, *self.more, *split)
            if start.origin == ANY:
                words += ("--map", f"{self.target}={LOOKS_LIKE[self.target]}")
        needs = dict.fromkeys(name_of(run, self.runs) for run in (*self.sources.values(), source) if run)
        return training(
            cell.run, words, runs=self.runs, cache=self.cache, data=self.data, settings=settings, seed=cell.seed,
            needs=tuple(needs), weight=self.weight,
        )  # fmt: skip


@functools.cache
def _name_foreign(curve: Curve, start: Start) -> str:
    """Return how `transfer` calls the run that begins with a network that is there already."""
    from segan_tl.train.start.source import find_source
    from segan_tl.workflow.moving import name_move

    words = {"data": curve.data, "source_data": None, "target": curve.target, "cache": curve.cache}
    source = find_source(start.origin, runs=curve.runs)
    return name_move(
        argparse.Namespace(**words), source, curve.config_of(curve.target, start.of_target), start.strategy
    )[0]
