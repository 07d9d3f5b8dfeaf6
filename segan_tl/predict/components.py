"""Post-processing of a label map: small components of a tissue go, and too little enhancing tumour is none.

Of each tissue (NCR, ED, ET, by what the numbers mean) the 26-connected components with fewer voxels than its threshold
become background. Then, where ET has less than a share of the whole tumour's voxels, all of it becomes NCR
[Parida 2024]. `tune-postprocess` finds the thresholds, for all cases or for clusters of them.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from segan_tl.errors import UserError
from segan_tl.predict.postprocess import label_components
from segan_tl.regions import ED, ET, NCR, region_values

TISSUES = {"NCR": NCR, "ED": ED, "ET": ET}


class Thresholds(NamedTuple):
    """What is removed.

    Attributes:
        sizes_voxels: tissue → components with fewer voxels become background; 0 keeps all.
        et_wt_ratio: ET becomes NCR where ET / (NCR + ED + ET) is below; 0 never is.
    """

    sizes_voxels: Mapping[str, int]
    et_wt_ratio: float

    @property
    def in_json(self) -> dict:
        """Return them as a file holds them."""
        return {"sizes_voxels": dict(self.sizes_voxels), "et_wt_ratio": self.et_wt_ratio}

    @property
    def in_words(self) -> str:
        """Return them as a person reads them: "NCR 0, ED 175, ET 50 voxels, ET/WT 0.05"."""
        sizes = ", ".join(f"{tissue} {self.sizes_voxels[tissue]}" for tissue in TISSUES)
        return f"{sizes} voxels, ET/WT {self.et_wt_ratio:g}"


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
