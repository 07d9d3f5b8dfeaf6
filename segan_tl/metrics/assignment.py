"""Which lesion of the prediction goes with which of the truth: one to one, the sum of their Dice as large as can be."""

import numpy as np
from scipy import sparse
from scipy.optimize import linear_sum_assignment
from scipy.sparse.csgraph import connected_components

# Of a pair that shares no voxel: a little more than of one that hardly does, so that as many as can be are matched.
APART = 1 + 1e-6


def choose_pairs(first: np.ndarray, second: np.ndarray, dice: np.ndarray) -> np.ndarray:
    """Return which of the pairs (N,) are chosen: each number once, the sum of their Dice as large as can be.

    Pairs that share no number, even by way of others, are assigned apart: matrices stay small.
    """
    if not len(dice):
        return np.zeros(0, bool)
    rows, columns = (np.unique(side, return_inverse=True)[1] for side in (first, second))
    size = rows.max() + 1
    graph = sparse.coo_array((np.ones(len(dice)), (rows, columns + size)), shape=[size + columns.max() + 1] * 2)
    group = connected_components(graph, directed=False)[1][rows]
    chosen = np.zeros(len(dice), bool)
    for places in np.split(np.argsort(group, kind="stable"), np.cumsum(np.bincount(group))[:-1]):
        chosen[places[_assign(first[places], second[places], dice[places])]] = True
    return chosen


def _assign(first: np.ndarray, second: np.ndarray, dice: np.ndarray) -> np.ndarray:
    """Return the places of the chosen pairs of one group."""
    (ones, rows), (others, columns) = (np.unique(side, return_inverse=True) for side in (first, second))
    cost = np.full((len(ones), len(others)), APART)
    cost[rows, columns] = 1 - dice
    place = np.full(cost.shape, -1)
    place[rows, columns] = np.arange(len(dice))
    found = place[linear_sum_assignment(cost)]
    return found[found >= 0]
