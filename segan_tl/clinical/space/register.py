"""Rigid and affine registration of two images by SimpleITK: mutual information, coarse to fine, from several starts.

Both images are brought to cubic voxels first, so that a scan of thick slices is smoothed alike along all axes, and so
that no orientation, flip or shear of a file ever reaches the optimiser.
"""

from dataclasses import dataclass, field
from itertools import count
from typing import Literal, NamedTuple

import numpy as np

from segan_tl.clinical.space.resample import isotropic_grid, resample_onto
from segan_tl.clinical.space.starts import shown, starts

Kind = Literal["rigid", "affine"]
FINEST_MM = 1.5
KEPT = 3  # starts that go on after the search
TRIES = 3
_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


class Effort(NamedTuple):
    """What one level costs: edge of its cubic voxels, bins of the metric, voxels it reads at most, iterations."""

    edge_mm: float
    bins: int = 32
    samples: int = 25_000
    iterations: int = 100


# Coarser than 4 mm a brain has so few voxels that 32 × 32 bins of them tell much of each other wherever it lies.
SEARCH, COARSE, MIDDLE = Effort(4.0, bins=20, samples=12_000, iterations=40), Effort(4.0), Effort(2.0)


@dataclass(frozen=True, eq=False)
class Picture:
    """An image to register: (H, W, D) in LPS order, its affine, and where it counts (None: everywhere)."""

    data: np.ndarray
    affine: np.ndarray
    mask: np.ndarray | None = None
    _levels: dict = field(default_factory=dict)

    @property
    def pixel_mm(self) -> float:
        """Return the shortest edge of a voxel."""
        return float(np.linalg.norm(self.affine[:3, :3], axis=0).min())

    def at(self, edge_mm: float):
        """Return the image, and its mask or None, in cubic voxels as SimpleITK's."""
        if edge_mm not in self._levels:
            grid = isotropic_grid(self.data.shape, self.affine, edge_mm=edge_mm)
            spacing_mm = np.linalg.norm(self.affine[:3, :3], axis=0)
            image = _to_itk(resample_onto(_smooth(self.data, spacing_mm, edge_mm), self.affine, grid), grid.affine)
            mask = None
            if self.mask is not None:
                share = resample_onto(_smooth(self.mask, spacing_mm, edge_mm), self.affine, grid)
                mask = _to_itk((share >= 0.5).astype(np.uint8), grid.affine)
            self._levels[edge_mm] = image, mask
        return self._levels[edge_mm]


@dataclass(frozen=True, eq=False)
class Registration:
    """What `register` found.

    Attributes:
        matrix: (4, 4), takes points of the moving image's space to that of the fixed one, RAS+ mm.
        information: mutual information of the two, larger is better.
        start: the name of the start that won.
    """

    matrix: np.ndarray
    information: float
    start: str


def register(
    fixed: Picture, moving: Picture, *, kind: Kind, finest_mm: float | None = None, seed: int = 0
) -> Registration:
    """Find where an image lies in another one's space.

    Starts are the common scanner space, the centres of the grids and the centres of mass, the latter also turned by 20
    degrees about each axis; all of them are searched at 4 mm, the best go on.

    Args:
        fixed: in the space that is wanted.
        moving: to be brought there.
        kind: "rigid" turns and shifts, "affine" also scales and shears.
        finest_mm: edge of the voxels of the last level; None takes the pixels of the coarser image, FINEST_MM at least.
        seed: of the voxels that are read.
    """
    # Other voxels for every climb: on those that it has just been fitted to, an affine transform runs away.
    seeds = count(1 + 1000 * seed)  # SimpleITK takes the time of day for 0
    tried = []
    for name, start in starts(fixed, moving):
        matrix, information = _climb(fixed, moving, start, kind="rigid", effort=SEARCH, seed=next(seeds))
        tried.append((information * _share_inside(fixed, moving, matrix), name, matrix))
    tried.sort(key=lambda item: -item[0])
    best = None
    for _, name, matrix in tried[:KEPT]:
        matrix, information = _climb(fixed, moving, matrix, kind="rigid", effort=COARSE, seed=next(seeds))
        information *= _share_inside(fixed, moving, matrix)
        if best is None or information > best[0]:
            best = information, name, matrix
    _, name, matrix = best
    middle, finest = _last_levels(fixed, moving, finest_mm)
    for step, effort in (("rigid", middle), (kind, middle), (kind, finest))[kind == "rigid" :]:
        matrix, information = _improve(fixed, moving, matrix, kind=step, effort=effort, seeds=seeds)
    return Registration(np.linalg.inv(matrix), information, name)


def refine(fixed: Picture, moving: Picture, matrix: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """Return an affine transform from the moving to the fixed space, found from one that is nearly right."""
    seeds, matrix = count(1 + 1000 * seed), np.linalg.inv(matrix)
    for effort in _last_levels(fixed, moving, None):
        matrix, _ = _improve(fixed, moving, matrix, kind="affine", effort=effort, seeds=seeds)
    return np.linalg.inv(matrix)


def information_at(fixed: Picture, moving: Picture, matrix: np.ndarray, *, edge_mm: float = 2.0) -> float:
    """Return the mutual information of two images under a transform from the moving to the fixed space."""
    return _information(fixed, moving, np.linalg.inv(matrix), Effort(edge_mm))


# === One level ===


def _last_levels(fixed: Picture, moving: Picture, finest_mm: float | None) -> tuple[Effort, Effort]:
    finest = Effort(finest_mm or max(FINEST_MM, fixed.pixel_mm, moving.pixel_mm))
    return max(MIDDLE, finest), finest


def _improve(fixed: Picture, moving: Picture, matrix: np.ndarray, *, kind: Kind, effort: Effort, seeds) -> tuple:
    """Climb until the two images tell more of each other by all of their voxels; of TRIES without that, keep `matrix`.

    Now and then an affine climb runs away by centimetres.
    """
    before = _information(fixed, moving, matrix, effort)
    for _ in range(TRIES):
        found, _ = _climb(fixed, moving, matrix, kind=kind, effort=effort, seed=next(seeds))
        after = _information(fixed, moving, found, effort)
        if after >= before:
            return found, after
    return matrix, before


def _information(fixed: Picture, moving: Picture, matrix: np.ndarray, effort: Effort) -> float:
    return -_method(fixed, moving, _to_lps(matrix), kind="affine", effort=effort, seed=1)[0]


def _climb(
    fixed: Picture, moving: Picture, matrix: np.ndarray, *, kind: Kind, effort: Effort, seed: int
) -> tuple[np.ndarray, float]:
    """Improve a transform from the fixed to the moving space at one level; return it and the mutual information."""
    _, method, transform, images = _method(fixed, moving, _to_lps(matrix), kind=kind, effort=effort, seed=seed)
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=effort.edge_mm / 2, minStep=0.002 * effort.edge_mm, gradientMagnitudeTolerance=1e-8,
        relaxationFactor=0.6, numberOfIterations=effort.iterations,
    )  # fmt: skip
    method.SetOptimizerScalesFromPhysicalShift()
    try:
        method.Execute(*images)
    except RuntimeError:  # the two no longer overlap
        return matrix, -np.inf
    return _from_lps(transform), -method.GetMetricValue()


def _share_inside(fixed: Picture, moving: Picture, matrix: np.ndarray) -> float:
    """Return how much of what the fixed image shows falls into the moving one.

    Mutual information counts the voxels that do alone, and few of them always tell much of each other.
    """
    points = np.argwhere(shown(fixed)[::4, ::4, ::4]) * 4
    points = np.c_[points, np.ones(len(points))] @ (np.linalg.inv(moving.affine) @ matrix @ fixed.affine).T
    inside = (points[:, :3] >= -0.5) & (points[:, :3] <= np.array(moving.data.shape) - 0.5)
    return float(inside.all(axis=1).mean()) if len(points) else 0.0


def _method(fixed: Picture, moving: Picture, matrix: np.ndarray, *, kind: Kind, effort: Effort, seed: int) -> tuple:
    """Return the metric at a transform (LPS mm), the method, its transform and the two images."""
    import SimpleITK as sitk

    (fixed_image, fixed_mask), (moving_image, moving_mask) = fixed.at(effort.edge_mm), moving.at(effort.edge_mm)
    method = sitk.ImageRegistrationMethod()
    method.SetNumberOfThreads(1)  # sums depend on their order
    method.SetMetricAsMattesMutualInformation(effort.bins)
    voxels = fixed_image.GetNumberOfPixels()
    method.SetMetricSamplingStrategy(method.REGULAR if voxels > effort.samples else method.NONE)
    method.SetMetricSamplingPercentage(min(effort.samples / voxels, 1.0), seed)
    if fixed_mask is not None:
        method.SetMetricFixedMask(fixed_mask)
    if moving_mask is not None:
        method.SetMetricMovingMask(moving_mask)
    method.SetInterpolator(sitk.sitkLinear)
    transform = sitk.AffineTransform(3) if kind == "affine" else sitk.Euler3DTransform()
    size, index = np.array(fixed_image.GetSize()), fixed_image.TransformContinuousIndexToPhysicalPoint
    transform.SetCenter(index(((size - 1) / 2).tolist()))
    _set_matrix(transform, matrix)
    method.SetInitialTransform(transform, inPlace=True)
    try:
        value = method.MetricEvaluate(fixed_image, moving_image)
    except RuntimeError:
        value = np.inf
    return value, method, transform, (fixed_image, moving_image)


# === SimpleITK's way of saying it ===


def _smooth(data: np.ndarray, spacing_mm: np.ndarray, edge_mm: float) -> np.ndarray:
    """Blur along the axes that are finer than the voxels to come, as against aliasing."""
    from scipy.ndimage import gaussian_filter

    sigma = [0.5 * np.sqrt(max((edge_mm / step) ** 2 - 1, 0)) for step in spacing_mm]
    return gaussian_filter(np.asarray(data, np.float32), sigma, mode="nearest", truncate=3.0)


def _to_itk(data: np.ndarray, affine: np.ndarray):
    """Return an image whose axes lie along LPS as SimpleITK's."""
    import SimpleITK as sitk

    image = sitk.GetImageFromArray(np.ascontiguousarray(data.transpose(2, 1, 0)))
    image.SetSpacing(np.abs(np.diag(affine)[:3]).tolist())
    image.SetOrigin((_LPS @ affine)[:3, 3].tolist())
    return image


def _to_lps(matrix: np.ndarray) -> np.ndarray:
    return _LPS @ matrix @ _LPS


def _set_matrix(transform, matrix: np.ndarray) -> None:
    """Give SimpleITK's transform, about its own centre, the matrix (4, 4); a rotation must be one exactly."""
    linear = matrix[:3, :3]
    if transform.GetName() == "Euler3DTransform":
        left, _, right = np.linalg.svd(linear)
        linear = left @ right
    centre = np.array(transform.GetCenter())
    transform.SetMatrix(linear.flatten().tolist())
    transform.SetTranslation((matrix[:3, :3] @ centre + matrix[:3, 3] - centre).tolist())


def _from_lps(transform) -> np.ndarray:
    """Return the matrix (4, 4), RAS+ mm, of SimpleITK's transform."""
    matrix, centre = np.eye(4), np.array(transform.GetCenter())
    matrix[:3, :3] = np.array(transform.GetMatrix()).reshape(3, 3)
    matrix[:3, 3] = np.array(transform.GetTranslation()) + centre - matrix[:3, :3] @ centre
    return _LPS @ matrix @ _LPS
