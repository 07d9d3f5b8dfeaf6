"""From signal to image: coil, slices, pixels and noise of the scan, then the isotropic grid of the data set."""

from collections.abc import Sequence as Row
from typing import NamedTuple

import numpy as np
from scipy import sparse

from segan_tl.data.phantom.fields import apply_along_axes, smooth_field, spline_matrix
from segan_tl.data.phantom.sequences import Sequence


class Scan(NamedTuple):
    """How one modality is acquired."""

    sequence: Sequence
    pixel_mm: float
    slice_mm: float
    gap_mm: float
    snr: float  # mean signal of white matter over the noise of one channel, at the voxel of the scan
    orientation: str = "axial"


def acquisition_matrix(positions_mm: np.ndarray, samples_mm: np.ndarray, *, width_mm: float, step_mm: float):
    """Return the sparse weights (samples, positions) of a box profile `width_mm` wide with soft edges of one voxel."""
    distance = np.abs(samples_mm[:, None] - positions_mm[None, :])
    weights = np.clip((width_mm + step_mm - 2.0 * distance) / (2.0 * step_mm), 0.0, 1.0)
    weights = np.where(distance <= step_mm / 2 + width_mm / 2, weights, 0.0)
    total = weights.sum(1, keepdims=True)
    return sparse.csr_matrix((weights / np.where(total > 0, total, 1.0)).astype(np.float32))


def scan_axes(axes_mm: Row[np.ndarray], scan: Scan, *, voxel_mm: float, shift_mm: np.ndarray):
    """Return, for each axis, the matrix to the scan and the matrix back to the grid.

    The way back is cubic B-spline smoothing, close to the interpolations that registration applies.
    """
    through = {"axial": 2, "sagittal": 0, "coronal": 1}[scan.orientation]
    there, back = [], []
    for axis, positions in enumerate(axes_mm):
        width = scan.slice_mm if axis == through else scan.pixel_mm
        distance = max(width + (scan.gap_mm if axis == through else 0.0), voxel_mm)
        if distance <= 1.001 * voxel_mm and width <= voxel_mm:
            identity = sparse.identity(len(positions), dtype=np.float32, format="csr")
            there.append(identity)
            back.append(identity)
            continue
        samples = np.arange(positions[0] + shift_mm[axis] % distance - distance, positions[-1] + 2 * distance, distance)
        there.append(acquisition_matrix(positions, samples, width_mm=max(width, voxel_mm), step_mm=voxel_mm))
        place = (positions - samples[0]) / distance
        sharp = distance <= 1.5 * voxel_mm
        back.append(linear_matrix(place, len(samples)) if sharp else spline_matrix(place, len(samples)))
    return there, back


def linear_matrix(positions: np.ndarray, nodes: int) -> sparse.csr_matrix:
    """Return the weights of linear interpolation at positions in units of the node distance."""
    base = np.clip(np.floor(positions).astype(int), 0, nodes - 2)
    share = np.clip(positions - base, 0.0, 1.0)
    rows = np.tile(np.arange(len(positions)), 2)
    values = np.concatenate([1.0 - share, share]).astype(np.float32)
    return sparse.csr_matrix((values, (rows, np.concatenate([base, base + 1]))), (len(positions), nodes))


def bias_field(rng: np.random.Generator, axes_mm: Row[np.ndarray], strength: float) -> np.ndarray:
    """Return a smooth positive factor with mean about one (receive coil): exp of a field with 150 mm waves."""
    return np.exp(np.float32(strength) * smooth_field(rng, axes_mm, 150.0))


def acquire(
    image: np.ndarray, scan: Scan, rng: np.random.Generator, *, axes_mm: Row[np.ndarray], white_signal: float
) -> np.ndarray:
    """Scan an ideal image: slice profile and pixels, Rician noise, interpolation back to the grid.

    Args:
        image: (nx, ny, nz) signal without noise.
        white_signal: mean signal of white matter, to which the SNR refers.

    Returns:
        (nx, ny, nz) float32 magnitude image.
    """
    voxel_mm = float(axes_mm[0][1] - axes_mm[0][0])
    there, back = scan_axes(axes_mm, scan, voxel_mm=voxel_mm, shift_mm=rng.uniform(0.0, 10.0, 3))
    slices = apply_along_axes(there, image)
    # A grid coarser than the scan averages scan voxels, and their noise with them.
    volume = scan.pixel_mm**2 * scan.slice_mm
    coarse = max(scan.pixel_mm, voxel_mm) ** 2 * max(scan.slice_mm, voxel_mm)
    deviation = np.float32(white_signal / scan.snr * np.sqrt(volume / coarse))
    real = slices + deviation * rng.standard_normal(slices.shape, dtype=np.float32)
    imaginary = deviation * rng.standard_normal(slices.shape, dtype=np.float32)
    return apply_along_axes(back, np.sqrt(real * real + imaginary * imaginary))
