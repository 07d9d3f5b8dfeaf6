"""A cross-validation that was never trained: three folds of seven patients, with scores chosen by hand."""

import csv
import json
from pathlib import Path

# (case, Dice, HD95 in mm) of wt; the Dice of et is 0.5 everywhere. "" is a score that is not defined.
SCORES = {
    0: (("p0", 0.8, 2), ("p3", 0.6, 4)),
    1: (("p1", 0.9, 6), ("p4", 0.7, "")),
    2: (("p2", 0.5, 1), ("p5", 0.7, 3), ("p6", 0.3, 5)),
}
CONFIG = {"name": "net", "seed": 3, "train": {"epochs": 10}}
COMMAND = "python -m segan_tl train --config net --data 'my data' --fold {} --folds 3"


def write_fold(folder: Path, number: int, *, scores=None, config=None, state="finished") -> None:
    """Write the files of one fold as training and test leave them."""
    scores = SCORES[number] if scores is None else scores
    run = folder / f"fold{number}"
    run.mkdir(parents=True, exist_ok=True)
    write(run / "config.json", CONFIG if config is None else config)
    data = {"folder": "/somewhere/cohort", "layout": "brats2021", "synthetic": False}
    write(run / "run.json", {"state": state, "seed": 3, "command": COMMAND.format(number), "data": data, "commit": "1"})
    tested = [case for case, *_ in scores]
    others = [case for fold in SCORES.values() for case, *_ in fold if case not in tested]
    write(run / "splits.json", {"train": others[1:], "validation": others[:1], "test": tested, "source": ["elsewhere"]})
    if state == "finished":
        rows = [("case", "region", "dice", "hd95_mm", "truth_ml", "seconds")]
        rows += [(case, "wt", dice, hd95, 10, 0.1) for case, dice, hd95 in scores]
        rows += [(case, "et", 0.5, 1, 5, 0.1) for case, *_ in scores]
        with (run / "metrics.csv").open("w", newline="") as file:
            csv.writer(file).writerows(rows)
        (run / "predictions").mkdir(exist_ok=True)
        for name in ("curves.png", "overlays.png", *(f"predictions/{case}.nii.gz" for case in tested)):
            (run / name).touch()
        write(run / "summary.json", {"failed": {}})
        (run / "report.html").touch()


def write_folds(folder: Path, *, leave_out=(), saved=True) -> Path:
    """Write all folds but some, and folds.json."""
    for number in SCORES:
        if number not in leave_out:
            write_fold(folder, number)
    if saved:
        tests = {str(number): [case for case, *_ in scores] for number, scores in SCORES.items()}
        write(folder / "folds.json", {"seed": 3, "folds": 3, "test": tests})
    return folder


def write(path: Path, value: dict) -> None:
    path.write_text(json.dumps(value))
