"""The scans of hard patients: each hospital's own protocol, brain extraction that errs, a field of view that ends."""

from collections.abc import Set

import numpy as np

from segan_tl.data.phantom.cohorts import GRADIENT_3T, PREPARED_3T, SPIN_T1, Site
from segan_tl.data.phantom.scanner import Scan

STRIP_MM = 0.6  # beyond the surface of the brain, what brain extraction leaves
COARSE = 0.30  # of the scans of one modality, alone: of four, about one
SLICE_MM, GAP_MM, PIXEL_MM = (3.5, 6.0), (0.0, 1.2), (0.9, 1.5)  # of coarse scans
ORIENTATIONS = (("axial", 0.70), ("coronal", 0.15), ("sagittal", 0.15))
OTHER_T1 = 0.5  # of the T1-weighted scans, made by another sequence than the cohort's
SNR_FACTOR = (0.35, 1.1)
BIAS = (0.06, 0.30)  # deviation of its logarithm; 0.05 to 0.14 in the plain cohorts
# Deviation of the logarithm of TR, TE, TI and flip angle: TE of T2 between 65 and 135 ms; an inversion time 4 % off no
# longer nulls fluid on FLAIR.
TIMING = {"tr_ms": 0.15, "te_ms": 0.16, "ti_ms": 0.04, "flip_degrees": 0.15}
BRAIN_MM = ((0.0, 2.0, 6.0), (67.0, 86.0, 60.0))  # centre and semi-axes of the vault
PATCHES = (1, 4)  # of residue, and of missing cortex
RESIDUE_MM, MISSING_MM, PATCH_MM = (5.0, 13.0), (5.0, 14.0), (13.0, 32.0)  # height, depth, deviation of the width
CUT_BELOW = 0.65  # of the short fields of view end below, the others above
CUT_BELOW_MM, CUT_ABOVE_MM = (-58.0, -22.0), (34.0, 58.0)  # where the brain reaches from about -75 to 66
SPARED_MM = 15.0  # between the centre of a tumour and the end of the field of view: it was set to show the tumour


def strip_brain(surface_mm: np.ndarray) -> np.ndarray:
    """Return which voxels a good brain extraction leaves, from their distance (nx, ny, nz) to the surface, mm."""
    return surface_mm < STRIP_MM


def vary_site(site: Site, rng: np.random.Generator) -> Site:
    """Return a site with another protocol: timing, slices, noise, and inhomogeneity of its coil."""
    scans = {modality: vary_scan(scan, modality, rng) for modality, scan in site.scans.items()}
    return site._replace(scans=scans, bias=float(rng.uniform(*BIAS)))


def vary_scan(scan: Scan, modality: str, rng: np.random.Generator) -> Scan:
    """Return a scan of other timing and noise, in some of thick slices in any orientation."""
    sequence = scan.sequence
    other = (PREPARED_3T, GRADIENT_3T, SPIN_T1)[int(rng.integers(3))]
    if rng.random() < OTHER_T1 and modality in ("t1", "t1c"):
        sequence = other
    drawn = {name: np.clip(rng.normal(0.0, deviation), -0.35, 0.35) for name, deviation in TIMING.items()}
    values = {name: getattr(sequence, name) * float(np.exp(logarithm)) for name, logarithm in drawn.items()}
    if sequence.kind != "spoiled_gradient_echo":
        values["flip_degrees"] = sequence.flip_degrees
    scan = scan._replace(sequence=sequence._replace(**values), snr=scan.snr * float(rng.uniform(*SNR_FACTOR)))
    slice_mm, gap_mm, pixel_mm = (float(rng.uniform(*limits)) for limits in (SLICE_MM, GAP_MM, PIXEL_MM))
    names, chances = zip(*ORIENTATIONS, strict=True)
    orientation = str(rng.choice(names, p=chances))
    if rng.random() < COARSE:
        scan = scan._replace(slice_mm=slice_mm, gap_mm=gap_mm, pixel_mm=pixel_mm, orientation=orientation)
    return scan


def strip_limit(axes_mm, traits: Set[str], rng: np.random.Generator) -> np.ndarray:
    """Return how far from the surface of the brain (mm, nx, ny, nz) brain extraction cuts: hills and hollows."""
    limit = np.full([len(axis) for axis in axes_mm], STRIP_MM, np.float32)
    for trait, sign, height_mm in (("residue", 1.0, RESIDUE_MM), ("missing cortex", -1.0, MISSING_MM)):
        for _ in range(int(rng.integers(*PATCHES)) if trait in traits else 0):
            centre, width_mm = surface_point(rng), rng.uniform(*PATCH_MM)
            x, y, z = (
                np.exp(-(((axis - at) / width_mm) ** 2) / 2) for axis, at in zip(axes_mm, centre, strict=True)
            )
            limit += (sign * rng.uniform(*height_mm) * x[:, None, None] * y[:, None] * z).astype(np.float32)
    return limit


def surface_point(rng: np.random.Generator, *, depth: float = 1.0) -> np.ndarray:
    """Draw a point on the upper part of the vault, mm; at `depth` 0.8 a fifth of the way inwards."""
    direction = rng.normal(size=3)
    direction[2] = abs(direction[2]) - 0.3
    centre, semi_axes = np.array(BRAIN_MM)
    return centre + depth * semi_axes * direction / np.linalg.norm(direction)


def field_of_view(axes_mm, centres: np.ndarray | None, rng: np.random.Generator) -> np.ndarray:
    """Return which voxels (nx, ny, nz) were scanned: all but those above or below a tilted plane.

    Args:
        centres: (F, 3) of a tumour, all of which stay well inside; None without one.
    """
    _, y, z = np.meshgrid(*axes_mm, indexing="ij", sparse=True)
    slope, below = rng.normal(0.0, 0.12), rng.random() < CUT_BELOW
    low, high = rng.uniform(*CUT_BELOW_MM), rng.uniform(*CUT_ABOVE_MM)
    height = z + slope * y
    own = np.array([]) if centres is None else centres[:, 2] + slope * centres[:, 1]
    low, high = min([low, *(own - SPARED_MM)]), max([high, *(own + SPARED_MM)])
    inside = height > low if below else height < high
    return np.broadcast_to(inside, [len(axis) for axis in axes_mm])
