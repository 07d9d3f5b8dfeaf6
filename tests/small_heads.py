"""Coarse synthetic heads as a scanner leaves them, for the tests of preparation."""

import functools
from pathlib import Path

import numpy as np

from segan_tl.clinical.space.cohort import Space
from segan_tl.data.files.geometry import Geometry
from segan_tl.data.files.images import Volume, write_volume
from segan_tl.data.phantom.unprocessed import UnprocessedCase, simulate_unprocessed


@functools.cache
def small_head(case_index: int = 0) -> UnprocessedCase:
    """Return T1c and FLAIR of a head: pixels of 3 mm, slices of 5 mm, every sequence moved, tilted and shaded."""
    return simulate_unprocessed(
        "glioma-3t", case_index=case_index, shape=(60, 60, 39), seed=0, modalities=("t1c", "flair"), pixel_mm=3.0
    )


@functools.cache
def small_space() -> Space:
    """Return the untouched head of `small_head` as a space, on voxels of 4 mm."""
    case = small_head()
    brain = np.any([image > 0 for image in case.images.values()], axis=0)
    images = {}
    for name, image in case.images.items():
        scaled = image / np.percentile(image[brain], 99)
        images[name] = np.where(brain, scaled, 0).clip(0, 1.5).astype(np.float32)
    return Space("phantom", "digest", images, brain.astype(np.float32), case.geometry, {}, 1)


def write_head(folder: Path, *, case_index: int = 0) -> Path:
    """Write the sequences of a head as a patient's folder, and FLAIR's label map beside them."""
    case = small_head(case_index)
    for name, volume in case.volumes.items():
        write_volume(folder / f"{name}.nii.gz", volume.data, volume.geometry, dtype=np.float32)
    write_volume(folder / "seg.nii.gz", case.labels["flair"], case.volumes["flair"].geometry, dtype=np.uint8)
    return folder


@functools.cache
def aligned_volumes(*, cut: bool = False) -> dict[str, Volume]:
    """Return the untouched T1c and FLAIR, tiny by voxels of 1.5 mm; with `cut`, half of FLAIR is missing."""
    geometry = Geometry(small_head().geometry.shape, np.diag([-1.5, -1.5, 1.5, 1.0]))
    images = {name: small_head().images[name].astype(np.float32) for name in ("t1c", "flair")}
    if cut:
        images["flair"][:, : geometry.shape[1] // 2] = 0
    return {name: Volume(image, geometry.affine, geometry) for name, image in images.items()}


def error_mm(found: np.ndarray, case: UnprocessedCase, name: str) -> np.ndarray:
    """Return the distances of the brain's points under a found transform to the phantom's space and the true one."""
    points = np.argwhere(case.brains[name])[::5]
    points = np.c_[points, np.ones(len(points))] @ case.volumes[name].affine.T
    return np.linalg.norm((points @ (found - case.transforms[name]).T)[:, :3], axis=1)
