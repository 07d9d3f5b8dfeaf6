"""What hard patients have beside a textbook's tumour, drawn into the tissue of their brain.

All of it is made of the tissues that are there already, so that tissue maps and random contrasts know it too: a cavity
is fluid, gliosis is what the spots of age are made of, clotted blood and scalp are "vessel". How these differ from
their namesakes on a scan is told by factors on T1 and T2 (`Drawing.relaxation`).

Labels: a cavity is no tumour (0), blood inside a tumour belongs to the part in which it lies, and disease that is no
tumour is not labelled.
"""

import numpy as np

from segan_tl.data.phantom import anatomy, glioma
from segan_tl.data.phantom.disease import Disease, Drawing, replace
from segan_tl.data.phantom.hospital import BRAIN_MM, surface_point
from segan_tl.data.phantom.shapes import ellipsoid, inside

FLUID = ("csf", "choroid", "vessel")
# Factors on T1 and T2 of "vessel", 1660 and 30 ms at 3 T: methaemoglobin shortens T1, and clots have a short T2
# [Bradley 1993, Radiology 189: 15-26]; T1 of fat lies below 400 ms [de Bazelaire 2004, Radiology 230: 652-659], and
# turbo spin echoes show it brighter than its T2. The numbers are our choice; the last are to look like muscle and dura.
METHAEMOGLOBIN, DEOXYHAEMOGLOBIN = ((0.22, 0.40), (0.8, 1.7)), ((0.75, 1.0), (0.5, 1.0))
SCALP, DURA = (0.23, 4.2), (0.7, 1.6)
BRIGHT_BLOOD, FATTY = 0.7, 0.7  # of the bleedings on T1; of the residues
PROTEIN = (0.45, 1.0)  # factor on T1 of the fluid in a cavity: below 0.8 FLAIR no longer nulls it


def infiltrate(margin: np.ndarray, noise: dict, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return where edema lies and its share (N,), uneven, with a border that wanders and is soft.

    Args:
        margin: (N,) 1 in the core, 0 at the border of a smooth edema.
        noise: smooth fields (N,) of unit variance.
    """
    wander, softness, strength, uneven = (rng.uniform(*x) for x in ((0.04, 0.30), (1.3, 6.0), (0.75, 1.2), (0.1, 0.3)))
    margin = margin + np.float32(wander) * (0.75 * noise["medium"] + 0.55 * noise["texture1"])
    edge = np.clip(0.5 + margin * softness, 0.0, 1.0)
    texture = 0.7 * noise["coarse"] + 0.55 * noise["texture1"] + 0.4 * noise["texture2"]
    severity = np.clip(strength * (0.55 + 0.5 * margin) + uneven * texture, 0.25, 1.0)
    return margin, (edge * severity).astype(np.float32)


def add_white_matter_disease(shares: dict, points, rng: np.random.Generator) -> None:
    """Turn patches of white matter to gliosis, in place: dots at first, confluent when there are many."""
    threshold, strength = rng.uniform(0.9, 1.8), rng.uniform(0.5, 1.0)
    spots = 0.8 * points.noise["vein"] + 0.6 * points.noise["medium"]
    share = np.clip((spots - np.float32(threshold)) * 2.5, 0.0, 1.0) * np.float32(strength)
    # Not in the cerebellum and the short fibres right under the cortex.
    share *= np.clip((points.atlas[2] + 18.0) / 6.0, 0.0, 1.0)
    change = (shares["wm"] * share).astype(np.float32)
    shares["leuko"] = shares["leuko"] + change
    shares["wm"] = shares["wm"] - change


def add_infarct(shares: dict, points, rng: np.random.Generator) -> None:
    """Put an old infarct into the cortex, in place: fluid where brain was lost, gliosis around it."""
    radius_mm, centre = rng.uniform(8.0, 22.0), surface_point(rng, depth=0.85)
    semi_axes = radius_mm * np.exp(rng.normal(0.0, 0.2, 3))
    distance = ellipsoid(points.atlas, centre, semi_axes)
    distance += 0.18 * radius_mm * points.noise["coarse"] + 1.5 * points.noise["medium"] + 0.8 * points.noise["fine"]
    lost_mm = rng.uniform(0.15, 0.7) * radius_mm
    gliosis = np.clip(0.5 - distance / 5.0, 0.0, 1.0) * np.clip(0.7 + 0.2 * points.noise["texture1"], 0.3, 1.0)
    replace(shares, "leuko", gliosis.astype(np.float32), keep=FLUID)
    lost = inside(distance + np.float32(lost_mm), max(points.voxel_mm, 3.0))
    replace(shares, "csf", lost, keep=("choroid", "vessel"))


def residue_share(points) -> np.ndarray:
    """Return how much of every voxel (N,) is scalp or dura: beyond the fluid around the brain."""
    rough_mm = 0.8 * points.noise["fine"] + 1.2 * points.noise["texture1"]
    return np.clip((anatomy.hull(points.atlas) - 2.5 + rough_mm) / 1.5, 0.0, 1.0)


def add_residue(shares: dict, points) -> None:
    """Fill what lies outside of the brain with scalp and dura, in place."""
    replace(shares, "vessel", residue_share(points), keep=())


def colour_residue(drawing: Drawing, points, rng: np.random.Generator) -> Drawing:
    """Give what lies outside of the brain the relaxation times of fat, or of muscle and dura."""
    t1, t2 = SCALP if rng.random() < FATTY else DURA
    return relax(drawing, "vessel", (t1, t2), where=residue_share(points))


def add_blood(drawing: Drawing, points, rng: np.random.Generator) -> Drawing:
    """Let a tumour's core bleed, in clots; labels stay."""
    bright = rng.random() < BRIGHT_BLOOD
    factors = [rng.uniform(*limits) for limits in (METHAEMOGLOBIN if bright else DEOXYHAEMOGLOBIN)]
    threshold = rng.uniform(-0.6, 0.9)
    clots = np.clip((0.8 * points.noise["texture1"] - 0.6 * points.noise["medium"] - threshold) * 2.0, 0.0, 1.0)
    core = sum(drawing.shares.get(name, 0.0) for name in ("necrosis", "tumour", "rim"))
    share = (clots * core * rng.uniform(0.7, 1.0)).astype(np.float32)
    shares = dict(drawing.shares)
    replace(shares, "vessel", share, keep=FLUID)
    return relax(drawing._replace(shares=shares), "vessel", factors, where=np.clip(4.0 * share, 0.0, 1.0))


def add_cavity(drawing: Drawing, disease: Disease, points, rng: np.random.Generator) -> Drawing:
    """Remove a part of the largest focus, and a way to it from the surface: fluid, which is no tumour."""
    tumour, centre = disease.glioma, disease.centres[0].astype(np.float64)
    core_mm = float(glioma.radii_mm(tumour)[0])
    radius_mm = max(rng.uniform(0.55, 0.95) * core_mm, 6.0)
    outwards = centre - BRAIN_MM[0]
    outwards = outwards / max(np.linalg.norm(outwards), 1.0)
    semi_axes = radius_mm * np.exp(rng.normal(0.0, 0.18, 3))
    distance = ellipsoid(points.scanner, centre + rng.uniform(0.1, 0.6) * core_mm * outwards, semi_axes)
    offset = points.scanner - centre.astype(np.float32)[:, None]
    along = (offset * outwards.astype(np.float32)[:, None]).sum(0)
    across = np.sqrt(np.maximum((offset * offset).sum(0) - along * along, 0.0))
    corridor = np.maximum(across - np.float32(rng.uniform(0.25, 0.6) * radius_mm), -along)
    distance = np.minimum(distance, corridor)
    distance += 0.10 * radius_mm * points.noise["coarse"] + 0.9 * points.noise["medium"]
    share = inside(distance, points.voxel_mm)
    shares = dict(drawing.shares)
    replace(shares, "csf", share, keep=())
    labels = np.where(share > 0.5, 0, drawing.labels).astype(np.uint8)
    drawing = drawing._replace(shares=shares, labels=labels)
    return relax(drawing, "csf", (rng.uniform(*PROTEIN), 1.0), where=share)


def relax(drawing: Drawing, name: str, factors, *, where: np.ndarray) -> Drawing:
    """Return a drawing whose T1 and T2 of a tissue are multiplied by two factors, fully where `where` (N,) is 1."""
    logarithms = np.log(np.array(factors, np.float32))[:, None]
    changed = drawing.relaxation.get(name, np.float32(1.0)) * np.exp(logarithms * where.astype(np.float32))
    return drawing._replace(relaxation={**drawing.relaxation, name: changed})
