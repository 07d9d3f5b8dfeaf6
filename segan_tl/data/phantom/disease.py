"""Where the disease is, decided on a fixed lattice, and how it is drawn into the tissue of a grid."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from segan_tl.data.phantom import anatomy, glioma, sclerosis
from segan_tl.data.phantom.fields import sample
from segan_tl.data.phantom.shapes import inside

FILE_NCR, FILE_ED, FILE_ET, FILE_LESION = 1, 2, 4, 1


class Drawing(NamedTuple):
    """The brain with its disease at the voxels of a grid."""

    shares: dict[str, np.ndarray]  # (N,) share of each tissue
    labels: np.ndarray  # (N,) uint8
    enhancement: dict[str, float]  # factor on the gadolinium concentration of a tissue
    relaxation: Mapping[str, np.ndarray] = {}  # (2, 1) or (2, N) factors on T1 and T2 of a tissue


class Disease(NamedTuple):
    """Everything about the disease that does not depend on the grid."""

    grade: str
    displacement: np.ndarray  # (3, lattice) atlas minus scanner position, mm, mass effect included
    glioma: glioma.Glioma | None
    centres: np.ndarray | None  # (F, 3) scanner mm
    cost: np.ndarray | None  # lattice: -ln cell density
    level: float
    lesions: list
    lattice_axes: Any


def plan_disease(plan, subject, displacement, *, variety, brain_points, healthy, lattice_axes) -> Disease:
    """Draw the disease of a subject on the lattice: its place, its mass effect and how far it has spread."""
    step_mm = float(lattice_axes[0][1] - lattice_axes[0][0])
    _, points = brain_points(subject, displacement, lattice_axes, voxel_mm=step_mm)
    shares = healthy(subject, points)
    white = shares["wm"] + shares["leuko"]
    seeds = (subject.seed, subject.case_index)
    if plan.disease == "ms":
        cavity = anatomy.ventricles(points.atlas, subject)
        lesions = sclerosis.draw_lesions(*seeds, points.scanner, white=white, cavity_mm=cavity)
        return Disease("n/a", displacement, None, None, None, 0.0, variety.plaques(lesions), lattice_axes)
    tumour = variety.tumour(plan)
    centres = variety.place(tumour, points, subject, white=white)
    lattice = np.stack(np.meshgrid(*lattice_axes, indexing="ij")).astype(np.float32)
    pushed = glioma.push(tumour, centres, lattice.reshape(3, -1)).reshape(lattice.shape) - lattice
    displacement = displacement + pushed
    keep, points = brain_points(subject, displacement, lattice_axes, voxel_mm=step_mm)
    shares = healthy(subject, points)

    def on_lattice(values: np.ndarray) -> np.ndarray:
        volume = np.zeros(keep.shape, dtype=np.float32)
        volume[keep] = values
        return volume

    white = on_lattice(shares["wm"] + shares["leuko"])
    fluid = on_lattice(shares["csf"] + shares["vessel"] + shares["choroid"])
    grey = on_lattice(np.ones(points.scanner.shape[1], dtype=np.float32)) - white - fluid
    core = inside(glioma.core_distance(tumour, centres, points.scanner, noise=points.noise), step_mm)
    core = on_lattice(core) * (1.0 - fluid)
    cost = glioma.spread(core, white=white, grey=grey, texture=on_lattice(points.noise["coarse"]))
    edema = (white + 0.35 * grey) * (1.0 - core)
    volume_ml = tumour.whole_ml * (1.0 - tumour.core_share)
    level = glioma.edema_level(cost, edema, volume_ml=volume_ml, voxel_ml=step_mm**3 / 1000.0)
    grade = "HGG" if tumour.high_grade else "LGG"
    return Disease(grade, displacement, tumour, centres, cost, level, [], lattice_axes)


def replace(shares: dict[str, np.ndarray], name: str, share: np.ndarray, *, keep: tuple[str, ...]) -> None:
    """Let a tissue take its share of a voxel from all others except those in `keep`, in place."""
    taken = np.zeros_like(share)
    for other, value in shares.items():
        if other not in keep:
            taken += value * share
            shares[other] = value * (1.0 - share)
    shares[name] = shares.get(name, 0.0) + taken


def draw_glioma_on(disease: Disease, shares: dict, points, variety) -> Drawing:
    """Draw edema, then core, then rim and necrosis over healthy tissue, and label them as BraTS does."""
    tumour, noise = disease.glioma, points.noise
    step_mm = float(disease.lattice_axes[0][1] - disease.lattice_axes[0][0])
    low = [axis[0] for axis in disease.lattice_axes]
    cost = sample(disease.cost, points.scanner, low_mm=low, step_mm=step_mm)
    fluid = shares["csf"] + shares["choroid"] + shares["vessel"]
    grey = 1.0 - fluid - shares["wm"] - shares["leuko"]
    level = disease.level
    # Cortex resists: the same cell density there means less water than in white matter.
    margin = 1.0 - (cost + 0.35 * level * grey + 0.05 * level * noise["fine"]) / max(level, 1e-3)
    margin, edema = variety.infiltrate(margin, noise)
    replace(shares, "edema", edema, keep=("csf", "choroid", "vessel"))
    distance = glioma.core_distance(tumour, disease.centres, points.scanner, noise=noise)
    core = inside(distance, max(points.voxel_mm, 1.5))
    uneven = 1.0 + tumour.rim_irregularity * (0.3 * noise["medium"] + 0.8 * noise["coarse"])
    thickness = tumour.rim_mm * np.clip(uneven, 0.2, 2.2)
    solid = 0.55 * noise["coarse"] + 0.6 * noise["texture1"]
    if tumour.high_grade:
        # Septa of living tumour cross the necrosis where a second field passes zero.
        strand = np.where(solid > 0.6, 0.9 - np.abs(noise["medium"] + 0.3 * noise["fine"]) * 8.0, -9.0)
        rim = np.clip(0.5 + np.maximum(distance + thickness, strand * 1.2) / max(points.voxel_mm, 1.2), 0.0, 1.0)
    else:
        rim = np.clip((solid - 1.1) * 2.0, 0.0, 1.0) * (tumour.rim_mm > 0) * (distance < -2.0)
    inner = "necrosis" if tumour.high_grade else "tumour"
    replace(shares, inner, core, keep=("csf", "choroid", "vessel"))
    change = shares[inner] * rim
    shares["rim"] = change
    shares[inner] = shares[inner] - change
    labels = np.zeros(core.shape, dtype=np.uint8)
    solid_tissue = fluid < 0.5
    labels[(margin > 0.0) & solid_tissue] = FILE_ED
    labels[(core > 0.5) & solid_tissue] = FILE_NCR
    labels[(core > 0.5) & solid_tissue & (rim > 0.5)] = FILE_ET
    return Drawing(shares, labels, {"rim": tumour.enhancement})


def draw_sclerosis_on(disease: Disease, shares: dict, points, _variety) -> Drawing:
    """Draw plaques into white matter and label them as lesion."""
    distance = sclerosis.lesion_distance(disease.lesions, points.scanner, points.noise)
    fluid = shares["csf"] + shares["choroid"] + shares["vessel"]
    share = np.clip(0.5 - distance / max(points.voxel_mm, 1.6), 0.0, 1.0)
    replace(shares, "plaque", share.astype(np.float32), keep=("csf", "choroid", "vessel"))
    labels = np.where((share > 0.5) & (fluid < 0.5), FILE_LESION, 0).astype(np.uint8)
    return Drawing(shares, labels, {})
