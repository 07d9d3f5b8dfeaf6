"""Small DICOM studies, written as a scanner would and then changed."""

import gzip
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest

from segan_tl.clinical.dicom.series import find_series
from segan_tl.clinical.dicom.simulate import write_series
from segan_tl.clinical.dicom.volume import read_series
from segan_tl.data.files.geometry import Geometry
from segan_tl.data.files.images import Volume

AXIAL = np.diag([-1.0, -1.0, 5.0, 1.0])
SHAPE = (12, 10, 6)  # columns, rows, slices


def oblique(degrees: float = 20) -> np.ndarray:
    """Return an affine of 0.9 × 0.8 × 4 mm, turned about two axes."""
    turn = np.radians(degrees)
    first = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    second = np.array([[1, 0, 0], [0, np.cos(turn), -np.sin(turn)], [0, np.sin(turn), np.cos(turn)]])
    affine = np.eye(4)
    affine[:3, :3] = first @ second @ np.diag([-0.9, -0.8, 4.0])
    affine[:3, 3] = (31.25, -17.5, 8.125)
    return affine


def small_volume(affine: np.ndarray = AXIAL, *, shape=SHAPE, seed: int = 0, dtype=np.int16) -> Volume:
    """Return noise on the grid that an affine of (columns, rows, slices) to RAS mm says."""
    geometry = Geometry(shape, affine)
    data = np.random.default_rng(seed).integers(0, 3000, geometry.in_lps.shape).astype(dtype)
    return Volume(data, geometry.in_lps.affine, geometry)


def write_study(folder: Path, modalities=("t1", "t1c", "t2", "flair"), **options) -> dict[str, list[Path]]:
    """Write one series a modality, numbered from 1, each of other noise; return the files."""
    return {
        modality: write_series(folder / modality, small_volume(seed=place), modality, number=place, **options)
        for place, modality in enumerate(modalities, 1)
    }


def edit(paths: list[Path], change: Callable | None = None, **attributes) -> None:
    """Change attributes of files: by keyword, None to remove one, or by a function of (dataset, place)."""
    for place, path in enumerate(paths):
        values = pydicom.dcmread(path)
        for keyword, value in attributes.items():
            if value is None:
                delattr(values, keyword)
            else:
                setattr(values, keyword, value)
        if change:
            change(values, place)
        values.file_meta.MediaStorageSOPInstanceUID = values.SOPInstanceUID
        values.save_as(path)


def siemens_mosaic() -> pydicom.Dataset:
    """Return the mosaic of a real Siemens scanner that comes with nibabel's own tests, or skip."""
    path = Path(nib.__file__).parent / "nicom" / "tests" / "data" / "siemens_dwi_0.dcm.gz"
    if not path.is_file():
        pytest.skip("this nibabel comes without the files of its tests")
    with gzip.open(path) as stream:
        return pydicom.dcmread(stream)


def require_valid(path):
    """Hold a file to the standard by dciodvfy, or skip."""
    if not shutil.which("dciodvfy"):
        pytest.skip("dciodvfy is not installed (Debian: dicom3tools)")
    said = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False).stderr
    assert "Error" not in said, said


def labels_of(volume, *, seed=0):
    """Return labels in blocks, an odd number of voxels each, so that no flip leaves them as they are."""
    labels = np.zeros(volume.data.shape, np.uint8)
    chance = np.random.default_rng(seed)
    labels[1:8, 2:7, 1:5] = 2
    labels[tuple(slice(1, 4) for _ in range(3))] = chance.integers(0, 4, (3, 3, 3))
    return labels


def study(folder, affine=AXIAL):
    """Write a FLAIR; return its series and volume as they are found."""
    volume = small_volume(affine)
    write_series(folder, volume, "flair")
    (series,) = find_series(folder).series
    return series, read_series(series)
