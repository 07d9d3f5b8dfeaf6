"""The thresholds of a postprocess.json: read, and applied to what a run has painted."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from segan_tl.predict.components import TISSUES, Thresholds, postprocess_labels, tissue_values
from segan_tl.predict.labels import label_scheme
from segan_tl.schemas.postprocess import Postprocess
from segan_tl.schemas.reading import read_json


@dataclass(frozen=True)
class Chosen:
    """The thresholds of a file: those of all cases, those of clusters, and the voxels that they were chosen on."""

    everywhere: Thresholds
    clusters: Mapping[str, Thresholds] = field(default_factory=dict)
    voxel_mm3: tuple[float, float] | None = None

    def thresholds_for(self, cluster: str | None) -> Thresholds:
        """Return the thresholds of a cluster; those of all cases where it is None or has none of its own."""
        return self.clusters.get(cluster, self.everywhere) if cluster is not None else self.everywhere

    def remarks(self) -> list[str]:
        """Return what to know before they are applied to cases of no known cluster."""
        lines = [f"post-processing: {self.everywhere.in_words}"]
        if self.clusters:
            lines.append(
                f"note: the thresholds of {len(self.clusters)} clusters are not used: no case has a cluster assigned, "
                "so those of all cases count"
            )
        if self.voxel_mm3:
            volumes = " to ".join(f"{one:g}" for one in sorted(set(self.voxel_mm3)))
            lines.append(f"sizes count voxels; they were chosen on voxels of {volumes} mm3")
        return lines


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


def open_chosen(path: Path | None, regions: tuple[str, ...], conventions: Iterable[str]) -> Chosen | None:
    """Return the thresholds of a file for what a run of these regions paints; None without a file.

    Args:
        conventions: of the cases that they will be applied to.

    Raises:
        UserError: as `read_chosen`, or the labels of a case would not tell NCR, ED and ET apart.
    """
    if path is None:
        return None
    chosen = read_chosen(path)
    for convention in conventions:
        values_of(regions, convention)
    return chosen


def _thresholds(found: dict) -> Thresholds:
    return Thresholds({tissue: found["sizes_voxels"][tissue] for tissue in TISSUES}, float(found["et_wt_ratio"]))


def apply_chosen(
    chosen: Chosen | None, labels: np.ndarray, regions: tuple[str, ...], convention: str
) -> tuple[np.ndarray, dict]:
    """Return a painted case (H, W, D) after post-processing, and what predictions.json says of it.

    Args:
        chosen: None leaves the labels as they are.
        regions, convention: of the run and of the case, which say what the numbers mean.
    """
    if chosen is None:
        return labels, {}
    thresholds = chosen.thresholds_for(None)  # no cluster is known of a new case yet
    found = postprocess_labels(labels, values_of(regions, convention), thresholds)
    return found, {"postprocess": thresholds.in_json}


def values_of(regions: tuple[str, ...], convention: str) -> dict[str, tuple[int, ...]]:
    """Return tissue → its numbers in what a run of these regions paints for a case of this convention.

    Raises:
        UserError: as `tissue_values`.
    """
    meanings = label_scheme(regions, convention).meanings
    return tissue_values(",".join(f"{value}={name}" for value, name in meanings.items()))
