"""Features of PyRadiomics that MIRP lacks or defines otherwise, from their definitions."""

import itertools
from collections.abc import Iterator

import numpy as np

# One of each pair of opposite neighbours: 13 directions in 3-D.
DIRECTIONS = tuple(step for step in itertools.product((-1, 0, 1), repeat=3) if step > (0, 0, 0))
PLANES = ("shape_Maximum2DDiameterRow", "shape_Maximum2DDiameterColumn", "shape_Maximum2DDiameterSlice")  # x, y, z


# === Shape ===


def plane_diameters(mask: np.ndarray, spacing_mm: tuple[float, float, float]) -> dict[str, float]:
    """Return the largest distance between two vertices of the surface in one sagittal, coronal or axial plane, in mm.

    Args:
        mask: (H, W, D) bool in LPS order.
    """
    from skimage.measure import marching_cubes

    vertices, *_ = marching_cubes(np.pad(mask, 1).astype(np.float32), 0.5)
    halves = np.rint(2 * vertices).astype(np.int64)  # a vertex halves an edge between two voxels
    step_mm = np.asarray(spacing_mm) / 2
    return {
        name: max(_diameter(halves[halves[:, axis] == place], axis, step_mm) for place in np.unique(halves[:, axis]))
        for axis, name in enumerate(PLANES)
    }


def _diameter(points: np.ndarray, axis: int, step_mm: np.ndarray) -> float:
    """Return the largest distance between two of the points (n, 3) of a plane, counted in steps; `axis` stands still.

    The two are ends of their lines: a tumour that is cut off flat has thousands of points, and few ends.
    """
    from scipy.spatial.distance import pdist

    line, along = (other for other in range(3) if other != axis)
    ordered = points[np.lexsort((points[:, along], points[:, line]))]
    begins = np.flatnonzero(np.diff(ordered[:, line], prepend=ordered[0, line] - 1))
    ends = ordered[np.union1d(begins, np.append(begins[1:], len(ordered)) - 1)]
    return float(pdist(ends * step_mm).max()) if len(ends) > 1 else 0.0


# === Co-occurrence ===


def cooccurrence(levels: np.ndarray, mask: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the symmetric co-occurrence matrix (levels, levels) of each direction that has pairs; its sum is 1.

    Args:
        levels: whole numbers from 1 inside the region.
        mask: bool, the region.
    """
    size = int(levels[mask].max())
    grid = np.pad(np.where(mask, levels, 0).astype(np.int64), 1)
    inner = tuple(slice(1, -1) for _ in range(3))
    for step in DIRECTIONS:
        here, there = grid[inner], np.roll(grid, [-length for length in step], axis=(0, 1, 2))[inner]
        both = (here > 0) & (there > 0)
        counts = np.bincount((here[both] - 1) * size + there[both] - 1, minlength=size * size).reshape(size, size)
        if both.any():
            yield (counts + counts.T) / (2 * both.sum())


def cooccurrence_features(levels: np.ndarray, mask: np.ndarray) -> dict[str, float]:
    """Return Imc1, InverseVariance and MCC, each the mean over the directions; arguments as for `cooccurrence`."""
    one_level = len(np.unique(levels[mask])) == 1
    rows = [(imc1(joint), inverse_variance(joint), mcc(joint)) for joint in cooccurrence(levels, mask)]
    means = np.mean(rows, axis=0) if rows else np.zeros(3)
    return {
        "glcm_Imc1": float(means[0]),
        "glcm_InverseVariance": float(means[1]),
        "glcm_MCC": 1.0 if one_level else float(means[2]),
    }


def imc1(joint: np.ndarray) -> float:
    """Return the first informational measure of correlation, (HXY − HXY1) / HX; 0 of one level [IBSI R8DG]."""
    marginal = joint.sum(axis=0)
    single = _entropy(marginal)
    if single == 0:
        return 0.0
    found = joint > 0
    crossed = -(joint[found] * np.log2(np.outer(marginal, marginal)[found])).sum()
    return float((_entropy(joint) - crossed) / single)


def _entropy(share: np.ndarray) -> float:
    found = share[share > 0]
    return float(-(found * np.log2(found)).sum())


def inverse_variance(joint: np.ndarray) -> float:
    """Return Σ p(i, j) / (i − j)² over i ≠ j; 0 of one level [IBSI E8JP]."""
    row, column = np.nonzero(joint)
    apart = row != column
    return float((joint[row, column][apart] / (row - column)[apart] ** 2).sum())


def mcc(joint: np.ndarray) -> float:
    """Return the maximal correlation coefficient: √ of the second largest eigenvalue of Q [Haralick 1973, 14].

    Q(i, j) = Σₖ p(i, k) p(j, k) / (pₓ(i) pᵧ(k)). With D = diag(1 / √pₓ), Q is similar to (D p D)², whose eigenvalues
    are the squares of those of a symmetric matrix.
    """
    present = joint.sum(axis=0) > 0
    joint = joint[np.ix_(present, present)]
    root = np.sqrt(joint.sum(axis=0))
    eigenvalues = np.sort(np.abs(np.linalg.eigvalsh(joint / np.outer(root, root))))
    return float(eigenvalues[-2]) if len(eigenvalues) > 1 else 0.0
