"""Prepared volumes on disk: one .npy per case and modality, read through memory maps.

A file's name holds a hash of its source (path, size, times), of the preparation and of this module's VERSION: whatever
changes, another name is looked for, so nothing stale is ever read. Files are written under a temporary name and
renamed; two processes that prepare the same case write the same bytes. How a file proves itself whole: `arrays`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from segan_tl.config.data import DataConfig
from segan_tl.data.arrays import Arrays, Made, digest, name_hash, prepare_each
from segan_tl.data.find.cases import Case, Problem, read_case
from segan_tl.data.fingerprint import FINGERPRINT, fingerprint_case, from_array, to_array
from segan_tl.data.preprocess import centre_crop, prepare_image
from segan_tl.disk.paths import safe_name
from segan_tl.regions import region_masks

VERSION = 1


@dataclass(frozen=True)
class CachedCase:
    """Memory maps of one prepared case: slices first, so that one slice is one contiguous read."""

    id: str
    images: tuple[np.ndarray, ...]  # per modality (D, h, w), float16 in [0, 1]
    labels: np.ndarray  # (D, h, w), uint8, canonical
    regions: tuple[str, ...]
    sources: dict[str, str] = field(default_factory=dict)  # modality (or "labels") → digest of what it was made of
    made_again: bool = False  # what lay in the cache was damaged
    fingerprint: dict[str, float] = field(default_factory=dict)

    def image(self, *where) -> np.ndarray:
        """Return the prepared slices at `where` (an index into D, h, w), modalities last, float32."""
        return np.stack([image[where] for image in self.images], axis=-1).astype(np.float32)

    def mask(self, *where) -> np.ndarray:
        """Return the region masks at `where`, regions last, boolean."""
        return region_masks(self.labels[where], self.regions)

    def whole(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the whole prepared volume (D, h, w, M) and its masks (D, h, w, R)."""
        return self.image(slice(None)), self.mask(slice(None))


def prepare_cases(
    cases: Iterable[Case],
    folder: Path,
    *,
    config: DataConfig,
    jobs: int = 2,
    advance: Callable[[], None] = lambda: None,
) -> tuple[list[CachedCase], list[Problem]]:
    """Check, prepare and cache every case that is not cached yet; a cached case was sound when it was cached.

    Args:
        cases: cases with a mask.
        folder: where the cache lies.
        config: modalities, regions, crop and percentiles.
        jobs: cases prepared at a time.
        advance: called after each case.

    Returns:
        The cases that are sound, and the problems of those that are not.
    """
    return prepare_each(
        cases, paths_of=partial(_paths, folder=folder, config=config), make=partial(_make, config=config),
        build=partial(_build, config=config), jobs=jobs, advance=advance,
    )  # fmt: skip


def _paths(case: Case, *, folder: Path, config: DataConfig) -> dict[str, Path] | None:
    """Return modality, "labels" or "fingerprint" → cache file, or None where a source is missing."""
    sources = {name: case.images.get(name) for name in config.modalities} | {"labels": case.mask}
    how = (VERSION, config.crop, config.percentiles, case.convention)
    hashes = {name: name_hash(*how, sources=[source]) for name, source in sources.items()}
    hashes["fingerprint"] = name_hash(FINGERPRINT, case.convention, *sources, sources=list(sources.values()))
    if None in hashes.values():
        return None
    return {name: folder / safe_name(case.id, "the case") / f"{name}-{found}.npy" for name, found in hashes.items()}


def _make(case: Case, *, config: DataConfig) -> tuple[Made, Sequence[Problem]]:
    checked = read_case(case, config.modalities)
    if checked.problems:
        return {}, checked.problems
    arrays = {"labels": centre_crop(checked.labels, config.crop)}
    for name, image in checked.images.items():
        prepared = prepare_image(image[..., None], crop=config.crop, percentiles=config.percentiles)
        arrays[name] = prepared[..., 0].astype(np.float16)
    read = checked.images | {"labels": checked.labels}
    made = {
        name: (np.ascontiguousarray(np.moveaxis(array, 2, 0)), digest(checked.geometry, read[name]))
        for name, array in arrays.items()
    }
    numbers = fingerprint_case(checked.images, spacing_mm=checked.geometry.in_lps.spacing_mm, labels=checked.labels)
    return made | {"fingerprint": (to_array(numbers), made["labels"][1])}, ()


def _build(case: Case, arrays: Arrays, *, config: DataConfig) -> CachedCase:
    maps = arrays.maps
    sources = {name: source for name, source in arrays.sources.items() if name != "fingerprint"}
    return CachedCase(
        case.id, tuple(maps[name] for name in config.modalities), maps["labels"], tuple(config.regions), sources,
        arrays.made_again, from_array(maps["fingerprint"]),
    )  # fmt: skip
