"""Groups of alike tumours: features are scaled, brought to few components and given to the nearest of some centres.

[Parida 2024] scales each case to length 1, keeps 99 % of the variance and chooses the number of groups by silhouette.
"""

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from segan_tl.disk.atomic import atomic_path, write_json
from segan_tl.disk.reading import require_file
from segan_tl.errors import UserError
from segan_tl.radiomics.discretise import DEFAULT
from segan_tl.radiomics.distinctive import standard, tell_apart
from segan_tl.regions import MODALITIES
from segan_tl.schemas.radiomics import ClustersJson
from segan_tl.schemas.reading import read_json

Scaling = Literal["standard", "l2"]
SCALINGS = {
    "standard": "each feature to mean 0 and deviation 1 over the cases",
    "l2": "each case to length 1, as the authors do: the few features with the largest numbers decide",
}
VARIANCE = 0.99
MOST_CLUSTERS = 10
LEAST_CASES = 4  # two groups of which one has two cases, and one over to tell them by
STARTS = 10
ARRAYS = ("shift", "divisor", "mean", "components", "centres")


@dataclass(frozen=True, eq=False)
class Clusters:
    """A fitted chain.

    Attributes:
        columns: the features in order, F of them.
        scaling: a key of `SCALINGS`.
        shift: (F,) subtracted first; zeros with "l2".
        divisor: (F,) then divided by; ones with "l2".
        mean: (F,) of the scaled cases.
        components: (C, F), orthonormal rows.
        centres: (K, C), the cluster of most cases first.
        discretisation: of `DISCRETISATIONS`, that the features are computed with.
    """

    columns: tuple[str, ...]
    scaling: Scaling
    shift: np.ndarray
    divisor: np.ndarray
    mean: np.ndarray
    components: np.ndarray
    centres: np.ndarray
    discretisation: str = DEFAULT

    @property
    def modalities(self) -> tuple[str, ...]:
        """Return those whose features are needed."""
        prefixes = {name.partition("_")[0] for name in self.columns}
        return tuple(name for name in MODALITIES if name in prefixes)

    def project(self, rows: np.ndarray) -> np.ndarray:
        """Return the components (N, C) of cases (N, F)."""
        scaled = scale_rows((rows - self.shift) / self.divisor, self.scaling)
        return (scaled - self.mean) @ self.components.T

    def assign(self, features: Mapping[str, float]) -> int:
        """Return the number of the cluster of one case, of its features by column; others beside them do not count.

        Raises:
            UserError: a feature is missing.
        """
        if missing := [name for name in self.columns if name not in features]:
            raise UserError(f"expected the {len(self.columns)} features of the clusters; {missing[0]} is missing")
        row = np.array([[features[name] for name in self.columns]], np.float64)
        return int(nearest_centre(self.project(row), self.centres)[0])


@dataclass(frozen=True, eq=False)
class Fit:
    """What fitting gave: the chain, the cluster of each case, its components, and how the number was chosen.

    Attributes:
        silhouettes: number of clusters → mean silhouette, −1 to 1.
        explained: (C,) share of the variance of each component.
        distinctive: cluster → what tells it from the others, of `tell_apart`.
    """

    clusters: Clusters
    labels: np.ndarray
    scores: np.ndarray
    silhouettes: dict[int, float]
    explained: np.ndarray
    distinctive: dict[int, dict[str, float]]


def scale_rows(rows: np.ndarray, scaling: Scaling) -> np.ndarray:
    """Return the rows (N, F), with "l2" each divided by its length."""
    return rows / np.linalg.norm(rows, axis=1, keepdims=True) if scaling == "l2" else rows


def nearest_centre(scores: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Return the number of the nearest centre (K, C) of each case (N, C)."""
    return ((scores[:, None] - centres[None]) ** 2).sum(axis=2).argmin(axis=1)


def fit(
    rows: np.ndarray,
    columns: Sequence[str],
    *,
    scaling: Scaling = "standard",
    seed: int = 0,
    discretisation: str = DEFAULT,
) -> Fit:
    """Fit scaling, components and clusters to cases (N, F); the same seed gives the same on any number of threads.

    Args:
        discretisation: that the features were computed with; it is kept for new cases.

    Raises:
        UserError: there are too few cases, or they are all alike.
    """
    from sklearn.decomposition import PCA
    from threadpoolctl import threadpool_limits

    if len(rows) < LEAST_CASES:
        raise UserError(f"expected at least {LEAST_CASES} cases to group; found {len(rows)}; add some")
    shift, divisor = standard(rows) if scaling == "standard" else (np.zeros(rows.shape[1]), np.ones(rows.shape[1]))
    scaled = scale_rows((rows - shift) / divisor, scaling)
    if np.ptp(scaled, axis=0).max() < 1e-12:
        raise UserError("expected cases that differ; all have the same features; look at the table")
    with threadpool_limits(1):  # the order of a sum depends on the threads, and a case between two centres on the sum
        pca = PCA(VARIANCE, svd_solver="full").fit(scaled)
        scores = pca.transform(scaled)
        labels, centres, silhouettes = _group(scores, seed)
    chain = Clusters(tuple(columns), scaling, shift, divisor, pca.mean_, pca.components_, centres, discretisation)
    distinctive = tell_apart(rows, columns, labels)
    return Fit(chain, labels, scores, silhouettes, pca.explained_variance_ratio_, distinctive)


def _group(scores: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray, dict[int, float]]:
    """Return labels, centres and silhouettes of k-means with the best number of clusters."""
    from sklearn.cluster import KMeans
    from sklearn.metrics import silhouette_score

    silhouettes, best = {}, None
    different = len(np.unique(scores.round(9), axis=0))
    for number in range(2, min(MOST_CLUSTERS, len(scores) - 1, different) + 1):
        means = KMeans(number, n_init=STARTS, random_state=seed).fit(scores)
        silhouettes[number] = float(silhouette_score(scores, means.labels_))
        if best is None or silhouettes[number] > silhouettes[len(best.cluster_centers_)]:
            best = means
    sizes = np.bincount(best.labels_)
    order = np.argsort(-sizes, kind="stable")
    return np.argsort(order)[best.labels_], best.cluster_centers_[order], silhouettes


# === On disk: numbers and text, nothing that is executed when it is read ===


def save(path: Path, found: Fit, *, cases: Sequence[str], seed: int) -> None:
    """Write the arrays to `path` (.npz) and the settings, with the cluster of each case, to .json beside it."""
    chain = found.clusters
    settings = {
        "scaling": chain.scaling,
        "discretisation": chain.discretisation,
        "variance": VARIANCE,
        "explained": found.explained.tolist(),
        "seed": seed,
        "silhouettes": {str(number): score for number, score in found.silhouettes.items()},
        "cases": {case: int(label) for case, label in zip(cases, found.labels)},
        "distinctive": {str(number): features for number, features in found.distinctive.items()},
        "columns": list(chain.columns),
    }
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **{name: getattr(chain, name) for name in ARRAYS})
    write_json(path.with_suffix(".json"), settings)


def load(path: Path) -> Clusters:
    """Read a chain that `save` wrote.

    Raises:
        UserError: a file is absent, damaged, or is none of these.
    """
    settings = read_json(path.with_suffix(".json"), ClustersJson)
    try:
        with np.load(require_file(path), allow_pickle=False) as file:
            arrays = {name: file[name].astype(np.float64) for name in ARRAYS}
        how = settings.get("discretisation", DEFAULT)
        chain = Clusters(tuple(settings["columns"]), settings["scaling"], **arrays, discretisation=how)
        _require_sizes(chain)
    except (ValueError, LookupError, TypeError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise UserError(f"expected clusters of radiomics in {path}; {error}; {ClustersJson.remedy}") from None
    return chain


def _require_sizes(chain: Clusters) -> None:
    features, count = len(chain.columns), len(chain.components)
    wanted = {name: (features,) for name in ("shift", "divisor", "mean")} | {"components": (count, features)}
    wanted["centres"] = (len(chain.centres), count)
    for name, shape in wanted.items():
        if getattr(chain, name).shape != shape:
            raise ValueError(f"{name} has the shape {getattr(chain, name).shape}, not {shape}")


def plot(path: Path, found: Fit, *, synthetic: bool = False) -> None:
    """Draw the cases over the first two components, a colour a cluster; the title says when they are synthetic."""
    from matplotlib.figure import Figure

    from segan_tl.report.axes import lighten, save as save_shown
    from segan_tl.report.curves import COLOURS

    first, *others = found.scores.T
    second = others[0] if others else np.zeros(len(first))
    figure = Figure(figsize=(6, 4.5), layout="constrained")
    axis = figure.subplots()
    for number in range(len(found.clusters.centres)):
        here, colour = found.labels == number, COLOURS[number % len(COLOURS)]
        marker = "os^Dv"[number // len(COLOURS) % 5]
        count = int(here.sum())
        label = f"{number}: {count} case{'s' * (count != 1)}"
        axis.scatter(first[here], second[here], color=colour, marker=marker, s=28, label=label)
    shares = [f"{100 * share:.0f} %" for share in found.explained[:2]] + ["0 %"]
    axis.set(xlabel=f"component 1 ({shares[0]} of the variance)", ylabel=f"component 2 ({shares[1]})")
    lighten(axis)
    figure.legend(frameon=False, fontsize=9, loc="outside lower center", ncols=4)
    save_shown(figure, path, title=f"{len(found.clusters.centres)} clusters of radiomics", synthetic=synthetic)
