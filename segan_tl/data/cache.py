"""Prepared volumes on disk: one .npy per case and modality, read through memory maps.

A file's name holds a hash of its source (path, size, times), of the preparation and of this module's VERSION: whatever
changes, another name is looked for, so nothing stale is ever read. Files are written under a temporary name and
renamed; two processes that prepare the same case write the same bytes.
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from segan_tl.config import DataConfig
from segan_tl.data.cases import Case, Problem, read_case
from segan_tl.data.preprocess import centre_crop, prepare_image
from segan_tl.paths import fault_of_name, safe_name
from segan_tl.regions import region_masks
from segan_tl.runs import atomic_path

VERSION = 1


@dataclass(frozen=True)
class CachedCase:
    """Memory maps of one prepared case: slices first, so that one slice is one contiguous read."""

    id: str
    images: tuple[np.ndarray, ...]  # per modality (D, h, w), float16 in [0, 1]
    labels: np.ndarray  # (D, h, w), uint8, canonical
    regions: tuple[str, ...]

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
    def prepare(case: Case) -> tuple[CachedCase | None, list[Problem]]:
        paths, problems = _paths(case, folder, config), []
        if paths is None or not all(path.is_file() for path in paths.values()):
            problems = _check_and_write(case, paths, config)
        advance()
        return (None if problems else _open(case, paths, config)), problems

    with ThreadPoolExecutor(jobs) as pool:
        results = list(pool.map(prepare, cases))
    return [cached for cached, _ in results if cached], [problem for _, found in results for problem in found]


def _paths(case: Case, folder: Path, config: DataConfig) -> dict[str, Path] | None:
    """Return modality (or "labels") → cache file, or None where a source is missing or the case needs another name."""
    if fault_of_name(case.id):
        return None
    sources = {name: case.images.get(name) for name in config.modalities} | {"labels": case.mask}
    paths = {}
    for name, source in sources.items():
        if source is None or not Path(source.path).is_file():
            return None
        status = Path(source.path).stat()
        key = [
            VERSION, str(Path(source.path).resolve()), source.channel, status.st_size, status.st_mtime_ns,
            status.st_ctime_ns, config.crop, config.percentiles, case.convention,
        ]  # fmt: skip
        digest = hashlib.sha256(json.dumps(key).encode()).hexdigest()[:20]
        paths[name] = folder / safe_name(case.id, "the case") / f"{name}-{digest}.npy"
    return paths


def _check_and_write(case: Case, paths: dict[str, Path] | None, config: DataConfig) -> list[Problem]:
    checked = read_case(case, config.modalities)
    if checked.problems or paths is None:
        return list(checked.problems)
    arrays = {"labels": centre_crop(checked.labels, config.crop)}
    for name, image in checked.images.items():
        prepared = prepare_image(image[..., None], crop=config.crop, percentiles=config.percentiles)
        arrays[name] = prepared[..., 0].astype(np.float16)
    for name, array in arrays.items():
        with atomic_path(paths[name]) as temporary:
            np.save(temporary, np.ascontiguousarray(np.moveaxis(array, 2, 0)), allow_pickle=False)
    return []


def _open(case: Case, paths: dict[str, Path], config: DataConfig) -> CachedCase:
    maps = {name: np.load(path, mmap_mode="r", allow_pickle=False) for name, path in paths.items()}
    images = tuple(maps[name] for name in config.modalities)
    return CachedCase(case.id, images, maps["labels"], tuple(config.regions))
