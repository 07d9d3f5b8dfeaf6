"""Where a registration begins: the scanner space, the centres of the grids, those of mass, some of them turned."""

from itertools import product

import numpy as np


def starts(fixed, moving):
    """Yield the name of each start and its matrix from the fixed to the moving space, RAS+ mm."""
    yield "scanner", np.eye(4)
    yield "grids", _shift(_middle(fixed), _middle(moving))
    here, there = _mass(fixed), _mass(moving)
    yield "mass", _shift(here, there)
    for axis, degrees in product(range(3), (-20, 20)):
        yield f"mass, {degrees:+d}° about {'xyz'[axis]}", _shift(here, there) @ _turn(axis, degrees, about=here)


def _shift(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, 3] = end - start
    return matrix


def _turn(axis: int, degrees: float, *, about: np.ndarray) -> np.ndarray:
    first, second = (other for other in range(3) if other != axis)
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    matrix = np.eye(4)
    matrix[first, first] = matrix[second, second] = cosine
    matrix[first, second], matrix[second, first] = -sine, sine
    matrix[:3, 3] = about - matrix[:3, :3] @ about
    return matrix


def _middle(picture) -> np.ndarray:
    return (picture.affine @ [*((np.array(picture.data.shape) - 1) / 2), 1])[:3]


def _mass(picture) -> np.ndarray:
    """Return the centre of what is brighter than half the mean, or of the mask; bright fat counts as brain does."""
    from scipy.ndimage import center_of_mass

    return (picture.affine @ [*center_of_mass(shown(picture)), 1])[:3]


def shown(picture) -> np.ndarray:
    """Return where an image shows something: brighter than half its mean, or inside of its mask."""
    return picture.data > picture.data.mean() / 2 if picture.mask is None else picture.mask
