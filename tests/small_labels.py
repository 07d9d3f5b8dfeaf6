"""Runs on NCR, ED and ET that were never trained: their scores are chosen by hand."""

import csv
import json
from pathlib import Path

from segan_tl.runs import Run
from tests.small_study import write_run

COLUMNS = ("case", "region", "dice", "hd95_mm")
DIGEST = "0" * 64


def write_labels(run: Run, scores: dict[str, dict[str, tuple[float, float]]], *, config=None, split=None, **state):
    """Write a run that is trained and scored.

    Args:
        run: which one.
        scores: test case → region → Dice and HD95.
        config: of its config.json.
        split: of its splits.json.
        state: of its run.json.
    """
    write_run(run, (), config=config or {"train": {"epochs": 4, "steps_per_epoch": 5}}, **state)
    run.splits.write_text(json.dumps(split or {"train": ["a", "b"], "validation": ["v"], "test": list(scores)}))
    write_scores(run.root, scores)


def write_scores(folder: Path, scores: dict[str, dict[str, tuple[float, float]]]) -> None:
    """Write metrics.csv and summary.json."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [(case, region, *values) for case, regions in scores.items() for region, values in regions.items()]
    with (folder / "metrics.csv").open("w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *rows])
    (folder / "summary.json").write_text(json.dumps({"segmentor_sha256": DIGEST}))
