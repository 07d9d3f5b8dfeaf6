"""Multiple sclerosis: small ovoid lesions around the ventricles and under the cortex."""

import numpy as np

from segan_tl.data.phantom.fields import generator


def draw_lesions(
    seed: int, case_index: int, points: np.ndarray, *, white: np.ndarray, cavity_mm: np.ndarray
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Place ovoid lesions, three of four beside the ventricles with the long axis away from them (Dawson's fingers).

    Args:
        points: (3, N) lattice points, scanner mm.
        white: (N,) share of white matter there.
        cavity_mm: (N,) distance to the ventricles.

    Returns:
        list of (centre, axis, semi axes in mm along and across the axis).
    """
    rng = generator(seed, case_index, "sclerosis")
    count = int(np.clip(rng.lognormal(np.log(16.0), 0.6), 4, 60))
    usable = (white > 0.7) & (points[2] > -12.0)
    lesions = []
    for _ in range(count):
        periventricular = rng.random() < 0.75
        near = usable & ((cavity_mm < 7.0) & (cavity_mm > 1.0) if periventricular else cavity_mm > 12.0)
        keys = rng.random(points.shape[1])
        centre = points[:, np.argmax(np.where(near, keys, -1.0))]
        axis = np.array([np.sign(centre[0]), rng.normal(0.0, 0.3), rng.normal(0.3, 0.3)])
        short = float(np.clip(rng.lognormal(np.log(2.1), 0.35), 1.2, 5.0))
        long = short * rng.uniform(1.2, 2.4) if periventricular else short * rng.uniform(1.0, 1.4)
        lesions.append((centre, axis / np.linalg.norm(axis), np.array([long, short])))
    return lesions


def lesion_distance(lesions: list, points: np.ndarray, noise: dict) -> np.ndarray:
    """Return the distance (mm, negative inside) to the nearest lesion at scanner points (3, N)."""
    nearest = np.full(points.shape[1], 99.0, dtype=np.float32)
    for centre, axis, (long, short) in lesions:
        near = np.flatnonzero((np.abs(points - centre.astype(np.float32)[:, None]) < long + 6.0).all(0))
        offset = points[:, near] - centre.astype(np.float32)[:, None]
        along = (axis.astype(np.float32)[:, None] * offset).sum(0)
        across = np.sqrt(np.maximum((offset * offset).sum(0) - along * along, 0.0))
        ratio = np.sqrt((along / np.float32(long)) ** 2 + (across / np.float32(short)) ** 2)
        nearest[near] = np.minimum(nearest[near], (ratio - 1.0) * np.float32(short))
    return nearest + 0.45 * noise["fine"]
