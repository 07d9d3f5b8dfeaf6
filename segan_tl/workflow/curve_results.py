"""The results of a learning curve: its tables, its picture and its page, from whatever cells are there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from segan_tl.workflow.curve import Cell, Curve

if TYPE_CHECKING:
    from segan_tl.report.compare.curve import Answers

TABLES = ("scores.csv", "gains.csv")
PICTURE = "curve.png"
WRITTEN = ("README.md", *TABLES, PICTURE)


@dataclass(frozen=True)
class Results:
    """What the cells of a learning curve say.

    Attributes:
        there: those that are trained and scored.
        answers: their scores.
        untouched: region → start → mean Dice of the source on the target, before any training there.
        lacking: how many are not there, in words; "" where all are.
        facts: lines about patients, configuration, length and starts.
    """

    there: list[Cell]
    answers: Answers
    untouched: dict[str, dict[str, float]]
    lacking: str
    facts: list[str]


def read_results(curve: Curve, *, folder: str = "", regions: Sequence[str] = ()) -> Results | None:
    """Return what the cells that are there say, None where none is.

    Args:
        curve: whose cells.
        folder: inside each run, of a retest whose scores are meant; "" for the run's own.
        regions: that are meant; () for all that are scored.
    """
    from segan_tl.report.compare.curve import gather
    from segan_tl.report.score.owed import is_scored

    cells = list(curve.cells())
    there = [cell for cell in cells if is_scored(cell.run) and (cell.run.root / folder / "summary.json").is_file()]
    if not there:
        return None
    labels = [start.label for start in curve.starts]
    answers = gather(there, starts=labels, cases=curve.cases, folder=folder, regions=regions)
    lacking = f"{len(cells) - len(there)} of {len(cells)} cells are not there" if len(there) < len(cells) else ""
    return Results(there, answers, {} if folder else _untouched(there, answers), lacking, _facts(curve, there))


def write_files(results: Results, out: Path, *, title: str, prefix: str = "") -> None:
    """Write the scores, the gains and the picture; their names begin with the prefix."""
    from segan_tl.report.compare.curve import write_gains, write_scores
    from segan_tl.report.compare.curve_page import plot_curve
    from segan_tl.runs import read_json

    for name, write in zip(TABLES, (write_scores, write_gains)):
        write(out / f"{prefix}{name}", results.answers)
    synthetic = bool(read_json(results.there[0].run.state).get("data", {}).get("synthetic"))
    picture = out / f"{prefix}{PICTURE}"
    plot_curve(results.answers, picture, untouched=results.untouched, title=title, synthetic=synthetic)


def write_results(curve: Curve, out: Path, *, command: str) -> int:
    """Write and print what the cells that are there say; return 2 where none is."""
    from segan_tl.console import console
    from segan_tl.report.compare.curve_page import print_answers, write_page

    results = read_results(curve)
    if results is None:
        console.print(f"none of {len(list(curve.cells()))} cells is trained and scored yet")
        return 2
    where = curve.data.resolve().name if curve.data else "synthetic patients"
    what = "four modalities" if curve.target == "all" else curve.target
    title = f"{what} of {where}: which start, with so many cases?"
    write_files(results, out, title=title)
    write_page(
        out / "README.md", results.answers, title=title, facts=[*results.facts, f"`{command}`"],
        untouched=results.untouched, picture=PICTURE, lacking=results.lacking,
    )  # fmt: skip
    print_answers(results.answers, results.untouched)
    console.print(f"{results.lacking + '; ' if results.lacking else ''}page {out / 'README.md'}", soft_wrap=True)
    return 0


def _untouched(cells: list[Cell], answers: Answers) -> dict[str, dict[str, float]]:
    """Return region, or their mean → start → mean Dice of the source on the target, before any training there."""
    from statistics import fmean

    from segan_tl.report.compare.curve import MEAN
    from segan_tl.runs import read_json

    found: dict[str, dict[str, dict[int, float]]] = {}
    for cell in cells:
        if cell.run.comparison.is_file():
            for region, scores in read_json(cell.run.comparison)["regions"].items():
                if scores["source"] is not None:
                    found.setdefault(region, {}).setdefault(cell.start.label, {})[cell.division] = scores["source"]
    means = {
        region: {start: fmean(values.values()) for start, values in starts.items()} for region, starts in found.items()
    }
    parts = [means.get(region, {}) for region in answers.regions if region != MEAN]
    if MEAN in answers.regions:  # where a start has all of its regions
        known = set(parts[0]).intersection(*parts)
        means[MEAN] = {start: fmean(part[start] for part in parts) for start in parts[0] if start in known}
    return means


def _facts(curve: Curve, cells: list[Cell]) -> list[str]:
    from segan_tl.runs import read_json
    from segan_tl.schemas.runs import Splits

    splits = [read_json(path, Splits) for path in curve.divisions if path.is_file()]
    parts = "; ".join(", ".join(f"{len(cases)} {part}" for part, cases in split.items()) for split in splits)
    settings = " ".join(curve.settings) or "none"
    return [
        f"patients, a division each: {parts}",
        f"configuration `{curve.config}`, changed: `{settings}`; {_length(cells[0].run)}",
        f"{_seeds(cells)}; starts: " + "; ".join(
            f"{start.label} ({start.origin}, {start.strategy}{', ' * bool(start.settings)}{', '.join(start.settings)})"
            for start in curve.starts
        ),
    ]  # fmt: skip


def _seeds(cells: list[Cell]) -> str:
    """Return which seeds the cells have: once where every number of cases has the same, else by number of cases."""
    found: dict[int | None, set[int]] = {}
    for cell in cells:
        found.setdefault(cell.cases, set()).add(cell.seed)
    words = {
        cases: f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, sorted(seeds)))}" for cases, seeds in found.items()
    }
    if len(set(words.values())) == 1:
        return next(iter(words.values()))
    return "; ".join(f"{cases or 'all'} case{'s' * (cases != 1)}: {text}" for cases, text in words.items())


def _length(run) -> str:
    """Return how long a run was trained."""
    from segan_tl.runs import read_json

    train = read_json(run.config)["train"]
    return f"{train['epochs']} epochs of {train['steps_per_epoch'] or 'as many steps as cases'}"
