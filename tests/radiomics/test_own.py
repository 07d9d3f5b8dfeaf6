"""Features from their definitions, by hand and by loops."""

import itertools

import numpy as np
import pytest
from skimage.measure import marching_cubes

from segan_tl.radiomics.own import (
    DIRECTIONS, PLANES, cooccurrence, cooccurrence_features, imc1, inverse_variance, mcc, plane_diameters,
)  # fmt: skip


def slow_mcc(joint: np.ndarray) -> float:
    """Return the root of the second largest eigenvalue of Q, whose entries are summed one by one."""
    size, share = len(joint), joint.sum(axis=0)
    q = np.zeros((size, size))
    for i, j, k in itertools.product(range(size), repeat=3):
        q[i, j] += joint[i, k] * joint[j, k] / (share[i] * share[k])
    return float(np.sqrt(sorted(np.linalg.eigvals(q).real)[-2]))


def test_thirteen_directions():
    assert len(DIRECTIONS) == 13 and not {tuple(-x for x in step) for step in DIRECTIONS} & set(DIRECTIONS)


def test_measures_of_two_levels_by_hand():
    # p = [[.25, .25], [.25, .25]]: independent. p = [[.5, 0], [0, .5]]: one tells the other.
    free, bound = np.full((2, 2), 0.25), np.diag([0.5, 0.5])
    assert imc1(free) == pytest.approx(0) and imc1(bound) == pytest.approx(-1)  # (1 − 2) / 1
    assert mcc(free) == pytest.approx(0) and mcc(bound) == pytest.approx(1)
    assert inverse_variance(free) == 0.5 and inverse_variance(bound) == 0


def test_one_level_is_as_pyradiomics_has_it():
    mask = np.ones((3, 3, 3), bool)
    found = cooccurrence_features(np.ones((3, 3, 3)), mask)
    assert found == {"glcm_Imc1": 0, "glcm_InverseVariance": 0, "glcm_MCC": 1}


def test_mcc_beside_loops():
    random = np.random.default_rng(0)
    for _ in range(5):
        joint = random.random((6, 6)) * (random.random((6, 6)) < 0.6)
        joint = joint + joint.T + np.diag(random.random(6))
        joint /= joint.sum()
        assert mcc(joint) == pytest.approx(slow_mcc(joint), rel=1e-9)
        wider = np.zeros((8, 8))  # levels that do not occur change nothing
        wider[1:7, 1:7] = joint
        assert mcc(wider) == pytest.approx(mcc(joint), rel=1e-12)


def test_cooccurrence_by_hand():
    # 1 2 | 2 in one row: pairs 1-2 and 2-2 along the last axis, each counted both ways; no other direction has pairs.
    (joint,) = cooccurrence(np.array([[[1, 2, 2]]]), np.ones((1, 1, 3), bool))
    assert joint.tolist() == [[0, 0.25], [0.25, 0.5]]
    mask = np.array([[[True, False, True]]])
    assert list(cooccurrence(np.array([[[1, 9, 1]]]), mask)) == []


def test_diameters_of_a_box_by_hand():
    # A box of 2 × 3 × 4 voxels of 1, 2, 3 mm: the surface cuts half-way to the neighbours, at faces as long as the box,
    # and its corners are cut off, so that no diagonal is as long as that of the box.
    found = plane_diameters(np.ones((2, 3, 4), bool), (1.0, 2.0, 3.0))
    along = {"x": 2 * 1.0, "y": 3 * 2.0, "z": 4 * 3.0}
    for name, (first, second) in {
        "shape_Maximum2DDiameterRow": ("y", "z"),
        "shape_Maximum2DDiameterColumn": ("x", "z"),
        "shape_Maximum2DDiameterSlice": ("x", "y"),
    }.items():
        longest = max(along[first], along[second])
        assert longest <= found[name] < np.hypot(along[first], along[second])


def test_diameters_beside_all_pairs():
    random, spacing_mm = np.random.default_rng(1), np.array([1.0, 0.5, 3.0])
    for _ in range(3):
        mask = random.random((5, 6, 4)) < 0.4
        vertices = marching_cubes(np.pad(mask, 1).astype(np.float32), 0.5)[0]
        found = plane_diameters(mask, tuple(spacing_mm))
        for axis, name in enumerate(PLANES):
            pairs = itertools.combinations(vertices, 2)
            lengths = [np.linalg.norm((one - two) * spacing_mm) for one, two in pairs if one[axis] == two[axis]]
            assert found[name] == pytest.approx(max(lengths))
