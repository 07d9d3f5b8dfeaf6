"""Patients of whom a network finds too much, each of another size, and runs that have left them out of the training."""

from pathlib import Path

import nibabel
import numpy as np

from segan_tl.disk.atomic import write_json
from segan_tl.runs import Run
from tests.small_runs import make_run, small_config, small_labels, threshold_segmentor, write_case


def write_patients(folder: Path, numbers, *, of=lambda number: number) -> list[str]:
    """Write cases in which FLAIR has `of(number)` bright voxels far from the tumour; return their names."""
    names = []
    for number in numbers:
        name = f"BraTS2021_{number:05d}"
        place = write_case(folder, name, small_labels(3))
        image = nibabel.load(place / f"{name}_flair.nii.gz")
        voxels = np.asarray(image.dataobj).copy()
        corner = voxels[3:7, 2:6, 1:7]  # in the crop
        chosen = np.zeros(corner.size, bool)
        chosen[: of(number)] = True
        corner[chosen.reshape(corner.shape)] = 1000
        nibabel.save(nibabel.Nifti1Image(voxels, image.affine), place / f"{name}_flair.nii.gz")
        names.append(name)
    return names


def write_reviewed_run(root: Path, cohort: Path, validation, test, *, modalities=("flair",), regions=("wt",)) -> Run:
    """Write a finished and scored run whose validation and test cases lie in a folder."""
    data = {"folder": str(cohort), "layout": "brats2021", "synthetic": True}
    segmentor = threshold_segmentor(len(modalities))
    run = make_run(root, small_config(modalities, regions), segmentor=segmentor, data=data)
    others = ["BraTS2021_09999"]
    write_json(run.splits, {"train": others, "validation": list(validation), "test": list(test)})
    rows = [f"{case},{region},0.5" for case in test for region in regions]
    run.metrics.write_text("\n".join(["case,region,dice", *rows]) + "\n")
    write_json(run.summary, {"failed": {}})
    return run


def write_review(path: Path, cases: dict[str, float], *, digest: str) -> None:
    """Write what a second look expects of the answers of a network."""
    write_json(path, {
        "networks_sha256": [digest], "together": "alone", "regions": ["wt"], "mean_dice": 0.7, "error": 0.2,
        "signs": [{"name": "scattered", "mean": 0.1, "std": 0.1, "weight": -0.1}],
        "cases": {
            case: {"patient": case, "dice": 0.7, "predicted_dice": expected, "signs": {"scattered": 0.2}}
            for case, expected in cases.items()
        },
    })  # fmt: skip
