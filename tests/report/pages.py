"""Runs that a page can be made of, written in a moment: no network, only what a training leaves behind."""

import csv
import json
from pathlib import Path

import nibabel
import numpy as np

from segan_tl.disk.atomic import write_json
from segan_tl.metrics.overlap import counts
from segan_tl.runs import Run
from tests.small_runs import SHAPE, small_labels, write_case

CASES = ("BraTS2021_00001", "BraTS2021_00002", "BraTS2021_00003", "BraTS2021_00004")
REGION_LABELS = {"wt": (1, 2, 4), "tc": (1, 4), "et": (4,)}
MODALITIES = ("flair", "t2", "t1ce", "t1")


def write_cohort(folder: Path, cases=CASES) -> Path:
    """Write cases with tumours of several sizes."""
    for place, case in enumerate(cases):
        write_case(folder, case, small_labels(3 + place), modalities=MODALITIES)
    return folder


def write_run(
    root: Path, cohort: Path, *, shift=1, regions=("wt",), modalities=("flair",), cases=CASES, **state
) -> Run:  # fmt: skip
    """Write a run whose prediction is the truth, moved by `shift` voxels."""
    run = Run(root)
    write_json(run.config, {"name": root.parent.name, "data": {"modalities": modalities, "regions": regions}})
    write_json(run.splits, {"train": ["a", "b"], "validation": ["c"], "test": list(cases)})
    data = {"folder": str(cohort), "layout": "brats2021", "synthetic": True}
    data["cases"] = {"train": 2, "validation": 1, "test": len(cases)}
    versions = {"segan_tl": "0.1.0", "keras": "3.15.1"}
    written = {"state": "finished", "epochs": 4, "best_epoch": 3, "best_dice": 0.6, "seed": 7, "data": data}
    written |= {"modalities": modalities, "regions": regions, "versions": versions, "commit": "abc123"}
    write_json(run.state, written | {"command": "python train_segan.py --modality flair"} | state)
    lines = ["epoch,seconds,loss_segmentor,loss_critic,dice_wt,dice"]
    scores = (0.1, 0.4, 0.6, "")  # no validation in the last epoch
    lines += [f"{epoch},1.5,{1 / epoch},{-0.1 * epoch},{dice},{dice}" for epoch, dice in enumerate(scores, 1)]
    run.history.write_text("\n".join(lines) + "\n")
    rows = [row for case in cases for row in _predict(run, cohort, case, shift=shift, regions=regions)]
    with run.metrics.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return run


def change_state(run: Run, **values) -> None:
    """Change run.json."""
    write_json(run.state, json.loads(run.state.read_text()) | values)


def _predict(run: Run, cohort: Path, case: str, *, shift: int, regions) -> list[dict]:
    truth = nibabel.load(cohort / case / f"{case}_seg.nii.gz")
    labels = np.asarray(truth.dataobj)
    moved = np.zeros(SHAPE, np.uint8)
    moved[shift:] = labels[: SHAPE[0] - shift]
    rows = []
    for region in regions:
        found = counts(np.isin(labels, REGION_LABELS[region]), np.isin(moved, REGION_LABELS[region]))
        rows.append({"case": case, "region": region, "dice": found.dice, "precision": found.precision,
                     "sensitivity": found.sensitivity, "truth_ml": found.truth_voxels * 0.012,
                     "prediction_ml": found.prediction_voxels * 0.012, "seconds": 0.1})  # fmt: skip
    run.predictions.mkdir(parents=True, exist_ok=True)
    written = moved if len(regions) > 1 else np.isin(moved, REGION_LABELS[regions[0]]).astype(np.uint8)
    nibabel.save(nibabel.Nifti1Image(written, truth.affine), run.predictions / f"{case}.nii.gz")
    return rows
