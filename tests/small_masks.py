"""Small label files with numbers that can be counted by hand."""

from pathlib import Path

import nibabel as nib
import numpy as np

SHAPE = (8, 7, 6)
SPACING_MM = (1.0, 1.0, 2.0)


def small_truth(enhancing: int = 4) -> np.ndarray:
    """Return labels as of BraTS 2017: 48 voxels of oedema around 8 of necrosis and 4 enhancing ones."""
    labels = np.zeros(SHAPE, np.uint8)
    labels[1:6, 1:5, 1:4] = 2
    labels[2:4, 2:4, 1:3] = 1
    labels[4, 2:4, 1:3] = enhancing
    return labels


def write_mask(path: Path, labels: np.ndarray, *, shift_mm: float = 0.0) -> Path:
    """Write labels (axes in LPS order) to NIfTI, at the place of every other file unless shifted."""
    affine = np.diag([-SPACING_MM[0], -SPACING_MM[1], SPACING_MM[2], 1.0])
    affine[2, 3] = shift_mm
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(labels, affine), path)
    return path


def write_truths(folder: Path, *, cases: int) -> Path:
    """Write a BraTS 2021 cohort of label maps."""
    for number in range(cases):
        name = f"BraTS2021_{number:05d}"
        write_mask(folder / name / f"{name}_seg.nii.gz", small_truth())
    return folder
