"""What a learning curve says: the scores of its cells, what each start adds to training from scratch, and the words."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from segan_tl.disk.atomic import write_csv
from segan_tl.metrics.corrections import holm
from segan_tl.report.compare.statistics import Comparison, Estimate, compare_pairs, estimate_mean
from segan_tl.report.score.owed import is_scored
from segan_tl.runs import Run
from segan_tl.schemas.tables import read_metrics

MEAN = "mean"  # of the regions
SCORES = ("start", "cases", "seed", "division", "case", "patient", "region", "dice")
GAINS = (
    "region", "cases", "start", "patients", "seeds", "dice", "scratch", "difference", "low", "high", "wilcoxon_p",
    "wilcoxon_p_holm",
)  # fmt: skip


class Score(NamedTuple):
    """Dice of one region of a test case, in one cell; `cases` is 0 where all of the training part learn."""

    start: str
    cases: int
    seed: int
    division: int
    case: str
    patient: str
    region: str
    dice: float


class Gain(NamedTuple):
    """What a start adds to training from scratch, over the same patients, seeds and divisions.

    Attributes:
        found: scratch first; one value a patient, the mean of its seeds and divisions.
        seeds: that both have.
        p_holm: of Wilcoxon's test, corrected for all gains of a region.
    """

    region: str
    cases: int
    start: str
    found: Comparison
    seeds: int
    p_holm: float | None = None


@dataclass(frozen=True)
class Answers:
    """The scores of all cells that are there.

    Attributes:
        scores: of every region, and of their mean where there are several.
        starts: labels, in the order of the command line.
        cases: numbers of training cases, 0 for all, in that order.
        regions: the mean of several first.
    """

    scores: tuple[Score, ...]
    starts: tuple[str, ...]
    cases: tuple[int, ...]
    regions: tuple[str, ...]

    def of(self, start: str, cases: int, region: str) -> dict[tuple[str, int, int], float]:
        """Return (case, seed, division) → Dice."""
        return {
            (one.case, one.seed, one.division): one.dice
            for one in self.scores
            if (one.start, one.cases, one.region) == (start, cases, region)
        }

    def mean(self, start: str, cases: int, region: str) -> Estimate:
        """Return the mean over patients, with its interval."""
        return estimate_mean(_by_patient(self.of(start, cases, region), self._patients()))

    def means_of_seeds(self, start: str, cases: int, region: str) -> dict[int, float]:
        """Return seed → mean over its test cases."""
        found = self.of(start, cases, region)
        seeds = sorted({seed for _, seed, _ in found})
        return {seed: fmean(value for key, value in found.items() if key[1] == seed) for seed in seeds}

    def gains(self, region: str) -> list[Gain]:
        """Return what every other start adds to the first, from scratch, for each number of cases."""
        scratch, *others = self.starts
        gains = []
        for cases in self.cases:
            base = self.of(scratch, cases, region)
            for start in others:
                theirs = self.of(start, cases, region)
                keys = sorted(set(base) & set(theirs))
                patients = [self._patients()[case] for case, _, _ in keys]
                found = compare_pairs([base[key] for key in keys], [theirs[key] for key in keys], patients)
                gains.append(Gain(region, cases, start, found, len({seed for _, seed, _ in keys})))
        corrected = holm([gain.found.wilcoxon_p for gain in gains])
        return [gain._replace(p_holm=p) for gain, p in zip(gains, corrected)]

    def _patients(self) -> dict[str, str]:
        return {one.case: one.patient for one in self.scores}


def _by_patient(found: Mapping[tuple[str, int, int], float], patients: Mapping[str, str]) -> list[float]:
    values: dict[str, list[float]] = {}
    for (case, _, _), value in found.items():
        values.setdefault(patients[case], []).append(value)
    return [fmean(each) for each in values.values()]


# === Reading and writing ===


def gather(
    cells: Iterable, *, starts: Sequence[str], cases: Sequence[int | None], folder: str = "",
    regions: Sequence[str] = (),
) -> Answers:  # fmt: skip
    """Read the scores of the cells that are trained and scored.

    Args:
        cells: of a `Curve`.
        starts: labels, scratch among them, which comes first here.
        cases: numbers of training cases, None for all.
        folder: inside each run, of a retest whose scores are meant; "" for the run's own.
        regions: that are meant; () for all that are scored.
    """
    there = ((cell, Run(cell.run.root / folder)) for cell in cells if is_scored(cell.run))
    scores = [score for cell, scored in there if scored.summary.is_file() for score in _read(cell, scored)]
    scores = [one for one in scores if not regions or one.region in regions]
    regions = list(dict.fromkeys(one.region for one in scores))
    order = ("scratch", *(start for start in starts if start != "scratch"))
    several = [MEAN] if len(regions) > 1 else []
    return Answers(
        tuple(scores + (_mean_of_regions(scores) if several else [])), order, tuple(each or 0 for each in cases),
        (*several, *regions),
    )  # fmt: skip


def _read(cell, scored: Run) -> list[Score]:
    rows = read_metrics(scored.metrics)
    return [
        Score(
            cell.start.label, cell.cases or 0, cell.seed, cell.division, row["case"], row.get("patient") or row["case"],
            row["region"], float(row["dice"] or "nan"),
        )
        for row in rows
    ]  # fmt: skip


def _mean_of_regions(scores: Sequence[Score]) -> list[Score]:
    cells: dict[tuple, list[Score]] = {}
    for one in scores:
        cells.setdefault((one.start, one.cases, one.seed, one.division, one.case), []).append(one)
    return [found[0]._replace(region=MEAN, dice=fmean(one.dice for one in found)) for found in cells.values()]


def write_scores(path: Path, answers: Answers) -> None:
    """Write one line a cell, test case and region; numbers have all their digits."""
    write_csv(path, SCORES, [one._asdict() | {"cases": one.cases or "all"} for one in answers.scores])


def write_gains(path: Path, answers: Answers) -> None:
    """Write one line a region, number of cases and start; what has no answer is empty."""
    lines = []
    for region in answers.regions:
        for gain in answers.gains(region):
            mean, low, high, patients = gain.found.difference
            values = (
                region, gain.cases or "all", gain.start, patients, gain.seeds, gain.found.second_mean,
                gain.found.first_mean, mean, low, high, gain.found.wilcoxon_p, gain.p_holm,
            )  # fmt: skip
            lines.append(dict(zip(GAINS, values)))
    write_csv(path, GAINS, lines)


# === Words ===


def verdicts(answers: Answers, region: str, untouched: Mapping[str, float] | None = None) -> list[str]:
    """Return a sentence for each number of cases: which start is best, and by how much.

    Args:
        answers: what the cells scored.
        region: or the mean of several.
        untouched: start → mean Dice of its source on the target, before any training there.
    """
    sentences = []
    for cases in answers.cases:
        gains = [gain for gain in answers.gains(region) if gain.cases == cases and gain.found.difference.n]
        number = "all cases" if not cases else f"{cases} case{'s' * (cases > 1)}"
        if sentence := _none_reaches(answers, region, cases, untouched or {}):
            sentences.append(f"with {number} {sentence}")
        elif gains:
            sentences.append(f"with {number} {_best_start(gains)}")
    return sentences


def _best_start(gains: Sequence[Gain]) -> str:
    best = max(gains, key=lambda gain: gain.found.difference.mean)
    mean, low, high, patients = best.found.difference
    interval = "" if low is None else f", {low:+.2f} to {high:+.2f}"
    about = f"({patients} patient{'s' * (patients > 1)}, {best.seeds} seed{'s' * (best.seeds > 1)})"
    doubt = "; one patient: no interval, too few for a claim" if patients == 1 else ""
    if mean <= 0:
        return f"start from scratch: the nearest, {best.start}, is at {mean:+.2f}{interval} {about}{doubt}"
    if low is not None and low <= 0:
        doubt = "; the interval holds 0: chance could explain it"
    return f"start from {best.start}: {mean:+.2f}{interval} {about}{doubt}"


def _none_reaches(answers: Answers, region: str, cases: int, untouched: Mapping[str, float]) -> str:
    """Return in words that a source is better than every training with so many cases; "" where it is not."""
    found = {start: answers.mean(start, cases, region) for start in answers.starts}
    found = {start: estimate for start, estimate in found.items() if estimate.mean is not None}
    if not found or not untouched:
        return ""
    source, best = max(untouched, key=untouched.get), max(found, key=lambda start: found[start].mean)
    mean, _, _, patients = found[best]
    if untouched[source] <= mean:
        return ""
    doubt = "one patient: too few for a claim" if patients == 1 else f"means of {patients} patients, no interval"
    return (
        f"no training reaches the untouched {source} ({untouched[source]:.3f}; the best, {best}, is at {mean:.3f}): "
        f"use it as it is ({doubt})"
    )
