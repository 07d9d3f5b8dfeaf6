"""A reproduction whose runs were never trained: directories as training leaves them, with numbers chosen by hand."""

import csv
import json

from segan_tl.papers.giacomello.study import CURVE_CASES, FIRST_CURVE, SINGLE, Study
from segan_tl.runs import Run

# Test Dice of two patients; precision is 0.1 above, sensitivity 0.1 below.
VARIANTS = {"segan": (0.80, 0.82), "segan-no-dice": (0.83, 0.83), "segan-cat": (0.86, 0.90)}
MODALITIES = {"t1": (0.50, 0.54), "t1c": (0.40, 0.42), "t2": (0.70, 0.80), "flair": (0.80, 0.84)}
TRANSFERS = {
    ("t1", "full"): (0.52, 0.52), ("t1", "frozen"): (0.60, 0.62), ("t1c", "full"): (0.44, 0.46),
    ("t1c", "frozen"): (0.45, 0.45), ("t2", "full"): (0.78, 0.80), ("t2", "frozen"): (0.70, 0.82),
}  # fmt: skip
HISTORY = (0.2, 0.5, 0.7, 0.75)
SECONDS = 9.0  # an epoch


def write_run(run: Run, dice: tuple[float, ...], *, config: dict | None = None, history=HISTORY, **state) -> None:
    """Write one finished run."""
    run.root.mkdir(parents=True, exist_ok=True)
    columns = ("case", "region", "dice", "precision", "sensitivity", "truth_ml", "prediction_ml", "seconds")
    rows = [(f"p{i}", "wt", value, value + 0.1, value - 0.1, 1, 1, 0.1) for i, value in enumerate(dice)]
    with run.metrics.open("w", newline="") as file:
        csv.writer(file).writerows([columns, *rows])
    lines = [f"{epoch},{SECONDS},{value},{value}" for epoch, value in enumerate(history, 1)]
    run.history.write_text("\n".join(["epoch,seconds,dice_wt,dice", *lines]) + "\n")
    about = {
        "state": "finished", "seed": 0, "best_epoch": 4, "best_dice": max(history),
        "data": {"folder": "/somewhere/phantom-x", "layout": "brats2021", "synthetic": True},
        "versions": {"segan_tl": "0.1.0", "keras": "3.15.1"}, "commit": "0123456789abcdef",
    }  # fmt: skip
    run.state.write_text(json.dumps(about | state))
    split = {"train": ["a", "b", "c"], "validation": ["v"], "test": [f"p{i}" for i in range(len(dice))]}
    run.splits.write_text(json.dumps(split))
    run.config.write_text(json.dumps(config or {}))
    run.summary.write_text("{}")


def write_study(study: Study) -> None:
    """Write every run and the matrix."""
    for variant, dice in VARIANTS.items():
        shift = {"segan": -0.05, "segan-no-dice": -0.15, "segan-cat": 0.05}[variant]
        write_run(study.variants[variant], dice, history=[value + shift for value in HISTORY])
    for modality, dice in MODALITIES.items():
        write_run(study.single(modality), dice)
    for (target, strategy), dice in TRANSFERS.items():
        write_run(study.transfer(target, strategy), dice)
    curve = study.curve(FIRST_CURVE)
    for cell in curve.cells():
        gain = 0.05 * curve.starts.index(cell.start)
        dice = 0.3 + 0.1 * CURVE_CASES.index(cell.cases) + 0.02 * cell.seed + gain
        write_run(cell.run, (dice, dice + 0.1), config={"train": {"epochs": 6, "steps_per_epoch": 75}})
    write_matrix(study)


def write_matrix(study: Study) -> None:
    """Write what `segan_tl matrix` leaves: a model's own modality is its own Dice, any other 0.1, but T1c on FLAIR."""
    study.matrix.mkdir(parents=True, exist_ok=True)
    cells = [("run", "trained_on", "modality", "case", "region", "dice")]
    for trained_on in SINGLE:
        for seen in SINGLE:
            other = (0.5, 0.6) if (trained_on, seen) == ("t1c", "flair") else (0.1, 0.1)
            for i, dice in enumerate(MODALITIES[trained_on] if trained_on == seen else other):
                cells.append((f"x/{trained_on}", trained_on, seen, f"p{i}", "wt", dice))
    votes = [("modalities", "number", "rule", "region", "dice", "std", "cases")]
    for rule, gain in (("majority", 0.0), ("weighted", 0.1)):
        votes += [("t1", 1, rule, "wt", 0.5, 0.1, 2), ("flair", 1, rule, "wt", 0.7, 0.1, 2)]
        votes += [("t1+flair", 2, rule, "wt", 0.6 + gain, 0.1, 2)]
    for name, rows in (("matrix.csv", [("run",)]), ("matrix_cases.csv", cells), ("votes.csv", votes)):
        with (study.matrix / name).open("w", newline="") as file:
            csv.writer(file).writerows(rows)
