"""Gliomas: a core with irregular rim, and edema that spreads along white matter and stops at fluid."""

from typing import NamedTuple

import numpy as np

from segan_tl.data.phantom.fields import generator


class Glioma(NamedTuple):
    """What one glioma is, before it is drawn on a grid."""

    high_grade: bool
    whole_ml: float
    core_share: float
    rim_mm: float
    rim_irregularity: float
    roughness: float
    axes: np.ndarray  # (F, 3) relative semi axes of each focus
    shares: np.ndarray  # (F,) share of the core volume in each focus
    mass_effect: float
    enhancement: float  # factor on the gadolinium concentration of the rim
    heart: float = 0.0  # part of a core's radius that is core whatever the roughness


def draw_glioma(seed: int, case_index: int, *, low_grade_share: float, late_stage: float) -> Glioma:
    """Draw grade, size and character; `late_stage` multiplies the volume of the whole tumour."""
    rng = generator(seed, case_index, "glioma")
    # Multiples of the golden ratio spread evenly: small cohorts get their share of low grades too.
    start = generator(seed, 0, "grade").random()
    high_grade = bool((start + case_index * 0.6180339887) % 1.0 >= low_grade_share)
    whole_ml = float(np.clip(rng.lognormal(np.log(78.0 * late_stage), 0.60), 10.0, 210.0))
    foci = 1 + int(rng.random() < 0.22) + int(rng.random() < 0.08)
    shares = np.sort(rng.dirichlet(np.full(foci, 1.5)))[::-1]
    axes = np.exp(rng.normal(0.0, 0.20, (foci, 3)))
    axes /= np.prod(axes, axis=1, keepdims=True) ** (1 / 3)
    core_share = rng.beta(3.0, 4.5) if high_grade else rng.beta(5.0, 3.0)
    # A minority of low-grade gliomas enhances a little; most do not enhance at all.
    rim_mm = rng.uniform(2.2, 5.5) if high_grade else rng.choice([0.0, 0.0, 1.0])
    enhancement = rng.uniform(0.7, 1.7) if high_grade else rng.uniform(0.25, 0.6)
    return Glioma(
        high_grade,
        whole_ml,
        float(np.clip(core_share, 0.08, 0.9)),
        float(rim_mm),
        float(rng.uniform(0.3, 0.8)),
        float(rng.uniform(0.5, 1.1)),
        axes,
        shares,
        float(rng.uniform(0.0, 1.0)),
        float(enhancement),
    )


def place(glioma: Glioma, points: np.ndarray, *, person: tuple[int, int], white: np.ndarray, depth: np.ndarray):
    """Choose a centre for every focus, in white matter under the cortex of one hemisphere.

    Args:
        person: seed and case index.
        points: (3, N) lattice points in scanner mm; `white` and `depth` (mm under the hull) belong to them.

    Returns:
        (F, 3) float32 centres in scanner mm.
    """
    rng = generator(*person, "place")
    radius_mm = radii_mm(glioma)
    good = (white > 0.6) & (depth > np.minimum(6.0 + 0.45 * radius_mm[0], 24.0)) & (points[2] > -28.0)
    good &= np.abs(points[0]) > 9.0
    return scatter(points, radius_mm, first=good, good=good, rng=rng)


def scatter(
    points: np.ndarray, radii_mm: np.ndarray, *, first: np.ndarray, good: np.ndarray, rng, reach_mm: float = 28.0
) -> np.ndarray:
    """Choose a centre for every focus: the first anywhere in a set of points, the others beside it.

    Args:
        points: (3, N) lattice points in scanner mm.
        radii_mm: (F,) of the foci.
        first: (N,) where the first may lie; `good`, where the others may.
        reach_mm: how far beyond the first's surroundings the others may lie.

    Returns:
        (F, 3) float32 centres in scanner mm.
    """
    # Ranks by uniform keys keep the choice the same if a voxel at the border of the set flips.
    keys = rng.random(points.shape[1])
    centres = [points[:, np.argmax(np.where(first, keys, -1.0))]]
    away = np.sqrt(((points - centres[0][:, None]) ** 2).sum(0))
    for radius_mm in radii_mm[1:]:
        reach = radii_mm[0] + radius_mm
        near = good & (away > 1.1 * reach + 4.0) & (away < 1.5 * reach + reach_mm)
        keys = rng.random(points.shape[1])
        centres.append(points[:, np.argmax(np.where(near, keys, -1.0))] if near.any() else centres[0])
    return np.stack(centres).astype(np.float32)


def radii_mm(glioma: Glioma) -> np.ndarray:
    """Return the radius of a sphere with the volume of each focus, mm."""
    volumes_mm3 = 1000.0 * glioma.whole_ml * glioma.core_share * glioma.shares
    return (3.0 * volumes_mm3 / (4.0 * np.pi)) ** (1 / 3)


def push(glioma: Glioma, centres: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return where the tissue at `points` (3, N) lay before the tumour displaced it (mass effect)."""
    moved = points
    for centre, radius_mm in zip(centres, radii_mm(glioma), strict=True):
        offset = points - centre[:, None]
        distance = np.sqrt((offset * offset).sum(0)) + 1.0
        reach = 1.9 * radius_mm + 8.0
        strength = 0.42 * glioma.mass_effect * radius_mm * np.exp(-((distance / reach) ** 2))
        moved = moved - offset * (strength / (distance + 0.4 * radius_mm))
    return moved.astype(np.float32)


def core_distance(glioma: Glioma, centres: np.ndarray, points: np.ndarray, *, noise: dict) -> np.ndarray:
    """Return the distance (mm, negative inside) to the tumour core at scanner points (3, N)."""
    nearest = np.full(points.shape[1], np.inf, dtype=np.float32)
    heart = nearest
    for centre, axes, radius_mm in zip(centres, glioma.axes, radii_mm(glioma), strict=True):
        offset = (points - centre[:, None]) / axes.astype(np.float32)[:, None]
        away = np.sqrt((offset * offset).sum(0))
        nearest = np.minimum(nearest, away - np.float32(radius_mm))
        if glioma.heart:
            heart = np.minimum(heart, away - np.float32(glioma.heart * radius_mm))
    wave = 0.16 * float(radii_mm(glioma)[0]) + 0.8
    waves = glioma.roughness * (wave * noise["coarse"] + 0.42 * wave * noise["medium"] + 0.8 * noise["fine"])
    return np.minimum(nearest + waves, heart)


def infiltrate(margin: np.ndarray, noise: dict) -> np.ndarray:
    """Return the share of edema (N,): strong beside the core, weak at its border, where `margin` is 0."""
    edge = np.clip(0.5 + margin * 6.0, 0.0, 1.0)
    severity = np.clip(0.55 + 0.65 * margin + 0.13 * noise["medium"] + 0.06 * noise["texture2"], 0.22, 1.0)
    return (edge * severity).astype(np.float32)


def spread(core: np.ndarray, *, white: np.ndarray, grey: np.ndarray, texture: np.ndarray) -> np.ndarray:
    """Let cells diffuse from the core and return -ln(density), which grows outwards from zero.

    Diffusion in white matter is five times that in grey matter and nil in fluid
    [Swanson, Alvord and Murray 2000]; there is no exact time scale, only the level chosen afterwards.

    Args:
        core: (nx, ny, nz) share of each lattice voxel inside the core.
        white, grey: shares of white and grey matter.
        texture: smooth field of unit variance; makes some tracts faster than others.
    """
    conductance = (white + 0.2 * grey) * np.exp(0.45 * texture)
    conductance = np.clip(np.maximum(conductance, core), 0.0, 2.0).astype(np.float32)
    density = core.astype(np.float32)
    pairs = []
    for axis in range(3):
        low = [slice(None)] * 3
        high = [slice(None)] * 3
        low[axis], high[axis] = slice(None, -1), slice(1, None)
        between = np.minimum(conductance[tuple(low)], conductance[tuple(high)]) * np.float32(1 / 12.5)
        pairs.append((tuple(low), tuple(high), between))
    for _ in range(70):
        change = np.zeros_like(density)
        for low, high, between in pairs:
            flow = between * (density[high] - density[low])
            change[low] += flow
            change[high] -= flow
        density = np.maximum(density + change, core)
    return -np.log(np.maximum(density, np.float32(1e-30)))


def edema_level(cost: np.ndarray, tissue: np.ndarray, *, volume_ml: float, voxel_ml: float) -> float:
    """Return the level of `cost` under which the tissue (shares) fills `volume_ml`."""
    order = np.argsort(cost, axis=None, kind="stable")
    filled = np.cumsum(tissue.ravel()[order], dtype=np.float64) * voxel_ml
    return float(cost.ravel()[order[min(np.searchsorted(filled, volume_ml), order.size - 1)]])
