"""What tells a cluster from the others: the features whose standardized mean differs most."""

from collections.abc import Sequence

import numpy as np

MOST = 5


def standard(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and deviation (F,) of each feature of cases (N, F), deviation 1 where it does not vary."""
    mean, deviation = rows.mean(axis=0), rows.std(axis=0)
    return mean, np.where(deviation > 1e-12 * np.maximum(np.abs(mean), 1e-300), deviation, 1.0)


def tell_apart(
    rows: np.ndarray, columns: Sequence[str], labels: np.ndarray, *, most: int = MOST
) -> dict[int, dict[str, float]]:
    """Return cluster → feature → difference, the largest first whatever its sign; of equal ones in the columns' order.

    The difference is the mean of the cluster's cases minus that of all others, in deviations over all cases.

    Args:
        rows: (N, F) features as they are in the table.
        labels: (N,) cluster of each case, of two clusters or more.
        most: features of each.
    """
    mean, deviation = standard(rows)
    scores = (rows - mean) / deviation
    found = {}
    for cluster in np.unique(labels).tolist():
        inside = labels == cluster
        difference = scores[inside].mean(axis=0) - scores[~inside].mean(axis=0)
        first = np.argsort(-np.abs(difference), kind="stable")[:most]
        found[cluster] = {columns[i]: float(difference[i]) for i in first}
    return found
