"""An image on another grid in space: a transform of millimetres, and one linear interpolation.

Transforms are (4, 4) matrices that take points of one space to another, both RAS+ mm; those of grids take voxel indices
to RAS+ mm, as everywhere.
"""

from collections.abc import Sequence

import numpy as np

from segan_tl.data.files.geometry import Geometry


def resample_onto(
    data: np.ndarray, affine: np.ndarray, onto: Geometry, *, transform: np.ndarray | None = None, order: int = 1
) -> np.ndarray:
    """Read an image at the voxels of another grid.

    Args:
        data: (H, W, D), axes in LPS order.
        affine: (4, 4) of `data`.
        onto: the grid of the result, axes in LPS order.
        transform: takes points of the image's space to that of `onto`; None where they are one.
        order: of the spline; 1 is linear and invents no value.

    Returns:
        `onto.shape`, float32; what no voxel of the image covers is 0.
    """
    from scipy.ndimage import affine_transform

    back = np.linalg.inv(affine) @ np.linalg.inv(np.eye(4) if transform is None else transform) @ onto.affine
    # Beyond the outermost centres a voxel still reaches half its edge, and of slices of 5 mm that is seen.
    padded = np.pad(np.asarray(data, np.float32), 1, mode="edge")
    read = affine_transform(
        padded, back[:3, :3], back[:3, 3] + 1, onto.shape, order=order, mode="constant", cval=0.0, prefilter=order > 1
    )
    return np.where(covered(data.shape, affine, onto, transform=transform), read, np.float32(0))


def covered(
    shape: Sequence[int], affine: np.ndarray, onto: Geometry, *, transform: np.ndarray | None = None
) -> np.ndarray:
    """Return which voxels of a grid lie in the volume of an image, half a voxel around its outermost centres included.

    Args:
        shape: of the image; the rest as for `resample_onto`.
    """
    back = np.linalg.inv(affine) @ np.linalg.inv(np.eye(4) if transform is None else transform) @ onto.affine
    axes = [np.arange(size, dtype=np.float32) for size in onto.shape]
    inside = np.ones(onto.shape, bool)
    for row, size in zip(back[:3].astype(np.float32), shape):
        place = row[0] * axes[0][:, None, None] + row[1] * axes[1][:, None] + (row[2] * axes[2] + row[3])
        inside &= (place >= -0.5) & (place <= size - 0.5)
    return inside


def resample_labels_onto(
    labels: np.ndarray, affine: np.ndarray, onto: Geometry, *, transform: np.ndarray | None = None
) -> np.ndarray:
    """Give each voxel of another grid the label whose linearly interpolated share is largest.

    Args:
        labels: (H, W, D) whole numbers; the rest as for `resample_onto`.

    Returns:
        `onto.shape`, of the type of `labels`.
    """
    present = np.unique(labels)
    best, result = np.zeros(onto.shape, np.float32), np.zeros(onto.shape, labels.dtype)
    for label in present[present != 0]:
        share = resample_onto(labels == label, affine, onto, transform=transform)
        larger = share > best
        result[larger], best[larger] = label, share[larger]
    rest = 1 - sum_of(labels, affine, onto, transform)
    result[rest >= best] = 0
    return result


def sum_of(labels: np.ndarray, affine: np.ndarray, onto: Geometry, transform: np.ndarray | None) -> np.ndarray:
    """Return the share of all labels but 0 at the voxels of another grid."""
    return resample_onto(labels != 0, affine, onto, transform=transform)


def isotropic_grid(shape: Sequence[int], affine: np.ndarray, *, edge_mm: float) -> Geometry:
    """Return the grid of cubic voxels, axes along LPS, that just holds an image wherever its axes point."""
    corners = np.array([[*index, 1] for index in np.ndindex(2, 2, 2)], float)
    corners[:, :3] = corners[:, :3] * np.array(shape) - 0.5
    points = (corners @ affine.T)[:, :3]
    low, high = points.min(axis=0), points.max(axis=0)
    size = np.maximum(np.ceil((high - low) / edge_mm - 1e-3), 1).astype(int)
    middle, grid = (low + high) / 2, np.diag([-edge_mm, -edge_mm, edge_mm, 1.0])
    grid[:3, 3] = middle - grid[:3, :3] @ ((size - 1) / 2)
    return Geometry(tuple(size.tolist()), grid)


def own_grid(shape: Sequence[int], affine: np.ndarray, *, edge_mm: float) -> Geometry:
    """Return the grid along an image's own axes, in its very volume, of voxels as near to a cube as whole ones come.

    Args:
        shape: of the image, axes in LPS order.
        affine: (4, 4) of it.
        edge_mm: of the cube.
    """
    spacing_mm = np.linalg.norm(affine[:3, :3], axis=0)
    size = np.maximum(np.round(np.array(shape) * spacing_mm / edge_mm).astype(int), 1)
    steps = np.array(shape) / size
    grid = affine @ np.diag([*steps, 1.0])
    grid[:3, 3] += affine[:3, :3] @ ((steps - 1) / 2)  # the outer faces stay, so the centres move
    return Geometry(tuple(size.tolist()), grid)
