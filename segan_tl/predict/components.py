"""Post-processing of a label map: small components of a tissue go, and too little enhancing tumour is none.

Of each tissue (NCR, ED, ET, by what the numbers mean) the 26-connected components with fewer voxels than its threshold
become background. Then, where ET has less than a share of the whole tumour's voxels, all of it becomes NCR
[Parida 2024]. `tune-postprocess` finds the thresholds, for all cases or for clusters of them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from segan_tl.errors import UserError
from segan_tl.predict.postprocess import NEIGHBOURS
from segan_tl.regions import ED, ET, NCR, region_values
from segan_tl.schemas.postprocess import Postprocess
from segan_tl.schemas.reading import read_json

TISSUES = {"NCR": NCR, "ED": ED, "ET": ET}
VOXEL_TOLERANCE = 0.01


class Thresholds(NamedTuple):
    """What is removed.

    Attributes:
        sizes_voxels: tissue → components with fewer voxels become background; 0 keeps all.
        et_wt_ratio: ET becomes NCR where ET / (NCR + ED + ET) is below; 0 never is.
    """

    sizes_voxels: Mapping[str, int]
    et_wt_ratio: float

    @property
    def in_words(self) -> str:
        """Return them as a person reads them: "NCR 0, ED 175, ET 50 voxels, ET/WT 0.05"."""
        sizes = ", ".join(f"{tissue} {self.sizes_voxels[tissue]}" for tissue in TISSUES)
        return f"{sizes} voxels, ET/WT {self.et_wt_ratio:g}"


@dataclass(frozen=True)
class Chosen:
    """The thresholds of a file: those of all cases, those of clusters, and the voxels that they were chosen on."""

    everywhere: Thresholds
    clusters: Mapping[str, Thresholds] = field(default_factory=dict)
    voxel_mm3: tuple[float, float] | None = None

    def thresholds_for(self, cluster: str | None) -> Thresholds:
        """Return the thresholds of a cluster; those of all cases where it is None or has none of its own."""
        return self.clusters.get(cluster, self.everywhere) if cluster is not None else self.everywhere

    def remarks(self, voxels_mm3: Iterable[float] = ()) -> list[str]:
        """Return what to know before they are applied to cases with voxels of these volumes."""
        lines = [f"post-processing: {self.everywhere.in_words}"]
        if self.clusters:
            lines.append(
                f"note: the thresholds of {len(self.clusters)} clusters are not used: no case has a cluster assigned, "
                "so those of all cases count"
            )
        if self.voxel_mm3 and any(not self._fits(volume) for volume in voxels_mm3):
            lines.append(
                f"note: sizes count voxels, chosen on voxels of {self.voxel_mm3[0]:g} to {self.voxel_mm3[1]:g} mm3; "
                "those of these cases are others"
            )
        return lines

    def _fits(self, volume_mm3: float) -> bool:
        low, high = self.voxel_mm3
        return low * (1 - VOXEL_TOLERANCE) <= volume_mm3 <= high * (1 + VOXEL_TOLERANCE)


def read_chosen(path: Path) -> Chosen:
    """Read the file that `tune-postprocess` has written.

    Raises:
        UserError: it is missing, damaged or of another shape.
    """
    found = read_json(path, Postprocess, absent="make it with python -m segan_tl tune-postprocess")
    thresholds = found["thresholds"]
    clusters = {name: _thresholds(one) for name, one in thresholds.get("clusters", {}).items()}
    voxel_mm3 = found.get("provenance", {}).get("voxel_mm3")
    return Chosen(_thresholds(thresholds["all"]), clusters, tuple(voxel_mm3) if voxel_mm3 else None)


def _thresholds(found: dict) -> Thresholds:
    return Thresholds({tissue: found["sizes_voxels"][tissue] for tissue in TISSUES}, float(found["et_wt_ratio"]))


# === What the numbers of a file mean ===


def tissue_values(meaning: str) -> dict[str, tuple[int, ...]]:
    """Return tissue → its numbers in a label file.

    Args:
        meaning: as `regions.region_values`: a convention, a statement of labels, or regions painted over each other.

    Raises:
        UserError: the labels do not tell NCR, ED and ET apart.
    """
    regions = region_values(meaning)
    wt, tc, et = (regions.get(name, ()) for name in ("wt", "tc", "et"))
    found = {
        "NCR": tuple(value for value in tc if value not in et),
        "ED": tuple(value for value in wt if value not in tc),
        "ET": tuple(et),
    }
    if not all(found.values()):
        raise UserError(
            f"expected labels that tell NCR, ED and ET apart, whose components are removed each by itself; found "
            f"{meaning}; give masks of wt, tc and et, or of all three labels"
        )
    return found


# === Remove ===


def label_components(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of the 26-connected component of each voxel, 0 outside, and the voxels of 0, 1, 2, ….

    The voxels of number 0, which is no component, count as 0.
    """
    numbers, count = ndimage.label(mask, structure=NEIGHBOURS)
    voxels = np.bincount(numbers.ravel(), minlength=count + 1)
    voxels[0] = 0
    return numbers, voxels


def postprocess_labels(
    labels: np.ndarray, values: Mapping[str, tuple[int, ...]], thresholds: Thresholds
) -> np.ndarray:
    """Remove small components of each tissue, then make NCR of ET where there is little.

    Args:
        labels: (H, W, D), whole numbers; those of no tissue stay as they are.
        values: of `tissue_values`; ET becomes the first number of NCR.
        thresholds: components of fewer voxels go, a share of ET below the ratio becomes NCR.

    Returns:
        (H, W, D), a new array of the same kind; an empty map stays empty.
    """
    kept = labels.copy()
    for tissue, numbers in values.items():
        mask = np.isin(labels, numbers)
        if thresholds.sizes_voxels[tissue] > 1 and mask.any():
            components, voxels = label_components(mask)
            kept[mask & (voxels < thresholds.sizes_voxels[tissue])[components]] = 0
    return _redefine(kept, values, thresholds.et_wt_ratio)


def _redefine(labels: np.ndarray, values: Mapping[str, tuple[int, ...]], ratio: float) -> np.ndarray:
    """Make NCR of ET, in place, where its share of the whole tumour is below the ratio."""
    enhancing = np.isin(labels, values["ET"])
    tumour = sum(np.count_nonzero(np.isin(labels, numbers)) for numbers in values.values())
    if et_wt_ratio(np.count_nonzero(enhancing), tumour) < ratio:
        labels[enhancing] = values["NCR"][0]
    return labels


def et_wt_ratio(et_voxels: int, wt_voxels: int) -> float:
    """Return the share of the whole tumour that enhances; 1.0 without a tumour: there is nothing to redefine."""
    return et_voxels / wt_voxels if wt_voxels else 1.0
