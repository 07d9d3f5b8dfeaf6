"""Prepared cases on disk: cropped, normalised, resampled, and mapped when they are read.

A file's name holds a hash of every source (`arrays.name_hash`), of the preparation and of this module's VERSION:
whatever changes, another name is looked for, so nothing stale is ever read. Files are written under a temporary name
and renamed; two processes that prepare the same case write the same bytes. How a file proves itself whole: `arrays`;
who uses a cache, and what of it nobody has used for long: `cache_use`.

One file holds all modalities of a case, slices first, because the crop to the head and the brain mask depend on all of
them. Voxels are float16: a z-score of 1 is off by at most 2⁻¹¹ = 0.0005, while int16 intensities with a standard
deviation of 200 are themselves 0.005 apart.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from segan_tl.config.data import DataConfig
from segan_tl.data.arrays import Arrays, Made, digest, name_hash, prepare_each
from segan_tl.data.cache_use import hold
from segan_tl.data.find.cases import Case, Problem, read_case
from segan_tl.data.find.missing import those_there
from segan_tl.data.fingerprint import FINGERPRINT, fingerprint_case, from_array, to_array
from segan_tl.data.prepare import Box, prepare_volume
from segan_tl.data.resample import resample_labels
from segan_tl.data.stored import StoredArray
from segan_tl.data.turn import turn
from segan_tl.disk.paths import safe_name
from segan_tl.regions import REGIONS, region_masks

VERSION = 3
POSITIONS = 10_000  # kept of each region, as many as nnU-Net keeps
_FILES = ("image", "labels", "positions", "box", "fingerprint", "tumour")


@dataclass(frozen=True, eq=False)
class CachedCase:
    """One prepared case, whose voxels stay on disk.

    Attributes:
        image: (D, H, W, M) float16, prepared.
        labels: (D, H, W) uint8, canonical.
        positions: region → (n, 3) voxels of it along D, H, W, at most POSITIONS; every region that is present.
        regions: what `patch` makes masks of.
        sources: "image" and "labels" → digest of what they were made of.
        made_again: what lay in the cache was damaged.
        fingerprint: numbers of the case, see `fingerprint`.
        tissues: (D, H, W) uint16 of a synthetic case whose contrast is drawn anew, see `phantom.tissue_map`.
        tissue_voxels: voxels of each tissue in it, by code.
        present: which modalities are there, the others are 0; () for all of them.
        plane: whose slices come first: along D of what is said here. The box is that of the head, as it lay.
        stored_tumour_slices: of the cache, None to look for them in the labels.
    """

    id: str
    image: StoredArray | np.ndarray
    labels: StoredArray | np.ndarray
    positions: dict[str, np.ndarray]
    box: Box
    regions: tuple[str, ...]
    sources: dict[str, str] = field(default_factory=dict)
    made_again: bool = False
    fingerprint: dict[str, float] = field(default_factory=dict)
    tissues: StoredArray | np.ndarray | None = None
    tissue_voxels: StoredArray | np.ndarray | None = None
    present: tuple[bool, ...] = ()
    plane: str = "axial"
    stored_tumour_slices: np.ndarray | None = None

    @cached_property
    def tumour_slices(self) -> np.ndarray:
        """Return the slices with tumour, ascending."""
        if self.stored_tumour_slices is not None:
            return self.stored_tumour_slices
        return np.flatnonzero(np.any(self.labels, axis=(1, 2)))

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


def cut_patch(volume: StoredArray | np.ndarray, corner: Sequence[int], size: Sequence[int]) -> np.ndarray:
    """Copy a patch out of the first axes of `volume`; what lies outside is 0."""
    patch = np.zeros((*size, *volume.shape[len(size) :]), volume.dtype)
    start, stop = np.maximum(corner, 0), np.minimum(np.add(corner, size), volume.shape[: len(size)])
    if (start < stop).all():
        part = tuple(map(slice, start - corner, stop - corner))
        patch[part] = volume[tuple(map(slice, start, stop))]
    return patch


# === Cache ===


def prepare_cases(
    cases: Iterable[Case],
    folder: Path,
    *,
    config: DataConfig,
    need_mask: bool = True,
    jobs: int = 2,
    advance: Callable[[], None] = lambda: None,
) -> tuple[list[CachedCase], list[Problem]]:
    """Check, prepare and cache every case that is not cached yet; a cached case was sound when it was cached.

    Args:
        cases: with a mask, where one is needed.
        folder: where the cache lies.
        config: modalities, regions (the cache serves any) and the preparation.
        need_mask: a missing mask is a problem; where False such a case has labels of zeros.
        jobs: cases prepared at a time; each takes about 0.5 GB at 240 × 240 × 155 × 4.
        advance: called after each case.

    Returns:
        The cases that are sound, and the problems of those that are not.
    """
    hold(folder)
    how = {"config": config, "need_mask": need_mask}
    return prepare_each(
        cases, paths_of=partial(_paths, folder=folder, **how), make=partial(_make, **how),
        build=partial(_build, config=config), jobs=jobs, advance=advance,
    )  # fmt: skip


def _paths(case: Case, *, folder: Path, config: DataConfig, need_mask: bool) -> dict[str, Path] | None:
    """Return the cache files of a case by name, or None where a source is missing."""
    names = those_there(case, config.modalities) if config.any_subset else config.modalities
    sources = [case.images.get(name) for name in names]
    if need_mask or case.mask is not None:  # a case that gets its mask later has other files then
        sources.append(case.mask)
    how = (VERSION, FINGERPRINT, "background 0", config.normalise, config.spacing_mm, case.convention)
    how += (config.modalities, list(REGIONS))
    how += (config.crop, config.percentiles) if config.crop else ()
    how += (names,) if names != config.modalities else ()
    how += (config.plane,) if config.plane != "axial" else ()
    found = name_hash(*how, sources=sources)
    return found and {name: folder / safe_name(case.id, "the case") / f"{name}-{found}.npy" for name in _FILES}


def _make(case: Case, *, config: DataConfig, need_mask: bool) -> tuple[Made, Sequence[Problem]]:
    need_mask = need_mask or case.mask is not None
    checked = read_case(case, config.modalities, need_mask=need_mask, any_subset=config.any_subset)
    if checked.problems:
        return {}, checked.problems
    spacing_mm, nothing = checked.geometry.in_lps.spacing_mm, np.zeros(checked.geometry.in_lps.shape, np.uint8)
    images = [checked.images.get(name, nothing) for name in config.modalities]
    prepared, box = prepare_volume(
        np.stack(images, -1), normalise=config.normalise, spacing_mm=spacing_mm, target_mm=config.spacing_mm,
        crop=config.crop, percentiles=config.percentiles,
    )  # fmt: skip
    numbers = fingerprint_case(checked.images, spacing_mm=spacing_mm, labels=checked.labels)
    whole = np.zeros(box.shape, np.uint8) if checked.labels is None else checked.labels
    labels = resample_labels(box.cut(whole), prepared.shape[:3])
    prepared, labels = (np.ascontiguousarray(turn(array, config.plane)) for array in (prepared, labels))
    image, mask = digest(checked.geometry, *images), digest(checked.geometry, whole)
    return {
        "image": (prepared.astype(np.float16), image),
        "labels": (labels, mask),
        "positions": (find_positions(labels), mask),
        "box": (np.array([box.start, box.size, box.shape], np.int32), image),
        "fingerprint": (to_array(numbers), image),
        "tumour": (np.flatnonzero(labels.any(axis=(1, 2))), mask),
    }, ()


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


def _build(case: Case, arrays: Arrays, *, config: DataConfig) -> CachedCase:
    maps = arrays.maps
    rows = maps["positions"].astype(np.int16)
    positions = {name: rows[rows[:, 0] == number, 1:] for number, name in enumerate(REGIONS)}
    box = Box(*(tuple(row) for row in maps["box"][:].tolist()))
    positions = {name: found for name, found in positions.items() if len(found)}
    sources = {name: arrays.sources[name] for name in ("image", "labels")}
    return CachedCase(
        case.id, maps["image"], maps["labels"], positions, box, config.regions, sources, arrays.made_again,
        from_array(maps["fingerprint"][:]), present=tuple(name in case.images for name in config.modalities),
        plane=config.plane, stored_tumour_slices=np.array(maps["tumour"]),
    )  # fmt: skip
