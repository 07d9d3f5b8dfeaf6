"""Smooth random fields on a lattice fixed in millimetres, so that a subject stays the same on every grid."""

import zlib
from collections.abc import Sequence

import numpy as np
from scipy import ndimage, sparse

# Half widths of the box of scanner millimetres that every field covers, with room for warps.
BOX_MM = (100.0, 120.0, 100.0)


def generator(seed: int, case_index: int, stream: str) -> np.random.Generator:
    """Return the random generator of one named stream of one case; streams never disturb each other."""
    entropy = (int(seed), int(case_index), zlib.crc32(stream.encode()))
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(entropy)))


def spline_matrix(positions: np.ndarray, nodes: int) -> sparse.csr_matrix:
    """Return the cubic B-spline weights of `nodes` coefficients at positions in units of the node distance.

    Args:
        positions: (n,) where the field is wanted; node k stands at k.
        nodes: how many coefficients there are.

    Returns:
        (n, nodes) sparse float32 matrix whose rows sum to one inside the lattice.
    """
    base = np.floor(positions).astype(int)
    rows, columns, values = [], [], []
    for offset in range(-1, 3):
        distance = np.abs(positions - (base + offset))
        near = 2.0 / 3.0 - distance**2 + distance**3 / 2.0
        far = (2.0 - distance).clip(0.0) ** 3 / 6.0
        rows.append(np.arange(len(positions)))
        columns.append(np.clip(base + offset, 0, nodes - 1))
        values.append(np.where(distance < 1.0, near, far))
    entries = np.concatenate(values).astype(np.float32)
    return sparse.csr_matrix((entries, (np.concatenate(rows), np.concatenate(columns))), (len(positions), nodes))


def apply_along_axes(matrices: Sequence[sparse.csr_matrix], volume: np.ndarray) -> np.ndarray:
    """Apply one sparse matrix along each axis of a volume (sparse products round the same on any thread count)."""
    for axis, matrix in enumerate(matrices):
        moved = np.moveaxis(volume, axis, 0)
        flat = np.ascontiguousarray(moved).reshape(moved.shape[0], -1)
        product = np.asarray(matrix @ flat, dtype=np.float32)
        volume = np.moveaxis(product.reshape((matrix.shape[0], *moved.shape[1:])), 0, axis)
    return np.ascontiguousarray(volume)


def smooth_field(rng: np.random.Generator, axes_mm: Sequence[np.ndarray], wavelength_mm: float) -> np.ndarray:
    """Draw a smooth field of zero mean and unit variance on a regular grid.

    Args:
        rng: the stream; the same stream gives the same field on every grid.
        axes_mm: three 1-D arrays of scanner coordinates in mm, inside `BOX_MM`.
        wavelength_mm: about the distance from one hill to the next.

    Returns:
        float32 array of shape (len(x), len(y), len(z)).
    """
    step_mm = wavelength_mm / 2.5
    nodes = [int(np.ceil(2 * half / step_mm)) + 5 for half in BOX_MM]
    coefficients = rng.standard_normal(nodes, dtype=np.float32)
    matrices = [
        spline_matrix((np.asarray(axis, dtype=np.float64) + half) / step_mm + 2.0, count)
        for axis, half, count in zip(axes_mm, BOX_MM, nodes, strict=True)
    ]
    # Mean over positions of the sum of squared weights is 0.479 per axis (integral of the squared cubic B-spline).
    return apply_along_axes(matrices, coefficients) * np.float32(0.479365**-1.5)


def sample(volume: np.ndarray, points: np.ndarray, *, low_mm: Sequence[float], step_mm: float) -> np.ndarray:
    """Interpolate a regular volume linearly at points (3, N) in mm; `low_mm` is where voxel (0, 0, 0) stands."""
    indices = (points - np.asarray(low_mm, dtype=np.float32)[:, None]) / np.float32(step_mm)
    return ndimage.map_coordinates(volume, indices, order=1, mode="nearest", prefilter=False)
