"""The folded cortex: sulci as sheets that run inwards from the surface, and the folia of the cerebellum."""

import numpy as np
from scipy import ndimage

from segan_tl.data.phantom.fields import generator, smooth_field

LATTICE_MM = 2.0
LATTICE_HALF_MM = (96.0, 100.0, 60.0)
# Each hemisphere folds around an axis inside it: |x| = 27 mm, from y = -44 to 50 mm, at z = 6 mm.
AXIS_X_MM, AXIS_FRONT_MM, AXIS_BACK_MM, AXIS_Z_MM = 27.0, -44.0, 50.0, 6.0
REACH_MM = 42.0
# Wavelength of the folds, depth of the sulci, both in mm, and how much the depth varies: primary and tertiary folds.
SULCI = ((20.0, 16.5, 5.0), (12.0, 6.0, 3.0))


def gyral_field(seed: int, case_index: int) -> list[np.ndarray]:
    """Draw the fields whose zero levels are the sulci, as distances in mm on a lattice of `LATTICE_MM`."""
    axes = [np.arange(-half, half + 0.1, LATTICE_MM) for half in LATTICE_HALF_MM]
    fields = []
    for wavelength_mm, _, _ in SULCI:
        rng = generator(seed, case_index, f"gyri-{wavelength_mm:g}")
        field = smooth_field(rng, axes, wavelength_mm)
        steepness = np.sqrt(sum(part**2 for part in np.gradient(field, LATTICE_MM)))
        fields.append((np.abs(field) / np.maximum(steepness, 1.2 / wavelength_mm)).astype(np.float32))
    return fields


def folded_coordinates(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Project points radially on a capsule around the axis of their hemisphere.

    A field read there is nearly constant along the way inwards: its zero levels become sheets that stand
    upright on the surface, as sulci do.

    Returns:
        (3, N) coordinates for the gyral field and (N,) how much a millimetre is stretched by the projection.
    """
    x, y, z = points
    nearest = np.clip(y, AXIS_FRONT_MM, AXIS_BACK_MM)
    offset = np.stack([np.abs(x) - AXIS_X_MM, y - nearest, z - AXIS_Z_MM])
    radius = np.sqrt((offset * offset).sum(0)) + 3.0
    stretch = 0.75 * REACH_MM / radius + 0.25
    folded = offset * stretch
    folded[1] += nearest
    folded[0] += np.where(x > 0, 46.0, -46.0)
    return folded, stretch


def fissure_distance(points: np.ndarray, wobble_mm: np.ndarray) -> np.ndarray:
    """Return the distance to the gap between the hemispheres, which ends at the corpus callosum."""
    x, y, z = points
    callosum = np.sqrt(((y + 2.0) / 41.0) ** 2 + ((z - 10.0) / 19.0) ** 2)
    outside = (callosum - 1.0) * 21.0
    width = 0.4 + 0.02 * np.clip(outside, 0.0, 40.0)
    return np.maximum(np.abs(x + wobble_mm) - width, -outside)


def sylvian_distance(points: np.ndarray, wobble_mm: np.ndarray, width_mm: np.ndarray) -> np.ndarray:
    """Return the distance to the lateral fissure and the pool over the insula."""
    x, y, z = points
    across = z + wobble_mm - (-10.0 + 0.45 * (y + 25.0) - 0.35 * (np.abs(x) - 46.0))
    sheet = np.maximum(np.abs(across) - 0.4 - 0.5 * width_mm, 37.0 - np.abs(x))
    bowl_mm = 36.5 - 0.012 * (y + 4.0) ** 2 - 0.010 * (z - 1.0) ** 2 + 1.5 * wobble_mm
    pool = np.maximum(np.abs(np.abs(x) - bowl_mm) - width_mm, np.abs(across - 3.0) - 10.0)
    return np.maximum(np.minimum(sheet, np.maximum(pool, np.abs(y + 6.0) - 20.0)), np.abs(y + 4.0) - 32.0)


def cortical_depth(points: np.ndarray, surface: np.ndarray, subject, *, noise: dict) -> np.ndarray:
    """Return how deep (mm) points lie under the folded pial surface; negative in cerebrospinal fluid.

    Args:
        points: (3, N) atlas coordinates.
        surface: (N,) distance to the smooth surface of the cerebrum.
        subject: carries `gyri` and `sulcus_width_mm`.
        noise: smooth fields (N,), see `tissue_fractions`.
    """
    fissure = fissure_distance(points, 1.2 * noise["coarse"])
    smooth_depth = np.minimum(-surface, fissure)
    folded, stretch = folded_coordinates(points)
    half_mm = np.array(LATTICE_HALF_MM, dtype=np.float32)
    indices = (folded + half_mm[:, None]) / np.float32(LATTICE_MM)
    wobble_mm = 1.2 * noise["coarse"] + 0.9 * noise["medium"]
    sylvian = sylvian_distance(points, wobble_mm, 0.25 + 0.30 * noise["fine"] + 0.3 * noise["coarse"])
    depth = np.minimum(smooth_depth, sylvian)
    for field, (_, reach_mm, spread_mm) in zip(subject.gyri, SULCI, strict=True):
        sheet = ndimage.map_coordinates(field, indices, order=1, mode="nearest", prefilter=False) / stretch
        reach = np.maximum(reach_mm + spread_mm * np.tanh(noise["coarse"]), 2.0)
        reach = reach * np.clip(np.abs(points[0]) / 16.0, 0.4, 1.0)
        taper = np.clip(1.0 - smooth_depth / reach, 0.0, 1.0)
        sheet -= subject.sulcus_width_mm * (0.15 + 0.85 * taper) + 0.12 * noise["fine"]
        np.minimum(depth, np.maximum(sheet, smooth_depth - reach), out=depth)
    return depth


def cerebellar_depth(points: np.ndarray, surface: np.ndarray, *, noise: dict) -> dict[str, np.ndarray]:
    """Return distances below the folia ("surface", mm, negative in fluid) and the share of white matter ("white")."""
    x, y, z = points
    radius = np.sqrt((0.8 * x) ** 2 + (y - 16.0) ** 2 + (1.25 * (z + 36.0)) ** 2)
    # Folia are leaves about 5 mm apart; fluid reaches some millimetres in between them, white matter from within.
    phase = radius / 4.6 + 0.35 * noise["coarse"] + 0.10 * noise["medium"]
    leaf_mm = np.abs(phase - np.round(phase)) * 4.6
    below = -surface
    gap_mm = 0.45 * np.clip(1.0 - below / 9.0, 0.0, 1.0)
    core = np.clip((below - 7.5 - 1.2 * noise["medium"]) / 5.0, 0.0, 1.0)
    lamella = np.clip((leaf_mm - 1.5) / 0.8, 0.0, 1.0) * np.clip((below - 1.8) / 2.0, 0.0, 1.0)
    white = np.maximum(core, 0.75 * lamella)
    return {"surface": np.minimum(below, np.where(below < 9.0, leaf_mm - gap_mm, below)), "white": white}
