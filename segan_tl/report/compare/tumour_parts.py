"""A predicted tumour as a graph of its components: what any choice of them scores, without looking at voxels again.

A component of whole tumour or tumour core is a group of components of single tissues that touch. Which of them a lesion
of the truth touches, and in how many voxels they agree, is counted once a case; the rest is addition. The numbers are
those of `metrics.lesions` and `metrics.overlap`, but for distances, which need the volumes.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from segan_tl.metrics.challenges import JoinedLesions
from segan_tl.metrics.lesions import Lesion, LesionScores, dilate
from segan_tl.metrics.overlap import Counts
from segan_tl.predict.components import TISSUES
from segan_tl.predict.postprocess import label_components
from segan_tl.regions import REGIONS, region_masks


@dataclass(frozen=True)
class Parts:
    """The components of a prediction.

    Attributes:
        numbers: (h, w, d) int32, 1 + place of the component that a voxel is in, 0 outside.
        tissue: (K,), its canonical label.
        voxels: (K,).
        edges: (E, 2), places of two that touch; those of one tissue never do.
    """

    numbers: np.ndarray
    tissue: np.ndarray
    voxels: np.ndarray
    edges: np.ndarray

    def of(self, region: str) -> np.ndarray:
        """Return which of the components a region has, (K,) bool."""
        return np.isin(self.tissue, REGIONS[region])

    def mask(self, kept: np.ndarray) -> np.ndarray:
        """Return the voxels (h, w, d) of the components that are kept, (K,) bool."""
        return np.concatenate([[False], kept])[self.numbers]


def find_parts(labels: np.ndarray) -> Parts:
    """Find the 26-connected components of NCR, ED and ET in canonical labels (h, w, d), and which of them touch."""
    numbers, tissue, voxels = np.zeros(labels.shape, np.int32), [], []
    for label in TISSUES.values():
        components, sizes = label_components(labels == label)
        inside = components > 0
        numbers[inside] = components[inside] + len(tissue)
        tissue += [label] * (len(sizes) - 1)
        voxels += sizes[1:].tolist()
    return Parts(numbers, np.array(tissue, int), np.array(voxels, int), _edges(numbers, count=len(tissue)))


def _edges(numbers: np.ndarray, *, count: int) -> np.ndarray:
    """Return the pairs (E, 2) of places whose voxels are neighbours, each once."""
    found = []
    for step in np.ndindex(3, 3, 3):
        step = np.subtract(step, 1)
        if tuple(step) <= (0, 0, 0):  # the other half looks the other way
            continue
        one, other = (numbers[_shifted(step, sign)] for sign in (1, -1))
        differ = (one != other) & (one > 0) & (other > 0)
        pairs = np.sort(np.stack([one[differ], other[differ]], axis=-1).astype(np.int64), axis=-1) - 1
        found.append(np.unique(pairs[:, 0] * count + pairs[:, 1]))
    keys = np.unique(np.concatenate(found))
    return np.stack([keys // max(count, 1), keys % max(count, 1)], axis=-1)


def _shifted(step: np.ndarray, sign: int) -> tuple[slice, ...]:
    """Return the part of a volume that has a neighbour at `step` (sign -1), or is one (sign 1)."""
    lengths = (int(sign * length) for length in step)
    return tuple(slice(max(length, 0), length if length < 0 else None) for length in lengths)


@dataclass(frozen=True)
class Kept:
    """A region of which some components are kept; stands in for `columns.Measured` where no surface is asked for."""

    counts: Counts
    lesions: LesionScores

    @property
    def pair(self) -> "Kept":
        """Return what has the counts."""
        return self


class TruthParts:
    """The lesions of one region of the truth, held against the components of a prediction."""

    def __init__(self, parts: Parts, truth: np.ndarray, region: str, *, rule: JoinedLesions, voxel_mm3: float):
        """Count once what any choice of components needs.

        Args:
            parts: of the prediction, on the same grid.
            truth: canonical labels (h, w, d).
            region: wt, tc or et.
            rule: how lesions are joined, and which are too small to count.
            voxel_mm3: volume of a voxel.
        """
        mask = region_masks(truth, (region,))[..., 0]
        grown, _ = label_components(dilate(mask, rule.dilations))
        lesions = grown * mask
        self.parts, self.members, self.voxel_mm3 = parts, parts.of(region), voxel_mm3
        self.ignored_mm3 = rule.ignored_mm3
        number = int(grown.max(initial=0))
        self.truth_voxels = np.bincount(lesions.ravel(), minlength=number + 1)[1:]
        self.touches = _together(grown, parts, lesions=number) > 0  # (L, K)
        self.inside = _together(lesions, parts, lesions=number)  # (L, K) voxels

    def measure(self, kept: np.ndarray, *, grid_voxels: int) -> Kept:
        """Return counts and lesions where only these components, (K,) bool, are kept.

        Args:
            grid_voxels: of the whole grid, for what both leave out.
        """
        kept = kept & self.members
        both, found = int(self.inside[:, kept].sum()), int(self.parts.voxels[kept].sum())
        missed = int(self.truth_voxels.sum()) - both
        return Kept(Counts(both, found - both, missed, grid_voxels - found - missed), self._lesions(kept))

    def _lesions(self, kept: np.ndarray) -> LesionScores:
        group = self._groups(kept)
        number = int(group.max(initial=-1)) + 1
        voxels = np.bincount(group, self.parts.voxels[kept], minlength=number)
        hits = np.zeros((number, len(self.truth_voxels)))
        np.add.at(hits, group, self.touches[:, kept].T)
        touching, both = hits.T > 0, self.inside[:, kept].sum(axis=1)
        dice = 2 * both / (self.truth_voxels + touching @ voxels)  # 0 where nothing touches a lesion
        counted = tuple(
            Lesion(float(volume), int(found_by), float(score), float("nan"))
            for volume, found_by, score in zip(self.truth_voxels * self.voxel_mm3, touching.sum(axis=1), dice)
            if volume > self.ignored_mm3
        )
        return LesionScores(counted, int(np.count_nonzero(~touching.any(axis=0))))

    def _groups(self, kept: np.ndarray) -> np.ndarray:
        """Return which component of the region each kept one is a part of, 0, 1, …."""
        edges = self.parts.edges[kept[self.parts.edges].all(axis=1)]
        if not len(edges):
            return np.arange(np.count_nonzero(kept))
        graph = sparse.coo_array((np.ones(len(edges)), edges.T), shape=(len(kept), len(kept)))
        return np.unique(connected_components(graph, directed=False)[1][kept], return_inverse=True)[1]


def _together(numbered: np.ndarray, parts: Parts, *, lesions: int) -> np.ndarray:
    """Return in how many voxels each lesion (L) and each component (K) lie together, (L, K)."""
    where = parts.numbers > 0
    width = len(parts.voxels) + 1
    keys = numbered[where].astype(np.int64) * width + parts.numbers[where]
    return np.bincount(keys, minlength=(lesions + 1) * width).reshape(lesions + 1, width)[1:, 1:]
