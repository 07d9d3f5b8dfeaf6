"""One synthetic patient: anatomy and disease on a grid of any spacing, and the scan of them."""

import functools
import zlib
from typing import NamedTuple

import numpy as np

from segan_tl.data.phantom import anatomy
from segan_tl.data.phantom.cohorts import COHORTS, Site
from segan_tl.data.phantom.disease import Drawing, draw_glioma_on, draw_sclerosis_on, plan_disease
from segan_tl.data.phantom.fields import apply_along_axes, generator, sample, smooth_field, spline_matrix
from segan_tl.data.phantom.hospital import strip_brain
from segan_tl.data.phantom.images import scan_all
from segan_tl.data.phantom.variety import VARIETIES

FIELD_OF_VIEW_MM = 240.0
# The atlas origin lies this far from the middle of the grid along x, y and z, as the head does in BraTS.
ORIGIN_MM = (0.0, -8.0, 5.0)
LATTICE_MM = 3.0
LATTICE_AXES = tuple(
    np.arange(low, high + 0.1, LATTICE_MM) for low, high in ((-84.0, 84.0), (-105.0, 105.0), (-81.0, 78.0))
)
WAVELENGTHS_MM = {"coarse": 26.0, "medium": 13.0, "fine": 6.0, "vein": 9.0, "texture1": 9.0, "texture2": 7.0}


class SimulatedCase(NamedTuple):
    """A finished synthetic case; arrays are (H, W, D)."""

    images: dict[str, np.ndarray]  # t1, t1c, t2, flair: int16, zero outside the brain
    labels: np.ndarray  # uint8, values as in the files of the cohort
    grade: str
    site: Site
    age_years: int


class Points(NamedTuple):
    """Voxels inside the brain of one grid."""

    scanner: np.ndarray  # (3, N) mm
    atlas: np.ndarray  # (3, N) mm
    noise: dict[str, np.ndarray]  # (N,)
    voxel_mm: float


def grid_axes(shape: tuple[int, int, int]) -> tuple[list[np.ndarray], float]:
    """Return the scanner coordinates (mm) of a grid along its three axes and the size of its voxels."""
    voxel_mm = FIELD_OF_VIEW_MM / shape[0]
    axes = [(np.arange(n) + 0.5 - n / 2) * voxel_mm + origin for n, origin in zip(shape, ORIGIN_MM, strict=True)]
    return axes, voxel_mm


def warp_field(subject: anatomy.Subject) -> np.ndarray:
    """Return (3, lattice) where in the atlas each lattice point of this head lies, before any mass effect."""
    points = np.stack(np.meshgrid(*LATTICE_AXES, indexing="ij")).astype(np.float32)
    radians = np.deg2rad(subject.angles_degrees)
    rotation = np.eye(3)
    for axis, angle in enumerate(radians):
        first, second = [other for other in range(3) if other != axis]
        turn = np.eye(3)
        turn[first, first] = turn[second, second] = np.cos(angle)
        turn[first, second], turn[second, first] = -np.sin(angle), np.sin(angle)
        rotation = turn @ rotation
    matrix = (rotation / subject.scales[:, None]).astype(np.float32)
    centred = points - subject.shift_mm.astype(np.float32)[:, None, None, None]
    # Not a matrix product: its rounding could depend on the number of threads.
    moved = np.stack([sum(matrix[row, axis] * centred[axis] for axis in range(3)) for row in range(3)])
    for wavelength_mm, amplitude_mm in ((80.0, 1.7), (26.0, 0.6)):
        for axis in range(3):
            rng = generator(subject.seed, subject.case_index, f"warp-{wavelength_mm:g}-{axis}")
            moved[axis] += np.float32(amplitude_mm) * smooth_field(rng, LATTICE_AXES, wavelength_mm)
    return moved.astype(np.float32)


def noise_fields(subject: anatomy.Subject, axes_mm, keep: np.ndarray) -> dict[str, np.ndarray]:
    """Draw the smooth fields of a subject at the voxels of a grid that `keep` selects."""
    fields = {}
    for name, wavelength_mm in WAVELENGTHS_MM.items():
        rng = generator(subject.seed, subject.case_index, f"noise-{name}")
        fields[name] = smooth_field(rng, axes_mm, wavelength_mm)[keep]
    return fields


def brain_points(subject: anatomy.Subject, displacement: np.ndarray, axes_mm, *, voxel_mm: float, strip=strip_brain):
    """Find the voxels of a grid that belong to the brain.

    Args:
        displacement: (3, lattice) atlas position minus scanner position, mm.
        strip: distance to the surface of the brain on the grid, mm -> which voxels brain extraction leaves.

    Returns:
        (keep, points): bool mask on the grid and the `Points` inside it.
    """
    lattice = np.stack(np.meshgrid(*LATTICE_AXES, indexing="ij")).astype(np.float32)
    shape = lattice.shape[1:]
    atlas = (lattice + displacement).reshape(3, -1)
    hull = anatomy.hull(atlas).reshape(shape)
    matrices = [
        spline_matrix((axis - nodes[0]) / LATTICE_MM, len(nodes))
        for axis, nodes in zip(axes_mm, LATTICE_AXES, strict=True)
    ]
    surface = apply_along_axes(matrices, hull)
    rng = generator(subject.seed, subject.case_index, "strip")
    ragged = 0.5 * smooth_field(rng, axes_mm, 9.0) + 0.5 * smooth_field(rng, axes_mm, 30.0)
    keep = strip(surface + ragged)
    scanner = np.stack([axis[index] for axis, index in zip(axes_mm, np.nonzero(keep), strict=True)]).astype(np.float32)
    low = [axis[0] for axis in LATTICE_AXES]
    moved = scanner + np.stack([sample(part, scanner, low_mm=low, step_mm=LATTICE_MM) for part in displacement])
    return keep, Points(scanner, moved, noise_fields(subject, axes_mm, keep), voxel_mm)


def healthy(subject: anatomy.Subject, points: Points) -> dict[str, np.ndarray]:
    """Return the tissue shares of the brain without its main disease, with the white matter spots of age."""
    shares = anatomy.tissue_fractions(points.atlas, subject, voxel_mm=points.voxel_mm, noise=points.noise)
    cavity = anatomy.ventricles(points.atlas, subject)
    caps = np.exp(-np.maximum(cavity, 0.0) / 3.0) * (0.9 + 0.5 * points.noise["coarse"])
    spots = np.clip(points.noise["medium"] - 1.9, 0.0, 0.6) * 1.6 * np.exp(-np.maximum(cavity - 4.0, 0.0) / 12.0)
    share = np.clip(subject.white_matter_burden * (0.55 * caps + spots), 0.0, 0.85)
    shares["leuko"] = shares["wm"] * share
    shares["wm"] = shares["wm"] * (1.0 - share)
    return shares


class Person(NamedTuple):
    """One synthetic patient on a grid, before any scan.

    Attributes:
        keep: the part of the grid that can hold a head, True inside the brain; `points`, `drawing` are those voxels.
        crop: where that part lies in the grid.
        axes_mm: its scanner coordinates.
    """

    subject: anatomy.Subject
    site: Site
    grade: str
    drawing: Drawing
    points: Points
    keep: np.ndarray
    crop: tuple[slice, ...]
    axes_mm: list[np.ndarray]
    shape: tuple[int, int, int]

    def on_grid(self, values: np.ndarray) -> np.ndarray:
        """Return values (N, …) of the brain's voxels on the whole grid (H, W, D, …), 0 elsewhere."""
        inner = np.zeros((*self.keep.shape, *values.shape[1:]), values.dtype)
        inner[self.keep] = values
        whole = np.zeros((*self.shape, *values.shape[1:]), values.dtype)
        whole[self.crop] = inner
        return whole


def draw_person(
    cohort: str, *, case_index: int, shape: tuple[int, int, int], seed: int, variety: str = "plain"
) -> Person:
    """Draw anatomy and disease of a case; arguments and errors as for `simulate_case`."""
    if cohort not in COHORTS or len(shape) != 3:
        raise ValueError(f"expected a cohort of {', '.join(COHORTS)} and (H, W, D); got {cohort!r} and {tuple(shape)}")
    if variety not in VARIETIES:
        raise ValueError(f"expected a variety of {', '.join(VARIETIES)}; got {variety!r}")
    plan = COHORTS[cohort]
    # Cohorts of one seed hold different people: moving from one to another must not meet a patient twice.
    people = cohort if variety == "plain" else f"{cohort} {variety}"
    seed = seed * 2**32 + zlib.crc32(people.encode())
    patient = VARIETIES[variety](seed, case_index)
    subject = patient.subject()
    rng = generator(seed, case_index, "site")
    site = patient.site(plan.sites[int(rng.integers(len(plan.sites)))])
    axes, voxel_mm = grid_axes(shape)
    ranges = [np.flatnonzero((a > low[0]) & (a < low[-1])) for a, low in zip(axes, LATTICE_AXES, strict=True)]
    crop = tuple(slice(part[0], part[-1] + 1) for part in ranges)
    axes_mm = [axis[part] for axis, part in zip(axes, crop, strict=True)]
    lattice = np.stack(np.meshgrid(*LATTICE_AXES, indexing="ij")).astype(np.float32)
    displacement = warp_field(subject) - lattice
    whole = {"brain_points": brain_points, "healthy": healthy, "lattice_axes": LATTICE_AXES}
    disease = plan_disease(plan, subject, displacement, variety=patient, **whole)
    strip = functools.partial(patient.strip, axes_mm=axes_mm, centres=disease.centres)
    keep, points = brain_points(subject, disease.displacement, axes_mm, voxel_mm=voxel_mm, strip=strip)
    draw = draw_glioma_on if plan.disease == "glioma" else draw_sclerosis_on
    drawing = draw(disease, patient.before(healthy(subject, points), disease, points), points, patient)
    drawing = patient.after(drawing, disease, points)
    return Person(subject, site, disease.grade, drawing, points, keep, crop, axes_mm, tuple(shape))


def simulate_case(
    cohort: str, *, case_index: int, shape: tuple[int, int, int], seed: int, variety: str = "plain"
) -> SimulatedCase:
    """Simulate one synthetic case; the same seed and index give the same person on every grid.

    Args:
        cohort: a name in `COHORTS`.
        case_index: from 0.
        shape: (H, W, D) of the grid; H voxels span 240 mm.
        seed: of the cohort.
        variety: how much patients differ, "plain" or "hard".

    Raises:
        ValueError: there is no such cohort or variety, or the grid is no volume.

    Example:
        >>> patient = segan_tl.simulate_case("glioma-3t", case_index=0, shape=(24, 24, 16), seed=0)
        >>> patient.images["flair"].shape, sorted(patient.images), patient.grade
        ((24, 24, 16), ['flair', 't1', 't1c', 't2'], 'LGG')
    """
    person = draw_person(cohort, case_index=case_index, shape=shape, seed=seed, variety=variety)
    scanned = scan_all(
        person.subject, person.drawing, person.points.noise, keep=person.keep, site=person.site, axes_mm=person.axes_mm
    )
    images = {modality: person.on_grid(image[person.keep]) for modality, image in scanned.items()}
    labels = person.on_grid(person.drawing.labels)
    return SimulatedCase(images, labels, person.grade, person.site, round(person.subject.age_years))
