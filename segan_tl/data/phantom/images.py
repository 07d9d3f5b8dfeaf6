"""The images of one synthetic patient: the signal of its tissues, and the scan of it."""

from collections.abc import Mapping

import numpy as np

from segan_tl.data.phantom import anatomy
from segan_tl.data.phantom.cohorts import Site
from segan_tl.data.phantom.disease import Drawing
from segan_tl.data.phantom.fields import generator
from segan_tl.data.phantom.scanner import acquire, bias_field
from segan_tl.data.phantom.sequences import signal, with_gadolinium
from segan_tl.data.phantom.tissues import R1_PER_MMOL_SECOND, R2_PER_MMOL_SECOND, TISSUES

# ln T1 varies less inside a tissue than ln T2.
T1_SPREAD = 0.70


def relaxation_factors(subject: anatomy.Subject) -> dict[str, np.ndarray]:
    """Draw by how much ln T1 and ln T2 of every tissue of this subject differ from the table."""
    factors = {}
    for name, tissue in TISSUES.items():
        rng = generator(subject.seed, subject.case_index, f"relaxation-{name}")
        factors[name] = np.exp(rng.normal(0.0, tissue.between, 2)).astype(np.float32)
    return factors


def paint(
    shares: dict, site: Site, modality: str, *, noise: dict, enhancement: dict, factors: dict, relaxation: Mapping
) -> np.ndarray:
    """Return the ideal signal (N,) of one modality: tissue signals added by their share of each voxel.

    Args:
        shares: name -> (N,) share of the voxel.
        noise: smooth fields (N,) that make relaxation times vary inside a tissue.
        enhancement: name -> factor on the gadolinium concentration of the table.
        factors: name -> factors of this subject on T1 and T2 of the table.
        relaxation: name -> (2, 1) or (2, N) further factors, of what this patient's disease has made of a tissue.
    """
    sequence = site.scans[modality].sequence
    field = site.field_tesla
    image = np.zeros(next(iter(shares.values())).shape, dtype=np.float32)
    for name, share in shares.items():
        at = np.flatnonzero(share > 0.003)
        if at.size == 0:
            continue
        tissue = TISSUES[name]
        slow = 0.50 * noise["texture1"][at] + 0.85 * noise["coarse"][at]
        quick = 0.45 * noise["texture2"][at] + 0.88 * slow
        mean_t1_ms, mean_t2_ms = factors[name] * np.float32((tissue.t1_ms[field], tissue.t2_ms[field]))
        if name in relaxation:
            by_t1, by_t2 = np.broadcast_to(relaxation[name], (2, share.size))[:, at]
            mean_t1_ms, mean_t2_ms = mean_t1_ms * by_t1, mean_t2_ms * by_t2
        t1_ms = mean_t1_ms * np.exp(np.float32(T1_SPREAD * tissue.spread) * slow)
        t2_ms = mean_t2_ms * np.exp(np.float32(tissue.spread) * quick)
        if modality == "t1c":
            concentration = tissue.gadolinium_mmol * enhancement.get(name, 1.0)
            concentration = concentration * np.exp(3.0 * tissue.spread * noise["texture2"][at])
            relaxivity = {"r1": R1_PER_MMOL_SECOND[field], "r2": R2_PER_MMOL_SECOND[field]}
            t1_ms, t2_ms = with_gadolinium(t1_ms, t2_ms, concentration_mmol=concentration, **relaxivity)
        image[at] += share[at] * signal(
            sequence, t1_ms=t1_ms, t2_ms=t2_ms, proton_density=np.float32(tissue.proton_density)
        )
    return image


def scan_all(
    subject: anatomy.Subject, drawing: Drawing, noise: dict, *, keep: np.ndarray, site: Site, axes_mm: list
) -> dict[str, np.ndarray]:
    """Acquire the four modalities on the cropped grid and scale them to int16 like the files of a data set."""
    images = {}
    white = drawing.shares["wm"] > 0.9
    factors = relaxation_factors(subject)
    for modality, scan in site.scans.items():
        rng = generator(subject.seed, subject.case_index, f"scan-{modality}")
        ideal = paint(
            drawing.shares, site, modality, noise=noise, enhancement=drawing.enhancement, factors=factors,
            relaxation=drawing.relaxation,
        )  # fmt: skip
        white_signal = float(ideal[white].mean()) if white.any() else float(ideal.mean())
        volume = np.zeros(keep.shape, dtype=np.float32)
        volume[keep] = ideal
        volume *= bias_field(rng, axes_mm, site.bias)
        gain = 700.0 * np.exp(rng.normal(0.0, 0.4)) / white_signal
        image = acquire(volume, scan, rng, axes_mm=axes_mm, white_signal=white_signal)
        image = np.clip(np.rint(image * gain), 1, 32767).astype(np.int16)
        images[modality] = np.where(keep, image, 0).astype(np.int16)
    return images
