"""What the runs of a reproduction scored, and what its page says of them."""

import math
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from segan_tl.errors import UserError
from segan_tl.report.score.owed import is_scored
from segan_tl.runs import Run, read_json, read_parts
from segan_tl.schemas.tables import read_metrics, read_table, require_number

AVERAGE = "average"  # of the regions of a patient


class Facts(NamedTuple):
    """What the head of a page says of its runs.

    Attributes:
        split: part → case ids, {} where it is not known.
        scale: the line of the scale and the seeds.
        more: further lines.
    """

    split: dict
    scale: str
    more: tuple[str, ...] = ()


# === Scores ===


def read_scores(run: Run, score: str = "dice", *, region: str = "wt") -> dict[str, float]:
    """Return test case → score of a region; empty where the run is not finished."""
    return read_column(run.metrics, score, region=region) if is_scored(run) else {}


def read_column(path: Path, score: str, *, region: str) -> dict[str, float]:
    """Return case → score of a region, of a metrics.csv; empty where there is none."""
    rows = read_metrics(path) if path.is_file() else []
    if rows and score not in rows[0]:
        raise UserError(f"expected the column {score} in {path}; found none; train the run again with --overwrite")
    return {row["case"]: float(row[score] or "nan") for row in rows if row["region"] == region}


def read_columns(paths: Iterable[Path], score: str = "dice", *, regions: Sequence[str]) -> dict[str, dict[str, float]]:
    """Return region, and AVERAGE → case → score, of several metrics.csv whose cases are not the same."""
    paths = list(paths)
    found = {
        region: {case: value for path in paths for case, value in read_column(path, score, region=region).items()}
        for region in regions
    }
    return found | {AVERAGE: mean_over(list(found.values()))}


def read_curve(run: Run, column: str) -> dict[int, float]:
    """Return epoch → value of a column of history.csv, of the epochs that have one."""
    from segan_tl.report.figures import read_history

    history = read_history(run.history)
    values = zip(history["epoch"], history.get(column, ()))
    return {int(epoch): float(value) for epoch, value in values if math.isfinite(value)}


def read_rows(path: Path, texts: Sequence[str], numbers: Sequence[str]) -> list[dict[str, str]]:
    """Return the rows of a CSV file that has these columns of text and of numbers; none where there is no file.

    Raises:
        UserError: a column is missing, or a cell of `numbers` holds no number.
    """
    remedy = "remove it and make it again"
    rows = read_table(path, (*texts, *numbers), remedy=remedy) if path.is_file() else []
    for row in rows:
        for name in numbers:
            require_number(row[name], name, path=path, remedy=remedy)
    return rows


def mean(scores: dict) -> float | None:
    """Return the mean of the values, None without any."""
    return statistics.fmean(scores.values()) if scores else None


def mean_over(several: Sequence[dict[str, float]]) -> dict[str, float]:
    """Return case → mean over regions (or seeds), of the cases that all of them have."""
    common = set.intersection(*map(set, several)) if several else set()
    return {case: statistics.fmean(scores[case] for scores in several) for case in sorted(common)}


# === What a page says of runs ===


def is_synthetic(runs: list[Run]) -> bool:
    """Return whether the first of these scored runs says that no patient is in its data."""
    return bool(runs and read_json(runs[0].state).get("data", {}).get("synthetic", False))


def describe_runs(runs: list[Run], *, total: int, split: dict, scale: str, more: tuple[str, ...] = ()) -> str:
    """Return where the numbers of a page come from: data, scale, runs, time, versions.

    Args:
        runs: those that are trained and scored.
        total: how many there would be.
        split: part → case ids, {} where it is not known.
        scale: the line of the scale and the seeds.
        more: further lines.
    """
    from segan_tl.report.figures import SYNTHETIC, read_history

    if not runs:
        return f"0 of {total} runs are trained and scored."
    states = [read_json(run.state) for run in runs]
    data = states[0].get("data", {})
    label = f"**{SYNTHETIC}**: " if data.get("synthetic") else ""
    minutes = sum(float(read_history(run.history)["seconds"].sum()) for run in runs) / 60
    time = f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.1f} h"
    lines = (
        f"data: {label}`{Path(data.get('folder') or '?').name}` (layout {data.get('layout', '?')}); patients: "
        f"{count_parts(split)}",
        f"scale: {scale}",
        f"{len(runs)} of {total} runs trained and scored; training time, added up: {time}",
        *more,
        f"versions: {_versions(states)}",
    )
    return "\n".join(f"- {line}" for line in lines)


def count_parts(split: dict, *, but: str = "") -> str:
    """Return how many cases each part of a split has, one left out, in words."""
    return ", ".join(f"{len(cases)} {part}" for part, cases in split.items() if part != but) or "not known yet"


def read_split(runs: Iterable[Run]) -> dict:
    """Return part → cases of the first of these runs that is scored; {} where none is."""
    return next((read_parts(run) for run in runs if is_scored(run)), {})


def describe_seeds(runs: Sequence[Run]) -> str:
    """Return the seeds of these scored runs."""
    return ", ".join(sorted({str(read_json(run.state).get("seed", "?")) for run in runs})) or "not known yet"


def describe_length(runs: Sequence[Run]) -> str:
    """Return how long the first of these runs that is scored was trained."""
    for run in runs:
        if is_scored(run):
            train = read_json(run.config).get("train") or {}
            steps = train.get("steps_per_epoch") or "as many steps as cases"
            return f"{train.get('epochs', '?')} epochs of {steps}"
    return "not known yet"


def _versions(states: list[dict]) -> str:
    """Return the versions and commits that the runs were made with; several of one kind with a slash."""
    found = {}
    for state in states:
        for name, version in (state.get("versions", {}) | {"commit": (state.get("commit") or "")[:7]}).items():
            if version and version not in found.setdefault(name, []):
                found[name].append(version)
    return ", ".join(f"{name} {'/'.join(versions)}" for name, versions in found.items() if versions)
