"""Whole volumes for patches: cropped to the head, normalised, cached on disk and read through memory maps.

The files follow the rules of `cache`: their name holds a hash of every source, of the preparation and of this module's
VERSION, so nothing stale is ever read; they are written under a temporary name and renamed. One file holds all
modalities of a case, because the crop and the brain mask depend on all of them. Voxels are float16: a z-score of 1 is
off by at most 2⁻¹¹ = 0.0005, while int16 intensities with a standard deviation of 200 are themselves 0.005 apart.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from segan_tl.data.cases import Case, Problem, read_case
from segan_tl.regions import REGIONS, region_masks
from segan_tl.runs import atomic_path

VERSION = 1
POSITIONS = 10_000  # kept of each region, as many as nnU-Net keeps
Normalisation = Literal["zscore", "ren"]
_FILES = ("image", "labels", "positions", "box")


@dataclass(frozen=True)
class Box:
    """Where a prepared volume lies in its case; everything along H, W, D."""

    start: tuple[int, int, int]
    size: tuple[int, int, int]
    shape: tuple[int, int, int]  # of the whole case

    @property
    def inside(self) -> tuple[slice, slice, slice]:
        """Return the box as slices of an array (H, W, D, …)."""
        return tuple(slice(start, start + size) for start, size in zip(self.start, self.size))

    def cut(self, array: np.ndarray) -> np.ndarray:
        """Return the box of `array` (H, W, D, …) with slices first: (d, h, w, …), a view."""
        return np.moveaxis(array[self.inside], 2, 0)

    def paste(self, array: np.ndarray) -> np.ndarray:
        """Put `array` (d, h, w, …) back into a case (H, W, D, …) of zeros: the inverse of `cut`."""
        result = np.zeros((*self.shape, *array.shape[3:]), array.dtype)
        result[self.inside] = np.moveaxis(array, 0, 2)
        return result


@dataclass(frozen=True, eq=False)
class CachedVolume:
    """Memory maps of one prepared case.

    Attributes:
        image: (D, H, W, M) float16, cropped to the head, 0 outside the brain.
        labels: (D, H, W) uint8, canonical.
        positions: region → (n, 3) voxels of it along D, H, W, at most POSITIONS; every region that is present.
        regions: what `patch` makes masks of.
    """

    id: str
    image: np.ndarray
    labels: np.ndarray
    positions: dict[str, np.ndarray]
    box: Box
    regions: tuple[str, ...]

    def patch(self, corner: Sequence[int], size: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """Read a patch; what lies outside the volume is 0.

        Args:
            corner: first voxel along D, H, W; may be negative.
            size: voxels along D, H, W.

        Returns:
            (d, h, w, M) float32 and its masks (d, h, w, R) boolean.
        """
        labels = cut_patch(self.labels, corner, size)
        return cut_patch(self.image, corner, size).astype(np.float32), region_masks(labels, self.regions)

    def whole(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the whole prepared volume (D, h, w, M), float32, and its masks (D, h, w, R)."""
        return self.image.astype(np.float32), region_masks(self.labels, self.regions)


def cut_patch(volume: np.ndarray, corner: Sequence[int], size: Sequence[int]) -> np.ndarray:
    """Copy a patch out of the first axes of `volume`; what lies outside is 0."""
    patch = np.zeros((*size, *volume.shape[len(size) :]), volume.dtype)
    start, stop = np.maximum(corner, 0), np.minimum(np.add(corner, size), volume.shape[: len(size)])
    if (start < stop).all():
        part = tuple(map(slice, start - corner, stop - corner))
        patch[part] = volume[tuple(map(slice, start, stop))]
    return patch


# === Preparation ===


def prepare_volume(image: np.ndarray, *, normalise: Normalisation = "zscore") -> tuple[np.ndarray, Box]:
    """Crop to the bounding box of all voxels that are not 0 in every modality, and normalise each modality.

    "zscore": mean 0 and standard deviation 1 inside the brain (any modality ≠ 0), (x − mean) / (std + 1e-8); 0 outside
    [nnU-Net, ZScoreNormalization with use_mask_for_norm; Wacker 2020]. "ren": rescale to [0, 1] between the 1st and
    99th percentile of the whole volume, background included [Ren 2024].

    Args:
        image: (H, W, D, M) intensities.
        normalise: which of the two.

    Returns:
        (d, h, w, M) float32 and the box. A volume of zeros is not cropped; a constant modality becomes 0.
    """
    brain = np.any(image != 0, axis=-1)
    box = _bounding_box(brain)
    inside = box.cut(brain)
    prepared = np.empty((*inside.shape, image.shape[-1]), np.float32)
    for channel in range(image.shape[-1]):
        whole = image[..., channel]
        prepared[..., channel] = _zscore(box.cut(whole), inside) if normalise == "zscore" else box.cut(_rescale(whole))
    return prepared, box


def _bounding_box(brain: np.ndarray) -> Box:
    starts, sizes = [], []
    for axis, length in enumerate(brain.shape):
        found = np.flatnonzero(brain.any(axis=tuple({0, 1, 2} - {axis})))
        first, last = (int(found[0]), int(found[-1])) if len(found) else (0, length - 1)
        starts.append(first)
        sizes.append(last - first + 1)
    return Box(tuple(starts), tuple(sizes), brain.shape)


def _zscore(image: np.ndarray, brain: np.ndarray) -> np.ndarray:
    values = image[brain].astype(np.float64)
    result = np.zeros(image.shape, np.float32)
    if len(values):
        result[brain] = (values - values.mean()) / (values.std() + 1e-8)
    return result


def _rescale(image: np.ndarray) -> np.ndarray:
    """Scale to 0 … 255 with two decimals, then the 1st to 99th percentile to 0 … 1, clipped [Ren 2024].

    The authors take z-scores first; scaling to 0 … 255 undoes any affine map, so nothing of them is left.
    """
    low, high = float(image.min()), float(image.max())
    if low == high:
        return np.zeros(image.shape, np.float32)
    scaled = np.round((image.astype(np.float32) - low) * (255 / (high - low)), 2)
    first, last = np.percentile(scaled, (1, 99))
    return np.clip((scaled - first) / max(last - first, 1e-8), 0, 1).astype(np.float32)


# === Cache ===


def prepare_volumes(
    cases: Iterable[Case],
    folder: Path,
    *,
    modalities: tuple[str, ...],
    regions: tuple[str, ...],
    normalise: Normalisation = "zscore",
    jobs: int = 2,
    advance: Callable[[], None] = lambda: None,
) -> tuple[list[CachedVolume], list[Problem]]:
    """Check, prepare and cache every case that is not cached yet; a cached case was sound when it was cached.

    Args:
        cases: with a mask.
        modalities: channels of the image, in order.
        regions: masks of a patch, in order; the cache serves any.
        normalise: as in `prepare_volume`.
        jobs: cases prepared at a time; each takes about 0.5 GB at 240 × 240 × 155 × 4.
        advance: called after each case.

    Returns:
        The cases that are sound, and the problems of those that are not.
    """

    how = {"modalities": modalities, "normalise": normalise}

    def prepare(case: Case) -> tuple[CachedVolume | None, list[Problem]]:
        paths, problems = _paths(case, folder, **how), []
        if paths is None or not all(path.is_file() for path in paths.values()):
            problems = _check_and_write(case, paths, **how)
        advance()
        return (None if problems else _open(case, paths, regions)), problems

    with ThreadPoolExecutor(jobs) as pool:
        results = list(pool.map(prepare, cases))
    return [cached for cached, _ in results if cached], [problem for _, found in results for problem in found]


def _paths(case: Case, folder: Path, *, modalities: tuple[str, ...], normalise: str) -> dict[str, Path] | None:
    """Return the cache files of a case by name, or None where a source is missing."""
    key = [VERSION, normalise, case.convention, modalities, list(REGIONS)]
    for source in (*(case.images.get(name) for name in modalities), case.mask):
        if source is None or not Path(source.path).is_file():
            return None
        file, status = Path(source.path).resolve(), Path(source.path).stat()
        key.append([str(file), source.channel, status.st_size, status.st_mtime_ns, status.st_ctime_ns])
    digest = hashlib.sha256(json.dumps(key).encode()).hexdigest()[:20]
    return {name: folder / case.id / f"volume-{name}-{digest}.npy" for name in _FILES}


def _check_and_write(
    case: Case, paths: dict[str, Path] | None, *, modalities: tuple[str, ...], normalise: Normalisation
) -> list[Problem]:
    checked = read_case(case, modalities)
    if checked.problems or paths is None:
        return list(checked.problems)
    prepared, box = prepare_volume(np.stack([checked.images[name] for name in modalities], -1), normalise=normalise)
    labels = np.ascontiguousarray(box.cut(checked.labels))
    arrays = {
        "image": prepared.astype(np.float16),
        "labels": labels,
        "positions": find_positions(labels),
        "box": np.array([box.start, box.size, box.shape], np.int32),
    }
    for name, array in arrays.items():
        with atomic_path(paths[name]) as temporary:
            np.save(temporary, array, allow_pickle=False)
    return []


def find_positions(labels: np.ndarray) -> np.ndarray:
    """Return (n, 4) int16: at most POSITIONS voxels of each region, none twice, the same ones every time.

    A row is the number of the region in REGIONS, then D, H, W.
    """
    generator, rows = np.random.default_rng(VERSION), []
    voxels, names = np.argwhere(labels), labels[labels > 0]
    for number, members in enumerate(REGIONS.values()):
        found = voxels[np.isin(names, members)]
        if len(found) > POSITIONS:
            found = found[generator.choice(len(found), POSITIONS, replace=False)]
        rows.append(np.insert(found, 0, number, axis=1))
    return np.concatenate(rows).astype(np.int16)


def _open(case: Case, paths: dict[str, Path], regions: tuple[str, ...]) -> CachedVolume:
    maps = {name: np.load(path, mmap_mode="r", allow_pickle=False) for name, path in paths.items()}
    numbers = maps["positions"][:, 0]
    positions = {name: np.array(maps["positions"][numbers == i, 1:]) for i, name in enumerate(REGIONS)}
    box = Box(*(tuple(row) for row in maps["box"].tolist()))
    present = {name: found for name, found in positions.items() if len(found)}
    return CachedVolume(case.id, maps["image"], maps["labels"], present, box, tuple(regions))
