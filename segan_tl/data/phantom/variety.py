"""How much patients of a cohort differ: "plain", the gliomas of a textbook, or "hard", the troubles of a clinic.

The simulator asks a variety wherever it decides what a patient has. `Plain` answers as the other files of this folder
do by themselves; `Hard` draws for every patient a few of `CHANCES`, and wider ranges of all else. The chances and
ranges are our choice: none is an incidence. They are to make the few patients of a small training set differ, so that a
network goes on learning from more of them, as it does from real ones.
"""

import numpy as np

from segan_tl.data.phantom import anatomy, findings, glioma, hospital
from segan_tl.data.phantom.cohorts import CohortPlan, Site
from segan_tl.data.phantom.disease import Disease, Drawing
from segan_tl.data.phantom.fields import generator

# What a hard patient may have. Two or three of them on average: most have some, hardly anybody has many.
CHANCES = {
    "cavity": 0.20,  # operated on before: one in five, as training sets are mostly of scans before surgery
    "blood": 0.30,  # in the tumour: common enough to be learnt from eight patients
    "white matter disease": 0.45,  # the most usual bright spots that are no tumour
    "infarct": 0.15,  # an old one: rarer, but larger than spots
    "satellites": 0.35,  # or several centres
    "residue": 0.35,  # of scalp and dura: brain extraction fails more often to remove than
    "missing cortex": 0.25,  # by removing too much
    "cut": 0.30,  # the field of view ends inside the head
}
LOW_GRADE_SHARE = 0.40  # without or nearly without enhancement; more than in any plain cohort
WHOLE_ML, WHOLE_SPREAD, WHOLE_LIMITS_ML = 50.0, 0.95, (4.0, 280.0)  # two thirds within 19 and 130 ml
LEAST_CORE_ML = 0.6  # radius 5 mm: less is lost between the points of the lattice
HEART = 0.5  # of a core's radius, which no roughness eats up: no small tumour disappears
SITES = (("anywhere", 0.35), ("cortex", 0.35), ("ventricle", 0.30))
# Deviation of ln T1 and ln T2 of diseased tissue from patient to patient, and the least and greatest factor: edema, of
# T2 126 ms, falls to 103 at most, which is faint beside white matter's 80 but seen, as what people have outlined is.
LESION_SPREAD, LESION_LIMITS = (0.13, 0.24), (0.82, 1.6)
DISEASED = ("leuko", "edema", "rim", "necrosis", "tumour", "plaque")


class Plain:
    """What the cohorts have had from the beginning."""

    def __init__(self, seed: int, case_index: int):
        self.person = seed, case_index

    def subject(self) -> anatomy.Subject:
        """Return who it is."""
        return anatomy.Subject(*self.person)

    def site(self, site: Site) -> Site:
        """Return the scanner and its protocol, from those of the cohort."""
        return site

    def tumour(self, plan: CohortPlan) -> glioma.Glioma:
        """Draw a glioma."""
        return glioma.draw_glioma(*self.person, low_grade_share=plan.low_grade_share, late_stage=plan.late_stage)

    def place(self, tumour: glioma.Glioma, points, subject: anatomy.Subject, *, white: np.ndarray) -> np.ndarray:
        """Choose the centres (F, 3) of a glioma, scanner mm, among the points of the lattice."""
        depth = -anatomy.hull(points.atlas)
        return glioma.place(tumour, points.scanner, person=self.person, white=white, depth=depth)

    def plaques(self, lesions: list) -> list:
        """Return the lesions of multiple sclerosis, from those drawn."""
        return lesions

    def strip(self, surface_mm: np.ndarray, axes_mm, centres: np.ndarray | None) -> np.ndarray:
        """Return which voxels brain extraction leaves, from the distance (nx, ny, nz) to the surface of the brain."""
        return hospital.strip_brain(surface_mm)

    def infiltrate(self, margin: np.ndarray, noise: dict) -> tuple[np.ndarray, np.ndarray]:
        """Return where edema lies, above zero, and its share of every voxel (N,)."""
        return margin, glioma.infiltrate(margin, noise)

    def before(self, shares: dict, disease: Disease, points) -> dict:
        """Return the tissue shares (N,) in which the disease will grow, from those of a healthy brain."""
        return shares

    def after(self, drawing: Drawing, disease: Disease, points) -> Drawing:
        """Return the diseased brain with what else has happened to it."""
        return drawing


class Hard(Plain):
    """Patients who differ in anatomy, disease and acquisition, and have a few of `CHANCES`."""

    def __init__(self, seed: int, case_index: int):
        super().__init__(seed, case_index)
        rng = self._draws("chances")
        self.traits = frozenset(name for name, chance in CHANCES.items() if rng.random() < chance)

    def _draws(self, stream: str) -> np.random.Generator:
        return generator(*self.person, f"hard-{stream}")

    def subject(self) -> anatomy.Subject:
        """Return who it is: head, ventricles and sulci of wider ranges, more spots of age, and more askew."""
        subject, rng = super().subject(), self._draws("subject")
        subject.angles_degrees = subject.angles_degrees * 2.2
        subject.scales = subject.scales * rng.normal(1.0, 0.035, 3).clip(0.92, 1.07)
        subject.ventricle_scale *= float(np.exp(rng.normal(0.1, 0.35)))
        subject.ventricle_asymmetry *= 2.0
        subject.sulcus_width_mm = float(np.clip(subject.sulcus_width_mm + rng.normal(0.1, 0.3), 0.25, 2.0))
        subject.cortex_mm = float(np.clip(rng.normal(2.35, 0.25), 1.8, 3.0))
        subject.white_matter_burden *= float(rng.uniform(0.5, 2.5))
        return subject

    def site(self, site: Site) -> Site:
        """Return the scanner with a protocol of this patient's hospital."""
        return hospital.vary_site(site, self._draws("site"))

    def tumour(self, plan: CohortPlan) -> glioma.Glioma:
        """Draw a glioma of any size and shape, of low grade more often than in the plain cohort."""
        plain = glioma.draw_glioma(*self.person, low_grade_share=LOW_GRADE_SHARE, late_stage=plan.late_stage)
        rng = self._draws("tumour")
        whole_ml = np.clip(rng.lognormal(np.log(WHOLE_ML * plan.late_stage), WHOLE_SPREAD), *WHOLE_LIMITS_ML)
        core_share = max(np.clip(rng.beta(1.6, 2.2), 0.05, 0.9), LEAST_CORE_ML / whole_ml)
        foci = 1 + (int(rng.integers(1, 5)) if "satellites" in self.traits else 0)
        small = rng.uniform(0.03, 0.20, foci - 1)
        axes = np.exp(rng.normal(0.0, 0.32, (foci, 3)))
        return plain._replace(
            whole_ml=float(whole_ml),
            core_share=float(core_share),
            shares=np.concatenate([[1.0], small]) / (1.0 + small.sum()),
            axes=axes / np.prod(axes, axis=1, keepdims=True) ** (1 / 3),
            rim_mm=float(rng.uniform(1.2, 7.0)) if plain.high_grade else plain.rim_mm,
            rim_irregularity=float(rng.uniform(0.3, 1.2)),
            roughness=float(rng.uniform(0.4, 1.9)),
            mass_effect=float(rng.uniform(0.0, 1.3)),
            enhancement=plain.enhancement * float(rng.uniform(0.5, 1.3)),
            heart=HEART,
        )

    def place(self, tumour: glioma.Glioma, points, subject: anatomy.Subject, *, white: np.ndarray) -> np.ndarray:
        """Choose centres anywhere in the cerebrum, under cortex or beside a ventricle; satellites near the first."""
        rng, radii = self._draws("place"), glioma.radii_mm(tumour)
        names, chances = zip(*SITES, strict=True)
        depth, cavity = -anatomy.cerebrum(points.atlas), anatomy.ventricles(points.atlas, subject)
        good = (white > 0.4) & (points.scanner[2] > -34.0) & (depth > 4.0)
        near = {"anywhere": good, "cortex": good & (depth < 13.0), "ventricle": good & (cavity < 5.0 + 0.3 * radii[0])}
        return glioma.scatter(
            points.scanner, radii, first=near[rng.choice(names, p=chances)], good=good, rng=rng, reach_mm=45.0
        )

    def plaques(self, lesions: list) -> list:
        """Return the lesions of multiple sclerosis with sizes that differ more from patient to patient."""
        factor = float(np.exp(np.clip(self._draws("plaques").normal(0.2, 0.35), -0.2, 0.8)))
        return [(centre, axis, axes_mm * factor) for centre, axis, axes_mm in lesions]

    def strip(self, surface_mm: np.ndarray, axes_mm, centres: np.ndarray | None) -> np.ndarray:
        """Return what a brain extraction leaves that errs, of a field of view that may end."""
        keep = surface_mm < hospital.strip_limit(axes_mm, self.traits, self._draws("strip"))
        if "cut" in self.traits:
            keep &= hospital.field_of_view(axes_mm, centres, self._draws("cut"))
        return keep

    def infiltrate(self, margin: np.ndarray, noise: dict) -> tuple[np.ndarray, np.ndarray]:
        """Return edema of uneven brightness with an irregular, soft border."""
        return findings.infiltrate(margin, noise, self._draws("edema"))

    def before(self, shares: dict, disease: Disease, points) -> dict:
        """Return the tissue shares with disease that is no tumour, and with what brain extraction has left."""
        # In multiple sclerosis nobody could tell it from plaques, which have a label.
        if "white matter disease" in self.traits and disease.glioma is not None:
            findings.add_white_matter_disease(shares, points, self._draws("white matter disease"))
        if "infarct" in self.traits:
            findings.add_infarct(shares, points, self._draws("infarct"))
        if "residue" in self.traits:
            findings.add_residue(shares, points)
        return shares

    def after(self, drawing: Drawing, disease: Disease, points) -> Drawing:
        """Return the brain with blood and cavity in its tumour, and the relaxation times of this patient's tissues."""
        rng = self._draws("relaxation")
        relaxation = {
            name: np.exp(rng.normal(0.0, LESION_SPREAD)).clip(*LESION_LIMITS).astype(np.float32)[:, None]
            for name in DISEASED
        }
        drawing = drawing._replace(relaxation=relaxation)
        if "residue" in self.traits:
            drawing = findings.colour_residue(drawing, points, self._draws("residue"))
        if disease.glioma is None:
            return drawing
        if "blood" in self.traits:
            drawing = findings.add_blood(drawing, points, self._draws("blood"))
        if "cavity" in self.traits:
            drawing = findings.add_cavity(drawing, disease, points, self._draws("cavity"))
        return drawing


VARIETIES = {"plain": Plain, "hard": Hard}
