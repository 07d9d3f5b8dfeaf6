"""The head after skull-stripping: cerebrum, cerebellum and brain stem with what lies inside them.

Atlas coordinates are millimetres from the middle of the head near the anterior commissure, in LPS order:
x to the left, y to the back, z up. Sizes and places are those of an adult brain, rounded.
"""

import numpy as np

from segan_tl.data.phantom.cortex import cerebellar_depth, cortical_depth, gyral_field
from segan_tl.data.phantom.fields import generator
from segan_tl.data.phantom.shapes import blend, ellipsoid, inside, tube

TISSUES = ("csf", "gm", "wm", "cerebellum", "stem", "thalamus", "striatum", "pallidum", "choroid", "vessel")

FRONTAL_HORN = [(17, -36, 8, 3.0), (9, -22, 13, 4.2), (6, -8, 18, 4.0), (7, 6, 21, 4.2), (13, 20, 20, 4.8)]
ATRIUM = [(13, 20, 20, 4.8), (23, 31, 10, 6.0), (25, 40, 5, 4.4), (24, 56, 3, 1.6)]
TEMPORAL_HORN = [(23, 31, 9, 5.0), (32, 22, -8, 2.6), (33, 4, -19, 2.0), (30, -8, -22, 1.4)]
FOURTH_VENTRICLE = [(0, 18, -14, 1.0), (0, 25, -28, 2.0), (0, 31, -40, 5.0), (0, 33, -52, 1.2)]
STEM = [(0, 5, -12, 12), (0, 8, -22, 13), (0, 7, -33, 15.5), (0, 14, -46, 11), (0, 20, -56, 8), (0, 25, -72, 6.5)]
PEDUNCLE = [(10, 12, -34, 8), (20, 30, -37, 8), (28, 40, -38, 6)]


class Subject:
    """What makes one brain differ from the next: sizes, ages and the seeds of its folds."""

    def __init__(self, seed: int, case_index: int):
        rng = generator(seed, case_index, "subject")
        self.seed, self.case_index = seed, case_index
        self.angles_degrees = rng.normal(0.0, (2.5, 2.0, 3.0))
        self.scales = rng.normal(1.0, (0.03, 0.03, 0.03)) * rng.normal(1.0, 0.02)
        self.shift_mm = rng.normal(0.0, (1.0, 2.0, 2.0))
        self.age_years = float(np.clip(rng.normal(57.0, 13.0), 22.0, 82.0))
        old = (self.age_years - 50.0) / 30.0
        self.ventricle_scale = float(np.exp(rng.normal(0.22 * old, 0.18)))
        self.ventricle_asymmetry = float(rng.normal(0.0, 0.12))
        self.sulcus_width_mm = float(np.clip(rng.normal(0.75 + 0.30 * old, 0.18), 0.3, 1.5))
        self.cortex_mm = float(rng.normal(2.35, 0.12))
        self.white_matter_burden = float(np.clip(rng.gamma(1.3, 0.35) * (0.35 + max(old + 0.4, 0.0)), 0.05, 1.6))
        self.deep_shift_mm = rng.normal(0.0, 1.2, (8, 3))
        self.gyri = gyral_field(seed, case_index)


def cerebrum(points: np.ndarray) -> np.ndarray:
    """Return the distance to the smooth surface of both hemispheres, without sulci."""
    x, y, z = points
    narrow = 1.0 + 0.0017 * np.maximum(-12.0 - y, 0.0) + 0.0014 * np.maximum(y - 28.0, 0.0)
    # The outline seen from above is fuller than an ellipse: points on its diagonals count as nearer.
    across, along = (x * narrow / 69.0) ** 2, ((y - 2.0) / 87.0) ** 2
    full = 1.0 - 0.26 * across * along / (across + along + 0.02) ** 2
    vault = ellipsoid(np.stack([x * narrow * full, 2.0 + (y - 2.0) * full, z]), (0, 2, 6), (67, 86, 60))
    base = -19.0 + 0.16 * np.maximum(y - 10.0, 0.0) + 0.07 * np.maximum(-30.0 - y, 0.0)
    vault = -blend(-vault, z - base, 14.0)
    side = np.stack([np.abs(x), y, z])
    temporal = ellipsoid(side, (45, -8, -23), (21, 40, 20))
    occipital = ellipsoid(side, (20, 56, -2), (23, 31, 18))
    return blend(blend(vault, temporal, 9.0), occipital, 8.0)


def cerebellum(points: np.ndarray) -> np.ndarray:
    """Return the distance to the cerebellum."""
    side = np.stack([np.abs(points[0]), points[1], points[2]])
    lobes = ellipsoid(side, (24, 43, -38), (30, 33, 25))
    return blend(lobes, ellipsoid(points, (0, 44, -36), (12, 30, 24)), 5.0)


def stem(points: np.ndarray) -> np.ndarray:
    """Return the distance to midbrain, pons and medulla."""
    side = np.stack([np.abs(points[0]), points[1], points[2]])
    return blend(tube(points, STEM, flatten=(0.88, 1.08, 1.0)), tube(side, PEDUNCLE), 5.0)


def hull(points: np.ndarray) -> np.ndarray:
    """Return the distance to the brain as skull-stripping leaves it, bridged over the cisterns."""
    return blend(blend(cerebrum(points), cerebellum(points), 6.0), stem(points), 6.0)


def ventricles(points: np.ndarray, subject: Subject) -> np.ndarray:
    """Return the distance to lateral, third and fourth ventricles."""
    x, y, z = points
    side = np.stack([np.abs(x), y, z])
    size = subject.ventricle_scale * (1.0 + subject.ventricle_asymmetry * np.sign(x))
    lateral = np.full(x.shape, np.inf, dtype=np.float32)
    for horn, flatten in ((FRONTAL_HORN, (1.25, 1, 0.8)), (ATRIUM, (1.1, 1, 0.85)), (TEMPORAL_HORN, (0.9, 1, 1.2))):
        lateral = blend(lateral.clip(None, 90.0), tube(side, horn, flatten), 3.0)
    lateral = lateral - 1.7 * (size - 1.0)
    lateral = np.maximum(lateral, 1.3 - side[0])
    slit = np.abs(x) - 1.5 * subject.ventricle_scale
    third = np.maximum(slit, ellipsoid(np.stack([0 * x, y, z]), (0, 4, 3), (1.0e3, 14, 9)))
    fourth = tube(points, FOURTH_VENTRICLE, flatten=(0.7, 1, 1))
    return np.minimum(np.minimum(lateral, third), fourth)


def deep_grey(points: np.ndarray, subject: Subject) -> dict[str, np.ndarray]:
    """Return the distances to thalamus, striatum (caudate and putamen) and pallidum."""
    x, y, z = points
    left = (x > 0).astype(int)
    shift = subject.deep_shift_mm.astype(np.float32)

    def nucleus(centre: tuple, semi_axes: tuple, *, row: int, tilt: float) -> np.ndarray:
        moved = shift[row] * left[:, None] + shift[row + 1] * (1 - left[:, None])
        side = np.stack([np.abs(x) - tilt * (y - centre[1]), y, z]) - moved.T
        return ellipsoid(side, centre, semi_axes)

    thalamus = nucleus((11.5, 9, 4), (8.5, 15, 9.5), row=0, tilt=0.25)
    head = nucleus((13.5, -20, 6), (5.5, 10, 10), row=2, tilt=0.1)
    body = tube(np.stack([np.abs(x), y, z]), [(14, -14, 17, 3.5), (15, 6, 21, 2.5), (21, 22, 18, 1.8)])
    putamen = nucleus((26, -3, 1), (5.0, 16, 10.5), row=4, tilt=0.22)
    pallidum = nucleus((19.5, 0, -1), (4.5, 9, 7), row=4, tilt=0.30)
    return {"thalamus": thalamus, "striatum": np.minimum(np.minimum(head, body), putamen), "pallidum": pallidum}


def choroid(points: np.ndarray) -> np.ndarray:
    """Return the distance to the choroid plexus inside the lateral ventricles."""
    side = np.stack([np.abs(points[0]), points[1], points[2]])
    return tube(side, [(6, 2, 17, 0.6), (13, 20, 17, 1.0), (20, 30, 10, 1.6), (26, 27, 0, 0.6)])


def tissue_fractions(points: np.ndarray, subject: Subject, *, voxel_mm: float, noise: dict) -> dict[str, np.ndarray]:
    """Return what share of every brain voxel each tissue fills.

    Args:
        points: (3, N) atlas coordinates of the voxels inside the hull, mm.
        subject: the person.
        voxel_mm: size of a voxel; surfaces are soft over this width (partial volume).
        noise: smooth fields (N,) of unit variance: "fine" (about 6 mm) and "coarse" (about 25 mm).

    Returns:
        name in `TISSUES` -> float32 (N,); they add up to one.
    """
    surface = cerebrum(points)
    brainstem = stem(points)
    depth = cortical_depth(points, surface + 0.4 + 0.7 * noise["coarse"] + 0.3 * noise["fine"], subject, noise=noise)
    cortex_mm = subject.cortex_mm * (1.0 + 0.13 * noise["coarse"] + 0.10 * noise["fine"])
    tissue = inside(-depth, voxel_mm)
    white = inside(cortex_mm - depth, max(voxel_mm, 2.4))
    shares = {"gm": tissue - white, "wm": white}
    cord = inside(brainstem + 1.0 + 0.6 * noise["coarse"] + 0.3 * noise["fine"], max(voxel_mm, 2.0))
    folia = cerebellar_depth(points, cerebellum(points) + 1.2, noise=noise)
    little_brain = inside(-folia["surface"], voxel_mm) * (1.0 - tissue)
    shares["cerebellum"] = little_brain * (1.0 - folia["white"])
    shares["wm"] = shares["wm"] + little_brain * folia["white"]
    shares = {name: share * (1.0 - cord) for name, share in shares.items()}
    shares["stem"] = cord
    for name, distance in deep_grey(points, subject).items():
        share = inside(distance + 0.5 * noise["fine"], max(voxel_mm, 1.5))
        shares = {other: value * (1.0 - share) for other, value in shares.items()}
        shares[name] = share
    cavity = inside(ventricles(points, subject) + 0.35 * noise["fine"] + 0.5 * noise["coarse"], voxel_mm)
    shares = {name: share * (1.0 - cavity) for name, share in shares.items()}
    plexus = cavity * inside(choroid(points) + 0.9 * noise["fine"], voxel_mm)
    shares["choroid"] = plexus
    empty = 1.0 - sum(shares.values())
    shares["vessel"] = vessels(points, surface, noise=noise, voxel_mm=voxel_mm) * empty * (1.0 - cavity)
    shares["csf"] = np.maximum(empty - shares["vessel"], 0.0)
    return {name: shares[name].astype(np.float32) for name in TISSUES}


def vessels(points: np.ndarray, surface: np.ndarray, *, noise: dict, voxel_mm: float) -> np.ndarray:
    """Return the share of blood vessels and dura among what is not brain: sagittal sinus, cortical veins, tentorium."""
    x, y, z = points
    rim = np.abs(surface + 1.5) - 2.0
    sinus = np.maximum(np.abs(x) - 2.5, np.maximum(rim, -(z - 5.0 + 0.25 * y)))
    # Two zero levels cross along a line: a winding tube of about 2 mm.
    veins = 4.5 * np.hypot(noise["vein"], noise["texture1"]) - 1.3
    dura = np.maximum(np.abs(surface - 1.5) - 0.7, 1.2 - 1.6 * noise["coarse"])
    return inside(np.minimum(np.minimum(sinus, veins), dura), voxel_mm)
