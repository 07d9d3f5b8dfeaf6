"""What the runs of a reproduction scored, and what its page says of them."""

import csv
import statistics
from pathlib import Path

from segan_tl.report.figures import SYNTHETIC, read_history
from segan_tl.runs import Run, read_json


def is_scored(run: Run) -> bool:
    """Return whether training is complete and the test cases are scored."""
    return run.summary.is_file() and run.state.is_file() and read_json(run.state).get("state") == "finished"


def read_scores(run: Run, score: str = "dice", *, region: str = "wt") -> dict[str, float]:
    """Return test case → score of a region; empty where the run is not finished."""
    if not is_scored(run):
        return {}
    return {row["case"]: float(row[score]) for row in read_rows(run.metrics) if row["region"] == region}


def read_rows(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file; none where there is no file."""
    if not path.is_file():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def mean(scores: dict) -> float | None:
    """Return the mean of the values, None without any."""
    return statistics.fmean(scores.values()) if scores else None


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
    if not runs:
        return f"0 of {total} runs are trained and scored."
    states = [read_json(run.state) for run in runs]
    data = states[0]["data"]
    counts = ", ".join(f"{len(ids)} {part}" for part, ids in split.items())
    label = f"**{SYNTHETIC}**: " if data.get("synthetic") else ""
    minutes = sum(float(read_history(run.history)["seconds"].sum()) for run in runs) / 60
    time = f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.1f} h"
    lines = (
        f"data: {label}`{Path(data['folder']).name}` (layout {data['layout']}); patients: {counts or 'not known yet'}",
        f"scale: {scale}",
        f"{len(runs)} of {total} runs trained and scored; training time, added up: {time}",
        *more,
        f"versions: {_versions(states)}",
    )
    return "\n".join(f"- {line}" for line in lines)


def _versions(states: list[dict]) -> str:
    """Return the versions and commits that the runs were made with; several of one kind with a slash."""
    found = {}
    for state in states:
        for name, version in (state.get("versions", {}) | {"commit": (state.get("commit") or "")[:7]}).items():
            if version and version not in found.setdefault(name, []):
                found[name].append(version)
    return ", ".join(f"{name} {'/'.join(versions)}" for name, versions in found.items() if versions)
