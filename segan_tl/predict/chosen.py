"""The thresholds of a postprocess.json: read, and applied to what a run has painted."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from segan_tl.data.files.geometry import Geometry
from segan_tl.data.find.case import Case
from segan_tl.predict.components import TISSUES, Thresholds, postprocess_labels, tissue_values
from segan_tl.predict.labels import label_scheme
from segan_tl.schemas.postprocess import Postprocess
from segan_tl.schemas.reading import read_json


@dataclass(frozen=True)
class Chosen:
    """The thresholds of a file: those of all cases, those of clusters, and the voxels that they were chosen on.

    Attributes:
        groups_sha256: of the groups.json that the clusters are from, None where that is not known.
        assign: (case, whole tumour (H, W, D) bool, its grid) → the cluster, None for none, and why; None where nobody
            asks for clusters.
    """

    everywhere: Thresholds
    clusters: Mapping[str, Thresholds] = field(default_factory=dict)
    voxel_mm3: tuple[float, float] | None = None
    groups_sha256: str | None = None
    assign: Callable[[Case, np.ndarray, Geometry], tuple[int | None, str | None]] | None = None

    def thresholds_for(self, cluster: str | None) -> Thresholds:
        """Return the thresholds of a cluster; those of all cases where it is None or has none of its own."""
        return self.clusters.get(cluster, self.everywhere) if cluster is not None else self.everywhere

    def remarks(self) -> list[str]:
        """Return what to know before they are applied."""
        lines = [f"post-processing: {self.everywhere.in_words}"]
        if self.clusters and self.assign:
            lines += [f"cluster {name}: {one.in_words}" for name, one in self.clusters.items()]
        elif self.clusters:
            lines.append(
                f"note: the thresholds of {len(self.clusters)} clusters are not used: no case has a cluster assigned, "
                "so those of all cases count; --clusters groups.npz assigns them"
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
    return chosen_of(read_json(path, Postprocess, absent="make it with python -m segan_tl tune-postprocess"))


def chosen_of(found: dict) -> Chosen:
    """Return the thresholds that the content of such a file states."""
    thresholds = found["thresholds"]
    clusters = {name: _thresholds(one) for name, one in thresholds.get("clusters", {}).items()}
    about = found.get("provenance", {})
    voxel_mm3 = tuple(about["voxel_mm3"]) if about.get("voxel_mm3") else None
    return Chosen(_thresholds(thresholds["all"]), clusters, voxel_mm3, about.get("groups_sha256"))


def open_chosen(
    path: Path | dict | None, regions: tuple[str, ...], conventions: Iterable[str]
) -> Chosen | None:
    """Return the thresholds of a file for what a run of these regions paints; None without a file.

    Args:
        path: of the file, or what one says, as an artefact brings it along.
        conventions: of the cases that they will be applied to.

    Raises:
        UserError: as `read_chosen`, or the labels of a case would not tell NCR, ED and ET apart.
    """
    if path is None:
        return None
    chosen = chosen_of(path) if isinstance(path, dict) else read_chosen(path)
    for convention in conventions:
        values_of(regions, convention)
    return chosen


def _thresholds(found: dict) -> Thresholds:
    return Thresholds({tissue: found["sizes_voxels"][tissue] for tissue in TISSUES}, float(found["et_wt_ratio"]))


def apply_chosen(
    chosen: Chosen | None, labels: np.ndarray, regions: tuple[str, ...], case: Case, geometry: Geometry
) -> tuple[np.ndarray, dict]:
    """Return a painted case (H, W, D) after post-processing, and what predictions.json says of it.

    Args:
        chosen: None leaves the labels as they are.
        regions: of the run, which with the case's convention say what the numbers mean.
        geometry: the grid of the labels.
    """
    if chosen is None:
        return labels, {}
    values = values_of(regions, case.convention)
    cluster, assigned = None, {}
    if chosen.assign:
        tumour = np.isin(labels, [number for numbers in values.values() for number in numbers])
        cluster, reason = chosen.assign(case, tumour, geometry)
        assigned = {"cluster": cluster} | _remark(chosen, cluster, reason)
    thresholds = chosen.thresholds_for(None if cluster is None else str(cluster))
    return postprocess_labels(labels, values, thresholds), {"postprocess": thresholds.in_json} | assigned


def _remark(chosen: Chosen, cluster: int | None, reason: str | None) -> dict[str, str]:
    """Say where the thresholds of all cases stand in for those of a cluster, and why; nothing where they do not."""
    if cluster is None:
        return {"cluster_remark": f"no cluster, so the thresholds of all cases: {reason}"}
    if str(cluster) not in chosen.clusters:
        return {"cluster_remark": f"cluster {cluster} has no thresholds of its own, so those of all cases"}
    return {}


def cluster_text(record: dict) -> list[str]:
    """Return in a few words the cluster that a record tells, and what there is to say of it; nothing where none."""
    remark = record.get("cluster_remark")
    cluster = record.get("cluster")
    return [remark] if remark else [] if cluster is None else [f"cluster {cluster}"]


def values_of(regions: tuple[str, ...], convention: str) -> dict[str, tuple[int, ...]]:
    """Return tissue → its numbers in what a run of these regions paints for a case of this convention.

    Raises:
        UserError: as `tissue_values`.
    """
    meanings = label_scheme(regions, convention).meanings
    return tissue_values(",".join(f"{value}={name}" for value, name in meanings.items()))
